//! A line that only the screen could tell goes on as the text that was judged: the line at the target is
//! erased, which must be seen; the text is sent, which must be seen; only then Enter is sent.

use super::{Cx, Gate, State, submit::Kind};
use crate::{key::KeyPress, screen::Reading};

impl Gate {
    pub(super) fn retype(&mut self, text: String, submit: KeyPress, kind: Kind, cx: &mut Cx<'_>) {
        if kind != Kind::Accepts || text.contains('\n') || !self.start.as_ref().is_some_and(|start| start.has_prompt())
        {
            return self.cannot_retype(text, cx);
        }
        self.forward_bytes(ERASE.to_vec(), cx);
        self.state = State::Erasing { text, submit, until: cx.now + self.patience() + self.patience() };
    }

    /// Whether the step at hand is done, or has failed.
    pub(super) fn retyped(&mut self, cx: &mut Cx<'_>) -> bool {
        let start = self.start.clone().unwrap_or_default();
        match std::mem::replace(&mut self.state, State::Typing) {
            State::Erasing { text, submit, until } => {
                if self.screen.shows(&start, "", 0) == Reading::Agrees {
                    let bytes = if self.screen.modes().bracketed_paste {
                        [PASTE_START, text.as_bytes(), PASTE_END].concat()
                    } else {
                        text.clone().into_bytes()
                    };
                    self.forward_bytes(bytes, cx);
                    self.line.clear();
                    self.line.paste(&text);
                    self.state = State::Retyping { text, submit, until: cx.now + self.patience() + self.patience() };
                    return true;
                }
                if cx.now < until {
                    self.state = State::Erasing { text, submit, until };
                    return false;
                }
                self.cannot_retype(text, cx);
            }
            State::Retyping { text, submit, until } => {
                if self.screen.shows(&start, &text, text.chars().count()) == Reading::Agrees {
                    self.accept(&text, submit, Kind::Accepts, cx);
                } else if cx.now < until {
                    self.state = State::Retyping { text, submit, until };
                    return false;
                } else {
                    self.cannot_retype(text, cx);
                }
            }
            other @ (State::Interrupting { .. }
            | State::Running { .. }
            | State::Settling { .. }
            | State::Typing
            | State::Waiting { .. }) => self.state = other,
        }
        true
    }

    fn cannot_retype(&mut self, text: String, cx: &mut Cx<'_>) {
        self.unreadable(text, "what the screen shows could not be confirmed", Kind::Accepts, cx);
    }
}

/// End of line, then erase to its beginning: the keys of emacs mode, which zsh, fish, ash and vi's insert mode share.
const ERASE: [u8; 2] = [0x05, 0x15];

const PASTE_START: &[u8] = b"\x1b[200~";

const PASTE_END: &[u8] = b"\x1b[201~";
