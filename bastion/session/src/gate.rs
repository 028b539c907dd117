//! Input side: what the user sends passes here before the target gets it. The
//! enforcement point (PEP) for rules on commands; `policy` decides.
//!
//! The request that starts a session was judged before ([`request`](super::request)); what is typed into its
//! terminal is judged here, line by line, and so is the input of a program that may run it.

use super::{dialogue_gate::DialogueGate, line_gate::LineGate};

/// The gate of one running session.
#[derive(Debug)]
pub enum Gate {
    /// Input of a program without a terminal that may run what it reads: a shell, or one that nobody knows.
    Dialogue(Box<DialogueGate>),
    /// Input of a program without a terminal: it is data, or was judged with the request that started it.
    Open,
    /// What is typed into a terminal is judged line by line.
    Lines(Box<LineGate>),
}

impl Gate {
    /// Whether more input may be read from the user.
    #[must_use]
    pub fn has_room(&self) -> bool {
        match self {
            Self::Dialogue(gate) => gate.has_room(),
            Self::Lines(gate) => gate.has_room(),
            Self::Open => true,
        }
    }
}
