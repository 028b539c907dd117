use std::cell::Cell;

use config::UserName;
use recorder::SessionId;
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;

use super::*;
use crate::store::{AuditFilter, SessionEnd, SessionFilter, SessionKind, SessionRecord, SqlStore};

const LIMITS: LogLimits = LogLimits {
    units: 64 * 1024,
    spill_bytes: 256 << 20,
    retry: Duration::from_millis(20),
    patience: Duration::from_millis(100),
};

/// A log into a store in a folder, which others may lock.
struct Site {
    folder: TempDir,
    store: SqlStore,
    log: AuditLog,
}

impl Site {
    async fn new(limits: LogLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bastion.db");
        let store = SqlStore::in_file_within(&path, Duration::from_secs(1)).await.unwrap();
        let log = AuditLog::start_with(Arc::new(store.clone()), &folder.path().join("waiting"), limits).unwrap();
        Self { folder, store, log }
    }

    /// What a backup does, or somebody with `sqlite3`.
    async fn locked(&self) -> SqliteConnection {
        let path = self.folder.path().join("bastion.db");
        let mut other = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
        other
    }

    async fn until(&self, what: &str, holds: impl AsyncFn(&Self) -> bool) {
        let waits = async {
            while !holds(self).await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(60), waits).await.unwrap_or_else(|_| panic!("not {what}: {:?}", self.log.check()));
    }

    async fn events(&self) -> Vec<AuditEvent> {
        let filter = AuditFilter { limit: 1_000_000, ..AuditFilter::default() };
        self.store.audit(&filter).await.unwrap().into_iter().rev().map(|record| record.event).collect()
    }

    fn waiting_bytes(&self) -> u64 {
        self.folder.path().join("waiting").metadata().unwrap().len()
    }
}

fn event(number: usize) -> AuditEvent {
    AuditEvent::LoggedOut { user: "alice".parse().unwrap(), source: number.to_string() }
}

/// The numbers of those of [`event`].
fn numbers(events: &[AuditEvent]) -> Vec<usize> {
    let number = |event: &AuditEvent| {
        if let AuditEvent::LoggedOut { source, .. } = event { source.parse().ok() } else { None }
    };
    events.iter().filter_map(number).collect()
}

