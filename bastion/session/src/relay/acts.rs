//! What follows when the gate has worked: the relay carries out its acts, and speaks for it.

use api::refusal::ReasonCode;
use bytes::Bytes;
use gate::{Act, Decided, DialogueAct, Question, Report};
use policy::Verdict;

use super::{Decision, Relay, UserSide};
use crate::{
    dialogue_gate::DialogueGate,
    gate::Gate,
    line_gate::LineGate,
    outbox::{ToTarget, ToUser},
    tap::{Note, shown},
    terminal::OutputStream,
};

impl Relay {
    /// Lets the gate work, and carries out what follows.
    pub(super) fn gate_acts(&mut self, work: impl FnOnce(&mut LineGate, &mut Vec<Act>)) {
        let Gate::Lines(gate) = &mut self.gate else { return };
        let mut acts = Vec::new();
        work(gate, &mut acts);
        for act in acts {
            match act {
                Act::Ask(question) => self.ask(question),
                Act::Bell => self.say(Bytes::from_static(b"\x07")),
                Act::Close(reason) => self.terminate(reason),
                Act::Draw(bytes) => self.draw(bytes.into()),
                Act::Forward(bytes) => self.send(bytes.len(), ToTarget::Judged(bytes.into())),
                Act::Report(report) => self.write_down(report),
                Act::Tell(text) => self.message(&text),
                Act::Withdraw => self.decisions.push(Decision::Withdraw),
            }
        }
    }

    /// Lets the gate of an input without a terminal work, and carries out what follows.
    pub(super) fn dialogue_acts(&mut self, work: impl FnOnce(&mut DialogueGate, &mut Vec<DialogueAct>)) {
        let Gate::Dialogue(gate) = &mut self.gate else { return };
        let mut acts = Vec::new();
        work(gate, &mut acts);
        for act in acts {
            match act {
                DialogueAct::Ask(question) => self.ask(*question),
                DialogueAct::End => self.send(0, ToTarget::Eof),
                DialogueAct::Forward(bytes) => self.send(bytes.len(), ToTarget::Input(bytes.into())),
                DialogueAct::Refuse(said) => {
                    self.terminate_saying(&said, said.clone(), ReasonCode::CommandBlocked.exit_status());
                }
                DialogueAct::Report(report) => self.write_down(*report),
            }
        }
    }

    fn ask(&mut self, question: Question) {
        self.note(Note::Marker(marker("waiting for approval", Some(&question.verdict), &question.text)));
        self.decisions.push(Decision::Ask(question));
    }

    fn write_down(&mut self, report: Report) {
        self.note(Note::Marker(report_marker(&report)));
        self.decisions.push(Decision::Report(report));
    }

    /// Draws the line that the gate owns: it is recorded, as everything that the user sees.
    fn draw(&mut self, drawing: Bytes) {
        match self.tap.drawn(drawing) {
            Ok(masked) => self.show(masked.bytes().clone()),
            Err(error) => self.recording_failed(error),
        }
    }

    /// Puts back what output has changed at the user's terminal, where the program cannot do that any more.
    pub(super) fn undo_modes(&mut self) {
        let undoing = Bytes::from(std::mem::take(&mut self.modes).undo());
        if undoing.is_empty() {
            return;
        }
        self.say(undoing);
    }

    /// Words of the bastion to the user; on a terminal they start on a line of their own.
    pub(super) fn message(&mut self, text: &str) {
        self.say(Bytes::from(format!("\r\nbastion: {text}\r\n")));
    }

    /// Bytes of the bastion to the user: recorded, so that who watches later sees what the user saw. They are no
    /// content of the session, and so they are shown even where the recording has failed.
    pub(super) fn say(&mut self, bytes: Bytes) {
        if self.user == UserSide::Open {
            let shown = self.tap.said(self.voice(), bytes);
            self.show(shown);
        }
    }

    fn show(&mut self, bytes: Bytes) {
        if self.user == UserSide::Open {
            self.to_user.push(bytes.len(), ToUser::Message(self.voice(), bytes));
        }
    }

    /// Where the bastion speaks: on a terminal in one stream with the output, for clients keep no order between two.
    pub(super) fn voice(&self) -> OutputStream {
        match self.gate {
            Gate::Lines(_) => OutputStream::Stdout,
            Gate::Dialogue(_) | Gate::Open => OutputStream::Stderr,
        }
    }
}

fn report_marker(report: &Report) -> String {
    let what = match report.decision {
        Decided::Blocked => "blocked",
        Decided::Held => "held",
        Decided::Observed => "would not have gone on",
        Decided::Tripped => "accepted unseen",
    };
    marker(what, report.verdict.as_ref(), &report.text)
}

/// A decision about a line as it stands in the recording.
fn marker(what: &str, verdict: Option<&Verdict>, text: &str) -> String {
    let rule = verdict.and_then(|verdict| verdict.rule.as_ref());
    let by = rule.map(|rule| format!(" by rule {rule}")).unwrap_or_default();
    format!("{what}{by}: {}", shown(text.to_owned()))
}
