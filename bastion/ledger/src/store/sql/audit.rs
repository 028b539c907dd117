//! Tables `audit` and `audit_counter`: events are appended and read, never changed.

use jiff::Timestamp;
use recorder::SessionId;

use super::{
    AuditFilter, StoreError,
    row::{Columns, bigint, json_text},
    sessions,
    statement::{Connection, Row, Statement, sql},
};
use crate::audit::{AUDIT_VERSION, AuditEvent, AuditRecord, queued::QueuedEvent};

pub(super) async fn append(
    connection: &mut Connection,
    at: Timestamp,
    events: &[AuditEvent],
) -> Result<(), StoreError> {
    let events: Vec<_> = events.iter().map(|event| (at, event)).collect();
    append_each(connection, &events).await
}

/// Appends those that this queue has not given before.
pub(super) async fn append_queued(
    connection: &mut Connection,
    queue: &str,
    events: &[QueuedEvent],
) -> Result<(), StoreError> {
    let name = format!("queue {queue}");
    let taken = sql("SELECT value FROM audit_counter WHERE name = $1").bind(&name).optional(connection).await?;
    let taken = taken.map(|row| Columns::of("audit_counter", &row).plain::<i64>("value")).transpose()?;
    if taken.is_none() {
        // A queue begins when the one before it has given all that it had, at the same instance; others go on. The names
        // sort by the times of their begin.
        sql("DELETE FROM audit_counter WHERE name LIKE 'queue %' AND name NOT IN (SELECT name FROM audit_counter \
             WHERE name LIKE 'queue %' ORDER BY name DESC LIMIT $1)")
        .bind(QUEUES_KEPT)
        .execute(connection)
        .await?;
    }
    let taken = taken.unwrap_or(0);
    let new: Vec<_> = events.iter().filter(|event| bigint(event.number) > taken).collect();
    let Some(last) = new.last() else { return Ok(()) };
    sql(
        "INSERT INTO audit_counter (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .bind(&name)
    .bind(bigint(last.number))
    .execute(connection)
    .await?;
    let new: Vec<_> = new.into_iter().map(|queued| (queued.at, &queued.event)).collect();
    append_each(connection, &new).await
}

/// A few statements for however many events: a server may be far away.
async fn append_each(connection: &mut Connection, events: &[(Timestamp, &AuditEvent)]) -> Result<(), StoreError> {
    let ended = events.iter().filter_map(|(_, event)| ended_session(event)).collect::<Vec<_>>();
    // A session ends once: the end that somebody else wrote down before counts, here too.
    let over = sessions::ended_among(connection, &ended).await?;
    let is_news = |event: &AuditEvent| !ended_session(event).is_some_and(|session| over.contains(&session));
    let events: Vec<_> = events.iter().filter(|(_, event)| is_news(event)).copied().collect();
    let ended = events.iter().filter_map(|(at, event)| {
        let AuditEvent::SessionEnded { session, end, output_bytes } = event else { return None };
        Some((*session, *at, end, *output_bytes))
    });
    sessions::end_all(connection, &ended.collect::<Vec<_>>()).await?;
    insert_each(connection, &events).await
}

/// Appends the event of a session whose row was completed just now.
pub(super) async fn append_ended(
    connection: &mut Connection,
    at: Timestamp,
    event: &AuditEvent,
) -> Result<(), StoreError> {
    insert_each(connection, &[(at, event)]).await
}

fn ended_session(event: &AuditEvent) -> Option<SessionId> {
    let AuditEvent::SessionEnded { session, .. } = event else { return None };
    Some(*session)
}

async fn insert_each(connection: &mut Connection, events: &[(Timestamp, &AuditEvent)]) -> Result<(), StoreError> {
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let last = sql("UPDATE audit_counter SET value = value + $1 WHERE name = 'audit' RETURNING value")
        .bind(count)
        .number(connection)
        .await?;
    let mut seq = last - count;
    for events in events.chunks(ROWS) {
        let mut insert = sql(INSERT);
        for (row, (at, event)) in events.iter().enumerate() {
            seq += 1;
            insert.push(if row == 0 { "(" } else { ", (" });
            push_row(&mut insert, seq, *at, (*event).clone().bounded())?;
        }
        if events.len() > 1 {
            insert = insert.once();
        }
        insert.execute(connection).await?;
    }
    Ok(())
}

/// An event about a session that does not name its user is that user's all the same. A name is one person's.
fn push_row(insert: &mut Statement, seq: i64, at: Timestamp, event: AuditEvent) -> Result<(), StoreError> {
    let user = event.user().map(config::UserName::as_str);
    let session = event.session().map(|id| id.to_string());
    insert.push_bind("", seq);
    insert.push_bind(", ", at.as_millisecond());
    insert.push_bind(", ", i64::from(AUDIT_VERSION));
    insert.push_bind(", ", event.kind());
    match user {
        Some(user) => insert.push_bind(", ", user),
        None => {
            insert.push_bind(", (SELECT user_name FROM sessions WHERE id = ", session.as_deref());
            insert.push(")");
        }
    }
    insert.push_bind(", ", session.as_deref());
    insert.push_bind(", ", json_text("audit", &event)?);
    for column in ["issuer", "subject_id"] {
        match user {
            Some(user) => insert.push_bind(&format!(", (SELECT {column} FROM names WHERE name = "), user),
            None => insert.push_bind(&format!(", (SELECT {column} FROM sessions WHERE id = "), session.as_deref()),
        }
        insert.push(")");
    }
    insert.push(")");
    Ok(())
}

/// Counts that rules or revoked keys were read anew.
pub(super) async fn count_reload(connection: &mut Connection) -> Result<(), StoreError> {
    sql(
        "INSERT INTO audit_counter (name, value) VALUES ('reload', 1) ON CONFLICT (name) DO UPDATE SET value = audit_counter.value + 1",
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes some of the oldest events, if they are from before `end`. Their numbers rise with their times but for
/// moments, so that only the oldest need to be looked at.
pub(super) async fn forget(connection: &mut Connection, end: Timestamp) -> Result<u64, StoreError> {
    let forgotten =
        sql("DELETE FROM audit WHERE recorded_at < $1 AND seq IN (SELECT seq FROM audit ORDER BY seq LIMIT $2)")
            .bind(end.as_millisecond())
            .bind(FORGOTTEN_AT_ONCE)
            .execute(connection)
            .await?;
    Ok(forgotten)
}

/// Writes a row that means nothing, to see whether anything can be written.
pub(super) async fn probe(connection: &mut Connection) -> Result<(), StoreError> {
    sql(
        "INSERT INTO audit_counter (name, value) VALUES ('probe', 1) ON CONFLICT (name) DO UPDATE SET value = audit_counter.value + 1",
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn list(connection: &mut Connection, filter: &AuditFilter) -> Result<Vec<AuditRecord>, StoreError> {
    let mut query = sql("SELECT * FROM audit WHERE 1 = 1");
    if let Some(user) = &filter.user {
        query.push_bind(" AND user_name = ", user);
    }
    if let Some(kind) = &filter.kind {
        query.push_bind(" AND kind = ", kind);
    }
    if let Some(session) = filter.session {
        query.push_bind(" AND session = ", session.to_string());
    }
    if let Some(before) = filter.before {
        query.push_bind(" AND seq < ", before);
    }
    query.push_bind(" ORDER BY seq DESC LIMIT ", i64::from(filter.limit));
    let rows = query.all(connection).await?;
    Ok(rows.iter().filter_map(|row| record_from(row).or_else(|error| unreadable(row, &error)).ok()).collect())
}

/// What stands in the place of a row that cannot be read: it must not take the others of its page along.
fn unreadable(row: &Row, error: &StoreError) -> Result<AuditRecord, StoreError> {
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

fn record_from(row: &Row) -> Result<AuditRecord, StoreError> {
    let columns = Columns::of("audit", row);
    let version = columns.unsigned("version")?;
    Ok(AuditRecord {
        seq: columns.plain("seq")?,
        at: columns.time("recorded_at")?,
        v: u32::try_from(version).unwrap_or(u32::MAX),
        person: columns.optional_person()?.as_ref().map(crate::store::subject_id),
        event: columns.json("event")?,
    })
}

const INSERT: &str =
    "INSERT INTO audit (seq, recorded_at, version, kind, user_name, session, event, issuer, subject_id) VALUES ";

/// More starts than all instances have between a write that was not answered and its repetition.
const QUEUES_KEPT: i64 = 1000;

/// Rows in one statement.
const ROWS: usize = 64;

/// Rows in one transaction: some milliseconds, in which nobody else writes.
const FORGOTTEN_AT_ONCE: i64 = 500;
