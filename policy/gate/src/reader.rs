//! Who reads the line at hand: told by the line that was allowed last, and checked against the prompt.
//!
//! **An unsure reader is the shell.** Only who is surely no shell is judged more mildly: an editor on its screen, a
//! language at a prompt that the shell has not, a question that waits for an answer.
//!
//! ```text
//!                    a line went on at the shell's prompt: what does it start? (foreground.rs)
//!        .---------------+-------------------+------------------------+------------------.
//!     Shell           Program              Repl                    Screen           Multiplexer
//!   a shell, or    ends by itself     psql, python, gdb       vim, less, git log     tmux, mc
//!   not known          |                   |                        |                    |
//!       |    the shell's prompt? --yes--> Shell <--yes-- the shell's prompt?              |
//!       |              | no                | no                     | no                 |
//!       |              |        its own prompt? --no--.   its screen, or a     its screen? --no--> Shell
//!       |              |                   | yes      |   pager's own prompt?            | yes
//!       |              |                   |          |             | yes   | no         |
//!       v              v                   v          v             v       v            v
//!     Shell    a question before the     Repl    (as Program)    Screen  (as Program)  Panes
//!              cursor? yes: Answer
//!                      no:  Program
//!
//!  Shell     one line of a shell, with those that it goes on from
//!  Program   a line of the shell and input of the program: the strictest; what cannot be known counts
//!  Answer    the same, but what a shell could not read, and the name of a file, is an answer
//!  Repl      a statement: what of it runs something (repl.rs); as a shell's line too where the shell's prompt looks so
//!  Screen    text of a file; judged is what follows `!` and its like (screens.rs)
//!  Panes     the row of the cursor (screens.rs)
//! ```
//!
//! `cat > FILE` and its like are as Program, but that what is typed at the beginning of a row is text and no more.
//! A language ends with its own word (`exit()`), with C-d, and with the shell's prompt. C-z leaves the shell, and `fg`
//! gives back what C-z stopped. What is printed chooses only among the readers below what was started, and never one
//! that is milder than what was started.

use policy::verdict::{CommandInput, Verdict};

use super::{Gate, Judge, judging};
use crate::{foreground::Foreground, repl::Repl};

/// Who reads a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// A program that has asked something; or a shell.
    Answer,
    /// A program that takes all that is typed as text.
    Data,
    /// Shells on a divided screen.
    Panes,
    /// A program that is no shell; or a shell.
    Program,
    /// A language.
    Repl(Repl),
    /// A program with a screen of its own.
    Screen,
    /// A shell, or something unknown.
    Shell,
}

impl Reader {
    /// Whether a program reads of which nothing more is known.
    pub(super) fn is_program(self) -> bool {
        matches!(self, Self::Answer | Self::Data | Self::Program)
    }

    /// Whether either a shell or a program reads, and it is not known which.
    pub(super) fn may_be_another(self) -> bool {
        matches!(self, Self::Repl(repl) if repl.is_shared()) || self.is_program()
    }
}

impl Gate {
    /// Who reads the line at hand.
    pub(super) fn reader(&mut self) -> Reader {
        let alternate = self.screen.modes().alternate;
        let prompt = self.start.as_ref().map(|start| start.prompt.as_str()).unwrap_or_default();
        match self.foreground {
            Foreground::Shell => Reader::Shell,
            Foreground::Multiplexer if alternate => Reader::Panes,
            Foreground::Screen if (alternate || self.is_at_pager()) && !self.is_primary_prompt() => Reader::Screen,
            Foreground::Repl(repl) if repl.has_prompt(prompt) => {
                let shells = self.primary.as_ref().map(|primary| primary.prompt.as_str());
                Reader::Repl(repl.beside(shells))
            }
            // Anything can print what shows the other screen: behind a prompt a shell reads.
            Foreground::Program if alternate && self.owned.is_none() && !self.is_at_prompt() => Reader::Screen,
            // The pager or the editor of a language: these too may ask for pastes, as a shell's prompt does.
            Foreground::Repl(_) if alternate && self.owned.is_none() && !self.is_like_a_prompt() => Reader::Screen,
            // A program that ended gives the prompt back to the shell: its line editor or its prompt tells.
            // It prints no prompt.
            Foreground::Data if prompt.is_empty() && !self.is_at_prompt() => Reader::Data,
            Foreground::Data | Foreground::Screen | Foreground::Program | Foreground::Repl(_)
                if !self.is_at_prompt() =>
            {
                if self.is_at_question() {
                    Reader::Answer
                } else {
                    Reader::Program
                }
            }
            Foreground::Data
            | Foreground::Multiplexer
            | Foreground::Program
            | Foreground::Repl(_)
            | Foreground::Screen => Reader::Shell,
        }
    }

    /// Whether the line at hand begins behind the shell's own prompt.
    pub(super) fn is_primary_prompt(&self) -> bool {
        let (Some(start), Some(primary)) = (&self.start, &self.primary) else { return false };
        primary.has_prompt() && start.is_behind_prompt_of(primary)
    }

