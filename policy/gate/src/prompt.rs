//! A key at a prompt: what is known to edit goes on, what may accept the line is held, the rest is refused.

use super::{Cx, Gate, Reader, State, bound::Bound, submit::Kind};
use crate::{
    foreground::Foreground,
    key::{Key, KeyPress},
    line::Pressed,
};

impl Gate {
    pub(super) fn prompt_press(&mut self, press: KeyPress, cx: &mut Cx<'_>) {
        if self.take_paste(&press, cx) {
            return;
        }
        let bound = self.bound(&press, cx);
        if bound == Bound::Taken {
            return;
        }
        self.programs.menu.press(&press.key, self.line.is_certainly_empty());
        if press.key == Key::Ctrl('_') {
            // What it leaves depends on how the editor groups changes.
            self.doubt = Some("a change was undone");
        }
        if press.key == Key::Ctrl('d') && !self.line.is_certainly_empty() {
            // It is known only later whether it edits the line or hands it over.
            return self.hold(press, Kind::MayAccept, cx);
        }
        self.recall.press(&press.key);
        let had_text = !self.line.is_certainly_empty();
        match self.line.press(&press.key) {
            Pressed::Edit | Pressed::Report => {
                self.forward(&press, cx);
                if bound == Bound::Edits {
                    self.line.forget();
                }
            }
            Pressed::EndOfInput => {
                // Whatever read is gone, or ends soon: a shell may read next.
                self.folders.input_ended(self.foreground == Foreground::Shell);
                self.foreground = Foreground::Shell;
                self.programs.ended = true;
                self.past.forget();
                self.earlier.clear();
                self.forward(&press, cx);
                self.trust.ended();
                self.new_line();
            }
            Pressed::Interrupt => {
                self.earlier.clear();
                self.ahead.clear();
                self.forward(&press, cx);
                self.trust.ended();
                if had_text && self.reader() == Reader::Shell && self.screen.modes().bracketed_paste {
                    // What is typed behind it waits until the line is seen to be gone.
                    self.line.clear();
                    self.state = State::Interrupting { since: cx.now, sent: 1 };
                } else {
                    self.new_line();
                }
            }
            Pressed::Suspend => {
                self.stopped();
                self.forward(&press, cx);
                self.trust.ended();
                self.new_line();
            }
            Pressed::PasteStart | Pressed::PasteEnd => {}
            Pressed::Refuse => self.hold(press, Kind::Refused, cx),
            Pressed::Submit => self.hold(press, Kind::Accepts, cx),
            Pressed::SubmitUnlessEditing => self.hold(press, Kind::MayAccept, cx),
        }
    }

    /// Takes a key that a running program hears at once, whatever else waits: terminals make a signal of it
    /// (termios(3): INTR, QUIT, SUSP). Whether it was one.
    pub(super) fn take_signal(&mut self, press: &KeyPress, cx: &mut Cx<'_>) -> bool {
        if !is_signal(press) {
            return false;
        }
        // What need not wait goes on before it.
        self.pump(cx);
        let is_running = matches!(self.state, State::Running { .. } | State::Interrupting { .. });
        match self.owned.as_deref_mut() {
            _ if matches!(self.state, State::Editing | State::Typing) => return false,
            Some(owned) => owned.kept.clear(),
            None if !is_running => return false,
            None => {}
        }
        // As a terminal does: what was typed before it, and not read yet, is gone.
        self.queue.clear();
        self.paste = None;
        if is_running {
            self.signal(press, cx);
        }
        is_running
    }

    /// Takes the last such key out of the queue, when a line has gone on that it was typed behind.
    pub(super) fn take_queued_signal(&mut self, cx: &mut Cx<'_>) {
        let Some(at) = self.queue.iter().rposition(is_signal) else { return };
        let Some(press) = self.queue.drain(..=at).next_back() else { return };
        self.signal(&press, cx);
    }

    pub(super) fn signal(&mut self, press: &KeyPress, cx: &mut Cx<'_>) {
        if press.key == Key::Ctrl('z') {
            self.stopped();
        }
        self.earlier.clear();
        self.ahead.clear();
        self.forward_bytes(press.bytes.to_vec(), cx);
        self.trust.ended();
        self.line_ended(cx.now);
    }

    fn hold(&mut self, submit: KeyPress, kind: Kind, cx: &mut Cx<'_>) {
        self.state = State::settling(submit, kind, cx.now);
    }

    /// The first key of a line: where the cursor is now, the line begins.
    pub(super) fn begin_line(&mut self) {
        let mut start = self.screen.line_start();
        self.start = Some(start.clone());
        if self.reader() != Reader::Shell {
            return;
        }
        let primary = self.primary.as_ref();
        if let Some(primary) = primary.filter(|primary| {
            primary.has_prompt()
                && start.prompt.len() > primary.prompt.len()
                && start.prompt.starts_with(&primary.prompt)
        }) {
            // The line is not empty: something was put into it (Ctrl-O, keys typed ahead).
            start = primary.clone();
            self.line.forget();
            self.start = Some(start);
            return;
        }
        if primary.is_some_and(|primary| start.is_behind_prompt_of(primary)) {
            // The shell took what came before as complete.
            self.earlier.clear();
            self.ahead.clear();
        }
        if self.earlier.is_empty() {
            self.programs.prompts.note(&start.prompt);
            self.primary = Some(start);
        }
    }
}

fn is_signal(press: &KeyPress) -> bool {
    matches!(press.key, Key::Ctrl('c' | 'z' | '\\'))
}
