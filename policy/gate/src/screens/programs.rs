//! [`Programs`]: which programs show a screen, as told by the lines that ran, and when they leave it and come back.

use shell::Parsed;

use super::{
    Escape,
    class::Class,
    menu::Menu,
    prompts::{Likeness, Prompts},
};
use crate::{Gate, State, foreground::Foreground};

/// What is known of the programs that show a screen.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Programs {
    pub(in super::super) prompts: Prompts,
    pub(in super::super) menu: Menu,
    /// The program that runs, or ran last.
    pub(super) class: Class,
    /// Whether a pane may show an editor or a pager.
    pub(super) editors: bool,
    /// Whether another pane may have the cursor since an editor was started.
    pub(super) moved: bool,
    /// Languages that were started in panes.
    pub(super) languages: Vec<Foreground>,
    /// The editor in which a shell was opened.
    pub(super) around: Option<Foreground>,
    /// Whether the last line ended the shell.
    pub(in super::super) ended: bool,
    /// The program that left its screen, until a shell reads.
    pub(super) left: Option<Foreground>,
}

impl Gate {
    /// A shell at its prompt runs this: whatever showed a screen before is gone.
    pub(in super::super) fn shell_ran(&mut self, parsed: &Parsed) {
        self.programs.left = None;
        self.programs.editors = false;
        self.programs.languages.clear();
        let program = parsed.commands.first().and_then(shell::Command::program);
        self.programs.ended = matches!(program, Some("exit" | "logout"));
        if self.programs.ended {
            return;
        }
        self.programs.class = Class::of(parsed);
    }

    /// What was stopped reads again, and which program that is was not written down.
    pub(in super::super) fn continued(&mut self) {
        self.programs.left = None;
        self.programs.class = Class::default();
    }

    /// The other screen is shown, or no longer.
    pub(in super::super) fn alternate_screen(&mut self, on: bool) {
        if on {
            self.screen_returned();
            return;
        }
        // The program with that screen is gone, or says so: from here on a shell reads.
        if matches!(self.foreground, Foreground::Screen | Foreground::Multiplexer) {
            self.programs.left = Some(self.foreground);
        }
        self.foreground = self.foreground.after_screen();
        self.escape = Escape::default();
        if matches!(self.state, State::Typing) {
            self.new_line();
        }
    }

    /// Editors leave their screen for the commands that they run, and emacs does so when it starts. It is taken for
    /// that only where no shell prompted in between.
    fn screen_returned(&mut self) {
        // The line that ended a shell within an editor ran a program, as every other.
        let has_ended = self.programs.ended && self.foreground == Foreground::Program;
        if self.foreground != Foreground::Shell && !has_ended {
            return;
        }
        let around = self.programs.around.take_if(|_| std::mem::take(&mut self.programs.ended));
        let Some(left) = self.programs.left.take().or(around) else { return };
        let here = self.screen.line_start().prompt;
        let is_prompt = self.programs.prompts.likeness(&here).is_some_and(|likeness| likeness > Likeness::Weak);
        if is_prompt && left != Foreground::Multiplexer {
            return;
        }
        self.foreground = left;
        self.start = None;
        self.line.clear();
    }

    /// Pastes are asked for: by a shell's prompt, if the program's screen is gone.
    pub(in super::super) fn prompted_after_screen(&mut self) {
        if !self.screen.modes().alternate && self.programs.left == Some(Foreground::Screen) {
            self.programs.left = None;
        }
    }
}

impl Programs {
    /// A line ran in a pane.
    pub(super) fn ran_in_pane(&mut self, parsed: &Parsed, after: Foreground) {
        if matches!(after, Foreground::Repl(_)) && self.languages.len() < MAX_LANGUAGES {
            self.languages.push(after);
        }
        if after == Foreground::Screen {
            (self.editors, self.moved) = (true, false);
            self.class = Class::of(parsed);
        } else if !self.moved {
            // The prompt is that of the pane in which the editor was.
            self.editors = false;
            self.class = Class::default();
        }
    }
}

/// As many languages as are told apart.
const MAX_LANGUAGES: usize = 8;
