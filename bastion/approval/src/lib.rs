//! Approvals: a command, a session or an access that waits for other people.
//!
//! Whoever needs one [`Approvals::apply`]s: an earlier approval may still count, and else they wait. Others vote by [`Approvals::decide`]; what their votes come to is decided by
//! [`policy::approval`]. Every change is one transaction with its audit events, and only then is anybody told.
//!
//! Files in reading order: [`request`] (what is asked for), [`waiting`] (who waits, and for what), `decide` (votes
//! and what ends a request), [`access`] (access for a time), [`view`] (what people see), `webhook` (how they hear
//! of it), `hub` (who is told inside this process), `clock` (what runs out), `others` (what other instances do).
//!
//! **Architecture invariant:** only a request that enough people approved makes a [`Granted`], and what it carries
//! are the bytes that were shown.
//!
//! A request does not outlive the process that it waits in: the next start refuses it, or another instance on the same
//! store does. What was decided stays decided. Those who wait are told inside their process; what other instances
//! decide is read from the store (`others`).

use std::{io, path::PathBuf, sync::Arc};

use api::refusal::{ReasonCode, Refusal};
use jiff::Timestamp;
use policy::{
    Subject,
    approval::{self, ApprovalSubject, Counts},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;
use url::Url;

pub mod access;
mod clock;
mod decide;
mod hub;
mod others;
pub mod request;
pub mod view;
pub mod waiting;
mod webhook;

pub use api::id::ApprovalId;
pub use decide::DecideError;
pub use ledger::store::{
    ApprovalRecord as Approval,
    approval::{ApprovalKind, ApprovalState, ScopeWord},
};
pub use policy::approval::{Needed, Scope, Vote};
pub use request::{ApprovalError, NewApproval};
pub use waiting::{Application, Granted, Outcome, Progress, Waiting};

use access::OpenAccess;
use clock::{Deadline, DeadlineClock};
use hub::{Change, ChangeHub};
use ledger::store::{ApprovalFilter, Listing, Owner, Store, StoreError};
use webhook::Webhook;

/// The approvals of this bastion. Cheap to clone.
#[derive(Clone)]
pub struct Approvals(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    hub: ChangeHub,
    access: OpenAccess,
    clock: DeadlineClock,
    webhook: Option<Webhook>,
    console: Url,
    tasks: TaskTracker,
    closing: CancellationToken,
}

/// Why approvals could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file that the settings name cannot be read.
    #[error("approvals.webhook.ca: {path} cannot be read: {source}")]
    Ca {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store does not answer.
    #[error("approvals: {0}")]
    Store(#[from] StoreError),
    /// The client of the webhook cannot be set up.
    #[error("approvals.webhook: {0}")]
    Webhook(String),
}

impl Approvals {
    /// Sets approvals up. Requests that an earlier run of the bastion left are refused, where nobody shares its store;
    /// approved access goes on.
    ///
    /// # Errors
    ///
    /// When the store does not answer, or the webhook's settings cannot be used.
    pub async fn start(
        store: Arc<dyn Store>,
        console: Url,
        webhook: Option<&config::Webhook>,
    ) -> Result<Self, StartError> {
        let tasks = TaskTracker::new();
        let closing = CancellationToken::new();
        let webhook = webhook.map(|settings| Webhook::start(settings, &tasks, &closing)).transpose()?;
        let approvals = Self(Arc::new(Inner {
            store,
            hub: ChangeHub::default(),
            access: OpenAccess::default(),
            clock: DeadlineClock::default(),
            webhook,
            console,
            tasks: tasks.clone(),
            closing: closing.clone(),
        }));
        approvals.refuse_left_over(Owner::Nobody).await?;
        approvals.look_at_pending().await?;
        approvals.look_at_access().await?;
        tasks.spawn(clock::run(approvals.clone(), closing));
        Ok(approvals)
    }

    /// Refuses what waited in an earlier run of this bastion, under this owner.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn refuse_left_over(&self, owner: Owner) -> Result<(), StoreError> {
        self.refuse_of(owner, RESTARTED).await
    }

    /// An earlier approval that covers this too: of the same person, target, login, rule and exact text, given for
    /// this session or for a time that is not over, by as many people of the same groups as are needed now.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn standing(&self, new: &NewApproval) -> Result<Option<Granted>, ApprovalError> {
        let now = Timestamp::now();
        let like = new.clone().into_record(None, now)?;
        let earlier = self.0.store.standing_approvals(&like, now).await?;
        Ok(earlier.into_iter().find(|earlier| still_covers(earlier, &like, now)).map(Granted::of))
    }

    /// Asks for an approval of a command or a session.
    ///
    /// # Errors
    ///
    /// When nobody could approve it, when a reason is missing, when too much waits already, when it is too long,
    /// or when the store does not answer. Then nothing was asked for.
    pub async fn request(&self, new: NewApproval) -> Result<Waiting, ApprovalError> {
        let (record, changes) = self.file(new, None).await?;
        Ok(Waiting::new(self.clone(), record, changes))
    }

    /// Asks, unless an earlier approval of exactly this stands.
    ///
    /// # Errors
    ///
    /// Why nobody can be asked, in words for the user.
    pub async fn apply(&self, new: NewApproval) -> Result<Application, Refusal> {
        let (rule, because) = (new.rule.clone(), new.because.clone());
        let applied = async {
            match self.standing(&new).await? {
                Some(granted) if *granted.text() == new.exact() => Ok(Application::Granted(granted)),
                Some(_) | None => self.request(new).await.map(|waiting| Application::Waiting(Box::new(waiting))),
            }
        };
        applied.await.map_err(|error: ApprovalError| {
            Refusal::new(ReasonCode::ApprovalCannotBeAsked, format!("{because}: {error}")).by_rule(rule)
        })
    }

    /// A request, as far as the store knows it.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn find(&self, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
        self.0.store.approval(id).await
    }

    /// Requests, newest first.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    pub async fn list(&self, filter: &ApprovalFilter) -> Result<Listing<Approval>, StoreError> {
        self.0.store.approvals(filter).await
    }

    /// Waits until a request changes that waits for votes, or until the bastion stops. Whoever wants to see each change
    /// calls this before looking at it.
    pub fn next_change(&self, id: ApprovalId) -> impl Future<Output = ()> + Send + use<> {
        let mut changes = self.0.hub.watch(id);
        let closing = self.0.closing.clone();
        async move {
            tokio::select! {
                _ = changes.changed() => {}
                () = closing.cancelled() => {}
            }
        }
    }

    /// Where people decide on a request.
    #[must_use]
    pub fn url(&self, id: ApprovalId) -> String {
        view::url(&self.0.console, id)
    }

    /// Stops what runs in the background: timers, deliveries, and requests of the API that wait for a change.
    pub async fn close(&self) {
        self.0.closing.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Tells everybody who waits for it.
    fn tell(&self, record: &Approval) {
        let outcome = Outcome::of(record);
        let decided = outcome.is_some();
        let approvals = record.votes.iter().filter(|vote| vote.approve).count();
        self.0.hub.tell(record.id, Change { approvals, outcome });
        if decided {
            self.0.clock.forget(record.expires_at, Deadline::Expiry(record.id));
            self.notify(webhook::Event::ApprovalDecided, record);
        }
    }

    fn notify(&self, event: webhook::Event, record: &Approval) {
        if let Some(webhook) = &self.0.webhook
            && let Err(reason) = webhook.send(event, record, &self.0.console)
        {
            warn!(approval.id = %record.id, reason, "nobody was told of an approval by webhook");
        }
    }

    /// Gives a request up because the requester went away. Called where nobody can wait for the store.
    fn withdraw_later(&self, id: ApprovalId, remark: &'static str) {
        let approvals = self.clone();
        self.in_background(async move {
            if let Err(error) = approvals.withdraw(id, remark).await {
                warn!(approval.id = %id, %error, "a request that nobody waits for was not given up; it expires");
            }
        });
    }

    /// Does what nobody can wait for; [`Self::close`] does.
    pub fn in_background(&self, work: impl Future<Output = ()> + Send + 'static) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        self.0.tasks.spawn_on(work, &runtime);
    }
}

