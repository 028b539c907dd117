//! `bastion approvals`: what waits for people, and their decisions.
//!
//! An approver decides by what stands here, so all of it is shown, and none of it as it is: every
//! text from the server passes `output::visible`.

mod sheet;
mod watch;

use std::time::Duration;

use anyhow::Context as _;
use api::approvals::{ApprovalState, ApprovalView, ApproveRequest, DenyRequest, ScopeWord};
use api::id::ApprovalId;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use self::sheet::{needs, sheet};
use super::api_client::ApiClient;
use super::duration;
use super::exit::CommandError;
use super::home::BastionHome;
use super::output::{Format, OutputOptions, Table, local_time, print, print_json};
use super::shown::{shortened, visible};

/// The commands below `bastion approvals`.
#[derive(Debug, Subcommand)]
pub enum ApprovalsCommand {
    /// List what waits for approval, or what was decided.
    Ls(ListOptions),
    /// Show everything about one: the exact command, its parse, the screen, who is still needed.
    Show(ShowOptions),
    /// Approve: as many people as it needs have to.
    Approve(ApproveOptions),
    /// Deny: one is enough.
    Deny(DenyOptions),
    /// Take back what one asked for oneself.
    Cancel(CancelOptions),
    /// Print what comes to wait, and what becomes of it, one line each, until Ctrl-C.
    Watch(WatchOptions),
}

/// Arguments of `bastion approvals ls`.
#[derive(Debug, Args)]
pub struct ListOptions {
    /// Which ones.
    #[arg(long, value_enum, default_value_t, value_name = "STATE")]
    pub state: ListedState,
    /// Only those that one asked for oneself.
    #[arg(long)]
    pub mine: bool,
    /// At most this many.
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// Which approvals are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ListedState {
    /// Those that wait.
    #[default]
    Pending,
    /// Those that were approved or denied, or ran out.
    Decided,
    /// All.
    All,
}

/// Arguments of `bastion approvals show`.
#[derive(Debug, Args)]
pub struct ShowOptions {
    /// The approval.
    #[arg(value_name = "ID")]
    pub approval: ApprovalId,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// Arguments of `bastion approvals approve`.
#[derive(Debug, Args)]
#[command(after_help = APPROVE_EXAMPLES)]
pub struct ApproveOptions {
    /// The approval.
    #[arg(value_name = "ID")]
    pub approval: ApprovalId,
    /// How far it reaches: this time, the same command in this session, or the same command for a time.
    #[arg(long, value_enum, value_name = "SCOPE")]
    pub scope: Option<GrantScope>,
    /// The time of `--scope for`, such as 30m or 2h.
    #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
    pub length: Option<Duration>,
    /// Words for the requester and the audit log.
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
}

/// How far an approval reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GrantScope {
    /// This time.
    Once,
    /// Until the session ends.
    Session,
    /// For a time.
    For,
}

/// Arguments of `bastion approvals deny`.
#[derive(Debug, Args)]
pub struct DenyOptions {
    /// The approval.
    #[arg(value_name = "ID")]
    pub approval: ApprovalId,
    /// Words for the requester and the audit log.
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
}

/// Arguments of `bastion approvals cancel`.
#[derive(Debug, Args)]
pub struct CancelOptions {
    /// The approval.
    #[arg(value_name = "ID")]
    pub approval: ApprovalId,
}

