//! [`Foreground`]: which program reads what is typed next, as told by the line that was approved last.
//!
//! Output cannot say it: output may be made by anybody. What was approved can: a line that runs `vim`
//! makes vim the reader until its screen is gone, and so does `sudo -u web env A=1 vim`: what runs another program
//! is looked through, here, as another user, in a container or elsewhere. What is not in these tables is read as a
//! shell would read it, which is the strictest way.

use shell::{Command, Parsed, Shell, base_name};

use crate::repl::{self, Repl};

mod jobs;
mod programs;

pub(crate) use jobs::Jobs;
use programs::{Kind, kind};

/// Who reads what is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Foreground {
    /// A shell, or something that is not known.
    #[default]
    Shell,
    /// A program with a screen of its own that may run shell commands after `!`: editors and pagers.
    Screen,
    /// A program that shows several shells on one screen.
    Multiplexer,
    /// A program with a prompt and a language of its own.
    Repl(Repl),
    /// A program that takes all that is typed as text, to the end of input: `cat > FILE`.
    Data,
    /// Another program that is known by its name: it may ask something, and ends by itself.
    Program,
}

impl Foreground {
    /// The reader after a line that runs this.
    #[must_use]
    pub fn after(parsed: &Parsed) -> Self {
        let is_known = |why: &shell::Opaque| {
            let command = why.command.and_then(|index| parsed.commands.get(index));
            command.and_then(Command::program).is_some_and(|name| repl::of_program(name).is_some())
        };
        if !parsed.tampering.is_empty() || !parsed.opaque.iter().all(is_known) {
            return Self::Shell;
        }
        of_commands(&parsed.commands)
    }

    /// The reader once a screen of its own is gone: the program that is known to own it is gone too, or says so. A
    /// language shows its pager there, and goes on.
    #[must_use]
    pub(crate) fn after_screen(self) -> Self {
        match self {
            Self::Repl(repl) => Self::Repl(repl),
            Self::Data | Self::Multiplexer | Self::Program | Self::Screen | Self::Shell => Self::Shell,
        }
    }

    /// The shell that a line leaves in the foreground that runs this, if it opens one.
    pub(crate) fn opened_shell(parsed: &Parsed) -> Option<Shell> {
        let opens = |command: &Command| command.program().is_some_and(programs::opens_a_shell);
        let last = parsed.commands.iter().rfind(|command| opens(command))?;
        Some(last.program().and_then(Shell::of_program).unwrap_or_default())
    }
}

/// The reader after commands of which the first is of the lowest level.
fn of_commands(commands: &[Command]) -> Foreground {
    let mut readers = Vec::new();
    let mut rest = commands;
    while let Some((outer, behind)) = rest.split_first() {
        let inner = behind.iter().take_while(|command| command.level > outer.level).count();
        let (inner, others) = behind.split_at(inner);
        readers.push(of_command(outer, inner));
        rest = others;
    }
    if readers.contains(&Foreground::Shell) {
        return Foreground::Shell;
    }
    let Some((last, before)) = readers.split_last() else { return Foreground::Program };
    // Another language before it may still read, and what is text for one is none for another.
    let is_mixed = match last {
        Foreground::Repl(_) => before.iter().any(|reader| *reader != Foreground::Program),
        Foreground::Data => !before.is_empty(),
        Foreground::Multiplexer | Foreground::Program | Foreground::Screen | Foreground::Shell => false,
    };
    if is_mixed { Foreground::Program } else { *last }
}

/// The reader after a command that runs the `inner` ones.
fn of_command(outer: &Command, inner: &[Command]) -> Foreground {
    let Some(name) = outer.program() else { return Foreground::Shell };
    let runs = (!inner.is_empty()).then(|| of_commands(inner));
    let words: Vec<&str> = outer.arguments().iter().map(|word| word.known().unwrap_or_default()).collect();
    match kind(name, &words) {
        // Those that run another are gone, or stay behind it.
        Kind::Opens => runs.unwrap_or(Foreground::Shell),
        Kind::Runs => runs.unwrap_or(Foreground::Program),
        Kind::Screen => match runs {
            Some(Foreground::Shell) => Foreground::Shell,
            _ => Foreground::Screen,
        },
        Kind::Multiplexer => Foreground::Multiplexer,
        // Its input is a file.
        Kind::Repl(_) if outer.stdin.is_some() || outer.stdin_is_unknown => Foreground::Program,
        Kind::Data if outer.stdin.is_some() || outer.stdin_is_unknown => Foreground::Program,
        Kind::Data => Foreground::Data,
        Kind::Repl(repl) => Foreground::Repl(repl),
        Kind::Unknown => runs.unwrap_or(Foreground::Program),
    }
}

/// The language that a word names that a program runs which is not looked through: `poetry run python`.
fn named_language(words: &[&str]) -> Option<Repl> {
    words.iter().find_map(|word| repl::of_program(base_name(word)))
}

#[cfg(test)]
mod tests;
