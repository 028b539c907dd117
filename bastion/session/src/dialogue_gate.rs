//! The gate of a session without a terminal whose program may run what it reads: [`gate::Commands`] of a shell, or
//! [`gate::Dialogue`] of a program that nobody knows, with the rules as they are at each line, for one user on one target.

use std::time::Instant;

use gate::{Answer, Commands, Dialogue, DialogueAct};
use policy::{Input, SessionMode};

use super::{
    line_gate::{judge, now},
    permit::LivePermit,
};

/// The gate of one standard input.
#[derive(Debug)]
pub struct DialogueGate {
    reader: InputReader,
    permit: LivePermit,
}

/// Who reads the input.
#[derive(Debug)]
enum InputReader {
    Program(Dialogue),
    Shell(Box<Commands>),
}

impl DialogueGate {
    /// A gate at the start of a session; none where its input goes on unread.
    #[must_use]
    pub fn new(permit: LivePermit, input: &Input) -> Option<Self> {
        let mode = permit.permit.obligations().mode;
        let reader = match input {
            Input::Commands => InputReader::Shell(Box::new(Commands::new(mode == SessionMode::Observe))),
            Input::Data | Input::Judged { .. } | Input::Refused { .. } => {
                InputReader::Program(Dialogue::new(input, mode)?)
            }
        };
        Some(Self { reader, permit })
    }

    /// The user sent something.
    pub fn received(&mut self, data: &[u8], acts: &mut Vec<DialogueAct>) {
        let judge = judge(&self.permit, false);
        match &mut self.reader {
            InputReader::Program(dialogue) => dialogue.received(data, now(), &judge, acts),
            InputReader::Shell(commands) => commands.received(data, now(), &judge, acts),
        }
    }

    /// The user sends no more.
    pub fn end(&mut self, acts: &mut Vec<DialogueAct>) {
        let judge = judge(&self.permit, false);
        match &mut self.reader {
            InputReader::Program(dialogue) => dialogue.end(now(), &judge, acts),
            InputReader::Shell(commands) => commands.end(now(), &judge, acts),
        }
    }

    /// The time of [`DialogueGate::deadline`] has come.
    pub fn tick(&mut self, acts: &mut Vec<DialogueAct>) {
        let judge = judge(&self.permit, false);
        match &mut self.reader {
            InputReader::Program(dialogue) => dialogue.tick(now(), &judge, acts),
            InputReader::Shell(commands) => commands.tick(now(), &judge, acts),
        }
    }

    /// The answer to [`DialogueAct::Ask`].
    pub fn answered(&mut self, answer: Answer, acts: &mut Vec<DialogueAct>) {
        if let InputReader::Shell(commands) = &mut self.reader {
            commands.answered(answer, &judge(&self.permit, false), acts);
        }
    }

    /// When [`DialogueGate::tick`] is to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match &self.reader {
            InputReader::Program(dialogue) => dialogue.deadline(),
            InputReader::Shell(commands) => commands.deadline(),
        }
    }

    /// Whether more input may be read from the user.
    #[must_use]
    pub fn has_room(&self) -> bool {
        match &self.reader {
            InputReader::Program(dialogue) => dialogue.has_room(),
            InputReader::Shell(commands) => commands.has_room(),
        }
    }
}
