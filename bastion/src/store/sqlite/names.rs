//! Table `names`: whose a name is.

use jiff::Timestamp;
use policy::approval::Person;
use sqlx::{SqliteConnection, SqlitePool, sqlite::SqliteRow};

use super::{StoreError, TokenHash, row::Columns};
use crate::store::person::{NameBinding, NameRecord};

const TABLE: &str = "names";

/// Binds a name to a person, who may have `most`.
pub(super) async fn bind(
    connection: &mut SqliteConnection,
    wanted: &NameRecord,
    most: u32,
) -> Result<NameBinding, StoreError> {
    let owner = sqlx::query("SELECT * FROM names WHERE name = $1")
        .bind(wanted.name.as_str())
        .fetch_optional(&mut *connection)
        .await
        .map_err(StoreError::Unavailable)?;
    match owner.as_ref().map(record_from).transpose()? {
        Some(owner) if owner.person == wanted.person => return Ok(NameBinding::Own),
        Some(owner) if owner.person.issuer == wanted.person.issuer => return Ok(NameBinding::Taken),
        // People of an issuer that is trusted no longer cannot come back.
        Some(owner) => drop(release(connection, &owner).await?),
        None => {}
    }
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM names WHERE issuer = $1 AND subject_id = $2")
        .bind(&wanted.person.issuer)
        .bind(&wanted.person.id)
        .fetch_one(&mut *connection)
        .await
        .map_err(StoreError::Unavailable)?;
    if count >= i64::from(most) {
        return Ok(NameBinding::TooMany);
    }
    sqlx::query("INSERT INTO names (name, issuer, subject_id, bound_at) VALUES ($1, $2, $3, $4)")
        .bind(wanted.name.as_str())
        .bind(&wanted.person.issuer)
        .bind(&wanted.person.id)
        .bind(wanted.bound_at.as_millisecond())
        .execute(&mut *connection)
        .await
        .map_err(StoreError::Unavailable)?;
    Ok(NameBinding::Bound)
}

/// Makes a name nobody's, and ends the logins and certificates of whoever had it: they might go on under it.
/// Returns those logins with their ends.
pub(super) async fn release(
    connection: &mut SqliteConnection,
    name: &NameRecord,
) -> Result<Vec<(TokenHash, Timestamp)>, StoreError> {
    sqlx::query("DELETE FROM names WHERE name = $1")
        .bind(name.name.as_str())
        .execute(&mut *connection)
        .await
        .map_err(StoreError::Unavailable)?;
    let Person { issuer, id } = &name.person;
    sqlx::query(
        "DELETE FROM certificates \
         WHERE json_extract(subject, '$.issuer') = $1 AND json_extract(subject, '$.id') = $2",
    )
    .bind(issuer)
    .bind(id)
    .execute(&mut *connection)
    .await
    .map_err(StoreError::Unavailable)?;
    let logins = sqlx::query(
        "DELETE FROM logins WHERE json_extract(subject, '$.issuer') = $1 AND json_extract(subject, '$.id') = $2 \
         RETURNING token, expires_at",
    )
    .bind(issuer)
    .bind(id)
    .fetch_all(&mut *connection)
    .await
    .map_err(StoreError::Unavailable)?;
    let ended = |row: &SqliteRow| {
        let columns = Columns::of("logins", row);
        Ok((columns.hash("token")?, columns.time("expires_at")?))
    };
    logins.iter().map(ended).collect()
}

pub(super) async fn find(pool: &SqlitePool, name: &str) -> Result<Option<NameRecord>, StoreError> {
    let row = sqlx::query("SELECT * FROM names WHERE name = $1")
        .bind(name)
        .fetch_optional(pool)
        .await
        .map_err(StoreError::Unavailable)?;
    row.as_ref().map(record_from).transpose()
}

/// Names in their order, after this one.
pub(super) async fn list(pool: &SqlitePool, after: &str, limit: u32) -> Result<Vec<NameRecord>, StoreError> {
    let rows = sqlx::query("SELECT * FROM names WHERE name > $1 ORDER BY name LIMIT $2")
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await
        .map_err(StoreError::Unavailable)?;
    rows.iter().map(record_from).collect()
}

fn record_from(row: &SqliteRow) -> Result<NameRecord, StoreError> {
    let columns = Columns::of(TABLE, row);
    Ok(NameRecord {
        name: columns.parsed("name")?,
        person: Person { issuer: columns.plain("issuer")?, id: columns.plain("subject_id")? },
        bound_at: columns.time("bound_at")?,
    })
}
