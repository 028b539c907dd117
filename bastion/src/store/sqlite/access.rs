//! Table `access_grants`: access that was approved for a time.

use jiff::Timestamp;
use policy::approval::Person;
use sqlx::{SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::{StoreError, row::Columns};
use crate::store::approval::{AccessGrant, ApprovalId};

pub(super) async fn add(connection: &mut SqliteConnection, grant: &AccessGrant) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO access_grants (approval, issuer, subject_id, user_name, target, login, granted_at, until) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(grant.id.to_string())
    .bind(&grant.person.issuer)
    .bind(&grant.person.id)
    .bind(grant.user.as_str())
    .bind(grant.target.as_str())
    .bind(grant.login.as_str())
    .bind(grant.granted_at.as_millisecond())
    .bind(grant.until.as_millisecond())
    .execute(&mut *connection)
    .await
    .map_err(StoreError::Unavailable)?;
    Ok(())
}

/// Marks access as ended; false if it was.
pub(super) async fn end(connection: &mut SqliteConnection, id: ApprovalId, at: Timestamp) -> Result<bool, StoreError> {
    let ended = sqlx::query("UPDATE access_grants SET ended_at = $1 WHERE approval = $2 AND ended_at IS NULL")
        .bind(at.as_millisecond())
        .bind(id.to_string())
        .execute(&mut *connection)
        .await
        .map_err(StoreError::Unavailable)?;
    Ok(ended.rows_affected() > 0)
}

/// Access that has not been marked as ended, the first to end first.
pub(super) async fn open(pool: &SqlitePool) -> Result<Vec<AccessGrant>, StoreError> {
    let rows = sqlx::query("SELECT * FROM access_grants WHERE ended_at IS NULL ORDER BY until, approval")
        .fetch_all(pool)
        .await
        .map_err(StoreError::Unavailable)?;
    rows.iter().map(grant_from).collect()
}

fn grant_from(row: &SqliteRow) -> Result<AccessGrant, StoreError> {
    let columns = Columns::of("access_grants", row);
    Ok(AccessGrant {
        id: columns.parsed("approval")?,
        person: Person { issuer: columns.plain("issuer")?, id: columns.plain("subject_id")? },
        user: columns.parsed("user_name")?,
        target: columns.parsed("target")?,
        login: columns.parsed("login")?,
        granted_at: columns.time("granted_at")?,
        until: columns.time("until")?,
    })
}
