//! [`Statement`], [`Connection`] and [`Row`]: one text of SQL and its values, for whichever database is there.
//!
//! This is what `sqlx::Any` is for, which cannot read a `BOOLEAN` of SQLite and takes its settings from a URL only.
//! Placeholders are `$1`, `$2`, …, which both databases know; where they do not speak alike, see `dialect`.

use std::{
    borrow::Cow,
    ops::{Deref, DerefMut},
};

use sqlx::{
    AssertSqlSafe, Database, Decode, PgConnection, Postgres, Row as _, SqlSafeStr as _, Sqlite, SqliteConnection, Type,
    pool::PoolConnection, postgres::PgRow, sqlite::SqliteRow,
};

use super::{StoreError, dialect::Dialect};

/// A connection to either database.
#[derive(Debug)]
pub(super) enum Connection {
    /// To a SQLite file, out of a pool.
    Sqlite(Borrowed<Sqlite>),
    /// To a PostgreSQL server, out of a pool.
    Pooled(Borrowed<Postgres>),
    /// To a PostgreSQL server.
    Postgres(PgConnection),
}

/// A connection out of a pool, which it goes back to only if somebody said so: otherwise it is closed, and the pool opens
/// another one.
#[derive(Debug)]
pub(super) struct Borrowed<DB: Database> {
    connection: PoolConnection<DB>,
    kept: bool,
}

/// The two that a statement can be sent to.
enum Link<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Connection {
    /// What it speaks.
    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Pooled(_) | Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Nothing is under way on it: another call may have it.
    pub(super) fn keep(&mut self) {
        match self {
            Self::Sqlite(connection) => connection.kept = true,
            Self::Pooled(connection) => connection.kept = true,
            Self::Postgres(_) => {}
        }
    }

    fn link(&mut self) -> Link<'_> {
        match self {
            Self::Sqlite(connection) => Link::Sqlite(connection),
            Self::Pooled(connection) => Link::Postgres(connection),
            Self::Postgres(connection) => Link::Postgres(connection),
        }
    }
}

impl<DB: Database> Borrowed<DB> {
    /// One that is closed unless it is [kept](Connection::keep).
    pub(super) fn until_kept(connection: PoolConnection<DB>) -> Self {
        Self { connection, kept: false }
    }

    /// One that goes back whatever happens.
    pub(super) fn kept(connection: PoolConnection<DB>) -> Self {
        Self { connection, kept: true }
    }
}

impl<DB: Database> Drop for Borrowed<DB> {
    fn drop(&mut self) {
        if !self.kept {
            self.connection.close_on_drop();
        }
    }
}

impl<DB: Database> Deref for Borrowed<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.connection
    }
}

impl<DB: Database> DerefMut for Borrowed<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.connection
    }
}

/// A value on its way into a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// `BIGINT`.
    Integer(Option<i64>),
    /// `TEXT`.
    Text(Option<String>),
    /// `BOOLEAN`.
    Flag(bool),
    /// `BLOB`, `BYTEA`.
    Bytes(Vec<u8>),
}

/// SQL with the values for its placeholders.
#[derive(Debug)]
pub(super) struct Statement {
    text: Cow<'static, str>,
    values: Vec<Value>,
    /// Whether it is worth to be remembered by the database.
    again: bool,
}

/// A statement without values yet.
pub(super) fn sql(text: &'static str) -> Statement {
    Statement { text: Cow::Borrowed(text), values: Vec::new(), again: true }
}

/// Puts the values of a statement into a query of sqlx.
macro_rules! query {
    ($statement:ident, $text:ident => $shown:expr) => {{
        let text = match $statement.text {
            Cow::Borrowed(text) => text.into_sql_str(),
            Cow::Owned(text) => AssertSqlSafe(text).into_sql_str(),
        };
        let mut query = sqlx::query(text).persistent($statement.again);
        for value in $statement.values {
            query = match value {
                Value::Integer(number) => query.bind(number),
                Value::Text($text) => query.bind($shown),
                Value::Flag(flag) => query.bind(flag),
                Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        query
    }};
}

impl Statement {
    /// The value for the next placeholder.
    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// More text.
    pub(super) fn push(&mut self, text: &str) {
        self.text.to_mut().push_str(text);
    }

    /// More text, and the placeholder of a value after it.
    pub(super) fn push_bind(&mut self, text: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        let placeholder = format!("${}", self.values.len());
        self.push(text);
        self.push(&placeholder);
    }

    /// It is not expected to come again with the same text.
    pub(super) fn once(self) -> Self {
        Self { again: false, ..self }
    }

    /// Runs it; returns how many rows it changed.
    pub(super) async fn execute(self, connection: &mut Connection) -> Result<u64, StoreError> {
        let changed = match connection.link() {
            Link::Sqlite(link) => query!(self, text => text).execute(link).await.map(|done| done.rows_affected()),
            Link::Postgres(link) => {
                query!(self, text => text.map(without_nul)).execute(link).await.map(|done| done.rows_affected())
            }
        };
        changed.map_err(StoreError::Unavailable)
    }

    /// Every row.
    pub(super) async fn all(self, connection: &mut Connection) -> Result<Vec<Row>, StoreError> {
        let rows = match connection.link() {
            Link::Sqlite(link) => {
                let rows = query!(self, text => text).fetch_all(link).await;
                rows.map(|rows| rows.into_iter().map(Row::Sqlite).collect())
            }
            Link::Postgres(link) => {
                let rows = query!(self, text => text.map(without_nul)).fetch_all(link).await;
                rows.map(|rows| rows.into_iter().map(Row::Postgres).collect())
            }
        };
        rows.map_err(StoreError::Unavailable)
    }

    /// The first row, if there is one.
    pub(super) async fn optional(self, connection: &mut Connection) -> Result<Option<Row>, StoreError> {
        let row = match connection.link() {
            Link::Sqlite(link) => query!(self, text => text).fetch_optional(link).await.map(|row| row.map(Row::Sqlite)),
            Link::Postgres(link) => {
                let row = query!(self, text => text.map(without_nul)).fetch_optional(link).await;
                row.map(|row| row.map(Row::Postgres))
            }
        };
        row.map_err(StoreError::Unavailable)
    }

    /// The number in the first column of the first row.
    pub(super) async fn number(self, connection: &mut Connection) -> Result<i64, StoreError> {
        let row = self.optional(connection).await?.ok_or(StoreError::Unavailable(sqlx::Error::RowNotFound))?;
        match &row {
            Row::Sqlite(row) => row.try_get(0),
            Row::Postgres(row) => row.try_get(0),
        }
        .map_err(StoreError::Unavailable)
    }
}

/// A row of either database.
#[derive(Debug)]
pub(super) enum Row {
    /// Of SQLite.
    Sqlite(SqliteRow),
    /// Of PostgreSQL.
    Postgres(PgRow),
}

/// What both databases can read into.
pub(super) trait Readable<'r>:
    Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>
{
}

impl<'r, T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>> Readable<'r> for T {}

impl Row {
    /// The value of a column.
    pub(super) fn get<'r, T: Readable<'r>>(&'r self, column: &str) -> Result<T, sqlx::Error> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }
}

/// PostgreSQL keeps every character in a text but this one; what must stay as it is stands in a column of bytes.
pub(super) fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_owned())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(Some(text.clone()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

impl From<Option<&String>> for Value {
    fn from(text: Option<&String>) -> Self {
        Self::Text(text.cloned())
    }
}

impl From<&Option<String>> for Value {
    fn from(text: &Option<String>) -> Self {
        Self::Text(text.clone())
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}
