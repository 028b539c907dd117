//! Table `sessions`: a row is written at the start and completed at the end.

use jiff::Timestamp;
use policy::approval::Person;
use recorder::SessionId;
use sqlx::{QueryBuilder, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::{
    Listing, SessionEnd, SessionFilter, SessionRecord, StoreError,
    row::{Columns, bigint, json_text, word_text},
};

pub(super) async fn add(connection: &mut SqliteConnection, session: &SessionRecord) -> Result<(), StoreError> {
    let ending = session.end.as_ref().map(|end| json_text("sessions", end)).transpose()?;
    sqlx::query(
        "INSERT INTO sessions (id, user_name, target, login, kind, command, pty, source, \
         started_at, ended_at, ending, output_bytes, issuer, subject_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
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
    .execute(&mut *connection)
    .await
    .map_err(StoreError::Unavailable)?;
    Ok(())
}

pub(super) async fn end(
    connection: &mut SqliteConnection,
    id: SessionId,
    at: Timestamp,
    end: &SessionEnd,
    output_bytes: u64,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE sessions SET ended_at = $1, ending = $2, output_bytes = $3 WHERE id = $4 AND ended_at IS NULL")
        .bind(at.as_millisecond())
        .bind(json_text("sessions", end)?)
        .bind(bigint(output_bytes))
        .bind(id.to_string())
        .execute(&mut *connection)
        .await
        .map_err(StoreError::Unavailable)?;
    Ok(())
}

pub(super) async fn find(pool: &SqlitePool, id: SessionId) -> Result<Option<SessionRecord>, StoreError> {
    sqlx::query("SELECT * FROM sessions WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(pool)
        .await
        .map_err(StoreError::Unavailable)?
        .map(|row| session_from(&row))
        .transpose()
}

pub(super) async fn list(pool: &SqlitePool, filter: &SessionFilter) -> Result<Listing<SessionRecord>, StoreError> {
    let mut query = QueryBuilder::new("SELECT * FROM sessions WHERE 1 = 1");
    if let Some(Person { issuer, id }) = &filter.person {
        query.push(" AND issuer = ").push_bind(issuer);
        query.push(" AND subject_id = ").push_bind(id);
    }
    if let Some(user) = &filter.user {
        query.push(" AND user_name = ").push_bind(user.as_str());
    }
    if let Some(target) = &filter.target {
        query.push(" AND target = ").push_bind(target.as_str());
    }
    if filter.running {
        query.push(" AND ended_at IS NULL");
    }
    if let Some(before) = filter.before {
        query.push(" AND id < ").push_bind(before.to_string());
    }
    query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(filter.limit));
    let rows = query.build().fetch_all(pool).await.map_err(StoreError::Unavailable)?;
    let mut listing = Listing::default();
    for row in &rows {
        let read = session_from(row);
        Columns::of("sessions", row).put(read, "id", &mut listing)?;
    }
    Ok(listing)
}

fn session_from(row: &SqliteRow) -> Result<SessionRecord, StoreError> {
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
