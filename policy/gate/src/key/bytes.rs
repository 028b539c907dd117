//! [`KeyBytes`]: the bytes of a press, without an allocation for what people type.

use std::{fmt, ops::Deref};

/// A few bytes.
#[derive(Clone)]
pub struct KeyBytes(KeyStorage);

#[derive(Clone)]
enum KeyStorage {
    Inline { length: u8, bytes: [u8; INLINE] },
    Heap(Box<[u8]>),
}

impl KeyBytes {
    /// The bytes of Enter.
    pub(crate) fn of_enter() -> Self {
        Self::new(b"\r")
    }

    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut inline = [0; INLINE];
        match (inline.get_mut(..bytes.len()), u8::try_from(bytes.len())) {
            (Some(start), Ok(length)) => {
                start.copy_from_slice(bytes);
                Self(KeyStorage::Inline { length, bytes: inline })
            }
            _ => Self(KeyStorage::Heap(bytes.into())),
        }
    }
}

impl Deref for KeyBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            KeyStorage::Inline { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            KeyStorage::Heap(bytes) => bytes,
        }
    }
}

impl PartialEq for KeyBytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for KeyBytes {}

impl fmt::Debug for KeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.escape_ascii())
    }
}

/// The length of the longest everyday key, and what fits beside the tag.
const INLINE: usize = 14;
