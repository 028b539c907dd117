//! [`Class`]: what kind of program shows the screen, as far as the line tells that started it.

use shell::{Command, Parsed};

use crate::key::Key;

/// A kind of program with a screen of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Class {
    /// emacs: C-c begins chords, and what is typed is text.
    Emacs,
    /// What is typed is text: nano and its kin.
    Plain,
    /// A pager.
    Pager,
    /// vi and its kin.
    Vi,
    /// Any of them.
    #[default]
    Any,
}

impl Class {
    /// The kind of the program that the line started last.
    pub(super) fn of(parsed: &Parsed) -> Self {
        match parsed.commands.last().and_then(Command::program) {
            Some(
                "vi" | "vim" | "nvim" | "view" | "vimdiff" | "ex" | "gvim" | "rvim" | "vimtutor" | "nvi" | "elvis",
            ) => Self::Vi,
            Some(
                "nano" | "pico" | "rnano" | "joe" | "jmacs" | "jstar" | "jpico" | "micro" | "mcedit" | "ne" | "ee",
            ) => Self::Plain,
            Some("emacs" | "emacsclient" | "mg" | "zile" | "jove" | "jed") => Self::Emacs,
            Some("less" | "more" | "most" | "man" | "pg" | "zless" | "bat" | "info") => Self::Pager,
            _ => Self::Any,
        }
    }

    /// Whether the program may ask for a command after this key: nano's C-t, emacs' M-!, M-| and M-x.
    pub(super) fn asks(self, key: &Key) -> bool {
        match self {
            Self::Plain => matches!(key, Key::Ctrl('t' | 'x') | Key::Alt('|')),
            Self::Emacs => matches!(key, Key::Alt('!' | '|' | '&' | 'x')),
            Self::Any => matches!(key, Key::Ctrl('t') | Key::Alt('!' | '|' | '&' | 'x')),
            Self::Pager | Self::Vi => false,
        }
    }

    /// Whether the answer to emacs' M-x is a command that asks for one of the shell.
    pub(super) fn asks_again(self, answer: &str) -> bool {
        let asks =
            answer.contains("shell-command") || matches!(answer.trim(), "compile" | "recompile" | "grep" | "lgrep");
        matches!(self, Self::Emacs | Self::Any) && asks
    }

    /// Whether the answer opens a shell in the editor.
    pub(super) fn opens_a_shell(self, answer: &str) -> bool {
        let answer = answer.trim();
        matches!(self, Self::Emacs | Self::Any)
            && matches!(answer, "shell" | "eshell" | "term" | "ansi-term" | "multi-term" | "vterm" | "eat")
    }

    /// Whether keys are text wherever nothing is asked for.
    pub(super) fn inserts_always(self) -> bool {
        matches!(self, Self::Emacs | Self::Plain)
    }
}