/// Whether an earlier approval covers what is asked for now.
fn still_covers(earlier: &Approval, asked: &Approval, now: Timestamp) -> bool {
    let Some(reach) = earlier.reach.filter(|_| earlier.state == ApprovalState::Approved) else { return false };
    let counts = match reach.scope {
        ScopeWord::Once => Counts { session: None, until: None },
        ScopeWord::For => Counts { session: None, until: reach.until.map(Into::into) },
        ScopeWord::Session => match earlier.session {
            Some(session) => Counts { session: Some(session), until: reach.until.map(Into::into) },
            None => return false,
        },
    };
    // What was approved before its parts were told apart stands for nothing.
    earlier.act.is_some()
        && earlier.kind == asked.kind
        && counts.at(now.into(), asked.session.as_ref())
        && approval::covers(
            &asked_by(earlier, &approval::Person::of(&earlier.requester)),
            &asked_by(asked, &approval::Person::of(&asked.requester)),
        )
}

fn asked_by<'a>(record: &'a Approval, requester: &'a approval::Person) -> ApprovalSubject<'a> {
    ApprovalSubject {
        requester,
        target: &record.target,
        login: &record.login,
        rule: record.rule.as_ref(),
        text: &record.text,
        needed: &record.needed,
    }
}

/// Whether somebody may vote on this request now.
#[must_use]
pub fn may_decide(record: &Approval, who: &Subject, now: Timestamp) -> bool {
    let requester = approval::Person::of(&record.requester);
    record.is_pending()
        && now < record.expires_at
        && approval::may_vote(&requester, &record.needed, &record.cast(), who).is_ok()
}

const RESTARTED: &str = "the bastion restarted; ask again";
const WENT_AWAY: &str = "the requester's session is over";

#[cfg(test)]
mod tests;
