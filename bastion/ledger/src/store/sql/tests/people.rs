//! Whose names and sessions are, and what an upgrade makes of a database that did not know it.

use super::*;

fn person(id: &str) -> Person {
    Person { issuer: "https://issuer.example.com".into(), id: id.into() }
}

fn name(name: &str, person: Person) -> NameRecord {
    NameRecord { name: name.parse().unwrap(), person, bound_at: at(0) }
}

async fn bind(store: &SqlStore, wanted: &NameRecord) -> NameBinding {
    store.bind_name(wanted, 2, &[failed("bound")]).await.unwrap()
}

async fn a_name_is_the_first_persons_until_it_is_released(place: Place) {
    let store = place.open().await;
    let alices = name("alice", person("id-alice"));
    assert_eq!(bind(&store, &alices).await, NameBinding::Bound);
    assert_eq!(bind(&store, &alices).await, NameBinding::Own);
    assert_eq!(bind(&store, &name("alice", person("id-mallory"))).await, NameBinding::Taken);
    assert_eq!(store.name(&alices.name).await.unwrap(), Some(alices.clone()));
    let events = store.audit(&AuditFilter { limit: 10, ..Default::default() }).await.unwrap();
    assert_eq!(events.len(), 1, "what changes nothing is not written down");

    // Nobody takes all names there are.
    assert_eq!(bind(&store, &name("bob", person("id-alice"))).await, NameBinding::Bound);
    assert_eq!(bind(&store, &name("carol", person("id-alice"))).await, NameBinding::TooMany);
    let names: Vec<_> = store.names(None, 1).await.unwrap().into_iter().map(|record| record.name.to_string()).collect();
    let rest = store.names(Some(&alices.name), 10).await.unwrap();
    assert_eq!((names, rest.len()), (vec!["alice".to_owned()], 1));

    // The logins and certificates of whoever had it end with it, and those of others do not.
    store.add_login(&login(1)).await.unwrap();
    store.add_login(&LoginRecord { subject: subject("bob"), ..login(2) }).await.unwrap();
    store.add_certificate(&certificate(7, at(0))).await.unwrap();
    assert_eq!(store.release_name(&alices, at(1), &[]).await.unwrap(), [(TokenHash([1; 32]), at(60))]);
    assert!(store.login(TokenHash([1; 32]), at(1)).await.unwrap().is_none());
    assert!(store.login(TokenHash([2; 32]), at(1)).await.unwrap().is_some());
    assert!(store.certificate(7).await.unwrap().is_none());
    assert_eq!(bind(&store, &name("alice", person("id-mallory"))).await, NameBinding::Bound);
}

async fn a_name_of_another_issuer_is_free(place: Place) {
    let store = place.open().await;
    assert_eq!(bind(&store, &name("alice", person("id-alice"))).await, NameBinding::Bound);
    store.add_login(&login(1)).await.unwrap();
    let moved = name("alice", Person { issuer: "https://new.example.com".into(), id: "1".into() });
    assert_eq!(bind(&store, &moved).await, NameBinding::Bound);
    assert!(store.login(TokenHash([1; 32]), at(1)).await.unwrap().is_none(), "the other alice is out");
}

