//! Table `access_grants`: access that was approved for a time.

use api::id::ApprovalId;
use jiff::Timestamp;
use policy::approval::Person;

use super::{
    StoreError,
    row::Columns,
    statement::{Connection, Row, sql},
};
use crate::store::approval::AccessGrant;

pub(super) async fn add(connection: &mut Connection, grant: &AccessGrant) -> Result<(), StoreError> {
    sql("INSERT INTO access_grants (approval, issuer, subject_id, user_name, target, login, granted_at, until) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
    .bind(grant.id.to_string())
    .bind(&grant.person.issuer)
    .bind(&grant.person.id)
    .bind(grant.user.as_str())
    .bind(grant.target.as_str())
    .bind(grant.login.as_str())
    .bind(grant.granted_at.as_millisecond())
    .bind(grant.until.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks access as ended; false if it was.
pub(super) async fn end(connection: &mut Connection, id: ApprovalId, at: Timestamp) -> Result<bool, StoreError> {
    let ended = sql("UPDATE access_grants SET ended_at = $1 WHERE approval = $2 AND ended_at IS NULL")
        .bind(at.as_millisecond())
        .bind(id.to_string())
        .execute(connection)
        .await?;
    Ok(ended > 0)
}

/// Access that has not been marked as ended, the first to end first.
pub(super) async fn open(connection: &mut Connection) -> Result<Vec<AccessGrant>, StoreError> {
    let rows =
        sql("SELECT * FROM access_grants WHERE ended_at IS NULL ORDER BY until, approval").all(connection).await?;
    rows.iter().map(grant_from).collect()
}

fn grant_from(row: &Row) -> Result<AccessGrant, StoreError> {
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
