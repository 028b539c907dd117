//! Enter is held: the echo is waited for, keys and screen are compared, and the line is judged.

use std::time::Instant;

use config::rules::RuleEffect;
use policy::verdict::Verdict;
use shell::completeness::is_incomplete_in;

use super::{Act, After, Cx, Decided, Gate, Question, Reader, State, judging};
use crate::{foreground::Foreground, key::KeyPress, screen::Reading};

/// What the key that is held does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It accepts the line.
    Accepts,
    /// It accepts the line in some shells; the line may stay.
    MayAccept,
    /// It is never passed on: what it does with the line is not known.
    Refused,
    /// Enter in a program with a screen of its own.
    Screen,
    /// Enter in a pane of a multiplexer.
    Panes,
}

/// What is known of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    /// Keys and screen agree.
    Agreed(String),
    /// The keys tell it, and the screen shows nothing: it is typed without echo.
    Unseen(String),
    /// It was typed character by character, and the echo of its end is on its way.
    InFlight(String),
    /// Only the screen tells it.
    Read(String),
    /// Keys and screen contradict one another.
    Contradicted { typed: String, read: Option<String> },
    /// Nobody can tell.
    Unreadable,
}

impl Gate {
    /// Looks at the line that is held; `false` if it has to wait longer.
    pub(super) fn settle(&mut self, cx: &mut Cx<'_>) -> bool {
        let State::Settling { submit, kind, since, probed, redrawn } = &self.state else { return true };
        let (submit, kind, since, probed, redrawn) = (submit.clone(), *kind, *since, *probed, *redrawn);
        let is_late = cx.now >= since + self.patience();
        let is_quiet = is_late || self.settled().is_none_or(|settled| cx.now >= settled);
        if matches!(kind, Kind::Screen | Kind::Panes) {
            let is_settled = is_quiet || self.is_echo_complete();
            if is_settled {
                self.state = State::Typing;
                self.screen_submit(submit, kind, cx);
            }
            return is_settled;
        }
        let is_unseen = is_quiet && cx.now >= since + self.unseen_after();
        let Some(known) = self.known(is_quiet, is_late, is_unseen, cx.now) else { return false };
        let is_probe_bound = self.bindings.are_in(&[END_OF_LINE]);
        if known == Known::Unreadable && !probed && !is_probe_bound && self.screen.cursor_row().contains("i-search") {
            // The line that a search found is shown when the search is left.
            self.forward_bytes(vec![END_OF_LINE], cx);
            self.state = State::Settling { submit, kind, since: cx.now, probed: true, redrawn };
            return false;
        }
        let is_unclear = matches!(known, Known::Unreadable | Known::Contradicted { .. });
        if is_unclear && !redrawn && self.can_be_redrawn() && !self.is_picker_shown(kind, cx) {
            // Something else was written over the line: drawn again, it can be read.
            self.forward_bytes(vec![REDRAW], cx);
            self.state = State::Settling { submit, kind, since: cx.now, probed, redrawn: true };
            return false;
        }
        if let Known::InFlight(text) = known {
            let verdict = self.judge(&text, Reader::Shell, kind, cx);
            let is_expanded = self.expanded(&text, &submit, kind).is_some();
            if kind != Kind::Accepts || verdict.effect != RuleEffect::Allow || is_expanded {
                // What is refused or put in is shown to people, and what was typed without echo must not be.
                return false;
            }
            self.state = State::Typing;
            self.carry_out(text, false, verdict, submit, kind, cx);
            return true;
        }
        self.state = State::Typing;
        if kind == Kind::MayAccept && self.is_editing(&known) {
            self.forward(&submit, cx);
            let _ = self.line.press(&submit.key);
            return true;
        }
        self.decide(known, submit, kind, cx);
        true
    }

