//! What is so of a PostgreSQL database only: what goes wrong with the server, TLS and passwords. Who shares it is in
//! `instances`.

use std::sync::Arc;

use config::{Postgres, PostgresHost, Secret};
use tokio::time::timeout;

use super::*;
use crate::audit::AuditLog;

/// A store on the server that the tests share, with a short deadline, and its database.
async fn brief(server: &Server) -> (SqlStore, String) {
    let config::Store::Postgres(settings) = server.database().await else { panic!("of a server") };
    let role = Role::Instance(Entry { lease: Duration::from_secs(2), ..entry("a test") });
    let store = SqlStore::on_server(&settings, role, Duration::from_millis(500)).await.unwrap();
    (store, settings.database)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_and_started_again_needs_no_restart_and_no_event_is_lost() {
    if Server::shared("a_server_that_is_killed").await.is_none() {
        return;
    }
    let server = tokio::task::spawn_blocking(|| Server::start("", None)).await.unwrap().unwrap();
    let (store, _) = brief(&server).await;
    let folder = tempfile::tempdir().unwrap();
    let log = AuditLog::start(Arc::new(store.clone()), &folder.path().join("waiting")).unwrap();
    let number_of = |event: &AuditEvent| {
        let AuditEvent::LoggedOut { source, .. } = event else { return None };
        source.parse::<u32>().ok()
    };
    let mut written = 0;
    let mut write = |count: u32| {
        for number in written..written + count {
            log.record(AuditEvent::LoggedOut { user: "alice".parse().unwrap(), source: number.to_string() }).unwrap();
        }
        written += count;
    };
    let lease = store.lease();
    for _ in 0..2 {
        write(50);
        server.control(&["-m", "immediate", "stop"]);
        write(50);
        timeout(Duration::from_secs(60), lease.lost()).await.unwrap();
        let error = store.probe().await.unwrap_err();
        assert!(matches!(error, StoreError::NotHeld { .. }), "{error}");
        let error = store.session(SessionId::new()).await.unwrap_err();
        assert!(!error.to_string().contains("pool"), "{error}");
        server.control(&["start"]);
        timeout(Duration::from_secs(60), lease.held()).await.unwrap();
    }
    write(50);
    log.close(Duration::from_secs(60)).await;
    let events = store.audit(&AuditFilter { limit: 10_000, ..Default::default() }).await.unwrap();
    let numbers: Vec<u32> = events.iter().rev().filter_map(|record| number_of(&record.event)).collect();
    assert_eq!(numbers, (0..250).collect::<Vec<_>>(), "each once, in their order");
    assert!(events.iter().rev().zip(1..).all(|(record, seq)| record.seq == seq), "no gap");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_for_a_lock_on_the_server_ends_at_its_deadline() {
    let Some(server) = Server::shared("a_call_that_waits_for_a_lock").await else { return };
    let (store, database) = brief(server).await;
    let mut other = server.superuser(&database).await;
    sqlx::raw_sql("BEGIN; LOCK TABLE sessions").execute(&mut other).await.unwrap();
    let error = timeout(Duration::from_secs(20), store.add_session(&session("alice", "web1"))).await.unwrap();
    let error = error.unwrap_err();
    assert_eq!(error.in_short(), "the database does not answer in time", "{error}");
    for _ in 0..6 {
        let error = timeout(Duration::from_secs(20), store.session(SessionId::new())).await.unwrap().unwrap_err();
        assert_eq!(error.in_short(), "the database does not answer in time", "{error}");
    }
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    store.add_session(&session("alice", "web1")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_somebody_else_is_an_error_that_says_what_to_do() {
    let Some(server) = Server::shared("a_database_of_somebody_else").await else { return };
    let config::Store::Postgres(settings) = server.database().await else { panic!("of a server") };
    let open = async |settings: Postgres| {
        SqlStore::open(&config::Store::Postgres(settings), &entry("a test")).await.unwrap_err().to_string()
    };
    let mut superuser = server.superuser(&settings.database).await;
    sqlx::query("ALTER SCHEMA public OWNER TO postgres").execute(&mut superuser).await.unwrap();
    let error = open(settings.clone()).await;
    assert!(error.contains("permission denied") && error.contains("must own the database"), "{error}");
    let error = open(Postgres { database: "nothing".to_owned(), ..settings.clone() }).await;
    assert!(error.contains("\"nothing\" does not exist") && error.contains("Create it"), "{error}");
    let error = open(Postgres { user: "nobody".to_owned(), ..settings }).await;
    assert!(error.contains("\"nobody\" does not exist") && error.contains("Check the user"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_counted_is_right_however_many_write() {
    let Some(server) = Server::shared("what_is_counted_is_right").await else { return };
    let (store, _) = brief(server).await;
    let Writer::Postgres { options, holder, .. } = &store.writer else { panic!("of a server") };
    // Writers of their own connections, as several bastions would have them.
    let writers: Vec<_> = (0..8)
        .map(|number| {
            let writer = Writer::postgres((**options).clone(), Arc::clone(holder));
            let store = SqlStore { writer, deadline: Duration::from_secs(60), ..store.clone() };
            tokio::spawn(async move {
                let mut bound = 0;
                for name in 0..10 {
                    let wanted = NameRecord {
                        name: format!("name-{number}-{name}").parse().unwrap(),
                        person: Person { issuer: "https://issuer.example.com".into(), id: "one".into() },
                        bound_at: at(0),
                    };
                    let binding = store.bind_name(&wanted, 7, &[failed("bound")]).await.unwrap();
                    bound += u32::from(binding == NameBinding::Bound);
                }
                bound
            })
        })
        .collect();
    let mut bound = 0;
    for writer in writers {
        bound += writer.await.unwrap();
    }
    assert_eq!(bound, 7, "as many as one person may have");
    let events = store.audit(&AuditFilter { limit: 100, ..Default::default() }).await.unwrap();
    assert!(events.len() == 7 && events.iter().rev().zip(1..).all(|(record, seq)| record.seq == seq), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_who_its_certificate_says_and_asks_for_the_password() {
    if Server::shared("a_server_is_who_its_certificate_says").await.is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let issuer = |name: &str| {
        let mut params = rcgen::CertificateParams::new([]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        std::fs::write(folder.path().join(name), params.self_signed(&key).unwrap().pem()).unwrap();
        rcgen::Issuer::new(params, key)
    };
    let (ca, _other) = (issuer("ca.pem"), issuer("other.pem"));
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
    let (leaf, key) = (leaf.pem(), key.serialize_pem());
    let server =
        tokio::task::spawn_blocking(move || Server::start("127.0.0.1", Some((&leaf, &key)))).await.unwrap().unwrap();
    let config::Store::Postgres(local) = server.database().await else { panic!("of a server") };
    let mut superuser = server.superuser("postgres").await;
    sqlx::query("ALTER ROLE bastion PASSWORD 'the right word'").execute(&mut superuser).await.unwrap();

    let root = |name: &str| Some(folder.path().join(name));
    let open = async |host: PostgresHost, password: &str| {
        let password = Some(Secret::new(password.to_owned()));
        let settings = Postgres { host, password, port: server.port(), ..local.clone() };
        match SqlStore::open(&config::Store::Postgres(settings), &entry("a test")).await {
            Ok(store) => {
                store.probe().await.unwrap();
                store.audit(&AuditFilter { limit: 1, ..Default::default() }).await.unwrap();
                store.close().await;
                "fine".to_owned()
            }
            Err(error) => format!("{error} | {}", error.in_short()),
        }
    };
    let tls = |host: &str, root| PostgresHost::Tls { host: host.to_owned(), root };
    assert_eq!(open(tls("localhost", root("ca.pem")), "the right word").await, "fine");
    assert_eq!(open(PostgresHost::Plain("127.0.0.1".to_owned()), "the right word").await, "fine");
    for (host, password, words) in [
        (tls("localhost", root("ca.pem")), "the wrong word", "password authentication failed"),
        (tls("localhost", root("ca.pem")), "the wrong word", "Check the user of the URL, the password"),
        (tls("localhost", root("other.pem")), "the right word", "Check sslrootcert"),
        (tls("localhost", None), "the right word", "certificate cannot be verified"),
        (tls("127.0.0.1", root("ca.pem")), "the right word", "certificate is for the host of the URL"),
        (tls("localhost", root("missing.pem")), "the right word", "missing.pem"),
    ] {
        let error = open(host, password).await;
        assert!(error.contains(words) && !error.contains("right word") && !error.contains("wrong word"), "{error}");
    }
    drop(superuser);
    let port = server.port();
    drop(server);
    let gone = Postgres { host: PostgresHost::Plain("127.0.0.1".to_owned()), port, ..local };
    let error = SqlStore::open(&config::Store::Postgres(gone), &entry("a test")).await.unwrap_err().to_string();
    assert!(error.contains("refused") && error.contains("Check the host and port"), "{error}");
}
