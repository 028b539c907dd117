//! [`Dialect`]: where SQLite and PostgreSQL do not speak alike, and what their errors mean.

use sqlx::postgres::PgDatabaseError;

/// Which database is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// SQLite, built in.
    Sqlite,
    /// PostgreSQL, from version 15.
    Postgres,
}

impl Dialect {
    /// A text in the JSON object that a column holds.
    pub(super) fn member(self, column: &str, member: &str) -> String {
        match self {
            Self::Sqlite => format!("json_extract({column}, '$.{member}')"),
            Self::Postgres => format!("(({column})::json ->> '{member}')"),
        }
    }

    /// The functions that give the smallest and the largest of their arguments.
    pub(super) fn least_and_greatest(self) -> (&'static str, &'static str) {
        match self {
            Self::Sqlite => ("MIN", "MAX"),
            Self::Postgres => ("LEAST", "GREATEST"),
        }
    }

    /// Asks how many bytes are taken on disk.
    pub(super) fn size(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
            Self::Postgres => "SELECT pg_database_size(current_database())",
        }
    }
}

/// What is wrong, for anybody who asks: without paths, and without the words of the database.
pub(in crate::store) fn in_short(error: &sqlx::Error) -> &'static str {
    if is_tls(error) {
        return "the database server's certificate cannot be verified";
    }
    if matches!(error, sqlx::Error::Io(_)) {
        return "the database server cannot be reached";
    }
    let Some(database) = error.as_database_error() else { return UNKNOWN };
    match database.try_downcast_ref::<PgDatabaseError>() {
        Some(answer) => of_postgres(answer.code()),
        None => of_sqlite(database.code().as_deref()),
    }
}

/// By the primary result code (<https://www.sqlite.org/rescode.html>), without what extends it.
fn of_sqlite(code: Option<&str>) -> &'static str {
    match code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff) {
        Some(5 | 6) => "the database is locked by another process",
        Some(8) => "the database is read-only",
        Some(10) => "the disk of the database fails",
        Some(11 | 26) => "the database is damaged",
        Some(13) => "the disk of the database is full",
        Some(14) => "the database cannot be opened",
        Some(_) | None => UNKNOWN,
    }
}

/// By the SQLSTATE (<https://www.postgresql.org/docs/15/errcodes-appendix.html>).
fn of_postgres(code: &str) -> &'static str {
    match code {
        "25006" => "the database is read-only",
        "25P03" | "55P03" | "57014" => "the database does not answer in time",
        "3D000" => "the database does not exist on its server",
        "42501" => "the bastion's user may not do that in the database",
        "53100" => "the disk of the database is full",
        "53300" => "the database server takes no more connections",
        "57P01" | "57P02" | "57P03" => "the database server is stopping or starting",
        "58030" => "the disk of the database fails",
        "XX001" | "XX002" => "the database is damaged",
        _ if code.starts_with("28") => "the database server refuses the bastion's user or password",
        _ => UNKNOWN,
    }
}

/// What to do about an error at the start, for the operator.
pub(super) fn advice(error: &sqlx::Error) -> &'static str {
    if is_tls(error) {
        return "Check sslrootcert, and that the server's certificate is for the host of the URL";
    }
    if matches!(error, sqlx::Error::Io(_)) {
        return "Check the host and port, and that the server runs and listens there";
    }
    let answer = error.as_database_error().and_then(|database| database.try_downcast_ref::<PgDatabaseError>());
    match answer.map(PgDatabaseError::code) {
        Some("3D000") => "Create it: CREATE DATABASE … OWNER …",
        Some("42501") => "The bastion's user must own the database, or may create tables in it",
        Some("53300") => "The bastion needs seven connections; see max_connections",
        Some("57P03") => "Wait until the server has started",
        Some(code) if code.starts_with("28") => "Check the user of the URL, the password beside it, and pg_hba.conf",
        Some(_) | None => "See the server's log",
    }
}

/// A handshake that fails is an error of the connection under it, as a rule.
fn is_tls(error: &sqlx::Error) -> bool {
    if let sqlx::Error::Io(error) = error {
        return error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
    }
    matches!(error, sqlx::Error::Tls(_))
}

/// Waits until nobody else writes.
pub(super) const WRITE_LOCK: &str = "SELECT pg_advisory_xact_lock(7089074232280182391)";

const UNKNOWN: &str = "the database does not answer";

impl super::StoreError {
    /// For the operator who starts the bastion.
    pub(super) fn connecting(place: &str, source: sqlx::Error) -> Self {
        let advice = advice(&source);
        Self::Connect { place: place.to_owned(), source, advice }
    }
}