async fn a_session_is_a_persons_and_an_event_says_who_the_name_was(place: Place) {
    let store = place.open().await;
    bind(&store, &name("alice", person("id-alice"))).await;
    let mine = session("alice", "web1");
    let anothers = SessionRecord { person: Some(person("id-mallory")), ..session("alice", "web1") };
    let nobodys = SessionRecord { person: None, ..session("alice", "web1") };
    for session in [&mine, &anothers, &nobodys] {
        store.add_session(session).await.unwrap();
    }
    let filter = SessionFilter { person: Some(person("id-alice")), limit: 10, ..Default::default() };
    assert_eq!(store.sessions(&filter).await.unwrap().rows, std::slice::from_ref(&mine));
    assert_eq!(store.session(nobodys.id).await.unwrap(), Some(nobodys));

    let ended = |session| AuditEvent::SessionEnded { session, end: SessionEnd::CutOff, output_bytes: 1 };
    let out = |user: &str| AuditEvent::LoggedOut { user: user.parse().unwrap(), source: "192.0.2.7:1".into() };
    let events = [out("alice"), out("unbound"), ended(mine.id), ended(anothers.id)];
    store.append_audit(at(5), &events).await.unwrap();
    let records = store.audit(&AuditFilter { limit: 4, ..Default::default() }).await.unwrap();
    let who: Vec<_> =
        records.iter().rev().map(|record| record.person.as_ref().map(|who| who.subject.as_str())).collect();
    assert_eq!(who, [Some("id-alice"), None, Some("id-alice"), Some("id-mallory")]);
}

#[tokio::test]
async fn an_upgrade_gives_to_people_what_is_surely_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bastion.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let old = SqlitePool::connect_with(options).await.unwrap();
    let before = migrations::sqlite().iter().filter(|migration| migration.version < 10).cloned().collect();
    sqlx::migrate::Migrator::with_migrations(before).run(&old).await.unwrap();
    // Alice logged in twice; the name bob was that of two people.
    for (seq, user, subject) in
        [(1, "alice", "id-alice"), (2, "bob", "id-bob"), (3, "bob", "id-mallory"), (4, "alice", "id-alice")]
    {
        let event = format!(
            r#"{{"kind":"logged_in","user":"{user}","issuer":"https://issuer.example.com","subject":"{subject}","expires_at":"2026-01-01T00:00:00Z","source":"x"}}"#
        );
        sqlx::query("INSERT INTO audit (seq, recorded_at, version, kind, user_name, event) VALUES ($1, 5, 1, 'logged_in', $2, $3)")
            .bind(seq)
            .bind(user)
            .bind(event)
            .execute(&old)
            .await
            .unwrap();
    }
    for (id, user) in
        [("0199aaaa-0000-7000-8000-000000000001", "alice"), ("0199aaaa-0000-7000-8000-000000000002", "bob")]
    {
        sqlx::query("INSERT INTO sessions (id, user_name, target, login, kind, pty, source, started_at, output_bytes) VALUES ($1, $2, 'web1', 'root', 'exec', 0, 'x', 0, 0)")
            .bind(id)
            .bind(user)
            .execute(&old)
            .await
            .unwrap();
    }
    sqlx::query("INSERT INTO logins VALUES ('00', 'cli', '{}', 0, 9999999999999)").execute(&old).await.unwrap();
    old.close().await;

    let store = SqlStore::in_file(&path).await.unwrap();
    let owner = |name: &'static str| {
        let store = store.clone();
        async move { store.name(&name.parse().unwrap()).await.unwrap().map(|record| record.person.id) }
    };
    assert_eq!(owner("alice").await.as_deref(), Some("id-alice"));
    assert_eq!(owner("bob").await.as_deref(), Some("id-bob"), "the first has it");
    let sessions = store.sessions(&SessionFilter { limit: 10, ..Default::default() }).await.unwrap();
    let owners: Vec<_> =
        sessions.iter().map(|session| session.person.as_ref().map(|person| person.id.as_str())).collect();
    assert_eq!(owners, [None, Some("id-alice")], "whose bob's was is not known");
    let logins = store.number("SELECT COUNT(*) FROM logins").await;
    assert_eq!(logins, 0, "everybody logs in again");
    let events = store.audit(&AuditFilter { limit: 10, ..Default::default() }).await.unwrap();
    assert!(events.len() == 4 && events.iter().all(|event| event.person.is_none()), "old events read as before");
}

on_both![
    a_name_is_the_first_persons_until_it_is_released,
    a_name_of_another_issuer_is_free,
    a_session_is_a_persons_and_an_event_says_who_the_name_was,
];
