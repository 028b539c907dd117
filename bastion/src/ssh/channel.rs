//! One session channel before it runs: collects pty-req and env; ends at shell,
//! exec or subsystem (RFC 4254 §6.2–6.5), with a session or with a refusal.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use policy::{Capability, Permit};
use russh::{Channel, ChannelMsg, server};
use tokio::time::timeout;

use super::{
    connection::Connection,
    target_connection::TargetConnection,
    target_leg::{ChannelSetup, Program, PtyRequest},
    user_leg::{SshUserReader, SshUserWriter, window_size},
};
use crate::{
    session::{
        SessionRequest,
        gate::Request,
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

/// Serves one session channel to its end.
pub async fn serve(connection: Arc<Connection>, mut channel: Channel<server::Msg>, handle: server::Handle) {
    let Ok(Some(asked)) = timeout(REQUEST_DEADLINE, collect(&mut channel)).await else {
        // Dropping the halves closes nothing by itself.
        let _ = channel.close().await;
        return;
    };
    let (reader, writer) = channel.split();
    let user = (SshUserReader(reader), SshUserWriter { channel: writer, connection: handle });
    let (permit, target) = match connection.permit(&asked.capabilities()).await {
        Ok(permitted) => permitted,
        Err(reason) => return refuse(&user.1, &reason, REFUSED).await,
    };
    if let Err(reason) = connection.judge(&permit, asked.request()).await {
        return refuse(&user.1, &reason, BLOCKED).await;
    }
    run(&connection, asked, permit, target, user).await;
}

/// Whether the allow-list lets a user set this environment variable. `BASH_ENV`,
/// `LD_PRELOAD` and their like are code.
#[must_use]
pub fn env_allowed(name: &str) -> bool {
    matches!(name, "LANG" | "TERM" | "COLORTERM") || name.strip_prefix("LC_").is_some_and(|rest| !rest.is_empty())
}

/// What the channel's requests amount to.
#[derive(Debug)]
struct Asked {
    pty: Option<PtyRequest>,
    env: Vec<(String, String)>,
    program: Program,
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
            Program::Exec(command) => Request::Exec(command),
            Program::Subsystem(_) => Request::Subsystem,
        }
    }
}

async fn run(
    connection: &Connection,
    asked: Asked,
    permit: Permit,
    target: Arc<TargetConnection>,
    (reader, writer): (SshUserReader, SshUserWriter),
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
    let request = SessionRequest {
        user: connection.user().clone(),
        permit,
        kind,
        command,
        terminal: asked.pty.as_ref().map(|pty| Terminal { term: pty.term.clone(), size: pty.size }),
        env: asked.env.clone(),
        source: connection.source(),
    };
    let setup = ChannelSetup { pty: asked.pty, env: asked.env, program: asked.program };
    let Some(place) = connection.place(&request.permit) else {
        return refuse(&writer, "the target is not known any more; list targets with `bastion targets`", REFUSED).await;
    };
    connection.front().sessions.run(request, place, (reader, writer), target.prepare(setup)).await;
}

/// The only subsystem.
const SFTP: &str = "sftp";

/// Reads requests until one starts a program; `None` if the channel closes first.
async fn collect(channel: &mut Channel<server::Msg>) -> Option<Asked> {
    let mut pty = None;
    let mut env = Vec::new();
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
                if env.len() < MAX_ENV && env_allowed(&variable_name) && variable_value.len() <= MAX_ENV_VALUE_BYTES {
                    env.push((variable_name, variable_value));
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
        return Some(Asked { pty, env, program });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
