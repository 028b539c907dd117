//! A line of the gate's own at Enter: judged, asked about, sent; and what is typed where a secret is asked for.

use config::rules::RuleEffect;
use mask::visible;
use policy::verdict::Verdict;
use shell::ParseContext;

use super::{enter, push_draw};
use crate::{
    Act, Cx, Decided, Gate, Judge, MAX_ECHO, Question, Reader, State, foreground::Foreground, judging, key::Key,
    screen::Reading, submit::Kind,
};

impl Gate {
    pub(super) fn owned_enter(&mut self, cx: &mut Cx<'_>) {
        let is_line_editor = self.trust.is_line_editor();
        let Some(owned) = self.owned.as_deref_mut() else { return };
        let text = owned.editor.leave_for_enter();
        let may_have_breaks = owned.asked && owned.at_prompt && is_line_editor;
        if let Some(why) = unfit(&text, may_have_breaks) {
            return self.refuse_text(why, cx);
        }
        if owned.secret {
            return self.send_secret(text, cx);
        }
        let at_prompt = owned.at_prompt;
        let verdict = self.owned_verdict(&text, at_prompt, cx.judge);
        let Some(owned) = self.owned.as_deref_mut() else { return };
        if verdict.effect == RuleEffect::Allow {
            owned.editor.remember(&text);
            push_draw(owned.editor.take().1, cx.acts);
            return self.send_owned(text, cx);
        }
        push_draw(owned.editor.press(&Key::Enter).draw, cx.acts);
        owned.moved = true;
        if verdict.effect == RuleEffect::Block {
            return self.block(text, verdict, cx);
        }
        cx.acts.push(Act::Ask(Question { text: self.whole(&text), verdict, screen: self.screen.text() }));
        self.state = State::Waiting { text, submit: enter(), read: true };
    }

    /// Judges a line with those before it that belong to it.
    fn owned_verdict(&mut self, text: &str, at_prompt: bool, judge: Judge<'_>) -> Verdict {
        let whole = self.whole(text);
        let reader = self.reader();
        // In the folder to which earlier lines have led, and as the shell there reads it.
        let judge: Judge<'_> = &|input| self.folders.judge(input, judge);
        let verdict = match reader {
            Reader::Repl(_) => self.judge_as(text, reader, judge),
            Reader::Answer | Reader::Data | Reader::Panes | Reader::Program | Reader::Screen | Reader::Shell => {
                judging::begun(&whole, judge)
            }
        };
        if reader == Reader::Panes || (reader == Reader::Shell && opens_panes(&whole)) {
            return Verdict {
                effect: RuleEffect::Block,
                message: "a terminal with several shells on one screen cannot be used in the mode strict".to_owned(),
                ..verdict
            };
        }
        let by_default = verdict.effect == RuleEffect::Block && verdict.rule.is_none();
        if by_default && !at_prompt && is_answer(text) {
            return judging::allowed(verdict);
        }
        verdict
    }

    /// Sends a line that may run.
    fn send_owned(&mut self, text: String, cx: &mut Cx<'_>) {
        if self.reader().is_program() {
            self.forward_bytes(text.into_bytes(), cx);
            return self.accept_unread(enter(), cx);
        }
        let start = self.start.clone().unwrap_or_default();
        if self.screen.shows(&start, "", 0) == Reading::Agrees {
            self.send_text(text, enter(), cx.now + MAX_ECHO, cx);
        } else {
            // Something stands in the target's line that nobody sent: it goes first.
            self.retype(text, enter(), Kind::Accepts, cx);
        }
    }

    /// The line was approved. Whoever waited saw other things below it: the prompt is drawn again.
    pub(crate) fn owned_approved(&mut self, text: String, cx: &mut Cx<'_>) {
        if let Some(owned) = self.owned.as_deref_mut() {
            let draw = owned.editor.begin();
            owned.moved = false;
            push_draw([b"\r\n", draw.as_slice()].concat(), cx.acts);
        }
        self.send_owned(text, cx);
    }

    /// A line of which nothing was sent does not go on.
    pub(crate) fn give_up(&mut self, cx: &mut Cx<'_>) {
        let is_raw = matches!(self.reader(), Reader::Screen);
        let Some(owned) = self.owned.as_deref_mut().filter(|_| !is_raw) else { return self.interrupt(cx) };
        owned.moved = true;
        if self.earlier.is_empty() { self.new_line() } else { self.interrupt(cx) }
    }

    pub(super) fn refuse_text(&mut self, why: &str, cx: &mut Cx<'_>) {
        if let Some(owned) = self.owned.as_deref_mut() {
            push_draw(owned.editor.press(&Key::Ctrl('c')).draw, cx.acts);
            owned.moved = true;
        }
        cx.acts.push(Act::Tell(format!("held: {why}; nothing was sent")));
        self.report(Decided::Held, String::new(), None, why, cx);
        self.new_line();
    }

    /// A secret goes without Enter first: where it is echoed, something else reads than what asked for it.
    fn send_secret(&mut self, text: String, cx: &mut Cx<'_>) {
        if let Some(owned) = self.owned.as_deref_mut() {
            push_draw(owned.editor.take().1, cx.acts);
        }
        let until = if text.is_empty() { cx.now } else { cx.now + self.patience() };
        if !text.is_empty() {
            self.forward_bytes(text.clone().into_bytes(), cx);
        }
        self.state = State::Unseen { text, until };
    }

    /// Whether the wait for what must not be echoed is over.
    pub(crate) fn unseen(&mut self, cx: &mut Cx<'_>) -> bool {
        let State::Unseen { text, until } = &self.state else { return true };
        if cx.now < *until {
            return false;
        }
        let (text, length) = (text.clone(), text.chars().count());
        let start = self.start.clone().unwrap_or_default();
        let stars = "*".repeat(length);
        let is_unseen = self.screen.shows(&start, "", 0) == Reading::Agrees
            || (text != stars && self.screen.shows(&start, &stars, length) == Reading::Agrees);
        if is_unseen {
            self.accept_unread(enter(), cx);
            return true;
        }
        let why = "what asks for a secret does not hide it";
        cx.acts.push(Act::Tell(format!("held: {why}, so it was not sent")));
        self.report(Decided::Held, String::new(), None, why, cx);
        if let Some(owned) = self.owned.as_deref_mut() {
            owned.moved = true;
        }
        self.interrupt(cx);
        true
    }
}

/// Why a text cannot be sent.
fn unfit(text: &str, may_have_breaks: bool) -> Option<&'static str> {
    let is_break = |character: char| matches!(character, '\n' | '\t');
    if !may_have_breaks && text.contains(is_break) {
        return Some("several lines, or tabs, can only be pasted at a prompt that asks for pastes in brackets");
    }
    let mut bytes = [0; 4];
    text.chars()
        .filter(|character| !is_break(*character))
        .any(|character| {
            let character = &*character.encode_utf8(&mut bytes);
            visible(character.as_bytes()) != *character
        })
        .then_some("the line contains characters that cannot be seen")
}

fn opens_panes(text: &str) -> bool {
    Foreground::after(&shell::parse(text, &ParseContext::typed())) == Foreground::Multiplexer
}

/// Whether the text is an answer, and no command in any shell.
fn is_answer(text: &str) -> bool {
    let text = text.trim();
    text.chars().all(|character| character.is_ascii_digit())
        || ["y", "n", "yes", "no", "q", "quit"].contains(&text.to_ascii_lowercase().as_str())
}
