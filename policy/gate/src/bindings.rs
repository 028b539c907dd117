//! [`Bindings`]: the keys that the start-up files of a shell bind to a text or to a command, as the shell tells them.
//!
//! What a shell tells is bytes of the target, so it may be wrong: the gate only refuses keys by it
//! (`bound`), and never lets one through that would wait without it.

use shell::Shell;

mod notation;

/// What a shell's keys are bound to, and the last keys that it got.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bindings {
    list: Vec<Binding>,
    /// Whether lines are edited as vi does: control keys are text there.
    pub(super) vi: bool,
    /// The last bytes that were typed at a prompt: what a sequence of keys may begin with.
    typed: Vec<u8>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Binding {
    keys: Vec<u8>,
    does: Does,
    /// Whether it is so only where letters are commands (vi).
    in_commands: bool,
}

/// What a key does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Does {
    /// These bytes are typed.
    Types(Vec<u8>),
    /// This command runs, for which the line stays.
    Runs(String),
}

impl Bindings {
    /// Those in an answer to what [`Bindings::question`] asks. What cannot be read in it is left out.
    #[must_use]
    pub fn of_answer(answer: &str, shell: Shell) -> Self {
        let mut bindings = Self::default();
        match shell {
            Shell::Bash => notation::bash(answer, &mut bindings),
            Shell::Zsh => notation::zsh(answer, &mut bindings),
            Shell::Fish => notation::fish(answer, &mut bindings),
            Shell::Ash | Shell::Dash | Shell::Sh | Shell::Unknown => {}
        }
        bindings
    }

    /// What an interactive shell of this kind is asked, in its own language; none where it has no such keys. There is no
    /// `'` in it.
    #[must_use]
    pub fn question(shell: Shell) -> Option<&'static str> {
        match shell {
            Shell::Bash => Some(ASK_BASH),
            Shell::Zsh => Some(ASK_ZSH),
            Shell::Fish => Some(ASK_FISH),
            Shell::Ash | Shell::Dash | Shell::Sh | Shell::Unknown => None,
        }
    }

    fn add(&mut self, keys: Vec<u8>, does: Does, in_commands: bool) {
        let is_short = keys.len() <= MAX_KEYS && matches!(&does, Does::Types(text) if text.len() <= MAX_TEXT)
            || matches!(&does, Does::Runs(text) if text.len() <= MAX_TEXT);
        // Enter and its like are looked at anyway.
        let is_usual = does == Does::Types(vec![b'\r']) && matches!(keys.as_slice(), b"\r" | b"\n" | b"\x0f");
        if !keys.is_empty() && is_short && !is_usual && self.list.len() < MAX_BINDINGS {
            self.list.push(Binding { keys, does, in_commands });
        }
    }

    /// Whether nothing is known to be bound.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// A key went on.
    pub(super) fn went_on(&mut self, key: &[u8]) {
        if self.list.is_empty() {
            return;
        }
        self.typed.extend_from_slice(key);
        let surplus = self.typed.len().saturating_sub(MAX_KEYS);
        self.typed.drain(..surplus);
    }

    /// What is done by a key that comes now: one thing for each way to read it.
    pub(super) fn completed_by(&self, key: &[u8], may_be_command: bool) -> Vec<&Does> {
        self.behind(&self.typed, key, may_be_command)
    }

    /// The same behind other keys than those that were typed.
    pub(super) fn behind(&self, before: &[u8], key: &[u8], may_be_command: bool) -> Vec<&Does> {
        let ends_with = |keys: &[u8]| match keys.strip_suffix(key) {
            Some(first) => before.ends_with(first),
            None => false,
        };
        self.list
            .iter()
            .filter(|binding| may_be_command || !binding.in_commands)
            .filter(|binding| ends_with(&binding.keys))
            .map(|binding| &binding.does)
            .collect()
    }

    /// Whether a key does something else than it comes with when these bytes are sent to the shell.
    pub(super) fn are_in(&self, bytes: &[u8]) -> bool {
        self.list.iter().any(|binding| bytes.windows(binding.keys.len()).any(|window| window == binding.keys))
    }
}

/// Tells the macros, the commands and the keys that accept a line, of each keymap. `bind` may be hidden by a function.
const ASK_BASH: &str = "builtin bind -v | while read -r a b c; do case $b in editing-mode) echo bastion-mode:$c;; esac; \
    done; for m in emacs-standard vi-insert vi-move; do echo bastion-keys:$m; builtin bind -m $m -s; \
    echo bastion-commands:; builtin bind -m $m -X; for f in accept-line operate-and-get-next; do builtin bind -m $m -q $f; done; done; exec true";

/// Tells all that is bound in the keymaps that lines are edited with.
const ASK_ZSH: &str = "for m in main vicmd viopp visual isearch menuselect; do echo bastion-keys:$m; \
    builtin bindkey -LM $m; done; builtin bindkey -lL main; exec true";

/// Tells what was bound by the user, and how lines are edited.
const ASK_FISH: &str = "echo bastion-mode:$fish_key_bindings; builtin bind --user; exec true";

/// As many bindings as are kept: more than frameworks set up.
const MAX_BINDINGS: usize = 512;

/// The longest sequence of keys, in bytes.
const MAX_KEYS: usize = 32;

/// The longest text that a key stands for, in bytes.
const MAX_TEXT: usize = 4 * 1024;
