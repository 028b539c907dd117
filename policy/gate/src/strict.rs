//! The mode `strict`: the line belongs to the bastion. At a prompt a [`LineEditor`] of the gate's own takes the
//! keys, and draws to the user only ([`Act::Draw`]); the target hears nothing before Enter. Then the line is
//! judged, sent as text, seen on the screen, and accepted ([`retype`](super::retype)). No escape sequence but the
//! brackets of a paste, which the target asked for, is ever sent to a prompt.
//!
//! ```text
//!  Running --ready--> Editing --Enter--> judge --allow----> Retyping --seen--> Enter --> Running
//!     ^                 |                  |---approve--> Waiting --> Retyping
//!     '---- output, which hides the line ---'---block----> message, new line: nothing was sent
//! ```
//!
//! A program that asks something gets lines in the same way, but the default "only what is allowed" stands:
//! what a program does not read, the shell reads after it. So its lines are judged as the shell's are, save
//! answers that are no command anywhere (`y`, numbers). What is typed where a password is asked for is neither
//! judged nor shown; it is accepted only if the target does not echo it, as no shell would. Keys pass as they
//! are only into a program that is known to own the screen.
//!
//! A line that the target accepts although none was sent ends the session.

mod line;

use std::time::Instant;

use mask::WindowSize;

use super::{Act, After, Cx, Decided, Gate, READY_QUIET, State, judging, paste::MAX_PASTE};
use crate::{
    editor::LineEditor,
    foreground::Foreground,
    key::{Key, KeyPress},
    screen::Reading,
};

/// The line that the gate owns.
#[derive(Debug)]
pub(super) struct Owned {
    editor: LineEditor,
    /// The line that output hid; it is shown again behind the next prompt.
    pub(super) kept: String,
    /// Whether the line is hidden now.
    is_away: bool,
    /// Whether the user's cursor is elsewhere than the target believes.
    moved: bool,
    /// Whether a shell seems to read, and not something that it runs.
    at_prompt: bool,
    /// Whether a secret is asked for.
    secret: bool,
    /// Whether the target asked for bracketed pastes when the line began.
    asked: bool,
    /// Whether a shell's line is open that such a target shows: nothing was sent that ends it.
    open: bool,
    /// When something was sent last that ends a line, or the program.
    ended: Option<Instant>,
    /// Whether the program with the screen may be gone without a word.
    may_be_gone: bool,
    /// How much was drawn in this call.
    drawn: usize,
}

impl Gate {
    /// A gate that owns the line: only lines that may run reach the target.
    #[must_use]
    pub fn strict(size: WindowSize, foreground: Foreground) -> Self {
        let owned = Owned {
            editor: LineEditor::new("", size.cols),
            kept: String::new(),
            is_away: false,
            moved: false,
            at_prompt: true,
            secret: false,
            asked: false,
            open: false,
            ended: None,
            may_be_gone: false,
            drawn: 0,
        };
        Self { owned: Some(Box::new(owned)), ..Self::new(size, foreground) }
    }

    /// The target wrote something that the user is shown next: a line that is being edited makes room for it.
    pub fn showing(&mut self, acts: &mut Vec<Act>) {
        let Some(owned) = self.owned.as_deref_mut().filter(|_| matches!(self.state, State::Editing)) else { return };
        if !std::mem::replace(&mut owned.is_away, true) {
            let (text, draw) = owned.editor.take();
            owned.kept = text;
            push_draw(draw, acts);
        }
    }

    /// The target wrote while a line was edited: where the line begins is to be found anew.
    pub(super) fn interrupted_by_output(&mut self, cx: &mut Cx<'_>) {
        if !matches!(self.state, State::Editing) {
            return;
        }
        self.showing(cx.acts);
        self.times.queued = Some(cx.now);
        self.new_line();
    }

    /// The window has another size.
    pub(super) fn resize_owned(&mut self, columns: u16, acts: &mut Vec<Act>) {
        let Some(owned) = self.owned.as_deref_mut() else { return };
        let draw = owned.editor.resize(columns);
        if matches!(self.state, State::Editing) && !owned.is_away {
            push_draw(draw, acts);
        }
    }

    /// Something was sent that ends the line at the target.
    pub(super) fn line_ended(&mut self, now: Instant) {
        if let Some(owned) = self.owned.as_deref_mut() {
            (owned.open, owned.ended) = (false, Some(now));
        }
    }

