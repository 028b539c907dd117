//! Several instances on one database: leases, who clears up after whom, what each hears of the others.

use api::id::ApprovalId;
use config::Postgres;
use policy::approval::{Act, ActKind, Needed, Stdin};
use tokio::time::timeout;

use super::*;
use crate::store::{
    AccessGrant, ApprovalChange, ApprovalFilter, ApprovalRecord, Change, InstanceId, LoginRate, Owner,
    approval::{ApprovalKind, ApprovalState, DecidedRecord},
};

/// Longer than anything that succeeds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A new database, and instances on it.
struct Shared(Postgres);

impl Shared {
    async fn on(server: &Server) -> Self {
        let config::Store::Postgres(settings) = server.database().await else { panic!("of a server") };
        Self(settings)
    }

    async fn instance(&self, description: &str, lease: Duration) -> SqlStore {
        self.try_instance(Entry { lease, ..entry(description) }).await.unwrap()
    }

    async fn try_instance(&self, entry: Entry) -> Result<SqlStore, StoreError> {
        SqlStore::on_server(&self.0, Role::Instance(entry), Duration::from_secs(5)).await
    }

    /// Ends every connection, as a network does that breaks.
    async fn cut(&self, server: &Server) {
        let mut connection = server.superuser(&self.0.database).await;
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .execute(&mut connection)
        .await
        .unwrap();
    }

    /// What `kill -9` leaves: a lease that nobody renews, at its end.
    async fn age(&self, server: &Server, store: &SqlStore) -> InstanceId {
        let dead = store.instance().unwrap();
        let Writer::Postgres { holder, .. } = &store.writer else { panic!("of a server") };
        holder.abort_for_test();
        let mut connection = server.superuser(&self.0.database).await;
        let update = "UPDATE instances SET lease_until = 0 WHERE id = $1";
        sqlx::query(update).bind(dead.to_string()).execute(&mut connection).await.unwrap();
        dead
    }
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("in time")
}

