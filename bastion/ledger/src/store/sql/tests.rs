//! The suite of the store: each test runs on a SQLite file and on a PostgreSQL database, where it is not of one of them.

use std::{collections::BTreeSet, time::Instant};

use config::UserName;
use jiff::Timestamp;
use policy::{Subject, approval::Person};
use recorder::SessionId;
use tempfile::TempDir;

use super::*;
use crate::{
    audit::{AuditEvent, queued::QueuedEvent},
    store::{LoginKind, NameBinding, NameRecord, SessionKind, Store as _},
};

/// Makes a test of each function, in a module for each database.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            use super::Place;

            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    super::$test(Place::file()).await;
                }
            )*
        }

        mod postgres {
            use super::Place;

            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    if let Some(place) = Place::server(stringify!($test)).await {
                        super::$test(place).await;
                    }
                }
            )*
        }
    };
}

mod copying;
mod events;
mod failures;
mod file;
mod instances;
mod measures;
mod people;
mod postgres;
mod rows;
mod server;

use server::Server;

/// Where a test's store is.
struct Place {
    settings: config::Store,
    _folder: Option<TempDir>,
}

impl Place {
    /// A file of its own.
    fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { settings: config::Store::Sqlite(folder.path().join("bastion.db")), _folder: Some(folder) }
    }

    /// A database of its own; none where PostgreSQL is not installed.
    async fn server(test: &str) -> Option<Self> {
        let server = Server::shared(test).await?;
        Some(Self { settings: server.database().await, _folder: None })
    }

    async fn open(&self) -> SqlStore {
        self.try_open().await.unwrap()
    }

    async fn try_open(&self) -> Result<SqlStore, StoreError> {
        SqlStore::open(&self.settings, &entry("a test")).await
    }
}

/// An instance that would not be missed for a long time.
fn entry(description: &str) -> Entry {
    Entry { description: description.to_owned(), lease: Duration::from_mins(1), keys: [].into() }
}

/// A file of its own, for what is of a file only.
async fn store() -> (SqlStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqlStore::in_file(&folder.path().join("bastion.db")).await.unwrap();
    (store, folder)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

fn subject(name: &str) -> Subject {
    Subject {
        issuer: "https://issuer.example.com".into(),
        id: format!("id-{name}"),
        name: name.parse().unwrap(),
        email: Some(format!("{name}@example.com")),
        groups: BTreeSet::from(["engineering".parse().unwrap(), "sre".parse().unwrap()]),
    }
}

fn login(token: u8) -> LoginRecord {
    LoginRecord {
        token: TokenHash([token; 32]),
        kind: LoginKind::Web,
        subject: subject("alice"),
        created_at: at(0),
        expires_at: at(60),
    }
}

fn flow(key: u8) -> LoginFlow {
    LoginFlow {
        key: TokenHash([key; 32]),
        nonce: "nonce".into(),
        secret: "verifier".into(),
        redirect_uri: "http://127.0.0.1:7/callback".into(),
        kind: LoginKind::Cli,
        expires_at: at(60),
    }
}

fn certificate(serial: u64, issued_at: Timestamp) -> CertificateRecord {
    CertificateRecord {
        serial,
        fingerprint: "SHA256:key".into(),
        subject: subject("alice"),
        login: Some(TokenHash([9; 32])),
        issued_at,
        expires_at: at(600),
    }
}

fn session(user: &str, target: &str) -> SessionRecord {
    SessionRecord {
        id: SessionId::new(),
        person: Some(Person::of(&subject(user))),
        user: user.parse().unwrap(),
        target: target.parse().unwrap(),
        login: "deploy".parse().unwrap(),
        kind: SessionKind::Exec,
        command: Some("id".into()),
        pty: true,
        source: "192.0.2.7:50000".into(),
        started_at: at(0),
        ended_at: None,
        end: None,
        output_bytes: 0,
    }
}

fn failed(reason: impl Into<String>) -> AuditEvent {
    AuditEvent::LoginFailed { reason: reason.into(), source: "192.0.2.7:50000".into() }
}
