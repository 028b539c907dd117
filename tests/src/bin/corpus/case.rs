//! Cases, in the form that `tests/corpus/README.md` describes, and how verdicts are scored.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// What somebody types or asks for, and what should come of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Case {
    /// A stable name.
    pub(crate) id: String,
    /// How the bastion gets to know the command.
    pub(crate) mode: Mode,
    /// Which shell reads it: `bash zsh dash ash fish`, `none` or `protocol`.
    pub(crate) shell: String,
    /// What is typed (mode `typed`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) keystrokes: Vec<Step>,
    /// The request (all other modes).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<Request>,
    /// What comes on standard input (mode `stdin`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stdin: Option<String>,
    /// What the shell remembers from an earlier session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) preset_histfile: Option<String>,
    /// Files of the home folder, by path below it; they replace those that every case finds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) home: BTreeMap<String, String>,
    /// What runs beside the shell, reached by sockets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) servers: Vec<Server>,
    /// The stubs that ran with no bastion in between; none if that was not tried.
    #[serde(default)]
    pub(crate) runs: Option<Vec<Vec<String>>>,
    /// Which rule it is about.
    #[serde(default)]
    pub(crate) rule: String,
    /// The right verdict.
    pub(crate) expected: Verdict,
    /// Other verdicts that are right, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) also_acceptable: Vec<Verdict>,
    /// Where `runs` comes from.
    #[serde(default)]
    pub(crate) verified: String,
    /// What makes it difficult.
    #[serde(default)]
    pub(crate) notes: String,
    /// The name of the file it comes from, without its ending.
    #[serde(skip)]
    pub(crate) file: String,
}

/// A server that cases share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Server {
    /// PostgreSQL, at the place where `psql` looks for it.
    Postgres,
    /// MariaDB, at `/pg/my.sock`.
    Mariadb,
}

impl Server {
    /// As cases have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mariadb => "mariadb",
        }
    }
}

/// How the bastion gets to know a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// Keys into an interactive shell on a terminal.
    Typed,
    /// An exec request, or another SSH request.
    Exec,
    /// An exec request with bytes on standard input.
    Stdin,
    /// The words of an exec in a pod.
    KubectlExec,
}

impl Mode {
    /// As cases have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Typed => "typed",
            Self::Exec => "exec",
            Self::Stdin => "stdin",
            Self::KubectlExec => "kubectl-exec",
        }
    }
}

/// One step of typing.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Step {
    /// Bytes, sent at once.
    Keys(String),
    /// A pause.
    Wait {
        /// Seconds.
        wait_s: f64,
    },
    /// A new size of the window.
    Resize {
        /// Columns and rows.
        resize: (u16, u16),
    },
}

/// A command string, or words that no shell reads.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Request {
    /// For the shell of the account; or `<…>`, another SSH request.
    Text(String),
    /// For no shell.
    Words(Vec<String>),
}

/// What the bastion says, from the weakest to the strictest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// Goes on to the target.
    Allow,
    /// Held, because it cannot be known what would run.
    HoldUnparseable,
    /// Held until another person approves.
    Approve,
    /// Refused.
    Block,
}

impl Verdict {
    /// As cases have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::HoldUnparseable => "hold-unparseable",
            Self::Approve => "approve",
            Self::Block => "block",
        }
    }
}

/// How a verdict compares with the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Score {
    /// It is right.
    Right,
    /// Safe, but another kind of refusal than the right one.
    Noisy,
    /// Something harmless was refused, or did not run as it was typed.
    Missed,
    /// Something dangerous was let through.
    WrongAllow,
}

impl Case {
    /// Scores a verdict.
    pub(crate) fn score(&self, verdict: Verdict) -> Score {
        if verdict == self.expected || self.also_acceptable.contains(&verdict) {
            Score::Right
        } else if verdict == Verdict::Allow {
            Score::WrongAllow
        } else if self.expected == Verdict::Allow {
            Score::Missed
        } else {
            Score::Noisy
        }
    }

    /// Whether it is harmless, so that it must run as it was typed.
    pub(crate) fn harmless(&self) -> bool {
        self.expected == Verdict::Allow
    }

    /// Everything that is typed, or the request.
    pub(crate) fn text(&self) -> String {
        let mut text: String = self
            .keystrokes
            .iter()
            .map(|step| match step {
                Step::Keys(keys) => keys.as_str(),
                Step::Wait { .. } | Step::Resize { .. } => "\r",
            })
            .collect();
        match &self.command {
            Some(Request::Text(command)) => text += command,
            Some(Request::Words(words)) => text += &words.join(" "),
            None => {}
        }
        text
    }

    /// What kind of difficulty the case stands for: the notes up to the first explanation.
    pub(crate) fn class(&self) -> &str {
        let class = self.notes.split([':', ';', '(']).next().unwrap_or_default().trim();
        if class.is_empty() { "no notes" } else { class }
    }
}

/// Reads a file of cases, one JSON object in a line.
///
/// # Errors
/// Names the file and the line of what is not a case.
pub(crate) fn read(file: &Path) -> Result<Vec<Case>> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    lines
        .map(|(number, line)| {
            let case =
                serde_json::from_str(line).with_context(|| format!("{}:{}: not a case", file.display(), number + 1));
            Ok(Case { file: name.clone().into_owned(), ..case? })
        })
        .collect()
}