    /// Until when keys wait that came at `queued`, in a gate that owns the line.
    pub(super) fn owned_until(&self, queued: Instant, until: Instant) -> Instant {
        let Some(owned) = self.owned.as_deref() else { return until };
        until.max(owned.ended.map_or(queued, |ended| queued.max(ended)) + self.patience())
    }

    /// Whether there is something to do for the user's input.
    pub(super) fn has_input(&self) -> bool {
        !self.queue.is_empty() || self.owned.as_ref().is_some_and(|owned| !owned.kept.is_empty())
    }

    /// Begins a line if the target is ready for one; `false` if it has to wait.
    pub(super) fn begin_owned(&mut self, after: After, cx: &mut Cx<'_>) -> bool {
        let is_late = self.queued_until().is_some_and(|until| cx.now >= until);
        // What the screen showed before is no answer.
        let ended = self.owned.as_ref().and_then(|owned| owned.ended);
        let is_answered = ended.is_none_or(|ended| self.times.output.is_some_and(|output| output > ended));
        let is_ready = is_late || (is_answered && self.is_ready(after, cx.now));
        if !is_ready {
            return false;
        }
        if self.owns_screen(cx) {
            if let Some(owned) = self.owned.as_deref_mut() {
                owned.kept.clear();
                (owned.open, owned.moved, owned.is_away) = (false, false, false);
            }
            self.state = State::Typing;
            return true;
        }
        let here = self.screen.line_start();
        self.start = Some(here.clone());
        let asked = self.screen.modes().bracketed_paste;
        let is_primary = self.primary.as_ref().is_some_and(|primary| primary.prompt == here.prompt);
        let secret = !asked && !is_primary && judging::names_a_secret(&here.prompt);
        let at_prompt = !secret && here.has_prompt() && self.is_at_prompt();
        if at_prompt {
            self.begin_line();
        }
        let Some(owned) = self.owned.as_deref_mut() else { return false };
        (owned.asked, owned.at_prompt, owned.secret, owned.is_away) = (asked, at_prompt, secret, false);
        owned.open = asked && at_prompt;
        owned.editor.set_prompt(&here.prompt);
        owned.editor.hide_input(secret);
        let kept = std::mem::take(&mut owned.kept);
        let draw = owned.editor.begin_with(&kept);
        // An empty line needs no drawing where the target has just drawn its prompt.
        if std::mem::take(&mut owned.moved) || !kept.is_empty() {
            push_draw([b"\r", draw.as_slice()].concat(), cx.acts);
        }
        self.state = State::Editing;
        true
    }

    /// One key, while keys go on as they are.
    pub(super) fn raw_press(&mut self, press: KeyPress, cx: &mut Cx<'_>) {
        if self.owns_screen(cx) {
            return self.screen_press(press, cx);
        }
        self.queue.push_front(press);
        self.new_line();
    }

    /// Whether the program that reads is known to own the screen. That it still does is told by output, so what
    /// looks like a shell's prompt there is one.
    fn owns_screen(&mut self, cx: &Cx<'_>) -> bool {
        if self.foreground != Foreground::Screen || !self.screen.modes().alternate {
            return false;
        }
        let here = self.screen.line_start().prompt;
        let is_prompt = |prompt: &str| !prompt.trim().is_empty() && prompt == here;
        let is_primary = self.primary.as_ref().is_some_and(|primary| is_prompt(&primary.prompt));
        let is_quiet = self.times.output.is_none_or(|output| cx.now >= output + READY_QUIET);
        let Some(owned) = self.owned.as_deref_mut() else { return false };
        let looks_like_one = [">", "$", "#", "%", "❯"].iter().any(|sign| here.trim_end().ends_with(sign));
        if is_primary || (owned.may_be_gone && looks_like_one) {
            self.foreground = Foreground::Shell;
            return false;
        }
        owned.may_be_gone &= !is_quiet;
        true
    }

