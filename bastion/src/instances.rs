//! [`Instances`]: what a bastion does because others share its store. It hears what they change, clears up after those
//! that are dead, and gives up what hangs on its own lease when that is lost.
//!
//! ```text
//!   another one commits ── NOTIFY ──> store::Changes ──> `follow`: the store is read, and whoever waits here is told
//!                              (lost) ─────────────────>           the same every few seconds, whatever was heard
//!   a lease runs out ──────────────────────────────────> `dead`: one instance has it, and ends what it left
//!   our own is lost ───────────────────────────────────> sessions end by themselves (`store::Tenure`), waits here
//! ```
//!
//! In a SQLite file, which nobody shares, nothing of this runs.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use approval::Approvals;
use identity::{key_file, login::EndedLogins};
use jiff::Timestamp;
use ledger::store::{Change, Heard, InstanceId, SqlStore, StoreError, sql::Listening};
use recorder::Recorder;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

mod dead;

/// What a bastion does because of others.
pub struct Instances {
    /// What all of them share.
    pub store: SqlStore,
    /// What waits for other people.
    pub approvals: Approvals,
    /// Whose logins are followed here.
    pub logins: EndedLogins,
    /// Where recordings of the dead are completed.
    pub recorder: Arc<Recorder>,
    /// Makes this bastion look at its rule files.
    pub reload: Arc<Notify>,
    /// How long a lease is.
    pub lease: Duration,
    /// The file with the name of this instance.
    pub own_file: OwnFile,
}

impl Instances {
    /// Runs until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let Some(listening) = self.store.listen() else { return };
        // Whoever came or went says so.
        let arrivals = Notify::new();
        let work = async {
            tokio::join!(self.follow(&listening, &arrivals), self.clear_up(&arrivals), self.keep_lease());
        };
        let _ = stop.run_until_cancelled(work).await;
    }

    /// Looks at what the others have changed.
    async fn follow(&self, listening: &Listening, arrivals: &Notify) {
        let mut looks = tokio::time::interval(LOOK);
        let mut reloads = None;
        // What could not be looked at is looked at again, with all else.
        let mut missed = false;
        loop {
            let everything = || Heard { everything: true, ..Heard::default() };
            let (heard, is_time) = tokio::select! {
                heard = listening.next() => (heard, false),
                _ = looks.tick() => (Heard { everything: false, changes: BTreeSet::from(EVERY_LOOK) }, true),
                () = tokio::time::sleep(RETRY), if missed => (everything(), false),
            };
            let looked = self.look(&heard, is_time, &mut reloads, arrivals).await;
            if let Err(error) = &looked
                && !missed
            {
                warn!(%error, "what other instances have changed could not be read; it is tried again");
            }
            missed = looked.is_err();
        }
    }

    /// `is_time` says that requests are to be looked at which somebody waits for, whatever was heard.
    async fn look(
        &self,
        heard: &Heard,
        is_time: bool,
        reloads: &mut Option<i64>,
        arrivals: &Notify,
    ) -> Result<(), StoreError> {
        if heard.everything || is_time {
            self.approvals.look_at_watched().await?;
        }
        if heard.everything {
            self.approvals.look_at_pending().await?;
        }
        let changed = |change: &Change| heard.everything || heard.changes.contains(change);
        for change in &heard.changes {
            if let Change::Approval(id) = change {
                self.approvals.look_at(*id).await?;
            }
        }
        if changed(&Change::Access) {
            self.approvals.look_at_access().await?;
        }
        if changed(&Change::Logins) {
            for ended in self.store.ended_among(&self.logins.followed()).await? {
                self.logins.found(ended, Timestamp::now());
            }
        }
        if changed(&Change::Instances) {
            arrivals.notify_one();
        }
        if changed(&Change::Reload) {
            let now = self.store.reloads().await?;
            if reloads.replace(now).is_some_and(|before| before != now) {
                self.reload.notify_one();
            }
        }
        Ok(())
    }

    /// Ends what waits here when the lease is lost, and keeps the name that comes with the next one.
    async fn keep_lease(&self) {
        let lease = self.store.lease();
        loop {
            if let Some(id) = self.store.instance() {
                self.own_file.write(id);
            }
            lease.lost().await;
            error!(reason = lease.check().err(), "the lease of the database was lost: all sessions here end");
            self.approvals.abandon();
            lease.held().await;
            info!("the lease of the database was got again: sessions may start here");
        }
    }
}

/// The file in the data folder with the name of the instance that has it. Who comes next in that folder knows by it whom
/// to clear up after at once: the folder belongs to one process at a time. It must not be copied to another machine.
#[derive(Debug, Clone)]
pub struct OwnFile(PathBuf);

impl OwnFile {
    /// That of a data folder.
    #[must_use]
    pub fn of(data_dir: &Path) -> Self {
        Self(data_dir.join(OWN_FILE))
    }

    /// The last instance that had the folder, as far as that is known.
    #[must_use]
    pub fn read(&self) -> Option<InstanceId> {
        std::fs::read_to_string(&self.0).ok()?.trim().parse().ok()
    }

    /// Without it, others wait until the lease has run out.
    fn write(&self, id: InstanceId) {
        if let Err(error) = key_file::replace(&self.0, format!("{id}\n").as_bytes()) {
            warn!(path = %self.0.display(), %error, "the name of this instance was not written down");
        }
    }
}

const OWN_FILE: &str = "instance-id";

/// How often all is looked at that somebody here waits for, whatever was heard: a notification may get lost.
const LOOK: Duration = Duration::from_secs(5);

/// What is looked at then, beside the requests that somebody waits for.
const EVERY_LOOK: [Change; 4] = [Change::Access, Change::Instances, Change::Logins, Change::Reload];

/// When the store did not answer.
const RETRY: Duration = Duration::from_millis(500);
