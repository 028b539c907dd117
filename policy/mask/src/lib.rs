//! What may be shown, and how: masked, with everything made visible that hides, in a window of a size.
//!
//! What leaves the target passes a [`Masker`] before anybody sees it.
//!
//! Only a `Masker` makes a [`Masked`], so code that takes a `Masked` (the
//! recorder, the live view, the user's leg) cannot be handed unmasked bytes.
//!
//! What this does not do: it knows no patterns yet and changes nothing. Its callers
//! already keep its contract: one `Masker` per stream, chunks in their order, and
//! `finish` once at the end, whose bytes belong to the output like any others.

use bytes::Bytes;

pub mod visible;
pub mod window;

pub use visible::visible;
pub use window::WindowSize;

/// Session bytes after masking. They need not be valid UTF-8.
///
/// Invariant: they came out of a [`Masker`]. Nothing else makes one:
///
/// ```compile_fail,E0423
/// mask::Masked(bytes::Bytes::from_static(b"a secret"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked(Bytes);

impl Masked {
    /// The masked bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }
}

/// Masks one stream of session output. No patterns are known yet: it passes
/// bytes through without a copy.
#[derive(Debug, Default)]
pub struct Masker(());

impl Masker {
    /// A masker for one stream.
    #[must_use]
    pub fn new() -> Self {
        Self(())
    }

    /// Masks the next chunk. What may be the head of a secret is held back until the next call.
    pub fn feed(&mut self, chunk: Bytes) -> Masked {
        Masked(chunk)
    }

    /// Ends the stream and gives what was held back.
    pub fn finish(&mut self) -> Masked {
        Masked(Bytes::new())
    }
}