    /// Whether bracketed pastes are asked for or not has changed.
    pub(super) fn owned_paste_mode(&mut self, on: bool, cx: &mut Cx<'_>) {
        let Some(owned) = self.owned.as_deref_mut() else { return };
        if on {
            owned.may_be_gone = true;
            return;
        }
        if std::mem::take(&mut owned.open) {
            let why = "the target accepted a line that the bastion did not send";
            if matches!(self.state, State::Waiting { .. }) {
                cx.acts.push(Act::Withdraw);
            }
            self.report(Decided::Tripped, String::new(), None, why, cx);
            cx.acts.push(Act::Close(why.to_owned()));
            self.queue.clear();
            self.state = State::Closed;
        }
    }

    /// One key for the line.
    #[expect(clippy::wildcard_enum_match_arm, reason = "keys are many, and most are the editor's")]
    pub(super) fn owned_press(&mut self, press: &KeyPress, cx: &mut Cx<'_>) {
        if self.collect_paste(press, cx) {
            return;
        }
        let Some(owned) = self.owned.as_deref_mut() else { return };
        if owned.drawn > MAX_DRAWN {
            // Nobody types that. No Enter either: the line would not be the one that was meant.
            return cx.acts.push(Act::Bell);
        }
        let is_empty = owned.editor.text().is_empty();
        match press.key {
            Key::Report => {}
            Key::Enter | Key::LineFeed => self.owned_enter(cx),
            Key::Ctrl('c') if owned.at_prompt && self.earlier.is_empty() => {
                push_draw(owned.editor.press(&Key::Ctrl('c')).draw, cx.acts);
                owned.moved = true;
                self.new_line();
            }
            Key::Ctrl('z' | '\\') if owned.at_prompt => cx.acts.push(Act::Bell),
            Key::Ctrl('c' | 'z' | '\\') => {
                push_draw(owned.editor.take().1, cx.acts);
                self.signal(press, cx);
                self.new_line();
            }
            Key::Ctrl('d') if is_empty => self.owned_end(press, cx),
            Key::Tab | Key::BackTab => cx.acts.push(Act::Bell),
            key => {
                let draw = owned.editor.press(&key).draw;
                owned.drawn += draw.len();
                push_draw(draw, cx.acts);
            }
        }
    }

    /// A new call: the count of what it draws begins.
    pub(super) fn reset_drawn(&mut self) {
        if let Some(owned) = self.owned.as_deref_mut() {
            owned.drawn = 0;
        }
    }

    /// C-d: the end of input, where the target's line is empty too.
    fn owned_end(&mut self, press: &KeyPress, cx: &mut Cx<'_>) {
        let start = self.start.clone().unwrap_or_default();
        if self.screen.shows(&start, "", 0) != Reading::Agrees {
            return cx.acts.push(Act::Bell);
        }
        self.foreground = Foreground::Shell;
        self.signal(press, cx);
        self.new_line();
    }

    /// Collects a paste, which the editor gets whole. Whether the key belongs to one.
    fn collect_paste(&mut self, press: &KeyPress, cx: &mut Cx<'_>) -> bool {
        if press.key == Key::PasteStart {
            self.paste.get_or_insert_default();
            return true;
        }
        if press.key == Key::PasteCut {
            if self.paste.take().is_some() {
                self.refuse_text("a paste did not come to its end", cx);
            }
            return true;
        }
        let Some(collected) = &mut self.paste else { return false };
        if press.key != Key::PasteEnd {
            if collected.len() <= MAX_PASTE {
                collected.push(press.clone());
            }
            return true;
        }
        let pasted = self.paste.take().unwrap_or_default();
        let text: Option<String> = pasted.iter().map(|press| super::paste::character(&press.key)).collect();
        let Some(owned) = self.owned.as_deref_mut() else { return true };
        match text.filter(|_| pasted.len() <= MAX_PASTE) {
            Some(text) => push_draw(owned.editor.paste(&text), cx.acts),
            None => self.refuse_text("a paste with control characters, or one that is too long, is not taken", cx),
        }
        true
    }
}

fn enter() -> KeyPress {
    KeyPress { key: Key::Enter, bytes: crate::key::KeyBytes::of_enter() }
}

fn push_draw(draw: Vec<u8>, acts: &mut Vec<Act>) {
    if draw.is_empty() {
        return;
    }
    // What is drawn together is written together.
    if let Some(Act::Draw(before)) = acts.last_mut() {
        before.extend_from_slice(&draw);
    } else {
        acts.push(Act::Draw(draw));
    }
}

/// The most that the keys of one call draw, in bytes.
const MAX_DRAWN: usize = 4 * 1024 * 1024;