    /// What is known of the line; `None` if more may come.
    fn known(&mut self, is_quiet: bool, is_late: bool, is_unseen: bool, now: Instant) -> Option<Known> {
        let start = self.start.clone().unwrap_or_default();
        let Some(typed) = self.line.text().map(str::to_owned) else {
            if let Some(line) = self.recall.line().map(str::to_owned)
                && self.screen.holds(&start, &line)
            {
                return Some(Known::Agreed(line));
            }
            if !is_quiet {
                return None;
            }
            return Some(match self.read() {
                // An echo that is slow looks like a line that is empty.
                Some(text) if text.is_empty() && !is_late => return None,
                Some(text) => Known::Read(text),
                None => Known::Unreadable,
            });
        };
        let cursor = self.line.cursor().unwrap_or_else(|| typed.chars().count());
        match self.screen.shows(&start, &typed, cursor) {
            Reading::Agrees => return Some(Known::Agreed(typed)),
            Reading::Behind | Reading::Nothing if self.is_in_flight(now) => return Some(Known::InFlight(typed)),
            Reading::Behind if !is_late => return None,
            Reading::Behind | Reading::Differs | Reading::Nothing if !is_quiet => return None,
            Reading::Nothing if !is_unseen => return None,
            Reading::Nothing => return Some(Known::Unseen(typed)),
            Reading::Behind | Reading::Differs => {}
        }
        // A line that goes on may be drawn anew, where the editor thinks it belongs (fish, at `end`).
        let goes_on = !self.earlier.is_empty() && self.line.is_only_typed();
        if goes_on && !typed.trim().is_empty() && self.screen.cursor_row().trim() == typed.trim() {
            return Some(Known::Agreed(typed));
        }
        // What was typed ahead stands behind the prompt that came after it.
        if let Some(primary) = self.primary.clone()
            && self.screen.shows(&primary, &typed, cursor) == Reading::Agrees
        {
            return Some(Known::Agreed(typed));
        }
        if self.is_behind_a_changed_prompt(&typed) {
            return Some(Known::Agreed(typed));
        }
        Some(Known::Contradicted { typed, read: self.read() })
    }

    /// Whether the echo of what was typed at the shell's prompt may still come: then the screen cannot contradict it.
    fn is_in_flight(&mut self, now: Instant) -> bool {
        let prompt = self.start.as_ref().filter(|start| start.has_prompt()).map(|start| start.prompt.as_str());
        let echoes = prompt.is_some_and(|prompt| !judging::asks_for_a_secret(prompt));
        let is_underway = self.times.sent.is_some_and(|sent| now < sent + self.patience());
        echoes && is_underway && self.line.is_only_typed() && self.is_at_prompt() && self.reader() == Reader::Shell
    }

    /// Whether a line editor reads, which draws its prompt and its line again at a key of its own.
    fn can_be_redrawn(&mut self) -> bool {
        let is_bound = self.bindings.are_in(&[REDRAW]);
        self.screen.modes().bracketed_paste && self.line.takes_text() && !is_bound && self.reader() == Reader::Shell
    }

    fn read(&mut self) -> Option<String> {
        let start = self.start.clone()?;
        self.screen.read(&start).or_else(|| {
            let primary = self.primary.clone()?;
            self.screen.read(&primary)
        })
    }

    /// Whether the cursor stands inside the text, where Ctrl-D deletes a character.
    fn is_editing(&mut self, known: &Known) -> bool {
        let Some(start) = self.start.clone() else { return false };
        let here = self.screen.line_start();
        matches!(known, Known::Agreed(_) | Known::Read(_)) && start.right.is_empty() && !here.right.is_empty()
    }

