//! The gate of a session without a terminal whose program may run what it reads: [`gate::Dialogue`] with the
//! rules as they are at each line, for one user on one target.

use std::time::Instant;

use gate::{Dialogue, DialogueAct};
use policy::Input;

use super::{
    line_gate::{judge, now},
    permit::LivePermit,
};

/// The gate of one standard input.
#[derive(Debug)]
pub struct DialogueGate {
    dialogue: Dialogue,
    permit: LivePermit,
}

impl DialogueGate {
    /// A gate at the start of a session; none where its input goes on unread.
    #[must_use]
    pub fn new(permit: LivePermit, input: &Input) -> Option<Self> {
        let dialogue = Dialogue::new(input, permit.permit.obligations().mode)?;
        Some(Self { dialogue, permit })
    }

    /// The user sent something.
    pub fn received(&mut self, data: &[u8], acts: &mut Vec<DialogueAct>) {
        self.dialogue.received(data, now(), &judge(&self.permit, false), acts);
    }

    /// The user sends no more.
    pub fn end(&mut self, acts: &mut Vec<DialogueAct>) {
        self.dialogue.end(&judge(&self.permit, false), acts);
    }

    /// The time of [`DialogueGate::deadline`] has come.
    pub fn tick(&mut self, acts: &mut Vec<DialogueAct>) {
        self.dialogue.tick(now(), &judge(&self.permit, false), acts);
    }

    /// When [`DialogueGate::tick`] is to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.dialogue.deadline()
    }

    /// Whether more input may be read from the user.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.dialogue.has_room()
    }
}
