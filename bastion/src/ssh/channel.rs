//! What the requests on one session channel amount to: pty-req and env are collected; it ends at shell,
//! exec or subsystem (RFC 4254 §6.2–6.5).

use bytes::Bytes;
use policy::{
    Capability, Protocol,
    approval::{Act, ActKind, Stdin},
};
use russh::{Channel, ChannelMsg, server};

use super::{
    target_leg::{Program, PtyRequest},
    user_leg::window_size,
};
use crate::session::request::Request;

/// Most environment variables that a channel may set; clients send a handful.
const MAX_ENV: usize = 64;

/// Longest value of an environment variable, in bytes.
const MAX_ENV_VALUE_BYTES: usize = 4096;

/// Most refused variables that the audit log names for one channel.
const MAX_REFUSED_ENV: usize = 8;

/// The longest name of a refused variable in the audit log, in characters.
const MAX_ENV_NAME_CHARS: usize = 64;

/// Whether a user may set this environment variable, for the target or for the bastion itself. `BASH_ENV`,
/// `LD_PRELOAD` and their like are code.
#[must_use]
pub fn env_accepted(name: &str) -> bool {
    env_allowed(name) || matches!(name, OwnVariables::REASON | OwnVariables::EVENTS)
}

/// Whether the target gets this environment variable.
fn env_allowed(name: &str) -> bool {
    matches!(name, "LANG" | "TERM" | "COLORTERM") || name.strip_prefix("LC_").is_some_and(|rest| !rest.is_empty())
}

/// What the channel's requests amount to.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) pty: Option<PtyRequest>,
    pub(super) env: Vec<(String, String)>,
    pub(super) own: OwnVariables,
    /// The names of variables that were not let through, for the audit log.
    pub(super) refused_env: Vec<String>,
    pub(super) program: Program,
}

/// Variables for the bastion itself; the target never sees them.
#[derive(Debug, Default)]
pub(super) struct OwnVariables {
    pub(super) reason: Option<String>,
    pub(super) events: bool,
}

impl OwnVariables {
    /// Why the user wants it, for those who approve.
    const REASON: &str = "BASTION_REASON";
    /// Whether the user's side reads events.
    const EVENTS: &str = "BASTION_EVENTS";

    /// Takes a variable, if it is one of the bastion's.
    fn take(&mut self, name: &str, value: &str) -> bool {
        match name {
            Self::REASON => self.reason = Some(value.to_owned()).filter(|reason| !reason.is_empty()),
            Self::EVENTS => self.events = value == "1",
            _ => return false,
        }
        true
    }
}

impl Asked {
    /// What the rules must allow; what runs comes last.
    pub(super) fn capabilities(&self) -> Vec<Capability> {
        let program = match &self.program {
            Program::Shell => Capability::Shell,
            Program::Exec(_) => Capability::Exec,
            Program::Subsystem(_) => Capability::Sftp,
        };
        self.pty.iter().map(|_| Capability::Pty).chain([program]).collect()
    }

    /// Whether it has a terminal.
    pub(super) fn has_terminal(&self) -> bool {
        self.pty.is_some()
    }

    /// Why the user wants it, for those who approve.
    pub(super) fn reason(&self) -> Option<String> {
        self.own.reason.clone()
    }

    /// Whether the user's side reads events.
    pub(super) fn events(&self) -> bool {
        self.own.events
    }

    /// Exactly what will run, for those who approve it; `stdin` is all of its standard input, where that was read.
    pub(super) fn act(&self, stdin: Option<&Bytes>) -> Act {
        let (kind, words) = match &self.program {
            Program::Exec(command) => (ActKind::Exec, vec![Bytes::copy_from_slice(command)]),
            Program::Shell => (ActKind::Shell, Vec::new()),
            Program::Subsystem(name) => (ActKind::Subsystem, vec![Bytes::copy_from_slice(name.as_bytes())]),
        };
        Act {
            terminal: self.pty.as_ref().map(|pty| pty.term.clone()),
            stdin: stdin.map_or(Stdin::Live, |stdin| Stdin::Given(stdin.clone())),
            env: self.env.clone(),
            ..Act::of(kind, Protocol::Ssh, words)
        }
    }

    /// What the rules on commands look at.
    pub(super) fn request(&self) -> Request<'_> {
        match &self.program {
            Program::Shell => Request::Shell { terminal: self.pty.is_some() },
            Program::Exec(command) => Request::Exec { command, terminal: self.pty.is_some() },
            Program::Subsystem(_) => Request::Subsystem,
        }
    }
}

/// Reads requests until one starts a program; `None` if the channel closes first.
pub(super) async fn collect(channel: &mut Channel<server::Msg>) -> Option<Asked> {
    let mut pty = None;
    let mut env = Vec::new();
    let mut own = OwnVariables::default();
    let mut refused_env: Vec<String> = Vec::new();
    loop {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is not exhaustive and mixes both directions")]
        let program = match channel.wait().await? {
            ChannelMsg::RequestPty { term, col_width, row_height, pix_width, pix_height, terminal_modes, .. } => {
                let size = window_size(col_width, row_height);
                pty = Some(PtyRequest { term, size, pixels: (pix_width, pix_height), modes: terminal_modes });
                continue;
            }
            ChannelMsg::WindowChange { col_width, row_height, .. } => {
                if let Some(pty) = &mut pty {
                    pty.size = window_size(col_width, row_height);
                }
                continue;
            }
            ChannelMsg::SetEnv { variable_name, variable_value, .. } => {
                let short = variable_value.len() <= MAX_ENV_VALUE_BYTES;
                if short && own.take(&variable_name, &variable_value) {
                } else if short && env.len() < MAX_ENV && env_allowed(&variable_name) {
                    env.push((variable_name, variable_value));
                } else if refused_env.len() < MAX_REFUSED_ENV {
                    refused_env.push(variable_name.escape_debug().take(MAX_ENV_NAME_CHARS).collect());
                }
                continue;
            }
            ChannelMsg::RequestShell { .. } => Program::Shell,
            ChannelMsg::Exec { command, .. } => Program::Exec(command),
            ChannelMsg::RequestSubsystem { name, .. } => Program::Subsystem(name),
            ChannelMsg::Close => return None,
            // Data before the program is asked for has no reader (RFC 4254 §6.5).
            ChannelMsg::Data { .. } => return None,
            _ => continue,
        };
        return Some(Asked { pty, env, own, refused_env, program });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bastions_own_variables_are_taken_and_not_passed_on() {
        let mut own = OwnVariables::default();
        assert!(own.take("BASTION_REASON", "ticket 7") && own.take("BASTION_EVENTS", "1"));
        assert_eq!((own.reason.as_deref(), own.events), (Some("ticket 7"), true));
        assert!(!own.take("BASTION_OTHER", "1"));
        for name in ["BASTION_REASON", "BASTION_EVENTS"] {
            assert!(env_accepted(name) && !env_allowed(name), "{name}");
        }
        assert!(!env_accepted("BASTION_OTHER"));
    }

    #[test]
    fn only_locale_and_terminal_variables_pass() {
        for name in ["LANG", "LC_ALL", "LC_CTYPE", "TERM", "COLORTERM"] {
            assert!(env_allowed(name), "{name}");
        }
        for name in ["BASH_ENV", "ENV", "LD_PRELOAD", "LD_LIBRARY_PATH", "PROMPT_COMMAND", "PS1", "LC_", "lang", "PATH"]
        {
            assert!(!env_allowed(name), "{name}");
        }
    }
}
