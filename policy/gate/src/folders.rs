//! [`Folders`]: where the shell may be, as told by the lines that went on.
//!
//! `cd /etc` on one line gives `echo x > motd` on the next its meaning. Whether a line that has more than one command
//! reached its `cd` is not known, so each folder that is possible is kept, and a line is judged in each.
//!
//! **Limits:** a `cd` alone on its line is taken to have succeeded. A folder that a line computes is not known.

use policy::verdict::{CommandInput, Verdict};
use shell::{Command, Folder, ParseContext, Parsed};

use super::judging::{Judge, stricter};
use crate::foreground::Foreground;

/// The folders in which the shell may be.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    now: Vec<Folder>,
    /// Those before the last change: `cd -`.
    before: Vec<Folder>,
    /// Those of the shells around this one.
    outer: Vec<Vec<Folder>>,
    /// Whether the last line did nothing but change the folder: no program reads what comes next.
    shell_reads: bool,
    /// Whether the lines are typed, or else the commands of a script.
    typed: bool,
}

impl Default for Folders {
    fn default() -> Self {
        Self {
            now: vec![Folder::Home(String::new())],
            before: Vec::new(),
            outer: Vec::new(),
            shell_reads: true,
            typed: true,
        }
    }
}

impl Folders {
    /// Those of a shell that reads its commands without a terminal.
    pub(super) fn of_a_script() -> Self {
        Self { typed: false, ..Self::default() }
    }

    /// The strictest verdict on a line in any of the folders.
    pub(super) fn judge(&self, input: CommandInput<'_>, judge: Judge<'_>) -> Verdict {
        let CommandInput::Line(line) = input else { return judge(input) };
        let verdicts = self.now.iter().map(|folder| judge(CommandInput::LineIn(line, folder)));
        verdicts.reduce(stricter).unwrap_or_else(|| judge(input))
    }

    /// A whole line of a shell has gone on, which runs what is `parsed`.
    pub(super) fn line_ran(&mut self, line: &str, parsed: &Parsed) {
        self.shell_reads = parsed.opaque.is_empty()
            && !parsed.commands.is_empty()
            && parsed.commands.iter().all(Command::changes_folder);
        let words: Vec<&str> = line.split_whitespace().take(MAX_EXIT_WORDS).collect();
        if let ["exit" | "logout"] | ["exit", _] = words.as_slice() {
            return self.shell_ended();
        }
        if Foreground::opens_a_shell(parsed) && self.outer.len() < MAX_OUTER {
            self.outer.push(self.now.clone());
        }
        if !parsed.commands.iter().any(Command::changes_folder) {
            return;
        }
        let after: Vec<_> = self.now.iter().map(|folder| (folder, self.in_folder(line, folder))).collect();
        let is_alone =
            after.iter().all(|(_, parsed)| matches!(parsed.commands.as_slice(), [only] if only.redirects.is_empty()));
        let mut now = Vec::new();
        for (old, parsed) in &after {
            match &parsed.folder {
                Folder::Previous => now.extend(self.before.iter().cloned()),
                // Elsewhere than before; where is not known.
                Folder::Computed => now.push(Folder::Inherited),
                folder @ (Folder::Above(_) | Folder::Home(_) | Folder::Inherited | Folder::Known(_)) => {
                    now.push(folder.clone())
                }
            }
            if !is_alone {
                now.push((*old).clone());
            }
        }
        let mut distinct = Vec::new();
        for folder in now {
            if !distinct.contains(&folder) && distinct.len() < MAX_FOLDERS {
                distinct.push(folder);
            }
        }
        if !distinct.is_empty() && distinct != self.now {
            self.before = std::mem::replace(&mut self.now, distinct);
        }
    }

    fn in_folder(&self, line: &str, folder: &Folder) -> Parsed {
        let place = ParseContext { interactive: self.typed, folder: folder.clone(), ..ParseContext::default() };
        shell::parse(line, &place)
    }

    /// The shell that read the lines has ended, and the one around it reads the next.
    fn shell_ended(&mut self) {
        if let Some(outer) = self.outer.pop() {
            self.now = outer;
        }
    }

    /// The end of input was typed; it is for a shell if that `is_certain`, or if no program can read it.
    pub(super) fn input_ended(&mut self, is_certain: bool) {
        if is_certain || self.shell_reads { self.shell_ended() } else { self.shell_may_have_ended() }
    }

    /// Whether the shell that read the lines has ended will only be known later.
    pub(super) fn shell_may_have_ended(&mut self) {
        for folder in self.outer.iter().flatten() {
            if !self.now.contains(folder) {
                self.now.push(folder.clone());
            }
        }
    }
}

/// As many folders as are kept.
const MAX_FOLDERS: usize = 4;

/// As many shells in shells as are told apart.
const MAX_OUTER: usize = 16;

/// One more than `exit 1` has.
const MAX_EXIT_WORDS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn after(lines: &[&str]) -> Vec<Folder> {
        let mut folders = Folders::default();
        lines.iter().for_each(|line| folders.line_ran(line, &shell::parse(line, &ParseContext::typed())));
        folders.now
    }

    #[test]
    fn the_folder_is_where_the_lines_lead() {
        let known = |path: &str| Folder::Known(path.to_owned());
        let home = |path: &str| Folder::Home(path.to_owned());
        for (lines, expected) in [
            (&["ls"][..], vec![home("")]),
            (&["cd src"], vec![home("src")]),
            (&["cd src/a", "cd .."], vec![home("src")]),
            (&["cd ~/.ssh"], vec![home(".ssh")]),
            (&["cd \"$X\""], vec![Folder::Inherited]),
            (&["cd /etc"], vec![known("/etc")]),
            (&["cd /", "cd etc"], vec![known("/etc")]),
            (&["cd /etc", "ls", "cd ssh/.."], vec![known("/etc")]),
            (&["cd /etc", "cd"], vec![home("")]),
            (&["cd ../..", "cd etc"], vec![Folder::Above("etc".to_owned())]),
            (&["cd /etc", "cd /tmp", "cd -"], vec![known("/etc")]),
            (&["pushd /etc", "popd"], vec![home("")]),
            (&["cd /etc && ls"], vec![known("/etc"), home("")]),
            (&["cd /etc", "false && cd /tmp"], vec![known("/tmp"), known("/etc")]),
            (&["cd /etc", "cd /none 2>&1 | cat"], vec![known("/etc")]),
            (&["cd /etc", "bash", "cd /tmp", "exit"], vec![known("/etc")]),
            (&["cd /etc", "(exit)"], vec![known("/etc")]),
            (&[r"c\d /etc"], vec![known("/etc")]),
            (&["command cd /etc"], vec![known("/etc"), home("")]),
            (&["cd /etc/$x"], vec![known("/etc")]),
            (&["(cd /etc; ls)"], vec![home("")]),
        ] {
            assert_eq!(after(lines), expected, "{lines:?}");
        }
    }
}
