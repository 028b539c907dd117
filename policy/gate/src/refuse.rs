//! A line that does not go on: the user reads why, and the line is interrupted at the target. Nothing
//! else is sent before it is seen to be gone. What was typed behind it, by somebody who did not know, is dropped.

use std::time::Instant;

use policy::verdict::Verdict;

use super::{Act, Cx, Decided, Gate, INTERRUPT_LIMIT, Reader, Report, State};
use crate::{
    key::{Key, KeyPress},
    screen::Reading,
};

impl Gate {
    pub(super) fn block(&mut self, text: String, verdict: Verdict, cx: &mut Cx<'_>) {
        let message = verdict.message.clone();
        cx.acts.push(Act::Tell(verdict.refusal()));
        let whole = if text.is_empty() { text } else { self.whole(&text) };
        self.report(Decided::Blocked, whole, Some(verdict), &message, cx);
        self.give_up(cx);
    }

    pub(super) fn report(
        &mut self,
        decision: Decided,
        text: String,
        verdict: Option<Verdict>,
        reason: &str,
        cx: &mut Cx<'_>,
    ) {
        cx.acts.push(Act::Report(Report { decision, text, verdict, reason: reason.to_owned() }));
    }

    /// Makes the target forget the line. Ctrl-C does so in every shell, also in the middle of a command of
    /// several lines. A program that reads a line is not to be ended by it: there the line is killed.
    pub(super) fn interrupt(&mut self, cx: &mut Cx<'_>) {
        self.send_interrupt(cx);
        self.earlier.clear();
        self.ahead.clear();
        self.doubt = None;
        self.line.clear();
        self.escape.clear();
        self.trust.ended();
        self.line_ended(cx.now);
        self.state = State::Interrupting { since: cx.now, sent: 1 };
        for press in std::mem::take(&mut self.queue) {
            self.drop_behind(press, cx);
        }
    }

    /// What was typed behind a line that does not go on was meant for what the line would have done.
    fn drop_behind(&mut self, press: KeyPress, cx: &mut Cx<'_>) {
        if press.key == Key::Report {
            // Nobody typed it: a program has asked the terminal.
            return self.queue.push_back(press);
        }
        if matches!(press.key, Key::Enter | Key::LineFeed) && !std::mem::replace(&mut self.dropped, true) {
            cx.acts.push(Act::Tell("what was typed behind that line was dropped".to_owned()));
        }
    }

    fn send_interrupt(&mut self, cx: &mut Cx<'_>) {
        let line = if self.reader().is_program() { KILL_LINE } else { INTERRUPT };
        let key = self.interrupt_in_screen().unwrap_or(line);
        // After what the user is told, so it is not joined with bytes that were sent before.
        cx.acts.push(Act::Forward(vec![key]));
    }

    /// Whether the line is gone, or the wait for that is over.
    pub(super) fn interrupted(&mut self, since: Instant, sent: u8, cx: &mut Cx<'_>) -> bool {
        let is_late = cx.now >= since + INTERRUPT_LIMIT;
        let is_quiet = self.times.output.is_some_and(|output| output > since && cx.now >= output + self.quiet());
        if !is_quiet && !is_late {
            return false;
        }
        let in_program = matches!(self.reader(), Reader::Screen | Reader::Panes);
        let start = self.primary.clone().or_else(|| self.start.clone()).unwrap_or_default();
        let is_unheard = self.times.output.is_none_or(|output| output <= since);
        let stays = self.stays_behind_its_interrupt();
        let prompts = !stays && (self.screen.shows(&start, "", 0) == Reading::Agrees || self.trust.asked_again());
        if sent < MAX_INTERRUPTS && (is_unheard || !(in_program || prompts)) {
            self.send_interrupt(cx);
            self.state = State::Interrupting { since: cx.now, sent: sent + 1 };
            return false;
        }
        if in_program {
            self.state = State::Typing;
            return true;
        }
        let is_gone = prompts || (!stays && self.screen.modes().bracketed_paste);
        if !is_gone && !is_late {
            return false;
        }
        self.new_line();
        if !is_gone {
            // It may still stand there: the next line is only what the screen says it is.
            self.line.forget();
        }
        true
    }

    /// Whether the row of the cursor says `^C`: every shell prompts on the next one. bash writes it behind a line that it
    /// keeps when the interrupt comes while a key is at work, and asks for pastes as at a new prompt; what is left of the
    /// line is not shown, and would run at the next Enter.
    fn stays_behind_its_interrupt(&mut self) -> bool {
        self.screen.cursor_row().contains("^C")
    }
}

/// ETX: interrupts (termios VINTR).
const INTERRUPT: u8 = 0x03;

/// NAK: erases the line (termios VKILL).
const KILL_LINE: u8 = 0x15;

/// How often the interrupt of a line is sent at most, for a line editor that misses it.
const MAX_INTERRUPTS: u8 = 3;
