//! A line that only the screen could tell goes on as the text that was judged: the line at the target is
//! erased; the text is sent, which must be seen; only then Enter is sent.
//!
//! Where a line editor takes pastes, the text goes along with the keys that erase, and what is seen afterwards tells
//! of both: that saves a way there and back. Elsewhere, and where nothing changes on the screen, the line must be seen to be
//! empty first.

use std::time::Instant;

use super::{Cx, Gate, State, submit::Kind};
use crate::{
    key::{KeyPress, PASTE_END, PASTE_START},
    screen::Reading,
};

impl Gate {
    pub(super) fn retype(&mut self, text: String, submit: KeyPress, kind: Kind, cx: &mut Cx<'_>) {
        if kind != Kind::Accepts
            || text.contains('\n')
            || !self.start.as_ref().is_some_and(|start| start.can_be_found())
            || !self.can_erase()
            || !self.screen.modes().bracketed_paste && self.bindings.are_in(text.as_bytes())
        {
            return self.cannot_retype(text, cx);
        }
        if !self.line.takes_text() {
            // Where Escape was typed, keys that erase may be commands of vi mode: the line stays as it was read.
            self.recall.remember(&text);
            return self.accept(&text, submit, kind, cx);
        }
        self.erase(cx);
        let until = self.both_ways(cx.now);
        if self.screen.modes().bracketed_paste {
            self.send_text(text, submit, until, cx);
            if let State::Retyping { unerased, .. } = &mut self.state {
                *unerased = Some(cx.now);
            }
        } else {
            self.state = State::Erasing { text, submit, until };
        }
    }

    /// Whether the step at hand is done, or has failed.
    pub(super) fn retyped(&mut self, cx: &mut Cx<'_>) -> bool {
        let start = self.start.clone().unwrap_or_default();
        match std::mem::replace(&mut self.state, State::Typing) {
            State::Erasing { text, submit, until } => {
                if self.screen.shows(&start, "", 0) == Reading::Agrees {
                    let until = self.both_ways(cx.now);
                    self.send_text(text, submit, until, cx);
                    return true;
                }
                if cx.now < until {
                    self.state = State::Erasing { text, submit, until };
                    return false;
                }
                self.cannot_retype(text, cx);
            }
            State::Retyping { text, submit, until, unerased } => {
                let is_answered = unerased.is_none_or(|sent| self.times.output.is_some_and(|output| output > sent));
                if is_answered && self.screen.shows(&start, &text, text.chars().count()) == Reading::Agrees {
                    self.recall.remember(&text);
                    self.accept(&text, submit, Kind::Accepts, cx);
                } else if cx.now < until {
                    self.state = State::Retyping { text, submit, until, unerased };
                    return false;
                } else if is_answered {
                    self.cannot_retype(text, cx);
                } else {
                    self.erase(cx);
                    self.state = State::Erasing { text, submit, until: self.both_ways(cx.now) };
                }
            }
            other @ (State::Closed
            | State::Editing
            | State::Unseen { .. }
            | State::Interrupting { .. }
            | State::Running { .. }
            | State::Settling { .. }
            | State::Typing
            | State::Waiting { .. }) => self.state = other,
        }
        true
    }

    /// Sends the keys that leave nothing on the line.
    pub(super) fn erase(&mut self, cx: &mut Cx<'_>) {
        self.forward_bytes(ERASE.to_vec(), cx);
    }

    /// Sends a text that was judged to an empty line. Enter follows when it is seen.
    pub(super) fn send_text(&mut self, text: String, submit: KeyPress, until: Instant, cx: &mut Cx<'_>) {
        let bytes = if self.screen.modes().bracketed_paste {
            // A line break within a paste comes as CR, as terminals send it.
            [PASTE_START, text.replace('\n', "\r").as_bytes(), PASTE_END].concat()
        } else {
            text.clone().into_bytes()
        };
        if !text.is_empty() {
            self.times.forwarded.get_or_insert(cx.now);
            self.forward_bytes(bytes, cx);
        }
        self.line.clear();
        self.line.paste(&text);
        self.state = State::Retyping { text, submit, until, unerased: None };
    }

    /// Until when what was sent at `now` must be seen: it goes all the way, and its echo comes back.
    fn both_ways(&self, now: Instant) -> Instant {
        now + self.patience() * 2
    }

    /// Whether the keys that erase do just that, and not what the target's start-up files bind them to.
    pub(super) fn can_erase(&self) -> bool {
        !ERASE.iter().any(|key| self.bindings.are_in(&[*key]))
    }

    pub(super) fn cannot_retype(&mut self, text: String, cx: &mut Cx<'_>) {
        self.unreadable(text, "what the screen shows could not be confirmed", Kind::Accepts, cx);
    }
}

/// End of line, then erase to its beginning: the keys of emacs mode, which zsh, fish, ash and vi's insert mode share.
const ERASE: [u8; 2] = [0x05, 0x15];
