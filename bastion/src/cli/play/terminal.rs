//! [`PlayerTerminal`]: the person's terminal while a recording has it, put right again after.

use std::io::{self, Write as _};

use policy::WindowSize;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetwinsize, tcsetattr,
};

use super::is_terminal;

/// Restores the terminal when dropped.
pub(super) struct PlayerTerminal {
    before: Option<Termios>,
    screen: Option<WindowSize>,
    largest: WindowSize,
    was_resized: bool,
    /// The end of what was shown: a sequence may be split between two events.
    tail: String,
    alternate_screen: bool,
}

impl PlayerTerminal {
    /// Keeps keys and the terminal's own answers from appearing between the output.
    pub(super) fn take(recorded: WindowSize) -> Self {
        let mut terminal = Self {
            before: None,
            screen: None,
            largest: recorded,
            was_resized: false,
            tail: String::new(),
            alternate_screen: false,
        };
        if !is_terminal() {
            return terminal;
        }
        terminal.screen =
            tcgetwinsize(io::stdout()).ok().map(|size| WindowSize { cols: size.ws_col, rows: size.ws_row });
        terminal.tell_if_too_small("at");
        if let Ok(before) = tcgetattr(io::stdin()) {
            let mut quiet = before.clone();
            // ISIG stays: Ctrl-C ends the player.
            quiet.local_modes -= LocalModes::ECHO | LocalModes::ICANON;
            if tcsetattr(io::stdin(), OptionalActions::Now, &quiet).is_ok() {
                terminal.before = Some(before);
            }
        }
        terminal
    }

    pub(super) fn show(&mut self, text: &str) -> io::Result<()> {
        self.watch(text);
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }

    /// The window changed during the recording. This one cannot follow; the person is told at
    /// the end, where it does not disturb the picture.
    pub(super) fn resized(&mut self, size: WindowSize) {
        self.was_resized = true;
        self.largest = WindowSize { cols: self.largest.cols.max(size.cols), rows: self.largest.rows.max(size.rows) };
    }

    fn watch(&mut self, text: &str) {
        self.tail.push_str(text);
        let last = |codes: &[&str]| codes.iter().filter_map(|code| self.tail.rfind(code)).max();
        match (last(ENTER_ALTERNATE), last(LEAVE_ALTERNATE)) {
            (Some(entered), left) if left.is_none_or(|left| left < entered) => self.alternate_screen = true,
            (_, Some(_)) => self.alternate_screen = false,
            _ => {}
        }
        let keep = self.tail.char_indices().rev().nth(LONGEST_CODE - 2).map_or(0, |(index, _)| index);
        self.tail.drain(..keep);
    }

    fn tell_if_too_small(&self, how: &str) {
        let (Some(screen), largest) = (self.screen, self.largest) else { return };
        if screen.cols < largest.cols || screen.rows < largest.rows {
            eprintln!(
                "bastion: recorded {how} {}x{}, this terminal has {}x{}: lines may have wrapped",
                largest.cols, largest.rows, screen.cols, screen.rows
            );
        }
    }
}

impl Drop for PlayerTerminal {
    fn drop(&mut self) {
        if self.screen.is_none() {
            return;
        }
        let mut stdout = io::stdout().lock();
        // Nothing can be done here about a terminal that is gone.
        if self.alternate_screen {
            let _ = stdout.write_all(b"\x1b[?1049l");
        }
        let _ = stdout.write_all(PUT_RIGHT.as_bytes());
        let _ = stdout.flush();
        if let Some(before) = &self.before {
            // The terminal's answers to the recording's questions must not reach the shell.
            let _ = tcflush(io::stdin(), QueueSelector::IFlush);
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
        drop(stdout);
        if self.was_resized {
            self.tell_if_too_small("in windows of up to");
        }
    }
}

const ENTER_ALTERNATE: &[&str] = &["\x1b[?1049h", "\x1b[?1047h", "\x1b[?47h"];
const LEAVE_ALTERNATE: &[&str] = &["\x1b[?1049l", "\x1b[?1047l", "\x1b[?47l"];
const LONGEST_CODE: usize = "\x1b[?1049h".len();

/// Mouse reports, focus reports and bracketed paste off; then DECSTR: cursor, margins, character
/// sets and keypad as after a start.
const PUT_RIGHT: &str = "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1006l\x1b[?2004l\x1b[!p\x1b[?25h\x1b[0m\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn after(parts: &[&str]) -> PlayerTerminal {
        let mut terminal = PlayerTerminal {
            before: None,
            screen: None,
            largest: WindowSize { cols: 80, rows: 24 },
            was_resized: false,
            tail: String::new(),
            alternate_screen: false,
        };
        for part in parts {
            terminal.watch(part);
        }
        terminal
    }

    #[test]
    fn the_alternate_screen_is_seen_across_event_borders() {
        assert!(after(&["vim\x1b[?1049h"]).alternate_screen);
        assert!(after(&["\x1b[?10", "4", "9h\u{e4}"]).alternate_screen);
        assert!(!after(&["\x1b[?1049h", "text", "\x1b[?1049l"]).alternate_screen);
        assert!(after(&["\x1b[?1049h\x1b[?1049l\x1b[?1049h", "text"]).alternate_screen);
        assert!(!after(&["plain"]).alternate_screen);
    }

    #[test]
    fn what_is_kept_of_the_output_does_not_grow() {
        let terminal = after(&["x".repeat(10_000).as_str(), "日本"]);
        assert!(terminal.tail.chars().count() < LONGEST_CODE, "{}", terminal.tail);
    }
}
