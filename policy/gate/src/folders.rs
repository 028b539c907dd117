//! [`Folders`]: where the shell may be, and which one it is, as told by the lines that went on.
//!
//! `cd /etc` on one line gives `echo x > motd` on the next its meaning, and so does `zsh`. Whether a line that has more
//! than one command reached its `cd` is not known, nor whether a shell could be started: so each folder and each kind
//! of shell that is possible is kept, and a line is judged in each.
//!
//! **Limits:** a `cd` alone on its line is taken to have succeeded. A folder that a line computes is not known.

use policy::verdict::{CommandInput, Verdict};
use shell::{Command, Earlier, Folder, ParseContext, Parsed, Shell, completeness};

use super::judging::{Judge, stricter};
use crate::foreground::Foreground;

/// The folders in which the shell may be.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    now: Vec<Folder>,
    /// Those before the last change: `cd -`.
    before: Vec<Folder>,
    /// Those of the shells around this one, and the kinds these may be.
    outer: Vec<(Vec<Folder>, Vec<Shell>)>,
    /// What the shell that reads may be.
    shells: Vec<Shell>,
    /// Whether the last line did nothing but change the folder: no program reads what comes next.
    shell_reads: bool,
    /// What else the lines have done.
    earlier: Earlier,
    /// Whether the lines are typed, or else the commands of a script.
    typed: bool,
}

impl Default for Folders {
    fn default() -> Self {
        Self {
            now: vec![Folder::Home(String::new())],
            before: Vec::new(),
            outer: Vec::new(),
            shells: vec![Shell::Unknown],
            shell_reads: true,
            earlier: Earlier::default(),
            typed: true,
        }
    }
}

impl Folders {
    /// Those of a shell that reads its commands without a terminal.
    pub(super) fn of_a_script() -> Self {
        Self { typed: false, ..Self::default() }
    }

    /// The strictest verdict on a line in any of the folders, read by any of the shells.
    pub(super) fn judge(&self, input: CommandInput<'_>, judge: Judge<'_>) -> Verdict {
        let CommandInput::Line(line) = input else { return judge(input) };
        let places = self.shells.iter().flat_map(|shell| self.now.iter().map(move |folder| (folder, *shell)));
        let earlier = &self.earlier;
        let verdicts = places.map(|(folder, shell)| {
            // What is begun is judged as far as it goes.
            let closed = completeness::closed_in(line, shell);
            let line = closed.as_deref().unwrap_or(line);
            judge(CommandInput::LineIn { line, folder, shell, earlier })
        });
        verdicts.reduce(stricter).unwrap_or_else(|| judge(input))
    }