fn recovered(events: &[AuditEvent]) -> Vec<(u64, u64)> {
    let counts = |event: &AuditEvent| {
        let AuditEvent::StoreRecovered { from, until, delayed, lost, .. } = event else { return None };
        assert!(from <= until);
        Some((*delayed, *lost))
    };
    events.iter().filter_map(counts).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_into_the_store_in_their_order_and_nobody_waits() {
    let site = Site::new(LIMITS).await;
    for number in 0..2_000 {
        site.log.record(event(number)).unwrap();
    }
    site.log.settled().await;
    site.until("written", async |site| numbers(&site.events().await).len() == 2_000).await;
    assert_eq!(numbers(&site.events().await), (0..2_000).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_locked_for_a_while_loses_nothing_and_says_so_afterwards() {
    let site = Site::new(LIMITS).await;
    let lock = site.locked().await;
    for number in 0..3_000 {
        site.log.record(event(number)).unwrap();
    }
    site.until("on disk", async |site| site.waiting_bytes() > 3_000 * 50).await;
    assert!(site.log.check().unwrap_err().contains("audit events wait"));
    for number in 3_000..3_010 {
        site.log.record(event(number)).unwrap();
    }
    lock.close().await.unwrap();
    site.until("recovered", async |site| site.log.check().is_ok()).await;
    site.log.record_now(event(3_010)).await.unwrap();

    let events = site.events().await;
    assert_eq!(numbers(&events), (0..=3_010).collect::<Vec<_>>());
    let [(delayed, 0)] = recovered(&events)[..] else { panic!("{:?}", recovered(&events)) };
    assert!((3_000..=3_010).contains(&delayed), "{delayed}");
    assert_eq!(site.waiting_bytes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_session_that_ends_while_the_store_is_locked_has_ended() {
    const SESSIONS: usize = 1_000;
    let site = Site::new(LIMITS).await;
    let mut places = Vec::new();
    for _ in 0..SESSIONS {
        let session = SessionRecord {
            id: SessionId::new(),
            user: "alice".parse::<UserName>().unwrap(),
            person: None,
            target: "web1".parse().unwrap(),
            login: "deploy".parse().unwrap(),
            kind: SessionKind::Exec,
            command: None,
            pty: false,
            source: String::new(),
            started_at: Timestamp::now(),
            ended_at: None,
            end: None,
            output_bytes: 0,
        };
        site.store.start_session(&session, &[]).await.unwrap();
        places.push((session.id, site.log.reserve().await.unwrap()));
    }
    let lock = site.locked().await;
    for (session, place) in places {
        place.fill(AuditEvent::SessionEnded { session, end: SessionEnd::Exited { status: 7 }, output_bytes: 5 });
    }
    site.until("late", async |site| site.log.check().is_err()).await;
    lock.close().await.unwrap();
    site.until("recovered", async |site| site.log.check().is_ok()).await;

    let filter = SessionFilter { limit: 10_000, ..SessionFilter::default() };
    let rows = site.store.sessions(&filter).await.unwrap();
    assert_eq!(rows.len(), SESSIONS);
    assert!(rows.iter().all(|row| row.end == Some(SessionEnd::Exited { status: 7 }) && row.output_bytes == 5));
    let ended = site.events().await.iter().filter(|event| matches!(event, AuditEvent::SessionEnded { .. })).count();
    assert_eq!(ended, SESSIONS);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_when_the_bastion_is_killed_is_written_once_by_the_next() {
    let site = Site::new(LIMITS).await;
    site.log.record_now(event(0)).await.unwrap();
    let lock = site.locked().await;
    for number in 1..500 {
        site.log.record(event(number)).unwrap();
    }
    site.until("on disk", async |site| site.log.queue().events.is_empty()).await;
    super::lock(&site.log.0.writer).take().unwrap().abort();
    let file = site.folder.path().join("waiting");
    let left = std::fs::read(&file).unwrap();
    lock.close().await.unwrap();

    for _ in 0..2 {
        // The second time is a crash after the store has taken them, and before the file was emptied.
        std::fs::write(&file, &left).unwrap();
        let limits = LogLimits { patience: Duration::from_secs(30), ..LIMITS };
        let log = AuditLog::start_with(Arc::new(site.store.clone()), &file, limits).unwrap();
        log.caught_up().await.unwrap();
        log.close(Duration::from_secs(10)).await;
    }
    let events = site.events().await;
    assert_eq!(numbers(&events), (0..500).collect::<Vec<_>>());
    assert_eq!(recovered(&events)[0], (499, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_nothing_more_is_accepted_and_what_was_accepted_is_not_lost() {
    let site = Site::new(LogLimits { units: 100, spill_bytes: 0, ..LIMITS }).await;
    let lock = site.locked().await;
    let accepted = (0..300).take_while(|number| site.log.record(event(*number)).is_ok()).count();
    assert!((100..200).contains(&accepted), "{accepted}");
    assert!(site.log.reserve().await.is_err());
    assert!(site.log.record(event(0)).is_err());
    site.until("said so", async |site| site.log.check().is_err_and(|why| why.contains("on disk either"))).await;
    lock.close().await.unwrap();
    site.until("recovered", async |site| site.log.check().is_ok()).await;
    site.log.reserve().await.unwrap().fill(event(accepted));
    site.log.settled().await;
    let events = site.events().await;
    assert_eq!(numbers(&events), (0..=accepted).collect::<Vec<_>>());
    assert_eq!(recovered(&events)[0].1, 2, "the two that were refused are counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_the_store_catches_up_comes_behind_what_waits() {
    let site = Site::new(LIMITS).await;
    let lock = site.locked().await;
    let count = Cell::new(0);
    let record = || {
        site.log.record(event(count.get())).unwrap();
        count.set(count.get() + 1);
    };
    (0..5_000).for_each(|_| record());
    site.until("on disk", async |site| site.waiting_bytes() > 5_000 * 50).await;
    lock.close().await.unwrap();
    let goes_on = async |site: &Site| {
        record();
        site.log.check().is_ok()
    };
    site.until("recovered", goes_on).await;
    site.log.close(Duration::from_secs(20)).await;
    assert_eq!(numbers(&site.events().await), (0..count.get()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_be_written_first_is_refused_while_the_log_is_behind() {
    let site = Site::new(LIMITS).await;
    site.log.write(event(0)).await.unwrap();
    let lock = site.locked().await;
    site.log.record(event(1)).unwrap();
    site.until("late", async |site| site.log.check().is_err()).await;
    let refused = site.log.write(event(2)).await.unwrap_err();
    assert!(matches!(refused, Unwritten::Behind(_)), "{refused}");
    lock.close().await.unwrap();
    site.until("recovered", async |site| site.log.check().is_ok()).await;
    site.log.write(event(3)).await.unwrap();
    assert_eq!(numbers(&site.events().await), [0, 1, 3], "what was refused did not happen");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_kept_for_the_end_of_what_began() {
    let site = Site::new(LogLimits { units: 10, spill_bytes: 0, ..LIMITS }).await;
    let place = site.log.reserve().await.unwrap();
    let lock = site.locked().await;
    while site.log.record(event(0)).is_ok() {}
    place.fill_all([event(1), event(2)]);
    site.until("late", async |site| site.log.check().is_err()).await;
    lock.close().await.unwrap();
    site.until("recovered", async |site| site.log.check().is_ok()).await;
    assert!(numbers(&site.events().await).ends_with(&[1, 2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_in_places_that_were_kept_are_summed_up_too() {
    const ALL: u64 = 200;
    let site = Site::new(LIMITS).await;
    let down = AuditEvent::TargetUnavailable {
        user: "mallory".parse().unwrap(),
        target: "web1".parse().unwrap(),
        reason: "no".into(),
    };
    for _ in 0..ALL {
        site.log.reserve().await.unwrap().fill(down.clone());
    }
    site.log.close(Duration::from_secs(20)).await;
    let events = site.events().await;
    let written = events.iter().filter(|event| **event == down).count();
    let summed = |event: &AuditEvent| if let AuditEvent::RefusalsSummed { count, .. } = event { *count } else { 0 };
    assert_eq!((written, events.iter().map(summed).sum::<u64>()), (60, ALL - 60));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_leaves_nothing_in_memory() {
    let site = Site::new(LIMITS).await;
    for number in 0..1_000 {
        site.log.record(event(number)).unwrap();
    }
    site.log.close(Duration::from_secs(20)).await;
    assert_eq!(numbers(&site.events().await), (0..1_000).collect::<Vec<_>>());

    let site = Site::new(LIMITS).await;
    let _lock = site.locked().await;
    for number in 0..1_000 {
        site.log.record(event(number)).unwrap();
    }
    site.log.close(Duration::from_secs(20)).await;
    assert_eq!(Spill::open(&site.folder.path().join("waiting")).unwrap().waiting(), 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_refusals_with_long_texts_is_some_rows_and_a_sum() {
    const ALL: u64 = 20_000;
    let site = Site::new(LIMITS).await;
    let what = format!("direct-tcpip to {}:22", "x".repeat(30_000));
    for _ in 0..ALL {
        let refused = AuditEvent::ChannelRefused {
            user: "mallory".parse().unwrap(),
            target: None,
            login: None,
            what: what.clone(),
            code: None,
            rule: None,
            reason: "no".into(),
            source: "192.0.2.7:1".into(),
        };
        site.log.record(refused).unwrap();
    }
    site.log.close(Duration::from_secs(20)).await;
    let events = site.events().await;
    let bytes: usize = events.iter().map(|event| serde_json::to_string(event).unwrap().len()).sum();
    assert!(bytes < 100_000, "{} events, {bytes} bytes", events.len());
    let written = events.iter().filter(|event| matches!(event, AuditEvent::ChannelRefused { .. })).count();
    let summed = |event: &AuditEvent| if let AuditEvent::RefusalsSummed { count, .. } = event { *count } else { 0 };
    assert_eq!((written, events.iter().map(summed).sum::<u64>()), (60, ALL - 60));
}
