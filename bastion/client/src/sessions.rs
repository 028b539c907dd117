//! `bastion sessions ls|show` and `bastion export`.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use api::sessions::SessionItem;
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use recorder::SessionId;
use serde_json::Value;

use super::api_client::{ApiClient, Download};
use super::exit::CommandError;
use super::home::BastionHome;
use super::output::{Format, OutputOptions, Table, local_time, print, print_json};
use super::shown::{shortened, visible};

/// The commands below `bastion sessions`.
#[derive(Debug, Subcommand)]
pub enum SessionsCommand {
    /// List sessions, the latest first.
    Ls(ListOptions),
    /// Show one session.
    Show(ShowOptions),
}

/// Arguments of `bastion sessions ls`.
#[derive(Debug, Args)]
pub struct ListOptions {
    /// Only sessions under this name.
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Only sessions on this target.
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Only sessions that are running now.
    #[arg(long)]
    pub running: bool,
    /// At most this many.
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// Arguments of `bastion sessions show`.
#[derive(Debug, Args)]
pub struct ShowOptions {
    /// The session.
    #[arg(value_name = "ID")]
    pub session: SessionId,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// Arguments of `bastion export`.
#[derive(Debug, Args)]
pub struct ExportOptions {
    /// The session.
    #[arg(value_name = "ID")]
    pub session: SessionId,
    /// Write to this file in place of stdout.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Lists or shows.
///
/// # Errors
///
/// When there is no login, or the server refuses.
pub async fn run(home: &BastionHome, command: &SessionsCommand) -> Result<(), CommandError> {
    let api = home.client()?;
    match command {
        SessionsCommand::Ls(options) => {
            let items = list(&api, options).await?;
            match options.output.output {
                Format::Json => print_json(&Value::Array(items)),
                Format::Table => print(&table(items, Timestamp::now())?),
            }
        }
        SessionsCommand::Show(options) => {
            let session: Value = api.get(&format!("sessions/{}", options.session), &[]).await?;
            match options.output.output {
                Format::Json => print_json(&session),
                Format::Table => print(&sheet(session, Timestamp::now())?),
            }
        }
    }
}

/// Writes a recording out as it comes.
///
/// # Errors
///
/// When there is no login, the server refuses, or the connection breaks on the way.
pub async fn export(home: &BastionHome, options: &ExportOptions) -> Result<(), CommandError> {
    let api = home.client()?;
    match &options.output {
        Some(file) => {
            let recording = api.recording(options.session).await?;
            let mut out = File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
            copy(recording, &mut out).await
        }
        None if io::stdout().is_terminal() => Err(CommandError::Usage(format!(
            "a recording could disturb this terminal: write bastion export {0} > {0}.cast, or bastion play {0}",
            options.session
        ))),
        None => copy(api.recording(options.session).await?, &mut io::stdout().lock()).await,
    }
}

async fn copy(mut recording: Download, out: &mut impl Write) -> Result<(), CommandError> {
    while let Some(part) = recording.next().await? {
        out.write_all(&part)?;
    }
    Ok(out.flush()?)
}

pub(super) async fn list(api: &ApiClient, options: &ListOptions) -> Result<Vec<Value>, CommandError> {
    let filter = [
        ("user", options.user.as_deref().unwrap_or_default()),
        ("target", options.target.as_deref().unwrap_or_default()),
        ("running", if options.running { "true" } else { "" }),
    ];
    api.list("sessions", &filter, options.limit as usize).await
}

fn read(value: Value) -> Result<SessionItem, CommandError> {
    Ok(serde_json::from_value(value).context("the server describes a session in an unknown way")?)
}

fn duration(session: &SessionItem, now: Timestamp) -> String {
    let length = session.ended_at.unwrap_or(now).duration_since(session.started_at);
    let seconds = length.max(SignedDuration::ZERO).as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h{minutes:02}m"),
    }
}

/// `exited 0`, or whatever the server says about the end, in its own words.
fn end(session: &SessionItem) -> String {
    if session.ended_at.is_none() && session.end.is_none() {
        return "running".to_owned();
    }
    let Ok(Value::Object(end)) = serde_json::to_value(&session.end) else { return "ended".to_owned() };
    let how = end.get("how").and_then(Value::as_str).unwrap_or("ended").to_owned();
    let details = end.iter().filter(|(key, value)| *key != "how" && !value.is_null());
    details.fold(how, |said, (_, value)| match value.as_str() {
        Some(text) => format!("{said} {text}"),
        None => format!("{said} {value}"),
    })
}

fn what(session: &SessionItem) -> String {
    session.command.clone().unwrap_or_else(|| session.kind.to_string())
}

fn table(items: Vec<Value>, now: Timestamp) -> Result<String, CommandError> {
    let mut table = Table::new(["ID", "STARTED", "LASTED", "USER", "TARGET", "END", "COMMAND"]);
    for item in items {
        let session = read(item)?;
        table.row([
            session.id.clone(),
            local_time(session.started_at),
            duration(&session, now),
            session.user.clone(),
            format!("{}@{}", session.login, session.target),
            end(&session),
            shortened(&what(&session), COMMAND_COLUMNS),
        ]);
    }
    Ok(table.render())
}

fn sheet(value: Value, now: Timestamp) -> Result<String, CommandError> {
    let session = read(value)?;
    let subject = session.person.as_ref().map(|person| format!("{}#{}", person.issuer, person.subject));
    let subject = subject.unwrap_or_else(|| "unknown: from before this was kept".to_owned());
    let mut table = Table::new(["SESSION", ""]);
    let rows = [
        ("id", session.id.clone()),
        ("user", session.user.clone()),
        ("subject", subject),
        ("target", format!("{}@{}", session.login, session.target)),
        ("kind", session.kind.to_string()),
        ("command", session.command.clone().unwrap_or_default()),
        ("source", session.source.clone()),
        ("started", local_time(session.started_at)),
        ("ended", session.ended_at.map(local_time).unwrap_or_default()),
        ("lasted", duration(&session, now)),
        ("end", end(&session)),
        ("output", format!("{} bytes", session.output_bytes)),
    ];
    for (name, value) in rows {
        table.row([name.to_owned(), value]);
    }
    Ok(format!("{}\nreplay: bastion play {}\n", table.render(), visible(&session.id)))
}

/// Room for a command in the table; `sessions show` has all of it.
const COMMAND_COLUMNS: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn session(end: Value) -> Value {
        serde_json::json!({
            "id": "0193", "user": "alice", "target": "demo", "login": "demo", "kind": "exec",
            "command": "printf '\u{1b}[2J'", "pty": false, "source": "127.0.0.1:9",
            "started_at": "2026-11-22T10:00:00Z", "ended_at": "2026-11-22T11:02:03Z",
            "end": end, "output_bytes": 5, "recording": {"url": "/x"}
        })
    }

    #[test]
    fn the_table_tells_how_it_ended_and_hides_no_escape() {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let text = table(vec![session(serde_json::json!({"how": "exited", "status": 7}))], now).unwrap();
        assert!(text.contains("1h02m"), "{text}");
        assert!(text.contains("exited 7"), "{text}");
        assert!(text.contains("printf '\\u{1b}[2J'"), "{text}");
    }

    #[test]
    fn a_running_session_counts_up() {
        let mut running = session(Value::Null);
        running["ended_at"] = Value::Null;
        let text = table(vec![running], "2026-11-22T10:00:42Z".parse().unwrap()).unwrap();
        assert!(text.contains("42s"), "{text}");
        assert!(text.contains("running"), "{text}");
    }
}