    /// A whole line of a shell has gone on, which runs what is `parsed`.
    pub(super) fn line_ran(&mut self, line: &str, parsed: &Parsed) {
        self.shell_reads = parsed.opaque.is_empty()
            && !parsed.commands.is_empty()
            && parsed.commands.iter().all(Command::changes_folder);
        self.earlier.ran(parsed);
        let words: Vec<&str> = line.split_whitespace().take(MAX_EXIT_WORDS).collect();
        if let ["exit" | "logout"] | ["exit", _] = words.as_slice() {
            return self.shell_ended();
        }
        if let Some(shell) = Foreground::opened_shell(parsed) {
            self.shell_opened(shell);
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

    /// Of which kind the first shell is.
    pub(super) fn login_shell(&mut self, shell: Shell) {
        let shells = self.outer.first_mut().map_or(&mut self.shells, |(_, shells)| shells);
        for known in shells.iter_mut().filter(|known| **known == Shell::Unknown) {
            *known = shell;
        }
    }

    /// A line has gone on that a shell runs, if the program that runs now leaves it to one.
    pub(super) fn line_may_run(&mut self, line: &str, parsed: &Parsed) {
        let before = self.clone();
        self.line_ran(line, parsed);
        self.may_be_as(&before.now, &before.shells);
        self.shell_reads = false;
    }

    /// The same for a line that a key runs if the target tells the truth: folders and shells are added, and nothing that
    /// is known from the lines is replaced.
    pub(super) fn key_may_have_run(&mut self, line: &str, parsed: &Parsed) {
        let kept = self.clone();
        self.line_may_run(line, parsed);
        let now = std::mem::take(&mut self.now);
        let shells = std::mem::take(&mut self.shells);
        *self = Self { now, shells, shell_reads: false, ..kept };
    }

    fn shell_opened(&mut self, shell: Shell) {
        if self.outer.len() < MAX_OUTER {
            self.outer.push((self.now.clone(), self.shells.clone()));
        }
        // A shell that is not there leaves the one that was to start it.
        let is_covered = self.shells.contains(&Shell::Unknown) && !matches!(shell, Shell::Fish | Shell::Zsh);
        if !is_covered && !self.shells.contains(&shell) && self.shells.len() < MAX_SHELLS {
            self.shells.insert(0, shell);
        }
    }

    /// Which shell reads, if that is sure.
    pub(super) fn shell(&self) -> Shell {
        match self.shells.as_slice() {
            [only] => *only,
            _ => Shell::Unknown,
        }
    }

    /// What is known of the place where a line runs that is typed now.
    pub(super) fn place(&self) -> ParseContext {
        ParseContext { shell: self.shell(), ..ParseContext::typed() }
    }

    fn in_folder(&self, line: &str, folder: &Folder) -> Parsed {
        let (interactive, folder) = (self.typed, folder.clone());
        let place = ParseContext { interactive, folder, shell: self.shell(), ..ParseContext::default() };
        shell::parse(line, &place)
    }

    /// The shell that read the lines has ended, and the one around it reads the next.
    fn shell_ended(&mut self) {
        if let Some((folders, shells)) = self.outer.pop() {
            (self.now, self.shells) = (folders, shells);
        }
    }

    /// The shell may as well be one of these, in one of these folders.
    fn may_be_as(&mut self, folders: &[Folder], shells: &[Shell]) {
        for folder in folders {
            if !self.now.contains(folder) {
                self.now.push(folder.clone());
            }
        }
        for shell in shells {
            if !self.shells.contains(shell) {
                self.shells.push(*shell);
            }
        }
    }

    /// The end of input was typed; it is for a shell if that `is_certain`, or if no program can read it.
    pub(super) fn input_ended(&mut self, is_certain: bool) {
        if is_certain || self.shell_reads { self.shell_ended() } else { self.shell_may_have_ended() }
    }

    /// Whether the shell that read the lines has ended will only be known later.
    pub(super) fn shell_may_have_ended(&mut self) {
        for (folders, shells) in self.outer.clone() {
            self.may_be_as(&folders, &shells);
        }
    }
}

/// As many folders as are kept.
const MAX_FOLDERS: usize = 4;

/// As many shells in shells as are told apart.
const MAX_OUTER: usize = 16;

/// As many kinds of shells as one line is read by.
const MAX_SHELLS: usize = 3;

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
    fn a_line_is_read_by_each_shell_that_may_read_it() {
        for (lines, expected) in [
            (&["ls"][..], &[Shell::Unknown][..]),
            (&["zsh"], &[Shell::Zsh, Shell::Unknown]),
            (&["sudo -u web fish -i"], &[Shell::Fish, Shell::Unknown]),
            (&["zsh", "bash"], &[Shell::Zsh, Shell::Unknown]),
            (&["zsh", "exit"], &[Shell::Unknown]),
            (&["zsh", "fish", "exit"], &[Shell::Zsh, Shell::Unknown]),
            (&["bash -c zsh"], &[Shell::Zsh, Shell::Unknown]),
            (&["ssh web1"], &[Shell::Unknown]),
        ] {
            let mut folders = Folders::default();
            lines.iter().for_each(|line| folders.line_ran(line, &shell::parse(line, &ParseContext::typed())));
            assert_eq!(folders.shells, expected, "{lines:?}");
        }
    }

    #[test]
    fn what_lines_have_written_is_no_script_that_stood_there() {
        let is_hidden = |lines: &[&str]| {
            let mut folders = Folders::default();
            let (last, before) = lines.split_last().unwrap();
            before.iter().for_each(|line| folders.line_ran(line, &shell::parse(line, &ParseContext::typed())));
            let place = ParseContext { earlier: folders.earlier, ..ParseContext::typed() };
            shell::parse(last, &place).opaque.iter().any(|opaque| opaque.kind == shell::OpaqueKind::Hidden)
        };
        for lines in [
            &["cat > s <<'E'\nrm -rf x\nE", "chmod +x s", "./s"][..],
            &["curl -o s http://x", "./s"],
            &["base64 -d < x > s.py", "python3 s.py"],
            &["echo x >> .env", "ls", "source .env"],
        ] {
            assert!(is_hidden(lines), "{lines:?}");
        }
        for lines in
            [&["vim s", "./s"][..], &["./s > log", "./s"], &["cp a.py b.py", "python3 b.py"], &["gcc -o s s.c", "./s"]]
        {
            assert!(!is_hidden(lines), "{lines:?}");
        }
    }

    #[test]
    fn a_shell_that_is_known_reads_alone() {
        let mut folders = Folders::default();
        folders.login_shell(Shell::Fish);
        assert_eq!(folders.shells, [Shell::Fish]);
        // The answer may come late.
        let mut folders = Folders::default();
        folders.line_ran("zsh", &shell::parse("zsh", &ParseContext::typed()));
        folders.login_shell(Shell::Bash);
        assert_eq!(folders.shells, [Shell::Zsh, Shell::Unknown]);
        folders.line_ran("exit", &shell::parse("exit", &ParseContext::typed()));
        assert_eq!(folders.shells, [Shell::Bash]);
    }

    #[test]
    fn a_line_that_may_run_leaves_both_folders() {
        let mut folders = Folders::default();
        for line in ["cd /tmp", "cd /etc"] {
            folders.line_may_run(line, &shell::parse(line, &ParseContext::typed()));
        }
        assert!(folders.now.contains(&Folder::Known("/etc".to_owned())));
        assert!(folders.now.contains(&Folder::Known("/tmp".to_owned())));
        assert!(folders.now.contains(&Folder::Home(String::new())));
    }

    #[test]
    fn a_line_of_a_key_replaces_nothing() {
        let parsed = |line: &str| shell::parse(line, &ParseContext::typed());
        let mut folders = Folders::default();
        for line in ["cd /etc", "cd /tmp"] {
            folders.line_ran(line, &parsed(line));
        }
        for line in ["cd /srv", "alias k=ls", "exit"] {
            folders.key_may_have_run(line, &parsed(line));
        }
        assert!(folders.now.contains(&Folder::Known("/tmp".to_owned())));
        assert!(folders.now.contains(&Folder::Known("/srv".to_owned())));
        assert_eq!(folders.earlier, Earlier::default());
        folders.line_ran("cd -", &parsed("cd -"));
        assert!(folders.now.contains(&Folder::Known("/etc".to_owned())), "{folders:?}");
    }

    #[test]
    fn another_name_for_a_command_is_that_command_on_later_lines() {
        let mut folders = Folders::default();
        for line in ["alias k=kubectl", "alias g='git -C /srv'", "ls"] {
            folders.line_ran(line, &shell::parse(line, &ParseContext::typed()));
        }
        let place = ParseContext { earlier: folders.earlier, ..ParseContext::typed() };
        for (line, expected) in [("k delete ns x", "kubectl delete ns x"), ("g log | cat", "git -C /srv log")] {
            let parsed = shell::parse(line, &place);
            assert!(parsed.commands.iter().any(|command| command.to_string() == expected), "{line}: {parsed:?}");
        }
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
