//! Bracketed pastes: a line editor that asked for them takes a newline in a paste as text; anything else
//! takes it as Enter.
//!
//! That it was asked for is only output, and output may be made by anybody. So a paste with newlines goes
//! on as it is if each of its lines may run, or if a line editor was seen at work: it stopped asking at
//! each Enter and asked again at each prompt. Else its lines are typed one by one, and judged so.

use config::rules::RuleEffect;
use policy::verdict::{CommandInput, Verdict};

use super::{Act, Cx, Decided, Gate, Reader, State, judging};
use crate::{
    foreground::Foreground,
    key::{Key, KeyPress, PASTE_END, PASTE_START},
    line::Pressed,
};

/// What was seen of the line editor.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Trust {
    /// Whether a line was sent at all.
    any_submit: bool,
    /// Whether pastes were asked for when the last line was sent.
    asked_at_submit: bool,
    /// Whether asking ended first after the last line was sent.
    stopped_since: bool,
    /// Whether it was asked for since.
    asked_since: bool,
    /// Whether the last line may have started another shell: what was seen before says nothing of it.
    other_shell: bool,
}

impl Trust {
    /// A line was sent.
    pub(super) fn submitted(&mut self, asked: bool, foreground: Foreground) {
        *self = Self {
            any_submit: true,
            asked_at_submit: asked,
            stopped_since: false,
            asked_since: false,
            other_shell: foreground == Foreground::Shell,
        };
    }

    /// The line ended in another way: asking may stop, and start again.
    pub(super) fn ended(&mut self) {
        self.stopped_since = true;
        self.asked_since = false;
    }

    /// Whether pastes were asked for since the last line was sent.
    pub(super) fn asked_since_submit(self) -> bool {
        self.asked_since || !self.any_submit
    }

    /// Whether pastes were asked for since the last line ended: a prompt that is new.
    pub(super) fn asked_again(self) -> bool {
        self.asked_since
    }

    /// Whether a line editor reads, as far as was seen.
    pub(super) fn is_line_editor(self) -> bool {
        !self.any_submit || (self.asked_at_submit && self.stopped_since && self.asked_since && !self.other_shell)
    }
}

impl Gate {
    pub(super) fn bracketed_paste(&mut self, on: bool, cx: &mut Cx<'_>) {
        self.owned_paste_mode(on, cx);
        if on {
            self.prompted_after_screen();
            let first = !std::mem::replace(&mut self.trust.asked_since, true);
            // What a program read without Enter is no part of the line at the prompt that comes after it.
            if first
                && matches!(self.state, State::Typing)
                && self.start.is_some()
                && self.foreground != Foreground::Shell
            {
                self.new_line();
            }
            return;
        }
        let was_on = self.trust.asked_since_submit();
        self.trust.stopped_since = true;
        // At a prompt only a key that was held can end a line.
        if was_on
            && matches!(self.state, State::Typing)
            && self.start.is_some()
            && self.reader() == Reader::Shell
            && !self.ran_instead_of_choosing()
        {
            let text = self.line.text().unwrap_or_default().to_owned();
            self.report(
                Decided::Tripped,
                text,
                None,
                "the target accepted a line although no key that accepts lines was sent",
                cx,
            );
            self.line.forget();
        }
        self.trust.asked_since = false;
    }

    /// Collects a paste; whether the key belongs to one.
    pub(super) fn take_paste(&mut self, press: &KeyPress, cx: &mut Cx<'_>) -> bool {
        if press.key == Key::PasteStart {
            // In vi's command mode a paste would be commands: then its marks are dropped, and it is typed.
            if self.line.press(&press.key) == Pressed::Refuse {
                return true;
            }
            self.paste.get_or_insert_default();
            return true;
        }
        if press.key == Key::PasteCut {
            if self.paste.take().is_some() {
                self.paste_cut(cx);
            }
            return true;
        }
        let Some(collected) = &mut self.paste else { return false };
        if press.key != Key::PasteEnd && collected.len() < MAX_PASTE {
            collected.push(press.clone());
            return true;
        }
        let pasted = self.paste.take().unwrap_or_default();
        self.pasted(pasted, cx);
        // A paste that is too long goes on as typed keys.
        press.key == Key::PasteEnd
    }

    /// A paste whose end is missing is no paste that anybody meant.
    fn paste_cut(&mut self, cx: &mut Cx<'_>) {
        let why = "a paste did not come to its end";
        cx.acts.push(Act::Tell(format!("held: {why}, so it was dropped")));
        self.report(Decided::Held, String::new(), None, why, cx);
    }

    fn pasted(&mut self, pasted: Vec<KeyPress>, cx: &mut Cx<'_>) {
        let text: String = pasted.iter().filter_map(|press| character(&press.key)).collect();
        let is_plain = pasted.iter().all(|press| character(&press.key).is_some());
        let asked = self.screen.modes().bracketed_paste;
        if is_plain && asked && (!text.contains('\n') || self.trust.is_line_editor() || self.may_run(&text, cx)) {
            let bytes: Vec<u8> = pasted.iter().flat_map(|press| press.bytes.to_vec()).collect();
            self.forward_bytes([PASTE_START, bytes.as_slice(), PASTE_END].concat(), cx);
            self.line.paste(&text);
            return;
        }
        // Without its brackets each newline is Enter.
        for press in pasted.into_iter().rev() {
            self.queue.push_front(press);
        }
    }

    /// Whether every line of a paste may run, and all of them together.
    fn may_run(&mut self, text: &str, cx: &Cx<'_>) -> bool {
        let reader = self.reader();
        let allowed = |verdict: Verdict| verdict.effect == RuleEffect::Allow;
        let judge = |input: CommandInput<'_>| self.folders.judge(input, cx.judge);
        text.lines().all(|line| allowed(judging::judge(line, reader, &judge)))
            && allowed(judging::judge(text, reader, &judge))
    }
}

/// What a key puts into the text of a paste.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other keys put nothing into it")]
pub(super) fn character(key: &Key) -> Option<char> {
    match key {
        Key::Char(character) => Some(*character),
        Key::Enter | Key::LineFeed => Some('\n'),
        Key::Tab => Some('\t'),
        _ => None,
    }
}

/// The longest paste that is taken as one, in keys.
pub(super) const MAX_PASTE: usize = 64 * 1024;
