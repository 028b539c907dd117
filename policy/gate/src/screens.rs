//! Programs with a screen of their own: editors, pagers, multiplexers, and screens that a killed program left on.
//!
//! **No key is refused here**, for what it means is the program's own affair. Held is only an Enter that may give a
//! command to a shell. What it may give is read twice, from the keys since the last Enter and from the rows of the
//! cursor in its pane, and either is enough to hold it:
//!
//! - a line behind what looks like a prompt (`prompts`): a pane of a multiplexer, or a shell that a killed program left;
//! - a command line of vi (`ex`, `expression`), and what keys tell of its mode (`vi`);
//! - what pagers take after `!`, and what nano and emacs ask for;
//! - the command line of a multiplexer (`multiplexer`).
//!
//! Where it cannot be told that a shell reads, only what a rule surely matches counts.

use config::rules::RuleEffect;
use policy::verdict::Verdict;
use shell::completeness::is_incomplete_in;

use super::{Act, Cx, Decided, Gate, Reader, State, submit::Kind};
use crate::{
    foreground::Foreground,
    key::{Key, KeyPress},
};

mod class;
mod ex;
mod expression;
mod look;
mod menu;
mod multiplexer;
mod programs;
mod prompts;
mod vi;

use class::Class;
pub(super) use programs::Programs;
pub(super) use prompts::are_alike;
use vi::{Mode, ViKeys};

/// What was typed since the last Enter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Escape {
    typed: String,
    /// A key was pressed that may have put more there than was typed.
    unknown: bool,
    /// The next key belongs to a multiplexer itself.
    prefix: bool,
    /// Where in `typed` the multiplexer's own command line begins.
    own_line: Option<usize>,
    /// Where in `typed` the answer begins to an editor's question for a command.
    asked: Option<usize>,
    /// C-x came: a chord for readline, a key for others.
    chord: bool,
    /// Keys are those of a bracketed paste: whoever reads takes a newline in it as text, and the paste in one go.
    pasted: bool,
    vi: ViKeys,
    /// Whether text was inserted when the line began.
    inserts: bool,
    /// What follows when the Enter that is held goes on.
    next: Next,
}

/// What an Enter leads to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Next {
    /// The line that a shell reads, and whether that is certain.
    shell: Option<(String, bool)>,
    /// Who reads after it.
    opens: Option<Foreground>,
}

impl Gate {
    pub(super) fn screen_press(&mut self, press: KeyPress, cx: &mut Cx<'_>) {
        self.screen_key(press, Kind::Screen, cx);
    }

    pub(super) fn panes_press(&mut self, press: KeyPress, cx: &mut Cx<'_>) {
        self.screen_key(press, Kind::Panes, cx);
    }

    fn screen_key(&mut self, press: KeyPress, kind: Kind, cx: &mut Cx<'_>) {
        let chord = std::mem::take(&mut self.escape.chord);
        if kind == Kind::Panes && accepts_otherwise(&press.key, chord) && self.is_prompt_shown() {
            if matches!(press.key, Key::Ctrl('d' | 'o')) {
                return self.screen_enter(press, kind, cx);
            }
            // As at any prompt: they run the line, or what an editor makes of it.
            return cx.acts.push(Act::Bell);
        }
        if is_enter(&press) {
            return self.screen_enter(press, kind, cx);
        }
        if press.key == Key::Ctrl('z') {
            self.jobs.stopped(self.foreground);
        }
        if kind == Kind::Panes && self.escape.prefix {
            self.programs.moved = true;
        }
        self.escape.press(&press.key, kind, self.programs.class);
        self.forward(&press, cx);
    }

    /// Enter: held if it may give a command to a shell, as far as keys and screen tell by now.
    fn screen_enter(&mut self, press: KeyPress, kind: Kind, cx: &mut Cx<'_>) {
        let look = self.look(kind, cx);
        let is_read = self.escape.pasted || (!self.escape.unknown && !look.is_command && look.is_shown);
        let is_harmless = look.worst.is_none() && is_read;
        if !is_harmless {
            self.state = State::settling(press, kind, cx.now);
            return;
        }
        self.escape.next = look.next;
        self.screen_accepted(cx);
        self.forward(&press, cx);
    }

