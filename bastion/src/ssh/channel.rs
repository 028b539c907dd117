//! One session channel before it runs: collects pty-req and env; ends at shell,
//! exec or subsystem (RFC 4254 §6.2–6.5), with a session or with a refusal.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use policy::{Capability, Permit, Protocol};
use russh::{Channel, ChannelMsg, server};
use tokio::time::timeout;

use super::{
    connection::{Connection, Judged},
    target_connection::TargetConnection,
    target_leg::{ChannelSetup, Program, PtyRequest},
    user_leg::{SshUserReader, SshUserWriter, window_size},
};
use crate::{
    session::{
        SessionRequest,
        leg::UserReader,
        request::Request,
        script::Script,
        start::{BLOCKED, REFUSED, refuse},
        terminal::Terminal,
    },
    store::SessionKind,
};

/// How long a channel may stay open without asking for a program.
const REQUEST_DEADLINE: Duration = Duration::from_secs(60);

/// Most environment variables that a channel may set; clients send a handful.
const MAX_ENV: usize = 64;

/// Longest value of an environment variable, in bytes.
const MAX_ENV_VALUE_BYTES: usize = 4096;

/// Most refused variables that the audit log names for one channel.
const MAX_REFUSED_ENV: usize = 8;

/// The longest name of a refused variable in the audit log, in characters.
const MAX_ENV_NAME_CHARS: usize = 64;

/// Serves one session channel to its end.
pub async fn serve(connection: Arc<Connection>, mut channel: Channel<server::Msg>, handle: server::Handle) {
    let Ok(Some(asked)) = timeout(REQUEST_DEADLINE, collect(&mut channel)).await else {
        // Dropping the halves closes nothing by itself.
        let _ = channel.close().await;
        return;
    };
    let (reader, writer) = channel.split();
    let (reader, writer) = (SshUserReader(reader), SshUserWriter { channel: writer, connection: handle });
    if !asked.refused_env.is_empty() {
        let what = format!("env {}", asked.refused_env.join(", "));
        connection.refuse(&what, "only LANG, LC_* and the names of the terminal may be set").await;
    }
    let (permit, target) = match connection.permit(&asked.capabilities()).await {
        Ok(permitted) => permitted,
        Err(reason) => return refuse(&writer, &reason, REFUSED).await,
    };
    match connection.judge(&permit, asked.request(), None).await {
        Judged::Allowed => run(&connection, asked, permit, target, (reader, writer)).await,
        Judged::NeedsStdin => run_script(&connection, asked, (reader, writer)).await,
        Judged::Refused(reason) => refuse(&writer, &reason, BLOCKED).await,
    }
}

/// Reads all of standard input, has it judged, and only then runs what was asked for.
async fn run_script(connection: &Connection, asked: Asked, (reader, writer): (SshUserReader, SshUserWriter)) {
    let script = match Script::read(reader).await {
        Ok(script) => script,
        Err(error) => {
            connection.refuse("script on standard input", &error.to_string()).await;
            return refuse(&writer, &error.to_string(), BLOCKED).await;
        }
    };
    // The rules may have changed while the user was sending.
    let (permit, target) = match connection.permit(&asked.capabilities()).await {
        Ok(permitted) => permitted,
        Err(reason) => return refuse(&writer, &reason, REFUSED).await,
    };
    match connection.judge(&permit, asked.request(), Some(script.bytes())).await {
        Judged::Allowed => run(connection, asked, permit, target, (script.into_reader(), writer)).await,
        Judged::NeedsStdin => refuse(&writer, "the commands on standard input cannot be judged", BLOCKED).await,
        Judged::Refused(reason) => refuse(&writer, &reason, BLOCKED).await,
    }
}

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
struct Asked {
    pty: Option<PtyRequest>,
    env: Vec<(String, String)>,
    own: OwnVariables,
    /// The names of variables that were not let through, for the audit log.
    refused_env: Vec<String>,
    program: Program,
}

/// Variables for the bastion itself; the target never sees them.
#[derive(Debug, Default)]
struct OwnVariables {
    reason: Option<String>,
    events: bool,
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
    fn capabilities(&self) -> Vec<Capability> {
        let program = match &self.program {
            Program::Shell => Capability::Shell,
            Program::Exec(_) => Capability::Exec,
            Program::Subsystem(_) => Capability::Sftp,
        };
        self.pty.iter().map(|_| Capability::Pty).chain([program]).collect()
    }

    /// What the rules on commands look at.
    fn request(&self) -> Request<'_> {
        match &self.program {
            Program::Shell => Request::Shell { terminal: self.pty.is_some() },
            Program::Exec(command) => Request::Exec { command, terminal: self.pty.is_some() },
            Program::Subsystem(_) => Request::Subsystem,
        }
    }
}

async fn run<R: UserReader>(
    connection: &Connection,
    asked: Asked,
    permit: Permit,
    target: Arc<TargetConnection>,
    (reader, writer): (R, SshUserWriter),
) {
    let (kind, command) = match &asked.program {
        Program::Shell => (SessionKind::Shell, None),
        Program::Exec(command) => (SessionKind::Exec, Some(Bytes::from(command.clone()))),
        Program::Subsystem(name) if name == SFTP => (SessionKind::Sftp, None),
        Program::Subsystem(name) => {
            let reason = format!("the subsystem {name:?} is not known; only {SFTP} is");
            connection.refuse("subsystem", &reason).await;
            return refuse(&writer, &reason, REFUSED).await;
        }
    };
    let Some(standing) = connection.standing(&permit, asked.capabilities()) else {
        return refuse(&writer, "the target is gone", REFUSED).await;
    };
    let request = SessionRequest {
        user: connection.user().clone(),
        permit,
        standing,
        protocol: Protocol::Ssh,
        kind,
        command,
        terminal: asked.pty.as_ref().map(|pty| Terminal { term: pty.term.clone(), size: pty.size }),
        env: asked.env.clone(),
        reason: asked.own.reason,
        events: asked.own.events,
        source: connection.source(),
    };
    let setup = ChannelSetup { pty: asked.pty, env: asked.env, program: asked.program };
    connection.front().sessions.run(request, (reader, writer), target.prepare(setup)).await;
}

/// The only subsystem.
const SFTP: &str = "sftp";

/// Reads requests until one starts a program; `None` if the channel closes first.
async fn collect(channel: &mut Channel<server::Msg>) -> Option<Asked> {
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