    fn decide(&mut self, known: Known, submit: KeyPress, kind: Kind, cx: &mut Cx<'_>) {
        let reader = self.reader();
        if let Known::Agreed(text) | Known::Read(text) = &known
            && let Some(text) = self.expanded(text, &submit, kind)
        {
            return self.send_expanded(text, submit, cx);
        }
        match known {
            Known::Agreed(text) | Known::InFlight(text) => {
                let verdict = self.judge(&text, reader, kind, cx);
                self.carry_out(text, false, verdict, submit, kind, cx);
            }
            Known::Read(text) => {
                let verdict = self.judge(&text, reader, kind, cx);
                self.carry_out(text, true, verdict, submit, kind, cx);
            }
            Known::Unseen(text) => {
                let mut verdict = self.judge(&text, reader, kind, cx);
                let prompt = self.start.as_ref().map(|start| start.prompt.as_str()).unwrap_or_default();
                let is_asked_for = judging::asks_for_a_secret(prompt);
                if verdict.opaque && is_asked_for {
                    verdict = judging::allowed(verdict);
                }
                match verdict.effect {
                    // What was typed without echo is a secret until proven otherwise: it is never repeated.
                    RuleEffect::Allow => {
                        // It is never put into a line. What has asked has read it, and its shell does not keep it.
                        let last = self.past.last.take().filter(|_| is_asked_for);
                        self.accept(&text, submit, kind, cx);
                        self.past.last = last;
                        if let State::Running { after } = &mut self.state
                            && is_asked_for
                        {
                            *after = After::Secret(cx.now);
                            // Whatever asked has read it, and it is no part of a line that may be shown.
                            self.ahead.clear();
                        }
                    }
                    RuleEffect::Approve | RuleEffect::Block => {
                        self.block(String::new(), judging::without_text(verdict), cx);
                    }
                }
            }
            Known::Contradicted { typed, read } => {
                let candidates = [Some(typed), read];
                for text in candidates.iter().flatten() {
                    let verdict = self.judge(text, reader, kind, cx);
                    if verdict.effect != RuleEffect::Allow && (!verdict.opaque || reader.is_program()) {
                        return self.ask(text.clone(), true, verdict, submit, kind, cx);
                    }
                }
                let [typed, _] = candidates;
                let typed = typed.unwrap_or_default();
                // A program may show something else than what is typed; a shell would read what was typed.
                if reader.is_program() && kind == Kind::Accepts {
                    return self.accept(&typed, submit, kind, cx);
                }
                self.unreadable(typed, "what was typed and what is shown contradict one another", kind, cx);
            }
            Known::Unreadable if reader.is_program() && kind == Kind::Accepts && !self.is_read_later() => {
                self.accept_unread(submit, cx);
            }
            Known::Unreadable if self.is_picker_shown(kind, cx) => self.choose(None, &submit, cx),
            Known::Unreadable => self.unreadable(String::new(), "the line cannot be read from the screen", kind, cx),
        }
    }

    /// Whether the terminal shows keys as signs (termios(3), ECHOCTL): nobody reads them now, so the shell may later.
    fn is_read_later(&mut self) -> bool {
        self.screen.cursor_row().contains("^[")
    }

    /// Judges a line with those before it that belong to it.
    pub(super) fn judge(&self, text: &str, reader: Reader, kind: Kind, cx: &Cx<'_>) -> Verdict {
        let text = if kind == Kind::Refused { text.trim_start_matches('#') } else { text };
        self.judge_as(text, reader, &|input| self.folders.judge(input, cx.judge))
    }

    pub(super) fn whole(&self, text: &str) -> String {
        let mut whole = self.earlier.join("\n");
        if !self.earlier.is_empty() {
            whole.push('\n');
        }
        whole.push_str(text);
        whole
    }

    fn carry_out(&mut self, text: String, read: bool, verdict: Verdict, submit: KeyPress, kind: Kind, cx: &mut Cx<'_>) {
        match verdict.effect {
            RuleEffect::Allow if kind == Kind::Refused => {
                self.unreadable(text, "a key that does more than edit is not passed on", kind, cx)
            }
            RuleEffect::Allow if self.doubt.is_some() => {
                let why = self.doubt.unwrap_or_default();
                self.unreadable(text, why, kind, cx);
            }
            RuleEffect::Allow if read && self.is_menu_shown(kind) => self.choose(Some(text), &submit, cx),
            RuleEffect::Allow if read && text.is_empty() && !self.can_erase() => self.cannot_retype(text, cx),
            RuleEffect::Allow if read && text.is_empty() => {
                // Whatever else was typed and is not shown yet is gone before the key comes.
                self.erase(cx);
                self.accept(&text, submit, kind, cx);
            }
            RuleEffect::Allow if read => self.retype(text, submit, kind, cx),
            RuleEffect::Allow => {
                self.recall.remember(&text);
                self.accept(&text, submit, kind, cx);
            }
            RuleEffect::Approve | RuleEffect::Block => self.ask(text, read, verdict, submit, kind, cx),
        }
    }

    /// Blocks the line, or asks others about it. What was only `read` will be sent by the gate itself.
    pub(super) fn ask(
        &mut self,
        text: String,
        read: bool,
        verdict: Verdict,
        submit: KeyPress,
        kind: Kind,
        cx: &mut Cx<'_>,
    ) {
        if verdict.effect == RuleEffect::Block || kind == Kind::Refused {
            return self.block(text, verdict, cx);
        }
        let question = Question { text: self.whole(&text), verdict, screen: self.screen.text() };
        cx.acts.push(Act::Ask(question));
        self.state = State::Waiting { text, submit, read };
    }