    /// Judges what Enter would give to a shell, now that all of the echo is there.
    pub(super) fn screen_submit(&mut self, submit: KeyPress, kind: Kind, cx: &mut Cx<'_>) {
        let look = self.look(kind, cx);
        self.escape.next = look.next;
        match look.worst {
            Some((text, verdict)) if verdict.effect == RuleEffect::Block => self.block(text, verdict, cx),
            Some((text, verdict)) => self.ask(text, true, verdict, submit, kind, cx),
            None => self.accept_unread(submit, cx),
        }
    }

    /// What is left to do once Enter went on in a program with a screen.
    pub(super) fn screen_accepted(&mut self, cx: &mut Cx<'_>) {
        let Next { shell, opens } = self.escape.enter(self.programs.class);
        if let Some((line, is_certain)) = shell {
            self.shell_line_in_screen(line, is_certain, cx);
        }
        if let Some(foreground) = opens {
            self.programs.around = (foreground == Foreground::Shell).then_some(self.foreground);
            self.foreground = foreground;
            self.programs.editors = true;
            self.programs.moved = true;
        }
        // Who reads is asked again at the next key.
        self.start = None;
    }

    /// A shell reads the line, although a program with a screen was taken for the reader.
    fn shell_line_in_screen(&mut self, line: String, is_certain: bool, _cx: &mut Cx<'_>) {
        if is_incomplete_in(&line, self.folders.shell()) && line.len() < MAX_TYPED {
            self.earlier = vec![line];
            return;
        }
        self.earlier.clear();
        let parsed = shell::parse(&line, &self.folders.place());
        self.folders.line_ran(&line, &parsed);
        if parsed.commands.is_empty() && parsed.opaque.is_empty() {
            return;
        }
        let after = Foreground::after(&parsed);
        if self.foreground == Foreground::Multiplexer {
            self.programs.ran_in_pane(&parsed, after);
        } else if is_certain {
            self.programs.class = Class::of(&parsed);
            self.foreground = after;
        }
    }

    /// A key in the mode that holds nothing.
    pub(super) fn observe_screen(&mut self, press: &KeyPress, kind: Kind, cx: &mut Cx<'_>) {
        if !is_enter(press) {
            if press.key == Key::Ctrl('z') {
                self.jobs.stopped(self.foreground);
            }
            return self.escape.press(&press.key, kind, self.programs.class);
        }
        let look = self.look(kind, cx);
        self.escape.next = look.next;
        if let Some((text, verdict)) = look.worst {
            let reason = verdict.message.clone();
            self.report(Decided::Observed, text, Some(verdict), &reason, cx);
        }
        self.screen_accepted(cx);
    }

    /// Whether the row of the cursor begins with what looks like a shell's prompt.
    fn is_prompt_shown(&mut self) -> bool {
        let row = self.screen.pane_line().to_cursor;
        let places = self.programs.prompts.places(&row);
        places.iter().any(|(_, likeness)| *likeness >= prompts::Likeness::Strong)
    }

    /// Whether the echo of what was typed since the last Enter stands before the cursor.
    pub(super) fn is_echo_complete(&mut self) -> bool {
        !self.escape.unknown
            && !self.escape.typed.trim().is_empty()
            && matches!(self.reader(), Reader::Screen | Reader::Panes)
            && self.screen.pane_line().to_cursor.ends_with(self.escape.typed.as_str())
    }

    /// What interrupts a line in the program that reads.
    pub(super) fn interrupt_in_screen(&self) -> Option<u8> {
        // C-c begins a chord there.
        (self.programs.class == Class::Emacs && self.foreground == Foreground::Screen).then_some(QUIT)
    }
}