    /// Whether the line at hand looks like one that a shell reads.
    pub(super) fn is_at_prompt(&self) -> bool {
        let Some(start) = &self.start else { return true };
        // Where nothing but this program was started, no shell waits behind it.
        let is_only = self.primary.is_none() && self.foreground != Foreground::Shell;
        self.screen.modes().bracketed_paste
            || self.primary.as_ref().map_or(!is_only, |primary| start.is_behind_prompt_of(primary))
            || self.is_like_a_prompt()
    }

    /// Whether what stands before the line looks like a shell's prompt.
    fn is_like_a_prompt(&self) -> bool {
        let Some(start) = &self.start else { return true };
        self.is_primary_prompt() || [">", "$", "#", "%"].iter().any(|sign| start.prompt.trim_end().ends_with(sign))
    }

    /// Whether a question stands before the cursor, with a sign at its end that the shell's prompt does not end in.
    fn is_at_question(&self) -> bool {
        let sign = |prompt: &str| prompt.trim_end().chars().next_back();
        let Some(asked) = self.start.as_ref().and_then(|start| sign(&start.prompt)) else { return false };
        let shells = self.primary.as_ref().map(|primary| sign(&primary.prompt));
        ['?', ':', ']', ')', '}', '=', '›', '»', '→'].contains(&asked) && shells != Some(Some(asked))
    }

    /// Whether a pager waits for a key that shows the screen of the shell, as `git log` does.
    fn is_at_pager(&self) -> bool {
        let Some(start) = self.start.as_ref().filter(|_| self.owned.is_none()) else { return false };
        let prompt = start.prompt.trim_end();
        matches!(prompt, ":" | "(END)" | "~") || prompt.starts_with("--More--") || prompt.starts_with("lines ")
    }

    /// Judges a line for that reader, with the lines before it that it may belong to.
    pub(super) fn judge_as(&self, line: &str, reader: Reader, judge: Judge<'_>) -> Verdict {
        match reader {
            Reader::Answer | Reader::Program | Reader::Shell if self.ahead.is_too_much_with(line) => {
                judging::stricter(judging::shell(line, judge), judge(CommandInput::Line(judging::UNKNOWN)))
            }
            Reader::Answer | Reader::Program => {
                judging::ahead(&self.ahead.readings(line), reader == Reader::Answer, judge)
            }
            Reader::Repl(repl) => {
                let prompt = self.start.as_ref().map(|start| start.prompt.as_str()).unwrap_or_default();
                judging::repl(&self.spoken.statement(line, repl, prompt), repl, &self.spoken, judge)
            }
            Reader::Shell if !self.ahead.is_empty() => {
                let verdict = judging::judge(&self.whole(line), reader, judge);
                judging::stricter(verdict, judging::ahead(&self.ahead.readings(line), false, judge))
            }
            Reader::Data | Reader::Panes | Reader::Screen | Reader::Shell => {
                judging::judge(&self.whole(line), reader, judge)
            }
        }
    }

    /// Whether a language shows what was typed behind another prompt than before: irb draws it anew with each key, and
    /// moves the line that ends a block.
    pub(super) fn is_behind_a_changed_prompt(&mut self, typed: &str) -> bool {
        let Reader::Repl(repl) = self.reader() else { return false };
        let shown = self.screen.line_start().prompt;
        let prompt = shown.strip_suffix(typed).filter(|_| !typed.is_empty());
        prompt.is_some_and(|prompt| repl.has_prompt(prompt))
    }

    /// C-z: a shell reads what comes next, if a program was stopped.
    pub(super) fn stopped(&mut self) {
        self.jobs.stopped(self.foreground);
        self.foreground = Foreground::Shell;
    }

    /// What was typed into a program, and may be read by the shell after it, went on.
    pub(super) fn went_ahead(&mut self, line: &str, is_answer: bool) {
        for text in self.ahead.readings(line) {
            if judging::is_too_long(&text) || shell::completeness::is_incomplete(&text) {
                continue;
            }
            let parsed = shell::parse(&text, &shell::ParseContext::typed());
            self.folders.line_may_run(&text, &parsed);
            let next = Foreground::after(&parsed);
            if !is_answer && next != Foreground::Program && !parsed.commands.is_empty() {
                self.foreground = next;
            }
        }
        self.ahead.went_on(line);
    }

    /// A line of a language went on.
    pub(super) fn statement_went_on(&mut self, line: &str, repl: Repl) {
        let prompt = self.start.as_ref().map(|start| start.prompt.clone()).unwrap_or_default();
        self.spoken.went_on(line, repl, &prompt);
        if repl.quits(line) {
            self.foreground = Foreground::Shell;
        }
        if repl.is_shared() {
            let foreground = self.foreground;
            self.went_ahead(line, true);
            self.foreground = foreground;
        }
    }
}
