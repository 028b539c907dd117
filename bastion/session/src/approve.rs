//! A request that waits for other people before anything of it runs: the user is told, may give up with
//! Ctrl-C or by going away, and what they send meanwhile is kept, bounded, for the program.

use std::collections::VecDeque;

use api::{
    events::Event,
    refusal::{ReasonCode, Refusal},
};
use approval::{Application, ApprovalId, Approvals, Granted, NewApproval, Progress, Waiting};

use super::{
    leg::{UserReader, UserWriter, say},
    terminal::FromUser,
};

/// Asks other people, and waits for what they say.
///
/// # Errors
///
/// When it is denied, expires, cannot be asked for, or when the user gives up.
pub async fn approve<R: UserReader, W: UserWriter>(
    approvals: &Approvals,
    new: NewApproval,
    (reader, writer): (&mut HeldReader<R>, &W),
    asked: impl AsyncFnOnce(ApprovalId),
) -> Result<Granted, Refusal> {
    let mut waiting = match approvals.apply(new).await? {
        Application::Granted(granted) => return Ok(granted),
        Application::Waiting(waiting) => waiting,
    };
    asked(waiting.id()).await;
    say(writer, &waits(&waiting, waiting_for(&waiting))).await;
    let outcome = loop {
        tokio::select! {
            progress = waiting.changed() => match progress {
                Progress::Decided(outcome) => break outcome,
                Progress::Voted { approvals, of } => {
                    say(writer, &waits(&waiting, format!("{approvals} of {of} approvals"))).await;
                }
            },
            gives_up = reader.gives_up(), if reader.has_room() => if gives_up {
                // The store may be down: then it expires.
                let _ = waiting.cancel().await;
                return Err(Refusal::new(ReasonCode::ApprovalCancelled, "cancelled; nothing ran"));
            },
        }
    };
    let granted = waiting.settle(outcome)?;
    say(writer, &Event::Approved { by: granted.by().into_iter().map(Into::into).collect() }).await;
    Ok(granted)
}

/// What a user reads who waits.
#[must_use]
pub fn waiting_for(waiting: &Waiting) -> String {
    let (because, needed) = (waiting.because(), waiting.needed());
    let groups: Vec<&str> = needed.groups.iter().map(config::GroupName::as_str).collect();
    let people = if needed.count == 1 { "one".to_owned() } else { needed.count.to_string() };
    format!(
        "waiting for approval {}: {because}; {people} of {} can approve: {} (Ctrl-C cancels)",
        waiting.id(),
        groups.join(", "),
        waiting.url(),
    )
}

fn waits(waiting: &Waiting, message: String) -> Event {
    Event::WaitingApproval {
        approval: waiting.id(),
        rule: waiting.rule().map(ToString::to_string),
        message,
        expires_at: Some(waiting.expires_at()),
    }
}

// === impl HeldReader ===

/// The user's side while something is waited for: what comes is kept, and read later.
#[derive(Debug)]
pub struct HeldReader<R> {
    reader: R,
    kept: VecDeque<FromUser>,
    bytes: usize,
    /// Ctrl-C is a byte like any other where there is no terminal.
    terminal: bool,
}

impl<R: UserReader> HeldReader<R> {
    /// Keeps nothing yet.
    pub fn new(reader: R, terminal: bool) -> Self {
        Self { reader, kept: VecDeque::new(), bytes: 0, terminal }
    }

    fn has_room(&self) -> bool {
        self.bytes < MAX_KEPT_BYTES && self.kept.len() < MAX_KEPT
    }

    /// Keeps the next event, and says whether it means that the user gives up. Cancel-safe.
    async fn gives_up(&mut self) -> bool {
        let event = self.reader.next().await;
        match &event {
            FromUser::Closed | FromUser::Closing | FromUser::Signal(_) => return true,
            FromUser::Data(data) if self.terminal && data.contains(&INTERRUPT) => return true,
            FromUser::Data(data) => self.bytes += data.len(),
            FromUser::Eof | FromUser::Resize(..) | FromUser::Unread => {}
        }
        self.kept.push_back(event);
        false
    }
}

impl<R: UserReader> UserReader for HeldReader<R> {
    async fn next(&mut self) -> FromUser {
        match self.kept.pop_front() {
            Some(event) => event,
            None => self.reader.next().await,
        }
    }
}

/// As much as is kept while something is waited for; the rest waits in the channel's window.
const MAX_KEPT_BYTES: usize = 256 * 1024;

/// The same in events.
const MAX_KEPT: usize = 1024;

/// ETX: Ctrl-C.
const INTERRUPT: u8 = 0x03;
