//! `bastion run`: one command on a target, for programs and AI agents.
//!
//! It needs no `ssh` and no configuration, but the login. The bastion tells in the channel what it
//! does with the command (see `notices`); with `--json` each step is one line (see `events`).

mod connection;
mod events;
mod notices;
mod printer;
mod quoting;
mod remote;

use std::future::pending;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use api::info::BastionInfo;
use api::page::Page;
use api::targets::{TargetItem, TargetKind};
use clap::Args;
use config::{Login, TargetName};
use jiff::Timestamp;
use serde_json::Value;
use ssh_client::destination::Destination;
use tokio::io::{stderr, stdin, stdout};
use tokio::signal::unix::{SignalKind, signal};

use self::events::RunEvent;
use self::printer::{Printer, Words};
use self::remote::{Ending, Remote};
use super::api_client::ApiClient;
use super::exit::CommandError;
use super::home::BastionHome;
use super::login::{self, LoginOptions};
use super::{duration, output};
use crate::in_runtime;

/// Arguments of `bastion run`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RunOptions {
    /// The target.
    #[arg(value_name = "TARGET")]
    pub target: TargetName,
    /// The account there; it may be left out where one may use only one.
    #[arg(long, value_name = "LOGIN")]
    pub login: Option<Login>,
    /// Print one JSON object on each line: what the bastion decides, output, exit code.
    #[arg(long)]
    pub json: bool,
    /// Why: an approver reads it.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Give up after this time, waiting for approval included, such as 90s or 15m.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
    /// The command. One word is a command line for the target's shell, as it is; of several, each
    /// stays one word (unlike with ssh, which joins them by blanks).
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<String>,
}

/// Runs the command; its exit code becomes ours.
///
/// # Errors
///
/// When it could not be run, or its end is not known. With `--json` that is told on stdout too.
pub fn run(home: &BastionHome, options: &RunOptions) -> Result<ExitCode, CommandError> {
    let words = if options.json { Words::Json } else { Words::Plain };
    let renewed = login::run(home, &LoginOptions { renew: true, ..LoginOptions::default() });
    let ended = renewed.and_then(|()| in_runtime(over_ssh(home, options, words)));
    if options.json {
        let last = match &ended {
            Ok(ending) => RunEvent::Exit { code: ending.code(), signal: ending.signal() }.line(),
            Err(error) => {
                let message = error.to_string();
                RunEvent::Error { message: &message }.line()
                    + &RunEvent::Exit { code: error.code(), signal: None }.line()
            }
        };
        output::print(&last)?;
    }
    Ok(ExitCode::from(ended?.code()))
}

async fn over_ssh(home: &BastionHome, options: &RunOptions, words: Words) -> Result<Ending, CommandError> {
    let reason = options.reason.as_deref();
    if reason.is_some_and(|reason| reason.len() > MAX_REASON_BYTES) {
        return Err(CommandError::Usage(format!("the reason is longer than {MAX_REASON_BYTES} bytes")));
    }
    let command = quoting::command_string(&options.command);
    let mut printer = Printer::new(words, stdout(), stderr());
    let (mut connection, mut remote) = (None, None);
    let ended = tokio::select! {
        ended = async {
            let connection = connection.insert(connect(home, options).await?);
            remote.insert(Remote::start(connection, &command, reason).await?).serve(&mut printer, input()).await
        } => ended,
        stopped = stop(options.timeout) => {
            let stopped = stopped?;
            match &remote {
                Some(remote) => {
                    remote.abandon(stopped).await;
                    printer.finish().await?;
                    stopped.ending(remote.waits())
                }
                None => stopped.ending(false),
            }
        }
    };
    if let Some(connection) = connection {
        connection::close(connection).await;
    }
    ended
}

async fn connect(home: &BastionHome, options: &RunOptions) -> Result<connection::Connection, CommandError> {
    let login = home.login_at(Timestamp::now())?;
    let api = home.client_of(&login)?;
    let info: BastionInfo = api.get("info", &[]).await?;
    let account = match &options.login {
        Some(account) => account.clone(),
        None => only_login(&api, &options.target).await?,
    };
    let destination = Destination { login: account, target: options.target.clone() };
    connection::connect(home, &login, &info, &destination).await
}

/// The account on the target, where one may use only one.
async fn only_login(api: &ApiClient, name: &TargetName) -> Result<Login, CommandError> {
    let page: Page<Value> = api.get("targets", &[]).await?;
    let mut targets = page.items.into_iter().filter_map(|item| serde_json::from_value::<TargetItem>(item).ok());
    let target = targets.find(|target| target.name == name.as_str()).ok_or_else(|| {
        CommandError::Refused(format!(
            "you may not reach {name}; bastion targets lists what you may, bastion access request asks for more"
        ))
    })?;
    account(&target)
}

/// The one account that is named; `*` (any account) names none.
fn account(target: &TargetItem) -> Result<Login, CommandError> {
    if target.kind == TargetKind::Cluster {
        let words = format!(
            "{0} is a Kubernetes cluster: `bastion kubeconfig {0} --install`, then `kubectl exec POD -- COMMAND`",
            target.name
        );
        return Err(CommandError::Usage(words));
    }
    let named: Vec<_> = target.logins.iter().filter(|login| *login != "*").collect();
    match named.as_slice() {
        [login] => login.parse().map_err(|_| CommandError::Refused(format!("{login:?} is no login"))),
        _ => Err(CommandError::Usage(format!("say as whom: --login LOGIN (you may use {})", target.logins.join(", ")))),
    }
}

/// Standard input, unless it is a terminal: an agent's command has nobody who types.
fn input() -> Option<tokio::io::Stdin> {
    (!std::io::stdin().is_terminal()).then(stdin)
}

/// Why a command was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
    /// The time of `--timeout` is over.
    TimedOut,
}

impl Stopped {
    fn ending(self, waiting: bool) -> Result<Ending, CommandError> {
        match self {
            Self::Interrupted => Ok(Ending::Signal("INT".to_owned())),
            Self::Terminated => Ok(Ending::Signal("TERM".to_owned())),
            Self::TimedOut if waiting => {
                Err(CommandError::Unapproved("nobody approved it in time; the request is taken back".to_owned()))
            }
            Self::TimedOut => Err(CommandError::Refused(
                "it did not end in time and was given up; what it began on the target may go on".to_owned(),
            )),
        }
    }
}

async fn stop(timeout: Option<Duration>) -> Result<Stopped, CommandError> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let time_is_over = async {
        match timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => pending().await,
        }
    };
    Ok(tokio::select! {
        _ = interrupt.recv() => Stopped::Interrupted,
        _ = terminate.recv() => Stopped::Terminated,
        () = time_is_over => Stopped::TimedOut,
    })
}

/// What the bastion takes as the value of an environment variable.
const MAX_REASON_BYTES: usize = 4096;

const EXAMPLES: &str = "\
Examples:
  bastion run web1 -- uptime
  bastion run web1 --login deploy -- 'df -h | tail -1'
  bastion run web1 -- touch 'a file with blanks'
  bastion run db1 --json --reason 'ticket 4711' --timeout 15m -- systemctl restart db

Events of --json: started, waiting_approval (next: what an approver types), approved, output (stream, data or \
base64), blocked (code, rule, message), error (message), exit (code), which is always the last.

Exit codes: the command's own (a signal: 128 and its number); 1 refused or failed; 2 usage; 3 not logged in; 4 \
nobody approved in time; 5 blocked or denied; 255 connection failed, or something is down.";

#[cfg(test)]
mod tests;
