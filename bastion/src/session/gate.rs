//! Input side: what the user sends passes here before the target gets it. The
//! enforcement point (PEP) for rules on commands; `policy` decides. The request that starts a session
//! is judged in [`request`](super::request).
//!
//! **Limit:** what is typed into a terminal passes [`Gate`] unjudged for now. A
//! role that must not type what a rule blocks gets no `pty`.

use bytes::Bytes;

/// What is to happen with input.
#[derive(Debug, PartialEq, Eq)]
pub enum GateStep {
    /// Send these bytes to the target.
    Forward(Bytes),
}

/// The gate of one running session.
#[derive(Debug, Default)]
pub struct Gate(());

impl Gate {
    /// A gate at the start of a session.
    #[must_use]
    pub fn new() -> Self {
        Self(())
    }

    /// Judges the next bytes that the user typed.
    pub fn typed(&mut self, data: Bytes) -> GateStep {
        GateStep::Forward(data)
    }
}
