//! Input side: what the user sends passes here before the target gets it. The
//! enforcement point (PEP) for rules on commands; `policy` decides.
//!
//! The request that starts a session was judged before ([`request`](super::request)); what is typed into its
//! terminal is judged here, line by line.

use super::line_gate::LineGate;

/// The gate of one running session.
#[derive(Debug)]
pub enum Gate {
    /// Input of a program without a terminal: the request that started it was judged whole.
    Open,
    /// What is typed into a terminal is judged line by line.
    Lines(Box<LineGate>),
}

impl Gate {
    /// Whether more input may be read from the user.
    #[must_use]
    pub fn has_room(&self) -> bool {
        match self {
            Self::Lines(gate) => gate.has_room(),
            Self::Open => true,
        }
    }
}