fn pending(kind: ApprovalKind) -> ApprovalRecord {
    let act = Act { stdin: Stdin::None, ..Act::of(ActKind::Exec, policy::Protocol::Ssh, [b"reboot".as_slice()]) };
    let (target, login) = ("web1".parse().unwrap(), "root".parse().unwrap());
    ApprovalRecord {
        id: ApprovalId::new(),
        revision: 0,
        kind,
        state: ApprovalState::Pending,
        requester: subject("alice"),
        text: act.encode(&target, &login),
        act: Some(act),
        target,
        login,
        session: None,
        rule: None,
        commands: Vec::new(),
        screen: None,
        reason: None,
        because: "it is wanted".into(),
        needed: Needed {
            groups: vec!["sre".parse().unwrap()],
            count: 1,
            expires: Duration::from_secs(60),
            reason_required: false,
        },
        lasting: None,
        source: "192.0.2.7:1".into(),
        created_at: at(0),
        expires_at: at(60),
        decided_at: None,
        reach: None,
        remark: None,
        votes: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_instances_write_and_a_copy_keeps_off_until_the_last_has_gone() {
    let Some(server) = Server::shared("several_instances_write").await else { return };
    let shared = Shared::on(server).await;
    let lease = Duration::from_secs(30);
    let (one, other) = tokio::join!(shared.instance("the first", lease), shared.instance("the second", lease));
    assert_ne!(one.instance(), other.instance());
    one.append_audit(at(0), &[failed("one")]).await.unwrap();
    other.append_audit(at(0), &[failed("other")]).await.unwrap();
    assert_eq!((one.others().await.unwrap(), other.others().await.unwrap()), (1, 1));
    other.drain().await.unwrap();
    assert_eq!((one.others().await.unwrap(), other.others().await.unwrap()), (0, 1));

    let settings = config::Store::Postgres(shared.0.clone());
    let error = SqlStore::open_for_copy(&settings, "a copy").await.unwrap_err().to_string();
    assert!(error.contains("held by another bastion (the "), "{error}");
    one.close().await;
    let error = SqlStore::open_for_copy(&settings, "a copy").await.unwrap_err().to_string();
    assert!(error.contains("held by another bastion (the second)"), "{error}");
    other.close().await;
    let copy = SqlStore::open_for_copy(&settings, "a copy").await.unwrap();
    copy.probe().await.unwrap();
    let error = shared.try_instance(entry("late")).await.unwrap_err().to_string();
    assert!(error.contains("held by a copy"), "{error}");
    copy.close().await;
    shared.instance("late", lease).await.probe().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_have_the_same_keys_or_do_not_start() {
    let Some(server) = Server::shared("instances_have_the_same_keys").await else { return };
    let shared = Shared::on(server).await;
    let with = |keys: &[(&str, &str)]| Entry {
        keys: keys.iter().map(|(name, key)| ((*name).to_owned(), (*key).to_owned())).collect(),
        ..entry("with keys")
    };
    let first = shared.try_instance(with(&[("ssh-user-ca", "a"), ("tls-ca", "b")])).await.unwrap();
    let error = shared.try_instance(with(&[("ssh-user-ca", "a"), ("tls-ca", "c")])).await.unwrap_err();
    assert!(matches!(&error, StoreError::OtherKeys { key, .. } if key == "tls-ca"), "{error}");
    let error = error.to_string();
    assert!(error.contains("keys_dir") && error.contains("with keys"), "{error}");
    // One without clusters, or with a certificate of its own, has fewer.
    shared.try_instance(with(&[("ssh-user-ca", "a"), ("kube-client-ca", "d")])).await.unwrap().close().await;
    first.close().await;
    shared.try_instance(with(&[("ssh-user-ca", "new")])).await.expect("nobody is left who has the others");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_dead_instance_one_other_clears_up_what_was_its_own() {
    let Some(server) = Server::shared("of_a_dead_instance").await else { return };
    let shared = Shared::on(server).await;
    let lease = Duration::from_secs(30);
    let (dead, one, other) = (
        shared.instance("to die", lease).await,
        shared.instance("one", lease).await,
        shared.instance("other", lease).await,
    );
    let (its, theirs) = (session("alice", "web1"), session("bob", "web2"));
    dead.add_session(&its).await.unwrap();
    one.add_session(&theirs).await.unwrap();
    let [command, access] = [ApprovalKind::Command, ApprovalKind::Access].map(pending);
    for record in [&command, &access] {
        assert!(dead.add_approval(record, 9, &[]).await.unwrap());
    }
    assert!(one.add_approval(&pending(ApprovalKind::Session), 9, &[]).await.unwrap());
    assert!(one.claim_dead(None).await.unwrap().is_empty(), "nobody is dead");
    let id = shared.age(server, &dead).await;

    // Of all that look at once one has it, and has it again until it is done.
    let looks: Vec<_> = (0..8).map(|number| if number % 2 == 0 { one.clone() } else { other.clone() }).collect();
    let looks = looks.into_iter().map(|store| tokio::spawn(async move { store.claim_dead(None).await.unwrap() }));
    let mut found = Vec::new();
    for look in looks.collect::<Vec<_>>() {
        found.push(look.await.unwrap());
    }
    let of = |parity: usize| found.iter().skip(parity).step_by(2).filter(|dead| !dead.is_empty()).count();
    assert!([(4, 0), (0, 4)].contains(&(of(0), of(1))), "{found:?}");
    let taker = if of(0) > 0 { &one } else { &other };
    assert_eq!(found.iter().flatten().next().unwrap().description, "to die");

    let owner = Owner::Instance(id);
    let running = SessionFilter { running: true, owner: Some(owner), limit: 9, ..Default::default() };
    let sessions = taker.sessions(&running).await.unwrap();
    assert_eq!(sessions.iter().map(|session| session.id).collect::<Vec<_>>(), [its.id]);
    let waiting = ApprovalFilter { pending: Some(true), owner: Some(owner), limit: 9, ..Default::default() };
    let waiting = taker.approvals(&waiting).await.unwrap();
    assert_eq!(waiting.iter().map(|record| record.id).collect::<Vec<_>>(), [command.id], "access waits at no instance");

    assert!(taker.cut_off(&sessions[0], at(7)).await.unwrap());
    assert!(!taker.cut_off(&sessions[0], at(8)).await.unwrap(), "once");
    let row = taker.session(its.id).await.unwrap().unwrap();
    assert_eq!((row.ended_at, row.end), (Some(at(7)), Some(SessionEnd::CutOff)));
    assert_eq!(taker.unended_of(id).await.unwrap(), [its.id], "whoever goes on knows whose recordings those are");
    taker.forget_instance(id).await.unwrap();
    assert!(one.claim_dead(None).await.unwrap().is_empty() && other.claim_dead(None).await.unwrap().is_empty());

    // Who was declared dead changes nothing any more, and knows.
    let error = dead.add_session(&session("alice", "web9")).await.unwrap_err();
    assert!(matches!(error, StoreError::NotHeld { .. }), "{error}");
    assert!(dead.lease().check().is_err());
    let ends = one.audit(&AuditFilter { kind: Some("session_ended".into()), limit: 9, ..Default::default() }).await;
    assert_eq!(ends.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_dies_over_it_is_followed_by_the_next_and_a_folder_knows_its_dead() {
    let Some(server) = Server::shared("whoever_dies_over_it").await else { return };
    let shared = Shared::on(server).await;
    let lease = Duration::from_secs(30);
    let (first, second, third) = (
        shared.instance("first", lease).await,
        shared.instance("second", lease).await,
        shared.instance("third", lease).await,
    );
    let one = shared.age(server, &first).await;
    assert_eq!(second.claim_dead(None).await.unwrap().len(), 1);
    assert!(third.claim_dead(None).await.unwrap().is_empty());
    let two = shared.age(server, &second).await;
    let dead: BTreeSet<_> = third.claim_dead(None).await.unwrap().into_iter().map(|dead| dead.id).collect();
    assert_eq!(dead, [one, two].into());
    // In the same folder comes the next before the lease has run out: whoever was there is gone.
    let before = third.instance().unwrap();
    let next = shared.instance("third again", lease).await;
    let dead: BTreeSet<_> = next.claim_dead(Some(before)).await.unwrap().into_iter().map(|dead| dead.id).collect();
    assert_eq!(dead, [one, two, before].into());
    assert!(third.probe().await.is_err());
    let own = next.instance();
    assert!(next.claim_dead(own).await.unwrap().iter().all(|dead| Some(dead.id) != own), "nobody declares itself dead");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_cannot_reach_the_server_stops_before_its_lease_is_over_and_comes_back_as_another() {
    if Server::shared("an_instance_that_cannot_reach").await.is_none() {
        return;
    }
    let server = tokio::task::spawn_blocking(|| Server::start("", None)).await.unwrap().unwrap();
    let shared = Shared::on(&server).await;
    let store = shared.instance("cut off", Duration::from_secs(2)).await;
    let (before, tenure) = (store.instance(), store.lease().tenure());
    // A connection that breaks is no reason to lose the lease.
    shared.cut(&server).await;
    soon(async {
        while store.probe().await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(!tenure.is_over() && store.instance() == before);

    server.control(&["-m", "immediate", "stop"]);
    let stopped = Instant::now();
    soon(store.lease().lost()).await;
    assert!(stopped.elapsed() < Duration::from_secs(2), "others would take over by now: {:?}", stopped.elapsed());
    assert!(tenure.is_over());
    let error = store.probe().await.unwrap_err();
    assert!(matches!(error, StoreError::NotHeld { .. }) && error.in_short().contains("lease"), "{error}");
    server.control(&["start"]);
    soon(store.lease().held()).await;
    assert!(store.instance() != before && tenure.is_over());
    store.probe().await.unwrap();
    soon(async {
        while store.claim_dead(None).await.unwrap().iter().all(|dead| Some(dead.id) != before) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_hears_what_the_others_change_and_that_it_may_have_missed_something() {
    let Some(server) = Server::shared("each_hears_what_the_others_change").await else { return };
    let shared = Shared::on(server).await;
    let lease = Duration::from_secs(30);
    let (one, other) = (shared.instance("one", lease).await, shared.instance("other", lease).await);
    let heard = other.listen().unwrap();
    assert!(soon(heard.next()).await.everything, "what was before it began");
    one.add_login(&login(1)).await.unwrap();
    assert!(one.remove_login(TokenHash([1; 32])).await.unwrap());
    let next = soon(heard.next()).await;
    assert_eq!((next.everything, next.changes), (false, [Change::Logins].into()));
    // What it does itself it knows.
    other.add_login(&login(2)).await.unwrap();
    other.remove_login(TokenHash([2; 32])).await.unwrap();

    let mut record = pending(ApprovalKind::Access);
    one.add_approval(&record, 9, &[]).await.unwrap();
    let expected = [Change::Approval(record.id)].into();
    assert_eq!(soon(heard.next()).await.changes, expected);
    record.revision = 1;
    let grant = AccessGrant {
        id: record.id,
        person: Person::of(&record.requester),
        user: "alice".parse().unwrap(),
        target: "web1".parse().unwrap(),
        login: "root".parse().unwrap(),
        granted_at: at(0),
        until: at(9),
    };
    let decided = DecidedRecord { state: ApprovalState::Approved, at: at(1), reach: None, remark: None };
    let change = ApprovalChange { id: record.id, read: 0, vote: None, decided: Some(decided), grant: Some(grant) };
    assert!(one.change_approval(&change, at(1), &[]).await.unwrap());
    let both = BTreeSet::from([Change::Access, Change::Approval(record.id)]);
    let mut seen = BTreeSet::new();
    while seen != both {
        seen.extend(soon(heard.next()).await.changes);
    }
    one.announce_reload().await.unwrap();
    assert_eq!(soon(heard.next()).await.changes, [Change::Reload].into());
    assert_eq!(other.reloads().await.unwrap(), 1);

    shared.cut(server).await;
    assert!(soon(heard.next()).await.everything, "the connection was lost");
    one.close().await;
    assert_eq!(soon(heard.next()).await.changes, [Change::Instances].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queues_of_several_instances_do_not_disturb_one_another() {
    let Some(server) = Server::shared("the_queues_of_several").await else { return };
    let shared = Shared::on(server).await;
    let lease = Duration::from_secs(30);
    let (one, other) = (shared.instance("one", lease).await, shared.instance("other", lease).await);
    let event = |number| QueuedEvent { number, at: at(0), event: failed(number.to_string()) };
    one.append_queued("a", &[event(1), event(2)]).await.unwrap();
    other.append_queued("b", &[event(1)]).await.unwrap();
    // As after an answer that did not come.
    one.append_queued("a", &[event(1), event(2), event(3)]).await.unwrap();
    other.append_queued("b", &[event(1), event(2)]).await.unwrap();
    assert_eq!(one.audit(&AuditFilter { limit: 99, ..Default::default() }).await.unwrap().len(), 5);
}

async fn a_session_ends_once_whoever_writes_it_down(place: Place) {
    let store = place.open().await;
    let session = session("alice", "web1");
    store.add_session(&session).await.unwrap();
    assert!(store.cut_off(&session, at(5)).await.unwrap());
    let late = AuditEvent::SessionEnded { session: session.id, end: SessionEnd::Exited { status: 0 }, output_bytes: 9 };
    let other = failed("beside it");
    store.append_queued("a", &[QueuedEvent { number: 1, at: at(9), event: late.clone() }]).await.unwrap();
    store.append_audit(at(9), &[late, other]).await.unwrap();
    let row = store.session(session.id).await.unwrap().unwrap();
    assert_eq!((row.ended_at, row.end, row.output_bytes), (Some(at(5)), Some(SessionEnd::CutOff), 0));
    let events = store.audit(&AuditFilter { limit: 9, ..Default::default() }).await.unwrap();
    let kinds: Vec<_> = events.iter().rev().map(|record| (record.seq, record.event.kind())).collect();
    assert_eq!(kinds, [(1, "session_ended"), (2, "login_failed")]);
}

async fn logins_that_are_begun_are_counted_by_network(place: Place) {
    let store = place.open().await;
    let rate = LoginRate { burst: 5, per_second: 2 };
    let begin = async |network: &str, milliseconds: i64| {
        let now = Timestamp::from_millisecond(1_700_000_000_000 + milliseconds).unwrap();
        store.begin_login(network, rate, now).await.unwrap()
    };
    for (network, milliseconds, expected) in [
        ("a", 0, true),
        ("a", 0, true),
        ("a", 0, true),
        ("a", 0, true),
        ("a", 0, true),
        ("a", 0, false),
        ("b", 0, true),
        // One comes back in half a second, however often it is asked in between.
        ("a", 250, false),
        ("a", 499, false),
        ("a", 500, true),
        ("a", 500, false),
        // The clock of another instance is behind.
        ("a", 100, false),
        ("a", 999, false),
        ("a", 1000, true),
        ("a", 3_600_000, true),
        ("a", 3_600_000, true),
        ("a", 3_600_000, true),
        ("a", 3_600_000, true),
        ("a", 3_600_000, true),
        ("a", 3_600_000, false),
    ] {
        assert_eq!(begin(network, milliseconds).await, expected, "{network} at {milliseconds}");
    }
    let later = Timestamp::from_second(1_700_000_000 + 3 * 3600).unwrap();
    assert_eq!(store.forget_expired(later).await.unwrap(), 2);
}

async fn logins_that_stand_are_told_from_those_that_do_not(place: Place) {
    let store = place.open().await;
    for token in [1, 2] {
        store.add_login(&login(token)).await.unwrap();
    }
    let [one, two, three] = [1, 2, 3].map(|token| TokenHash([token; 32]));
    assert_eq!(store.ended_among(&[one, two, three]).await.unwrap(), [three]);
    store.remove_login(two).await.unwrap();
    assert_eq!(store.ended_among(&[one, two]).await.unwrap(), [two]);
    assert!(store.ended_among(&[]).await.unwrap().is_empty());
}

/// Nobody shares it, and nothing is ever lost.
#[tokio::test]
async fn a_file_has_no_instances() {
    let place = Place::file();
    let store = place.open().await;
    assert!(store.instance().is_none() && store.listen().is_none() && store.lease().check().is_ok());
    assert!(store.claim_dead(Some(InstanceId::new())).await.unwrap().is_empty());
    assert_eq!(store.others().await.unwrap(), 0);
    store.drain().await.unwrap();
    store.announce_reload().await.unwrap();
    store.add_session(&session("alice", "web1")).await.unwrap();
    let running = SessionFilter { running: true, owner: Some(Owner::Nobody), limit: 9, ..Default::default() };
    assert_eq!(store.sessions(&running).await.unwrap().len(), 1);
}

on_both![
    a_session_ends_once_whoever_writes_it_down,
    logins_that_are_begun_are_counted_by_network,
    logins_that_stand_are_told_from_those_that_do_not,
];
