//! [`Foreground`]: which program reads what is typed next, as told by the line that was approved last.
//!
//! Output cannot say it: output may be made by anybody. What was approved can: a line that runs `vim`
//! alone makes vim the reader until its screen is gone. What is not in these tables is read as a shell
//! would read it, which is the strictest way.

use shell::{Command, Parsed, Shell};

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
    /// Another program that is known by its name: it may ask something, and ends by itself.
    Program,
}

/// A language with a prompt of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repl {
    /// The program and option that would run a line of the language.
    pub runs: (&'static str, &'static str),
    prompt: Prompt,
    /// What ends a statement that may have several lines.
    pub terminator: Option<char>,
}

/// How a prompt is recognized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prompt {
    /// It is one of these.
    Is(&'static [&'static str]),
    /// It ends with one of these, after a name.
    Ends(&'static [&'static str]),
}

impl Foreground {
    /// The reader after a line that runs this.
    #[must_use]
    pub fn after(parsed: &Parsed) -> Self {
        if !parsed.opaque.is_empty() || !parsed.tampering.is_empty() {
            return Self::Shell;
        }
        let programs: Option<Vec<&str>> = parsed.commands.iter().map(Command::program).collect();
        let Some(programs) = programs else { return Self::Shell };
        let Some((last, before)) = programs.split_last() else { return Self::Program };
        if programs.iter().any(|program| starts_a_shell(program)) {
            return Self::Shell;
        }
        let alone = before.iter().all(|program| RUNNERS.contains(program));
        match *last {
            program if SCREENS.contains(&program) => Self::Screen,
            program if MULTIPLEXERS.contains(&program) => Self::Multiplexer,
            // With a script or a command it ends by itself.
            program if alone => match repl(program) {
                Some(repl) => Self::Repl(repl),
                None => Self::Program,
            },
            _ => Self::Program,
        }
    }
}

impl Foreground {
    /// Whether a line that runs this leaves a shell in the foreground that reads the next lines.
    pub(crate) fn opens_a_shell(parsed: &Parsed) -> bool {
        parsed.commands.iter().filter_map(Command::program).any(starts_a_shell)
    }
}

impl Repl {
    /// Whether the text left of the cursor looks like its prompt. What does not is read as a shell's line.
    #[must_use]
    pub fn has_prompt(&self, prompt: &str) -> bool {
        match self.prompt {
            Prompt::Is(prompts) => prompts.contains(&prompt),
            Prompt::Ends(ends) => ends.iter().any(|end| {
                prompt.strip_suffix(end).is_some_and(|name| {
                    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-.:[]()@/\\".contains(c))
                })
            }),
        }
    }
}

/// Whether a program may read commands as a shell does: it is one, or it opens one here or elsewhere.
fn starts_a_shell(program: &str) -> bool {
    Shell::of_program(program).is_some()
        || matches!(
            program,
            "su" | "sudo"
                | "doas"
                | "run0"
                | "pkexec"
                | "runuser"
                | "login"
                | "newgrp"
                | "sg"
                | "setpriv"
                | "ssh"
                | "slogin"
                | "mosh"
                | "rsh"
                | "telnet"
                | "autossh"
                | "sshpass"
                | "docker"
                | "podman"
                | "nerdctl"
                | "crictl"
                | "ctr"
                | "kubectl"
                | "oc"
                | "lxc"
                | "incus"
                | "machinectl"
                | "nsenter"
                | "unshare"
                | "chroot"
                | "script"
                | "expect"
                | "socat"
                | "nc"
                | "ncat"
                | "busybox"
                | "toybox"
                | "gdb"
                | "lldb"
                | "mc"
                | "ranger"
                | "xonsh"
                | "elvish"
                | "nu"
                | "pwsh"
                | "tcsh"
                | "csh"
                | "rlwrap"
                | "unbuffer"
                | "watch"
                | "env"
                | "exec"
                | "eval"
                | "source"
                | "."
                | "virsh"
                | "minicom"
                | "picocom"
                | "vagrant"
                | "multipass"
                | "gcloud"
                | "aws"
                | "az"
                | "nix-shell"
                | "guix"
                | "poetry"
                | "pipenv"
                | "conda"
        )
}

