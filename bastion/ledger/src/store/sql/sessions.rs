//! Table `sessions`: a row is written at the start and completed at the end.

use std::collections::BTreeSet;

use jiff::Timestamp;
use policy::approval::Person;
use recorder::SessionId;

use super::{
    Listing, SessionEnd, SessionFilter, SessionRecord, StoreError,
    dialect::Dialect,
    row::{Columns, bigint, json_text, word_text},
    statement::{Connection, Row, Statement, sql},
};
use crate::store::{InstanceId, Owner};

pub(super) async fn add(
    connection: &mut Connection,
    session: &SessionRecord,
    instance: Option<InstanceId>,
) -> Result<(), StoreError> {
    let ending = session.end.as_ref().map(|end| json_text("sessions", end)).transpose()?;
    sql("INSERT INTO sessions (id, user_name, target, login, kind, command, pty, source, \
         started_at, ended_at, ending, output_bytes, issuer, subject_id, instance) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)")
    .bind(session.id.to_string())
    .bind(session.user.as_str())
    .bind(session.target.as_str())
    .bind(session.login.as_str())
    .bind(word_text("sessions", &session.kind)?)
    .bind(&session.command)
    .bind(session.pty)
    .bind(&session.source)
    .bind(session.started_at.as_millisecond())
    .bind(session.ended_at.map(Timestamp::as_millisecond))
    .bind(ending)
    .bind(bigint(session.output_bytes))
    .bind(session.person.as_ref().map(|person| &person.issuer))
    .bind(session.person.as_ref().map(|person| &person.id))
    .bind(instance.map(|id| id.to_string()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Completes the row of a session; says how many rows that changed.
pub(super) async fn end(
    connection: &mut Connection,
    id: SessionId,
    at: Timestamp,
    end: &SessionEnd,
    output_bytes: u64,
) -> Result<u64, StoreError> {
    end_all(connection, &[(id, at, end, output_bytes)]).await
}

/// Completes the rows of sessions; of two ends of one the first counts.
pub(super) async fn end_all(
    connection: &mut Connection,
    ends: &[(SessionId, Timestamp, &SessionEnd, u64)],
) -> Result<u64, StoreError> {
    let mut known = BTreeSet::new();
    let mut update = sql("UPDATE sessions SET ended_at = ends.column2, ending = ends.column3, \
                          output_bytes = ends.column4 FROM (VALUES ");
    for (id, at, end, output_bytes) in ends {
        let id = id.to_string();
        if known.contains(&id) {
            continue;
        }
        update.push_bind(if known.is_empty() { "(" } else { ", (" }, &id);
        update.push_bind(", ", at.as_millisecond());
        update.push_bind(", ", json_text("sessions", end)?);
        update.push_bind(", ", bigint(*output_bytes));
        update.push(")");
        known.insert(id);
    }
    if known.is_empty() {
        return Ok(0);
    }
    update.push(") AS ends WHERE sessions.id = ends.column1 AND sessions.ended_at IS NULL");
    if known.len() > 1 {
        update = update.once();
    }
    update.execute(connection).await
}

/// Which of these have ended.
pub(super) async fn ended_among(
    connection: &mut Connection,
    sessions: &[SessionId],
) -> Result<BTreeSet<SessionId>, StoreError> {
    if sessions.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut query = sql("SELECT id FROM sessions WHERE ended_at IS NOT NULL AND id IN (");
    for (place, id) in sessions.iter().enumerate() {
        query.push_bind(if place == 0 { "" } else { ", " }, id.to_string());
    }
    query.push(")");
    ids(query.once(), connection).await
}

/// Those of an instance that it did not end; `cut_off` is how the end is stored that somebody else gave them.
pub(super) async fn unended_of(
    connection: &mut Connection,
    instance: InstanceId,
    cut_off: &str,
) -> Result<Vec<SessionId>, StoreError> {
    let query = sql("SELECT id FROM sessions WHERE instance = $1 AND (ended_at IS NULL OR ending = $2)")
        .bind(instance.to_string())
        .bind(cut_off);
    Ok(ids(query, connection).await?.into_iter().collect())
}

async fn ids(query: Statement, connection: &mut Connection) -> Result<BTreeSet<SessionId>, StoreError> {
    let rows = query.all(connection).await?;
    rows.iter().map(|row| Columns::of("sessions", row).parsed("id")).collect()
}

pub(super) async fn find(connection: &mut Connection, id: SessionId) -> Result<Option<SessionRecord>, StoreError> {
    sql("SELECT * FROM sessions WHERE id = $1")
        .bind(id.to_string())
        .optional(connection)
        .await?
        .map(|row| session_from(&row))
        .transpose()
}

pub(super) async fn list(
    connection: &mut Connection,
    filter: &SessionFilter,
) -> Result<Listing<SessionRecord>, StoreError> {
    let mut query = sql("SELECT * FROM sessions WHERE 1 = 1");
    if let Some(Person { issuer, id }) = &filter.person {
        query.push_bind(" AND issuer = ", issuer);
        query.push_bind(" AND subject_id = ", id);
    }
    if let Some(user) = &filter.user {
        query.push_bind(" AND user_name = ", user.as_str());
    }
    if let Some(target) = &filter.target {
        query.push_bind(" AND target = ", target.as_str());
    }
    if filter.running {
        query.push(" AND ended_at IS NULL");
    }
    match (filter.owner, connection.dialect()) {
        (None, _) | (Some(Owner::Nobody), Dialect::Sqlite) => {}
        (Some(Owner::Nobody), Dialect::Postgres) => query.push(" AND instance IS NULL"),
        (Some(Owner::Instance(id)), _) => query.push_bind(" AND instance = ", id.to_string()),
    }
    if let Some(before) = filter.before {
        query.push_bind(" AND id < ", before.to_string());
    }
    query.push_bind(" ORDER BY id DESC LIMIT ", i64::from(filter.limit));
    let rows = query.all(connection).await?;
    let mut listing = Listing::default();
    for row in &rows {
        let read = session_from(row);
        Columns::of("sessions", row).put(read, "id", &mut listing)?;
    }
    Ok(listing)
}

fn session_from(row: &Row) -> Result<SessionRecord, StoreError> {
    let columns = Columns::of("sessions", row);
    Ok(SessionRecord {
        id: columns.parsed("id")?,
        person: columns.optional_person()?,
        user: columns.parsed("user_name")?,
        target: columns.parsed("target")?,
        login: columns.parsed("login")?,
        kind: columns.word("kind")?,
        command: columns.plain("command")?,
        pty: columns.plain("pty")?,
        source: columns.plain("source")?,
        started_at: columns.time("started_at")?,
        ended_at: columns.optional_time("ended_at")?,
        end: columns.optional_json("ending")?,
        output_bytes: columns.unsigned("output_bytes")?,
    })
}
