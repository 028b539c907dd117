//! Table `instances`, of a PostgreSQL database only: who shares it, and until when. Time is the server's: it is the same
//! for all of them.
//!
//! What an instance does about its own lease goes over its own connection, at any time. What is done about those of
//! others is done in a [`Transaction`](super::writer::Transaction) of a live one, under the lock of all writers.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, PgConnection, Row as _, raw_sql};

use super::{
    StoreError,
    dialect::WRITE_LOCK,
    listener::{CHANNEL, HEARTBEAT},
    row::Columns,
    statement::{Connection, sql},
};
use crate::store::{Change, DeadInstance, Entry, InstanceId};

/// What came of writing an instance down.
#[derive(Debug)]
pub(super) enum Registered {
    /// It has a lease now.
    Now(InstanceId),
    /// It has another key than an instance that lives.
    OtherKey {
        /// Which key.
        key: String,
        /// What the other instance says of itself.
        other: String,
    },
}

/// Writes a new instance down.
pub(super) async fn register(
    connection: &mut PgConnection,
    id: InstanceId,
    entry: &Entry,
) -> Result<Registered, sqlx::Error> {
    // One after the other: of two that come at once the second sees the first.
    raw_sql(AssertSqlSafe(format!("BEGIN; {WRITE_LOCK}"))).execute(&mut *connection).await?;
    let others = format!("SELECT description, keys FROM instances WHERE lease_until > {NOW}");
    for other in sqlx::query(AssertSqlSafe(others)).fetch_all(&mut *connection).await? {
        let keys: BTreeMap<String, String> = serde_json::from_str(other.try_get("keys")?).unwrap_or_default();
        if let Some(key) = different(&entry.keys, &keys) {
            raw_sql("ROLLBACK").execute(connection).await?;
            return Ok(Registered::OtherKey { key, other: other.try_get("description")? });
        }
    }
    let insert = format!(
        "INSERT INTO instances (id, description, keys, started_at, renewed_at, lease_until, draining) \
         VALUES ($1, $2, $3, {NOW}, {NOW}, {NOW} + $4, FALSE)"
    );
    sqlx::query(AssertSqlSafe(insert))
        .bind(id.to_string())
        .bind(&entry.description)
        .bind(serde_json::to_string(&entry.keys).unwrap_or_default())
        .bind(milliseconds(entry.lease))
        .execute(&mut *connection)
        .await?;
    raw_sql("COMMIT").execute(connection).await?;
    Ok(Registered::Now(id))
}

/// Renews a lease; false if it has run out, or somebody has taken over.
pub(super) async fn renew(connection: &mut PgConnection, id: InstanceId, lease: Duration) -> Result<bool, sqlx::Error> {
    let update = format!(
        "UPDATE instances SET renewed_at = {NOW}, lease_until = {NOW} + $2 \
         WHERE id = $1 AND lease_until > {NOW} AND taken_by IS NULL"
    );
    let update = sqlx::query(AssertSqlSafe(update)).bind(id.to_string()).bind(milliseconds(lease));
    let renewed = update.execute(&mut *connection).await?;
    notify(connection, id, HEARTBEAT).await?;
    Ok(renewed.rows_affected() > 0)
}

/// Ends a lease before its time: others may take over at once.
pub(super) async fn end_lease(connection: &mut PgConnection, id: InstanceId) -> Result<(), sqlx::Error> {
    let update = format!("UPDATE instances SET lease_until = LEAST(lease_until, {NOW}) WHERE id = $1");
    sqlx::query(AssertSqlSafe(update)).bind(id.to_string()).execute(&mut *connection).await?;
    notify(connection, id, &Change::Instances.to_string()).await
}

/// Tells the others, outside of a transaction.
async fn notify(connection: &mut PgConnection, id: InstanceId, what: &str) -> Result<(), sqlx::Error> {
    let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(format!("{id} {what}"));
    notify.execute(connection).await.map(drop)
}

/// What one of the instances that live says of itself.
pub(super) async fn live(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    let query = format!("SELECT description FROM instances WHERE lease_until > {NOW} ORDER BY started_at LIMIT 1");
    sqlx::query_scalar(AssertSqlSafe(query)).fetch_optional(connection).await
}

/// Says which statement finds out whether an instance lives.
pub(super) fn lives(id: InstanceId) -> String {
    format!("SELECT (lease_until > {NOW} AND taken_by IS NULL) AS live FROM instances WHERE id = '{id}'")
}

/// Takes those whose lease has run out, unless an instance that lives has taken them before. Of those that this one has
/// taken all are given again, until it [forgets](forget) them. One that came before in the same folder, `ended`, is
/// dead whatever its lease.
pub(super) async fn claim_dead(
    connection: &mut Connection,
    own: InstanceId,
    ended: Option<InstanceId>,
) -> Result<Vec<DeadInstance>, StoreError> {
    if let Some(ended) = ended {
        let mut update = sql("UPDATE instances SET lease_until = LEAST(lease_until, ");
        update.push(NOW);
        update.push_bind(") WHERE id = ", ended.to_string());
        update.push_bind(" AND id <> ", own.to_string());
        update.execute(connection).await?;
    }
    let mut claim = sql("UPDATE instances SET taken_by = ");
    claim.push_bind("", own.to_string());
    claim.push(&format!(" WHERE lease_until <= {NOW} AND (taken_by IS NULL"));
    claim.push_bind(" OR taken_by = ", own.to_string());
    claim.push(&format!(" OR taken_by NOT IN (SELECT id FROM instances WHERE lease_until > {NOW}))"));
    claim.push(" RETURNING id, description, renewed_at");
    let dead = claim.all(connection).await?;
    let dead = dead.iter().map(|row| {
        let columns = Columns::of(TABLE, row);
        let last_heard: Timestamp = columns.time("renewed_at")?;
        Ok(DeadInstance { id: columns.parsed("id")?, description: columns.plain("description")?, last_heard })
    });
    dead.collect()
}

/// Removes one that was cleared up after.
pub(super) async fn forget(connection: &mut Connection, dead: InstanceId) -> Result<(), StoreError> {
    sql("DELETE FROM instances WHERE id = $1").bind(dead.to_string()).execute(connection).await?;
    Ok(())
}

/// Writes down that an instance takes nothing new any more.
pub(super) async fn drain(connection: &mut Connection, id: InstanceId) -> Result<(), StoreError> {
    sql("UPDATE instances SET draining = TRUE WHERE id = $1").bind(id.to_string()).execute(connection).await?;
    Ok(())
}

/// How many others live, and take what is new.
pub(super) async fn others(connection: &mut Connection, own: InstanceId) -> Result<u64, StoreError> {
    let mut count = sql("SELECT COUNT(*) FROM instances WHERE NOT draining AND lease_until > ");
    count.push(NOW);
    count.push_bind(" AND id <> ", own.to_string());
    let others = count.number(connection).await?;
    Ok(u64::try_from(others).unwrap_or(0))
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

const TABLE: &str = "instances";

/// The server's clock in this moment, and not when the transaction began: it may have waited for a lock.
const NOW: &str = "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT";

/// The keys that two instances both have, and have differently.
fn different(own: &BTreeMap<String, String>, others: &BTreeMap<String, String>) -> Option<String> {
    let differs = |(name, key): &(&String, &String)| others.get(*name).is_some_and(|other| other != *key);
    own.iter().find(differs).map(|(name, _)| name.clone())
}