/// Arguments of `bastion approvals watch`.
#[derive(Debug, Args)]
pub struct WatchOptions {
    /// How to print: lines for people, or one JSON object on each line.
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// Runs one of the commands.
///
/// # Errors
///
/// When there is no login, or the server refuses.
pub async fn run(home: &BastionHome, command: &ApprovalsCommand) -> Result<(), CommandError> {
    let api = home.client()?;
    match command {
        ApprovalsCommand::Ls(options) => {
            let items = list(&api, options).await?;
            match options.output.output {
                Format::Json => print_json(&Value::Array(items)),
                Format::Table => print(&table(items, Timestamp::now())?),
            }
        }
        ApprovalsCommand::Show(options) => {
            let answer: Value = api.get(&path(options.approval), &[]).await?;
            match options.output.output {
                Format::Json => print_json(&answer),
                Format::Table => print(&sheet(&read(answer)?, Timestamp::now())),
            }
        }
        ApprovalsCommand::Approve(options) => print(&said(&approve(&api, options).await?)),
        ApprovalsCommand::Deny(options) => print(&said(&deny(&api, options).await?)),
        ApprovalsCommand::Cancel(options) => print(&said(&api.delete(&path(options.approval)).await?)),
        ApprovalsCommand::Watch(options) => watch::run(&api, options.output.output).await,
    }
}

/// Waits until it is decided.
pub(super) async fn decided(api: &ApiClient, id: ApprovalId) -> Result<Value, CommandError> {
    loop {
        let asked = Instant::now();
        let answer: Value = api.get_when_changed(&path(id), LONG_POLL).await?;
        if read(answer.clone())?.state != ApprovalState::Pending {
            return Ok(answer);
        }
        // A vote that decides nothing is answered at once, too: but nobody is asked without a pause.
        sleep_until(asked + SHORTEST_POLL).await;
    }
}

pub(super) fn read(value: Value) -> Result<ApprovalView, CommandError> {
    Ok(serde_json::from_value(value).context("the server describes an approval in an unknown way")?)
}

pub(super) async fn list(api: &ApiClient, options: &ListOptions) -> Result<Vec<Value>, CommandError> {
    let state = match options.state {
        ListedState::Pending => "pending",
        ListedState::Decided => "decided",
        ListedState::All => "",
    };
    let filter = [("state", state), ("mine", if options.mine { "true" } else { "" })];
    api.list("approvals", &filter, options.limit as usize).await
}

pub(super) async fn approve(api: &ApiClient, options: &ApproveOptions) -> Result<ApprovalView, CommandError> {
    let scope = match (options.scope, options.length) {
        (None | Some(GrantScope::Once), None) => ScopeWord::Once,
        (Some(GrantScope::Session), None) => ScopeWord::Session,
        (None | Some(GrantScope::For), Some(_)) => ScopeWord::For,
        (Some(GrantScope::For), None) => {
            return Err(CommandError::Usage("say for how long: --scope for --for 1h".to_owned()));
        }
        (Some(GrantScope::Once | GrantScope::Session), Some(_)) => {
            return Err(CommandError::Usage("--for goes with --scope for only".to_owned()));
        }
    };
    let time = options.length.map(duration::seconds);
    let body = ApproveRequest { scope, time, comment: options.comment.clone() };
    api.post(&format!("{}/approve", path(options.approval)), &body).await
}

pub(super) async fn deny(api: &ApiClient, options: &DenyOptions) -> Result<ApprovalView, CommandError> {
    let body = DenyRequest { comment: options.comment.clone() };
    api.post(&format!("{}/deny", path(options.approval)), &body).await
}

fn path(id: ApprovalId) -> String {
    format!("approvals/{id}")
}

/// What became of it, in one line.
fn said(approval: &ApprovalView) -> String {
    let what = match approval.state {
        ApprovalState::Pending => format!("your vote counts; {}", needs(approval)),
        state @ (ApprovalState::Approved
        | ApprovalState::Cancelled
        | ApprovalState::Denied
        | ApprovalState::Expired) => state.to_string(),
    };
    visible(&format!("{}: {what}", approval.id)).into_owned() + "\n"
}

fn table(items: Vec<Value>, now: Timestamp) -> Result<String, CommandError> {
    let mut table = Table::new(["ID", "ASKED", "STATE", "USER", "TARGET", "RULE", "NEEDS", "COMMAND"]);
    for item in items {
        let approval = read(item)?;
        let pending = approval.state == ApprovalState::Pending;
        table.row([
            approval.id.to_string(),
            local_time(approval.created_at),
            if pending { format!("pending, {} left", left(&approval, now)) } else { approval.state.to_string() },
            approval.requester.name.clone(),
            format!("{}@{}", approval.login, approval.target),
            approval.rule.clone().unwrap_or_default(),
            if pending { needs(&approval) } else { String::new() },
            shortened(&what(&approval), COMMAND_COLUMNS),
        ]);
    }
    Ok(table.render())
}

/// The command, or what else it is for.
fn what(approval: &ApprovalView) -> String {
    approval.command.clone().unwrap_or_else(|| approval.kind.to_string())
}

/// The time that is left, in the largest whole unit that tells enough.
fn left(approval: &ApprovalView, now: Timestamp) -> String {
    match approval.expires_at.duration_since(now).as_secs().max(0) {
        seconds @ 0..120 => format!("{seconds}s"),
        seconds @ 120..7200 => format!("{}m", seconds / 60),
        seconds => format!("{}h", seconds / 3600),
    }
}

/// How long the server may keep a question whose answer has not changed.
const LONG_POLL: Duration = Duration::from_secs(30);
/// Between two questions, whatever the server answers.
const SHORTEST_POLL: Duration = Duration::from_millis(500);
/// Room for a command in the table; `approvals show` has all of it.
const COMMAND_COLUMNS: usize = 60;

const APPROVE_EXAMPLES: &str = "\
Examples:
  bastion approvals approve ID
  bastion approvals approve ID --for 1h --comment 'until the release is out'";

#[cfg(test)]
mod tests;
