//! The mode that tries rules out: every key goes on at once, and each line is judged as well as it can be
//! read at that moment.

use config::rules::RuleEffect;

use super::{Cx, Decided, Gate, Reader, submit::Kind};
use crate::{foreground::Foreground, key::KeyPress, line::Pressed};

impl Gate {
    pub(super) fn observe(&mut self, press: &KeyPress, cx: &mut Cx<'_>) {
        self.forward(press, cx);
        let reader = self.reader();
        match reader {
            Reader::Screen => return self.observe_screen(press, Kind::Screen, cx),
            Reader::Panes => return self.observe_screen(press, Kind::Panes, cx),
            Reader::Answer | Reader::Data | Reader::Program | Reader::Repl(_) | Reader::Shell => {}
        }
        if self.start.is_none() {
            self.start = Some(self.screen.line_start());
        }
        if reader == Reader::Shell {
            self.observe_bound(press, cx);
        }
        match self.line.press(&press.key) {
            Pressed::Submit => {}
            Pressed::EndOfInput => {
                self.folders.input_ended(self.foreground == Foreground::Shell);
                return self.new_line();
            }
            Pressed::Interrupt | Pressed::Suspend => return self.new_line(),
            Pressed::Edit
            | Pressed::PasteEnd
            | Pressed::PasteStart
            | Pressed::Refuse
            | Pressed::Report
            | Pressed::SubmitUnlessEditing => return,
        }
        let start = self.start.clone().unwrap_or_default();
        let text = self.line.text().map(str::to_owned).or_else(|| self.screen.read(&start));
        if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
            let verdict = self.judge_as(&text, reader, &|input| self.folders.judge(input, cx.judge));
            if reader == Reader::Shell {
                let parsed = shell::parse(&text, &self.folders.place());
                self.folders.line_ran(&text, &parsed);
            }
            if verdict.effect != RuleEffect::Allow {
                let reason = verdict.message.clone();
                self.report(Decided::Observed, text, Some(verdict), &reason, cx);
            }
        }
        self.new_line();
    }
}