impl Escape {
    /// The line is gone.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Follows a key that is no Enter.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all other keys may put more there than was typed")]
    fn press(&mut self, key: &Key, kind: Kind, class: Class) {
        match key {
            Key::PasteStart => self.pasted = true,
            Key::PasteEnd | Key::PasteCut => self.pasted = false,
            _ if self.pasted => {}
            key => self.vi.press(key),
        }
        if kind == Kind::Panes {
            if std::mem::take(&mut self.prefix) {
                self.unknown = true;
                self.own_line = (*key == Key::Char(':')).then_some(self.typed.len());
                return;
            }
            if matches!(key, Key::Ctrl('b' | 'a')) {
                self.prefix = true;
                return;
            }
        }
        if class.asks(key) {
            self.asked = Some(self.typed.len());
            return;
        }
        match key {
            Key::Char(character) if self.typed.len() < MAX_TYPED => self.typed.push(*character),
            Key::Char(_) | Key::Report | Key::PasteStart | Key::PasteEnd | Key::PasteCut => {}
            Key::Backspace | Key::Ctrl('h') => {
                self.typed.pop();
            }
            Key::Escape | Key::Ctrl('c') => {
                // A line editor that has vi's keys keeps its line.
                let unknown = *key == Key::Escape;
                *self = Self { vi: std::mem::take(&mut self.vi), unknown, ..Self::default() };
            }
            // Escape, and a key that came with it.
            Key::Alt(character) if !class.inserts_always() => {
                let vi = std::mem::take(&mut self.vi);
                *self = Self { vi, typed: character.to_string(), unknown: true, ..Self::default() };
            }
            Key::Ctrl('x') => (self.chord, self.unknown) = (true, true),
            _ => self.unknown = true,
        }
    }

    /// Whether vi would insert the text that stands there at the end of a row. The keys that begin it are not shown: where
    /// all of them are, a shell shows them.
    fn inserts(&self, shown: &str) -> bool {
        self.inserts || (self.vi.mode() == Mode::Insert && !shown.ends_with(self.typed.trim()))
    }

    /// Enter went on.
    fn enter(&mut self, class: Class) -> Next {
        let (mut vi, pasted) = (std::mem::take(&mut self.vi), self.pasted);
        if !pasted {
            vi.enter();
        }
        let answer = self.asked.and_then(|from| self.typed.get(from..));
        let asked = answer.filter(|answer| class.asks_again(answer)).map(|_| 0);
        let next = std::mem::take(&mut self.next);
        let inserts = vi.mode() == Mode::Insert;
        *self = Self { vi, asked, inserts, pasted, ..Self::default() };
        next
    }
}

/// What ends a line, in whatever program.
fn is_enter(press: &KeyPress) -> bool {
    let bytes = press.bytes.to_vec();
    // Enter with a modifier, and that of the keypad, as kitty and xterm send them to programs that ask for it.
    let is_modified = bytes.starts_with(b"\x1b[13;")
        || bytes.starts_with(b"\x1b[57414")
        || (bytes.starts_with(b"\x1b[27;") && bytes.ends_with(b";13~"));
    is_modified || matches!(press.key, Key::Enter | Key::LineFeed | Key::AltCtrl('m' | 'j'))
}

/// Whether a line editor may accept its line, or have it edited and accepted, at this key; `chord` is whether C-x
/// came before it.
fn accepts_otherwise(key: &Key, chord: bool) -> bool {
    let always = [Key::Ctrl('d'), Key::Ctrl('o'), Key::AltCtrl('e')];
    always.contains(key)
        || matches!(key, Key::Alt('#' | 'a' | 'A' | 'e' | 'v' | 'o' | 'h' | 'H' | 'x' | 'z'))
        || (chord && *key == Key::Ctrl('e'))
}

/// Whether it is to be kept: what a rule allows is no reason to hold an Enter.
fn stricter(worst: &mut Option<(String, Verdict)>, text: &str, verdict: Verdict) {
    let before = worst.as_ref().map_or(RuleEffect::Allow, |(_, before)| before.effect);
    if verdict.effect > before {
        *worst = Some((text.to_owned(), verdict));
    }
}

/// The most that is remembered of what was typed into such a program.
const MAX_TYPED: usize = 4096;

/// BEL, C-g: emacs quits what it asks.
const QUIT: u8 = 0x07;