fn repl(program: &str) -> Option<Repl> {
    const SQL: Option<char> = Some(';');
    let (runs, prompt, terminator) = match program {
        "psql" => (
            ("psql", "-c"),
            Prompt::Ends(&[
                "=# ", "=> ", "-# ", "-> ", "'# ", "'> ", "(# ", "(> ", "\"# ", "\"> ", "*# ", "*> ", "=*# ", "=*> ",
                "=!# ", "=!> ",
            ]),
            SQL,
        ),
        "mysql" | "mariadb" => {
            (("mysql", "-e"), Prompt::Is(&["mysql> ", "    -> ", "    '> ", "    \"> ", "    `> "]), SQL)
        }
        "sqlite3" => (("sqlite3", ":memory:"), Prompt::Is(&["sqlite> ", "   ...> "]), SQL),
        "redis-cli" | "valkey-cli" => (("redis-cli", "eval"), Prompt::Ends(&["> "]), None),
        "bc" | "dc" => (("bc", "-e"), Prompt::Is(&[""]), None),
        "node" | "nodejs" => (("node", "-e"), Prompt::Is(&["> ", "... ", "| "]), None),
        "irb" => (("ruby", "-e"), Prompt::Ends(&["> ", "* "]), None),
        python if is_python(python) => (("python3", "-c"), Prompt::Is(&[">>> ", "... "]), None),
        _ => return None,
    };
    Some(Repl { runs, prompt, terminator })
}

/// `python`, `python3`, `python3.11`.
fn is_python(program: &str) -> bool {
    program.strip_prefix("python").is_some_and(|version| version.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// What runs another program and is gone.
const RUNNERS: [&str; 6] = ["nice", "ionice", "nohup", "time", "command", "timeout"];

/// Programs with a screen of their own, or that open one: an editor or a pager.
const SCREENS: [&str; 44] = [
    "vi",
    "vim",
    "nvim",
    "view",
    "vimdiff",
    "nano",
    "pico",
    "emacs",
    "ed",
    "ex",
    "joe",
    "micro",
    "helix",
    "hx",
    "less",
    "more",
    "most",
    "bat",
    "man",
    "info",
    "top",
    "htop",
    "btop",
    "atop",
    "iotop",
    "iftop",
    "nethogs",
    "glances",
    "git",
    "tig",
    "systemctl",
    "journalctl",
    "loginctl",
    "crontab",
    "visudo",
    "vipw",
    "sudoedit",
    "ncdu",
    "dialog",
    "whiptail",
    "nmtui",
    "alsamixer",
    "cfdisk",
    "lynx",
];

const MULTIPLEXERS: [&str; 4] = ["tmux", "screen", "byobu", "zellij"];

#[cfg(test)]
mod tests {
    use super::*;
    use shell::{ParseContext, parse};

    fn after(line: &str) -> Foreground {
        Foreground::after(&parse(line, &ParseContext::typed()))
    }

    #[test]
    fn only_what_is_known_by_name_is_no_shell() {
        for line in ["vim f", "less /var/log/syslog", "git log", "dmesg | less", "man ls"] {
            assert_eq!(after(line), Foreground::Screen, "{line}");
        }
        assert_eq!(after("tmux"), Foreground::Multiplexer);
        assert!(matches!(after("python3"), Foreground::Repl(_)));
        assert_eq!(after("ls -l; date"), Foreground::Program);
        assert_eq!(after("date; python3"), Foreground::Program, "what is typed may be for the one before");
        for line in [
            "bash",
            "sudo -i",
            "ssh host",
            "vim f; sh",
            "sh | less",
            "$X",
            "exec dash",
            "./vim f",
            "stty raw; vim f",
            "su -",
            "kubectl exec -it p -- sh",
        ] {
            assert_eq!(after(line), Foreground::Shell, "{line}");
        }
    }

    #[test]
    fn a_prompt_that_is_not_the_languages_own_is_a_shells() {
        let Foreground::Repl(python) = after("python3") else { panic!("python3 has a prompt of its own") };
        assert!(python.has_prompt(">>> ") && python.has_prompt("... "));
        for prompt in ["$ ", "user@host:~$ ", "", "x>>> "] {
            assert!(!python.has_prompt(prompt), "{prompt:?}");
        }
        let Foreground::Repl(psql) = after("psql -U me app") else { panic!("psql has a prompt of its own") };
        assert!(psql.has_prompt("app=> ") && psql.has_prompt("app-# ") && !psql.has_prompt("root@host:/# "));
    }
}
