//! `copy` in both directions: complete, resumable, and into nothing that is in use.

use super::{
    super::copy::{CopiedTable, CopyError, copy, tables::TABLES},
    *,
};

/// Something in every table, and enough audit events for several batches.
async fn fill(store: &SqlStore, events: i64) {
    store.add_login(&login(1)).await.unwrap();
    store.add_login_flow(&flow(1)).await.unwrap();
    store.add_certificate(&certificate(7, at(0))).await.unwrap();
    let person = Person::of(&subject("alice"));
    let wanted = NameRecord { name: "alice".parse().unwrap(), person, bound_at: at(0) };
    store.bind_name(&wanted, 2, &[]).await.unwrap();
    for target in ["web1", "web2"] {
        let command = Some("a\u{0}b \u{1F980} \\x".to_owned());
        store.add_session(&SessionRecord { command, ..session("alice", target) }).await.unwrap();
    }
    for statement in [
        "INSERT INTO approvals VALUES ('a', 1, 'k', 'approved', 'i', 's', '{}', 't', 'l', NULL, NULL, CAST('\u{fffd}x' AS BLOB), \
         '[]', NULL, NULL, 'b', '{}', 3, 'x', 1, 2, 3, NULL, NULL, NULL, 1, NULL)",
        "INSERT INTO approval_groups VALUES ('a', 'b'), ('a', 'a')",
        "INSERT INTO approval_votes VALUES ('a', 1, 'i', 'z', 'v', TRUE, FALSE, '{}', NULL, 1), \
         ('a', 2, 'i', 'y', 'v', FALSE, TRUE, '{}', 'c', 1)",
        "INSERT INTO access_grants VALUES ('a', 'i', 's', 'u', 't', 'l', 1, 2, NULL)",
    ] {
        store.run(statement).await;
    }
    for first in (0..events).step_by(500) {
        let batch: Vec<_> = (first..events.min(first + 500)).map(|number| failed(number.to_string())).collect();
        store.append_audit(at(0), &batch).await.unwrap();
    }
}

fn counts(tables: &[CopiedTable]) -> Vec<(&'static str, u64, u64)> {
    tables.iter().map(|table| (table.table, table.copied, table.target.0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_a_copy_and_after_one_back() {
    let Some(server) = Place::server("everything_is_there_after_a_copy").await else { return };
    let (file, back) = (Place::file(), Place::file());
    let (source, target) = (file.open().await, server.open().await);
    fill(&source, 1_234).await;
    target.probe().await.unwrap();

    let tables = copy(&source, &target, "sqlite:///a", |_, _| {}).await.unwrap();
    assert!(tables.iter().all(|table| table.is_same() && table.copied > 0), "{tables:?}");
    assert_eq!(tables.iter().find(|table| table.table == "audit").unwrap().copied, 1_234);
    let returned = back.open().await;
    let again = copy(&target, &returned, "postgres://a", |_, _| {}).await.unwrap();
    let sides = |tables: &[CopiedTable]| tables.iter().map(|table| table.target.clone()).collect::<Vec<_>>();
    assert_eq!(sides(&again), sides(&tables));

    // The numbers go on where they were.
    target.append_audit(at(9), &[failed("next")]).await.unwrap();
    let events = target.audit(&AuditFilter { limit: 1, ..Default::default() }).await.unwrap();
    assert_eq!(events[0].seq, 1_235);
    let error = copy(&source, &target, "sqlite:///a", |_, _| {}).await.unwrap_err();
    assert!(matches!(error, CopyError::NotEmpty { .. }), "a copy that is complete is nobody's target: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_interrupted_goes_on_and_a_bastion_does_not_start_on_it() {
    let Some(server) = Place::server("a_copy_that_was_interrupted").await else { return };
    let (file, other) = (Place::file(), Place::file());
    let (source, target) = (file.open().await, server.open().await);
    fill(&source, 2_600).await;
    let (told, mut heard) = tokio::sync::mpsc::channel(1_000);
    let copying = {
        let (source, target) = (source.clone(), target.clone());
        tokio::spawn(async move {
            let tell = |table: &str, rows: u64| drop(told.try_send((table.to_owned(), rows)));
            copy(&source, &target, "sqlite:///a", tell).await
        })
    };
    while let Some((table, rows)) = heard.recv().await {
        if table == "audit" && rows >= 500 {
            copying.abort();
        }
    }
    assert!(copying.await.unwrap_err().is_cancelled());
    target.close().await;

    let error = server.try_open().await.unwrap_err();
    assert!(matches!(&error, StoreError::HalfCopied { source_url } if source_url == "sqlite:///a"), "{error}");
    let target = SqlStore::open_for_copy(&server.settings, "a copy").await.unwrap();
    let error = copy(&other.open().await, &target, "sqlite:///other", |_, _| {}).await.unwrap_err();
    assert!(matches!(error, CopyError::NotEmpty { .. }), "the copy is of another source: {error}");

    let tables = copy(&source, &target, "sqlite:///a", |_, _| {}).await.unwrap();
    assert!(tables.iter().all(CopiedTable::is_same), "{tables:?}");
    let audit = counts(&tables).into_iter().find(|(table, ..)| *table == "audit").unwrap();
    assert!(audit.1 > 0 && audit.1 <= 2_100 && audit.2 == 2_600, "it went on: {audit:?}");
    target.close().await;
    server.open().await.probe().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changed_meanwhile_is_seen() {
    let Some(server) = Place::server("a_source_that_changed_meanwhile").await else { return };
    let file = Place::file();
    let (source, target) = (file.open().await, server.open().await);
    fill(&source, 10).await;
    copy(&source, &target, "sqlite:///a", |_, _| {}).await.unwrap();
    // As if it had not been complete.
    target.run("INSERT INTO store_copy VALUES ('sqlite:///a')").await;
    source.run("UPDATE sessions SET target = 'web9' WHERE target = 'web2'").await;
    let tables = copy(&source, &target, "sqlite:///a", |_, _| {}).await.unwrap();
    let different: Vec<_> = tables.iter().filter(|table| !table.is_same()).map(|table| table.table).collect();
    assert_eq!(different, ["sessions"]);
    target.close().await;
    let error = server.try_open().await.unwrap_err();
    assert!(matches!(error, StoreError::HalfCopied { .. }), "{error}");
}

/// A column that a migration adds is copied, too.
async fn the_copy_knows_every_column(place: Place) {
    let store = place.open().await;
    let query = match &store.writer {
        Writer::Sqlite { .. } => {
            "SELECT m.name || '.' || c.name AS known FROM sqlite_master AS m, pragma_table_info(m.name) AS c \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
        }
        Writer::Postgres { .. } => {
            "SELECT table_name || '.' || column_name AS known FROM information_schema.columns \
             WHERE table_schema = current_schema()"
        }
    };
    let rows = store.read(async |connection| sql(query).all(connection).await).await.unwrap();
    let known = rows.iter().map(|row| Columns::of("known", row).plain::<String>("known").unwrap());
    let not_copied = |name: &String| {
        ["_sqlx_migrations.", "store_copy.", "holder.", "instances.", "login_starts."]
            .iter()
            .any(|own| name.starts_with(own))
    };
    let known: BTreeSet<String> = known.filter(|name| !not_copied(name)).collect();
    let copied =
        TABLES.iter().flat_map(|table| table.columns.iter().map(|column| format!("{}.{}", table.name, column.name)));
    assert_eq!(known, copied.collect());
}

on_both![the_copy_knows_every_column];
