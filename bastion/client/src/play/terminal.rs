//! [`PlayerTerminal`]: the person's terminal while a recording has it, put right again after.

use std::io::{self, Write as _};

use mask::WindowSize;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetwinsize, tcsetattr,
};

use super::{
    filter::{LEAVE_ALTERNATE, PREPARE, PUT_RIGHT, ShownOutput},
    is_terminal,
};

/// Restores the terminal when dropped.
pub(super) struct PlayerTerminal {
    before: Option<Termios>,
    screen: Option<WindowSize>,
    largest: WindowSize,
    was_resized: bool,
    output: ShownOutput,
}

impl PlayerTerminal {
    /// Keeps keys and the terminal's own answers from appearing between the output.
    pub(super) fn take(recorded: WindowSize) -> Self {
        let mut terminal = Self {
            before: None,
            screen: None,
            largest: recorded.bounded(),
            was_resized: false,
            output: ShownOutput::default(),
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
        // Nothing can be done here about a terminal that is gone.
        let _ = io::stdout().write_all(PREPARE.as_bytes());
        terminal
    }

    pub(super) fn show(&mut self, text: &str) -> io::Result<()> {
        let mut shown = String::with_capacity(text.len());
        self.output.feed(text, &mut shown);
        let mut stdout = io::stdout().lock();
        stdout.write_all(shown.as_bytes())?;
        stdout.flush()
    }

    /// The window changed during the recording. This one cannot follow; the person is told at
    /// the end, where it does not disturb the picture.
    pub(super) fn resized(&mut self, size: WindowSize) {
        self.was_resized = true;
        let size = size.bounded();
        self.largest = WindowSize { cols: self.largest.cols.max(size.cols), rows: self.largest.rows.max(size.rows) };
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
        if self.output.alternate_screen() {
            let _ = stdout.write_all(LEAVE_ALTERNATE.as_bytes());
        }
        let _ = stdout.write_all(PUT_RIGHT.as_bytes());
        let _ = stdout.flush();
        if let Some(before) = &self.before {
            // The keys that were pressed meanwhile were not meant for the shell.
            let _ = tcflush(io::stdin(), QueueSelector::IFlush);
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
        drop(stdout);
        if self.was_resized {
            self.tell_if_too_small("in windows of up to");
        }
    }
}
