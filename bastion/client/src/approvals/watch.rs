//! `bastion approvals watch`: a line when something comes to wait, and one when it is decided.
//!
//! New ones are found by asking for the list every two seconds. Each that waits is followed by a
//! long poll of its own, so that the decision is seen at once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use api::approvals::{ApprovalState, ApprovalView};
use api::id::ApprovalId;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::{decided, left, needs, read, what};
use crate::api_client::ApiClient;
use crate::exit::CommandError;
use crate::output::{Format, json_line, local_time, print};
use crate::shown::visible;

pub(super) async fn run(api: &ApiClient, format: Format) -> Result<(), CommandError> {
    let polls = Arc::new(Semaphore::new(MAX_LONG_POLLS));
    let mut known = BTreeSet::new();
    let mut following = FuturesUnordered::new();
    let mut tick = interval(LIST_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => for item in pending(api).await? {
                let id = read(item.clone())?.id;
                if known.insert(id) {
                    print(&line(item, format)?)?;
                    following.push(follow(api.clone(), id, Arc::clone(&polls)));
                }
            },
            Some((id, decided)) = following.next() => {
                match decided {
                    Ok(item) => print(&line(item, format)?)?,
                    // One that cannot be read any more ends nothing else.
                    Err(CommandError::Refused(why)) => eprintln!("bastion: {id}: {}", visible(&why)),
                    Err(error) => return Err(error),
                }
                known.remove(&id);
            }
        }
    }
}

/// What waits now. While the server is away nothing does: it is asked again.
async fn pending(api: &ApiClient) -> Result<Vec<Value>, CommandError> {
    match api.list("approvals", &[("state", "pending")], MAX_PENDING).await {
        Err(CommandError::Unreachable { .. }) => Ok(Vec::new()),
        other => other,
    }
}

async fn follow(api: ApiClient, id: ApprovalId, polls: Arc<Semaphore>) -> (ApprovalId, Result<Value, CommandError>) {
    loop {
        // The semaphore is fair and is never closed: each one that waits gets its turn.
        let turn = polls.acquire().await;
        let answer = timeout(TURN, decided(&api, id)).await;
        drop(turn);
        match answer {
            // The next one's turn.
            Err(_) => {}
            Ok(Err(CommandError::Unreachable { .. })) => sleep(LIST_EVERY).await,
            Ok(answer) => return (id, answer),
        }
    }
}

fn line(item: Value, format: Format) -> Result<String, CommandError> {
    Ok(match format {
        Format::Json => json_line(&item),
        Format::Table => visible(&words(&read(item)?, Timestamp::now())).into_owned() + "\n",
    })
}

pub(super) fn words(approval: &ApprovalView, now: Timestamp) -> String {
    let state = match approval.state {
        ApprovalState::Pending => format!("pending ({}, {} left)", needs(approval), left(approval, now)),
        state @ (ApprovalState::Approved
        | ApprovalState::Cancelled
        | ApprovalState::Denied
        | ApprovalState::Expired) => {
            let by: Vec<_> = approval.votes.iter().map(|vote| vote.by.as_str()).collect();
            if by.is_empty() { state.to_string() } else { format!("{state} by {}", by.join(", ")) }
        }
    };
    format!(
        "{}  {}  {state}  {} on {}@{}: {}",
        local_time(now),
        approval.id,
        approval.requester.name,
        approval.login,
        approval.target,
        what(approval)
    )
}

/// How soon a new one is seen.
const LIST_EVERY: Duration = Duration::from_secs(2);
/// How long one is followed before another gets its turn.
const TURN: Duration = Duration::from_secs(35);
/// Each holds a connection of the server.
const MAX_LONG_POLLS: usize = 16;
/// More than people can look at.
const MAX_PENDING: usize = 1000;
