//! Table `names`: whose a name is.

use jiff::Timestamp;
use policy::approval::Person;

use super::{
    StoreError, TokenHash,
    row::Columns,
    statement::{Connection, Row, Statement, sql},
};
use crate::store::person::{NameBinding, NameRecord};

const TABLE: &str = "names";

/// Binds a name to a person, who may have `most`.
pub(super) async fn bind(
    connection: &mut Connection,
    wanted: &NameRecord,
    most: u32,
) -> Result<NameBinding, StoreError> {
    let owner = sql("SELECT * FROM names WHERE name = $1").bind(wanted.name.as_str()).optional(connection).await?;
    match owner.as_ref().map(record_from).transpose()? {
        Some(owner) if owner.person == wanted.person => return Ok(NameBinding::Own),
        Some(owner) if owner.person.issuer == wanted.person.issuer => return Ok(NameBinding::Taken),
        // People of an issuer that is trusted no longer cannot come back.
        Some(owner) => drop(release(connection, &owner).await?),
        None => {}
    }
    let count: i64 = sql("SELECT COUNT(*) FROM names WHERE issuer = $1 AND subject_id = $2")
        .bind(&wanted.person.issuer)
        .bind(&wanted.person.id)
        .number(connection)
        .await?;
    if count >= i64::from(most) {
        return Ok(NameBinding::TooMany);
    }
    sql("INSERT INTO names (name, issuer, subject_id, bound_at) VALUES ($1, $2, $3, $4)")
        .bind(wanted.name.as_str())
        .bind(&wanted.person.issuer)
        .bind(&wanted.person.id)
        .bind(wanted.bound_at.as_millisecond())
        .execute(connection)
        .await?;
    Ok(NameBinding::Bound)
}

/// Makes a name nobody's, and ends the logins and certificates of whoever had it: they might go on under it.
/// Returns those logins with their ends.
pub(super) async fn release(
    connection: &mut Connection,
    name: &NameRecord,
) -> Result<Vec<(TokenHash, Timestamp)>, StoreError> {
    sql("DELETE FROM names WHERE name = $1").bind(name.name.as_str()).execute(connection).await?;
    of_person(connection, "DELETE FROM certificates WHERE ", &name.person).execute(connection).await?;
    let mut logins = of_person(connection, "DELETE FROM logins WHERE ", &name.person);
    logins.push(" RETURNING token, expires_at");
    let logins = logins.all(connection).await?;
    let ended = |row: &Row| {
        let columns = Columns::of("logins", row);
        Ok((columns.hash("token")?, columns.time("expires_at")?))
    };
    logins.iter().map(ended).collect()
}

/// A statement about the rows whose subject is this person.
fn of_person(connection: &Connection, start: &'static str, person: &Person) -> Statement {
    let dialect = connection.dialect();
    let mut statement = sql(start);
    statement.push(&dialect.member("subject", "issuer"));
    statement.push_bind(" = ", &person.issuer);
    statement.push(" AND ");
    statement.push(&dialect.member("subject", "id"));
    statement.push_bind(" = ", &person.id);
    statement
}

pub(super) async fn find(connection: &mut Connection, name: &str) -> Result<Option<NameRecord>, StoreError> {
    let row = sql("SELECT * FROM names WHERE name = $1").bind(name).optional(connection).await?;
    row.as_ref().map(record_from).transpose()
}

/// Names in their order, after this one.
pub(super) async fn list(connection: &mut Connection, after: &str, limit: u32) -> Result<Vec<NameRecord>, StoreError> {
    let rows = sql("SELECT * FROM names WHERE name > $1 ORDER BY name LIMIT $2")
        .bind(after)
        .bind(i64::from(limit))
        .all(connection)
        .await?;
    rows.iter().map(record_from).collect()
}

fn record_from(row: &Row) -> Result<NameRecord, StoreError> {
    let columns = Columns::of(TABLE, row);
    Ok(NameRecord {
        name: columns.parsed("name")?,
        person: Person { issuer: columns.plain("issuer")?, id: columns.plain("subject_id")? },
        bound_at: columns.time("bound_at")?,
    })
}
