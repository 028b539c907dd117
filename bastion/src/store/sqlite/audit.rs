//! Tables `audit` and `audit_counter`: events are appended and read, never changed.

use jiff::Timestamp;
use sqlx::{QueryBuilder, Sqlite, SqlitePool, Transaction, sqlite::SqliteRow};

use super::{
    AuditFilter, StoreError,
    row::{Columns, json_text},
};
use crate::audit::{AUDIT_VERSION, AuditEvent, AuditRecord};

pub(super) async fn append(
    transaction: &mut Transaction<'_, Sqlite>,
    at: Timestamp,
    events: &[AuditEvent],
) -> Result<(), StoreError> {
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let last: i64 =
        sqlx::query_scalar("UPDATE audit_counter SET value = value + $1 WHERE name = 'audit' RETURNING value")
            .bind(count)
            .fetch_one(&mut **transaction)
            .await
            .map_err(StoreError::Unavailable)?;
    for (seq, event) in (last - count + 1..).zip(events) {
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
        .bind(json_text("audit", event)?)
        .execute(&mut **transaction)
        .await
        .map_err(StoreError::Unavailable)?;
    }
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
    rows.iter().map(record_from).collect()
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