    /// Somebody approved the line.
    pub(super) fn approved(&mut self, text: String, submit: KeyPress, read: bool, cx: &mut Cx<'_>) {
        if matches!(self.reader(), Reader::Screen | Reader::Panes) {
            return self.accept_unread(submit, cx);
        }
        if self.owned.is_some() {
            return self.owned_approved(text, cx);
        }
        let start = self.start.clone().unwrap_or_default();
        let cursor = self.line.cursor().unwrap_or_else(|| text.chars().count());
        if !read && self.screen.shows(&start, &text, cursor) == Reading::Agrees {
            return self.accept(&text, submit, Kind::Accepts, cx);
        }
        self.retype(text, submit, Kind::Accepts, cx);
    }

    /// The line goes on as it stands.
    pub(super) fn accept(&mut self, text: &str, submit: KeyPress, kind: Kind, cx: &mut Cx<'_>) {
        self.forward(&submit, cx);
        if kind == Kind::MayAccept {
            // At an empty line Ctrl-D ends what reads it.
            if text.is_empty() {
                self.folders.shell_may_have_ended();
                self.past.forget();
            }
            return;
        }
        let whole = self.whole(text);
        let reader = self.reader();
        let is_one_of_many = !self.earlier.is_empty() || !self.ahead.is_empty();
        if is_one_of_many || reader.may_be_another() {
            self.past.forget();
        }
        if reader == Reader::Shell && !self.ahead.is_empty() {
            self.ahead.went_on(text);
        }
        match reader {
            Reader::Shell if is_incomplete_in(&whole, self.folders.shell()) => self.earlier.push(text.to_owned()),
            Reader::Shell => {
                let parsed = shell::parse(&whole, &self.folders.place());
                self.folders.line_ran(&whole, &parsed);
                if judging::is_too_long(&whole) {
                    // A shell is the strictest reader.
                    self.foreground = Foreground::Shell;
                } else if let Some(job) = self.jobs.continued(&parsed) {
                    self.foreground = job;
                    self.continued();
                } else if !parsed.commands.is_empty() || !parsed.opaque.is_empty() {
                    self.foreground = Foreground::after(&parsed);
                    self.shell_ran(&parsed);
                }
                if !is_one_of_many {
                    self.note_in_history(&whole, &parsed);
                }
                self.earlier.clear();
            }
            Reader::Repl(repl) => self.statement_went_on(text, repl),
            Reader::Answer | Reader::Program => self.went_ahead(text, reader == Reader::Answer),
            Reader::Data | Reader::Panes | Reader::Screen => {}
        }
        self.trust.submitted(self.screen.modes().bracketed_paste, self.foreground);
        self.line_ended(cx.now);
        self.new_line();
    }

    /// Enter for a program that is no shell, and whose line cannot be read.
    pub(super) fn accept_unread(&mut self, submit: KeyPress, cx: &mut Cx<'_>) {
        self.forward(&submit, cx);
        self.trust.submitted(self.screen.modes().bracketed_paste, self.foreground);
        self.line_ended(cx.now);
        if matches!(self.reader(), Reader::Screen | Reader::Panes) {
            self.screen_accepted(cx);
        } else {
            self.past.forget();
            self.new_line();
        }
    }

    pub(super) fn unreadable(&mut self, text: String, why: &str, kind: Kind, cx: &mut Cx<'_>) {
        if kind == Kind::Refused {
            cx.acts.push(Act::Bell);
            // A second such key in a line is not worth a second report.
            if !std::mem::replace(&mut self.refused, true) {
                self.report(Decided::Held, text, None, why, cx);
            }
            return;
        }
        let advice = match self.owned {
            // The line was sent as text already, so what is missing is what the target makes of it.
            Some(_) => "the target may not be able to show a character of it (is its locale UTF-8?)",
            None => "type it again, without completion, history or undo",
        };
        cx.acts.push(Act::Tell(format!("held: {why}, so the line was not sent; {advice}")));
        self.report(Decided::Held, text, None, why, cx);
        self.interrupt(cx);
    }
}

/// C-l: the prompt and the line are drawn again, alone (bash, zsh and fish alike).
const REDRAW: u8 = 0x0c;

/// C-e: ends an incremental search, and goes to the end of the line.
const END_OF_LINE: u8 = 0x05;
