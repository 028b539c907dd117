//! `bastion access`: access to a target for a time, which somebody else approves.

use std::time::Duration;

use api::access::{AccessItem, AccessRequest};
use api::approvals::{ApprovalState, ApprovalView};
use api::page::Page;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::api_client::ApiClient;
use super::exit::CommandError;
use super::home::BastionHome;
use super::output::{Format, OutputOptions, Table, local_time, print, print_json};
use super::shown::visible;
use super::{approvals, duration};

/// The commands below `bastion access`.
#[derive(Debug, Subcommand)]
pub enum AccessCommand {
    /// Ask for access to a target or a Kubernetes cluster for a time.
    Request(RequestOptions),
    /// List the access for a time that one has.
    Ls(ListOptions),
}

/// Arguments of `bastion access request`.
#[derive(Debug, Args)]
#[command(after_help = REQUEST_EXAMPLES)]
pub struct RequestOptions {
    /// The target or cluster.
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// The account there; a cluster has none.
    #[arg(long, value_name = "LOGIN")]
    pub login: Option<String>,
    /// For how long, such as 30m or 2h.
    #[arg(long = "for", value_name = "TIME", value_parser = duration::parse)]
    pub length: Duration,
    /// Why: the approver reads it.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Wait for the decision.
    #[arg(long)]
    pub wait: bool,
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// Arguments of `bastion access ls`.
#[derive(Debug, Args)]
pub struct ListOptions {
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// Asks or lists.
///
/// # Errors
///
/// When there is no login, the server refuses, or (with `--wait`) nobody approves.
pub async fn run(home: &BastionHome, command: &AccessCommand) -> Result<(), CommandError> {
    let api = home.client()?;
    match command {
        AccessCommand::Request(options) => request(&api, options).await,
        AccessCommand::Ls(options) => {
            let page: Page<Value> = api.get("access", &[]).await?;
            match options.output.output {
                Format::Json => print_json(&Value::Array(page.items)),
                Format::Table => print(&table(page.items)?),
            }
        }
    }
}

pub(super) async fn request(api: &ApiClient, options: &RequestOptions) -> Result<(), CommandError> {
    let body = AccessRequest {
        target: options.target.clone(),
        login: options.login.clone(),
        time: duration::seconds(options.length),
        reason: Some(options.reason.clone()),
    };
    let mut answer: Value = api.post("access", &body).await?;
    let mut approval = approvals::read(answer.clone())?;
    if options.wait && approval.state == ApprovalState::Pending {
        eprintln!("waiting until {}; an approver types:", local_time(approval.expires_at));
        eprintln!("  bastion approvals approve {}", approval.id);
        answer = approvals::decided(api, approval.id).await?;
        approval = approvals::read(answer.clone())?;
    }
    match options.output.output {
        Format::Json => print_json(&answer)?,
        Format::Table => print(&said(&approval))?,
    }
    outcome(&approval)
}

fn said(approval: &ApprovalView) -> String {
    let text = match approval.state {
        ApprovalState::Approved => {
            let until = approval.scope.as_ref().and_then(|scope| scope.until);
            let until = until.map(|until| format!(" until {}", local_time(until))).unwrap_or_default();
            format!("{} on {} is open{until}", approval.login, approval.target)
        }
        ApprovalState::Pending => {
            format!("{} waits for approval; an approver types: bastion approvals approve {0}", approval.id)
        }
        state @ (ApprovalState::Cancelled | ApprovalState::Denied | ApprovalState::Expired) => {
            format!("{}: {}", approval.id, state)
        }
    };
    visible(&text).into_owned() + "\n"
}

/// The exit code of what became of it.
fn outcome(approval: &ApprovalView) -> Result<(), CommandError> {
    match approval.state {
        ApprovalState::Approved | ApprovalState::Pending => Ok(()),
        ApprovalState::Cancelled => Err(CommandError::Refused("the request was cancelled".to_owned())),
        ApprovalState::Expired => Err(CommandError::Unapproved("nobody approved it in time; ask again".to_owned())),
        ApprovalState::Denied => {
            let no = approval.votes.iter().find(|vote| !vote.approve);
            let by = no.map(|vote| format!(" by {}", vote.by)).unwrap_or_default();
            let comment = no.and_then(|vote| vote.comment.as_ref()).map(|text| format!(": {text}")).unwrap_or_default();
            Err(CommandError::Blocked(format!("denied{by}{comment}")))
        }
    }
}

fn table(items: Vec<Value>) -> Result<String, CommandError> {
    let mut table = Table::new(["ID", "USER", "TARGET", "LOGIN", "UNTIL"]);
    for item in items {
        let access: AccessItem = serde_json::from_value(item).map_err(anyhow::Error::new)?;
        table.row([access.id.to_string(), access.user, access.target, access.login, local_time(access.until)]);
    }
    Ok(table.render())
}

const REQUEST_EXAMPLES: &str = "\
Example:
  bastion access request db1 --login postgres --for 2h --reason 'ticket 4711' --wait
  bastion access request prod-eu --for 1h --reason 'ticket 4711' --wait    # a Kubernetes cluster
Exit codes of --wait: 0 approved; 4 nobody decided in time; 5 denied.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_has_is_one_row() {
        let items = vec![
            serde_json::json!({"id": "01935f00-0000-7000-8000-000000000001", "user": "alice", "target": "db1", "login": "root\u{1b}[2J",
                                "until": "2026-11-22T10:00:00Z"}),
        ];
        let text = table(items).unwrap();
        assert!(text.contains("alice  db1     root\\u{1b}[2J"), "{text}");
    }
}
