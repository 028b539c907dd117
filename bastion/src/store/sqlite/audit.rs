//! Tables `audit` and `audit_counter`: events are appended and read, never changed.

use jiff::Timestamp;
use sqlx::{QueryBuilder, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::{
    AuditFilter, StoreError,
    row::{Columns, bigint, json_text},
    sessions,
};
use crate::audit::{AUDIT_VERSION, AuditEvent, AuditRecord, queued::QueuedEvent};

pub(super) async fn append(
    connection: &mut SqliteConnection,
    at: Timestamp,
    events: &[AuditEvent],
) -> Result<(), StoreError> {
    let events: Vec<_> = events.iter().map(|event| (at, event)).collect();
    append_each(connection, &events).await
}

/// Appends those that this queue has not given before.
pub(super) async fn append_queued(
    connection: &mut SqliteConnection,
    queue: &str,
    events: &[QueuedEvent],
) -> Result<(), StoreError> {
    let name = format!("queue {queue}");
    let taken: Option<i64> = sqlx::query_scalar("SELECT value FROM audit_counter WHERE name = $1")
        .bind(&name)
        .fetch_optional(&mut *connection)
        .await
        .map_err(StoreError::Unavailable)?;
    if taken.is_none() {
        // A queue begins when the one before it has given all that it had.
        sqlx::query("DELETE FROM audit_counter WHERE name LIKE 'queue %'")
            .execute(&mut *connection)
            .await
            .map_err(StoreError::Unavailable)?;
    }
    let taken = taken.unwrap_or(0);
    let new: Vec<_> = events.iter().filter(|event| bigint(event.number) > taken).collect();
    let Some(last) = new.last() else { return Ok(()) };
    sqlx::query(
        "INSERT INTO audit_counter (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .bind(&name)
    .bind(bigint(last.number))
    .execute(&mut *connection)
    .await
    .map_err(StoreError::Unavailable)?;
    let new: Vec<_> = new.into_iter().map(|queued| (queued.at, &queued.event)).collect();
    append_each(connection, &new).await
}

async fn append_each(connection: &mut SqliteConnection, events: &[(Timestamp, &AuditEvent)]) -> Result<(), StoreError> {
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let last: i64 =
        sqlx::query_scalar("UPDATE audit_counter SET value = value + $1 WHERE name = 'audit' RETURNING value")
            .bind(count)
            .fetch_one(&mut *connection)
            .await
            .map_err(StoreError::Unavailable)?;
    for (seq, (at, event)) in (last - count + 1..).zip(events) {
        if let AuditEvent::SessionEnded { session, end, output_bytes } = event {
            sessions::end(connection, *session, *at, end, *output_bytes).await?;
        }
        let event = (*event).clone().bounded();
        let session = event.session().map(|id| id.to_string());
        // An event about a session that does not name its user is that user's all the same. A name is one person's.
        sqlx::query(
            "INSERT INTO audit (seq, recorded_at, version, kind, user_name, session, event, issuer, subject_id) VALUES \
             ($1, $2, $3, $4, COALESCE($5, (SELECT user_name FROM sessions WHERE id = $6)), $6, $7, \
             CASE WHEN $5 IS NULL THEN (SELECT issuer FROM sessions WHERE id = $6) \
             ELSE (SELECT issuer FROM names WHERE name = $5) END, \
             CASE WHEN $5 IS NULL THEN (SELECT subject_id FROM sessions WHERE id = $6) \
             ELSE (SELECT subject_id FROM names WHERE name = $5) END)",
        )
        .bind(seq)
        .bind(at.as_millisecond())
        .bind(i64::from(AUDIT_VERSION))
        .bind(event.kind())
        .bind(event.user().map(config::UserName::as_str))
        .bind(session)
        .bind(json_text("audit", &event)?)
        .execute(&mut *connection)
        .await
        .map_err(StoreError::Unavailable)?;
    }
    Ok(())
}

/// Removes some of the oldest events, if they are from before `end`. Their numbers rise with their times but for
/// moments, so that only the oldest need to be looked at.
pub(super) async fn forget(connection: &mut SqliteConnection, end: Timestamp) -> Result<u64, StoreError> {
    let forgotten = sqlx::query(
        "DELETE FROM audit WHERE recorded_at < $1 AND seq IN (SELECT seq FROM audit ORDER BY seq LIMIT $2)",
    )
    .bind(end.as_millisecond())
    .bind(FORGOTTEN_AT_ONCE)
    .execute(&mut *connection)
    .await
    .map_err(StoreError::Unavailable)?;
    Ok(forgotten.rows_affected())
}

/// Writes a row that means nothing, to see whether anything can be written.
pub(super) async fn probe(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit_counter (name, value) VALUES ('probe', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1",
    )
    .execute(&mut *connection)
    .await
    .map_err(StoreError::Unavailable)?;
    Ok(())
}

pub(super) async fn list(pool: &SqlitePool, filter: &AuditFilter) -> Result<Vec<AuditRecord>, StoreError> {
    let mut query = QueryBuilder::new("SELECT * FROM audit WHERE 1 = 1");
    if let Some(user) = &filter.user {
        query.push(" AND user_name = ").push_bind(user);
    }
    if let Some(kind) = &filter.kind {
        query.push(" AND kind = ").push_bind(kind);
    }
    if let Some(session) = filter.session {
        query.push(" AND session = ").push_bind(session.to_string());
    }
    if let Some(before) = filter.before {
        query.push(" AND seq < ").push_bind(before);
    }
    query.push(" ORDER BY seq DESC LIMIT ").push_bind(i64::from(filter.limit));
    let rows = query.build().fetch_all(pool).await.map_err(StoreError::Unavailable)?;
    Ok(rows.iter().filter_map(|row| record_from(row).or_else(|error| unreadable(row, &error)).ok()).collect())
}

/// What stands in the place of a row that cannot be read: it must not take the others of its page along.
fn unreadable(row: &SqliteRow, error: &StoreError) -> Result<AuditRecord, StoreError> {
    let columns = Columns::of("audit", row);
    tracing::error!(%error, "an audit event cannot be read");
    let seq: i64 = columns.plain("seq")?;
    Ok(AuditRecord {
        seq,
        at: columns.time("recorded_at").unwrap_or(Timestamp::UNIX_EPOCH),
        v: AUDIT_VERSION,
        person: None,
        event: AuditEvent::UnreadableRow { table: "audit".to_owned(), id: seq.to_string(), reason: error.to_string() }
            .bounded(),
    })
}

fn record_from(row: &SqliteRow) -> Result<AuditRecord, StoreError> {
    let columns = Columns::of("audit", row);
    let version = columns.unsigned("version")?;
    Ok(AuditRecord {
        seq: columns.plain("seq")?,
        at: columns.time("recorded_at")?,
        v: u32::try_from(version).unwrap_or(u32::MAX),
        person: columns.optional_person()?.as_ref().map(Into::into),
        event: columns.json("event")?,
    })
}

/// Rows in one transaction: some milliseconds, in which nobody else writes.
const FORGOTTEN_AT_ONCE: i64 = 500;
