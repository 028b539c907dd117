//! Values as they stand in columns: each has one way in and one way out.
//!
//! What does not parse is [`StoreError::Corrupt`] and names its table and column.

use std::{fmt::Display, str::FromStr, time::Duration};

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use policy::{Subject, approval::Person};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Listing, StoreError, TokenHash,
    statement::{Readable, Row},
};
use crate::store::UnreadableRow;

/// A row of a known table.
pub(super) struct Columns<'r> {
    table: &'static str,
    row: &'r Row,
}

impl<'r> Columns<'r> {
    pub(super) fn of(table: &'static str, row: &'r Row) -> Self {
        Self { table, row }
    }

    /// A column of a type that SQL knows.
    pub(super) fn plain<T: Readable<'r>>(&self, column: &str) -> Result<T, StoreError> {
        self.row.get(column).map_err(|error| self.corrupt(column, error))
    }

    /// A time.
    pub(super) fn time(&self, column: &str) -> Result<Timestamp, StoreError> {
        let milliseconds = self.plain(column)?;
        Timestamp::from_millisecond(milliseconds).map_err(|error| self.corrupt(column, error))
    }

    /// A time that may be missing.
    pub(super) fn optional_time(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        match self.plain::<Option<i64>>(column)? {
            Some(_) => self.time(column).map(Some),
            None => Ok(None),
        }
    }

    /// A number that is never negative.
    pub(super) fn unsigned(&self, column: &str) -> Result<u64, StoreError> {
        u64::try_from(self.plain::<i64>(column)?).map_err(|error| self.corrupt(column, error))
    }

    /// A name or an identifier.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&self, column: &str) -> Result<T, StoreError> {
        self.plain::<&str>(column)?.parse().map_err(|error| self.corrupt(column, error))
    }

    /// A word from a closed set, stored without the quotes of its JSON form.
    pub(super) fn word<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        let word = self.plain::<String>(column)?;
        serde_json::from_value(word.into()).map_err(|error| self.corrupt(column, error))
    }

    /// A name or an identifier that may be missing.
    pub(super) fn optional_parsed<T: FromStr<Err: Display>>(&self, column: &str) -> Result<Option<T>, StoreError> {
        match self.plain::<Option<&str>>(column)? {
            Some(_) => self.parsed(column).map(Some),
            None => Ok(None),
        }
    }

    /// A word that may be missing.
    pub(super) fn optional_word<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, StoreError> {
        match self.plain::<Option<&str>>(column)? {
            Some(_) => self.word(column).map(Some),
            None => Ok(None),
        }
    }

    /// A number of seconds that may be missing.
    pub(super) fn optional_seconds(&self, column: &str) -> Result<Option<Duration>, StoreError> {
        match self.plain::<Option<i64>>(column)? {
            Some(_) => self.unsigned(column).map(|seconds| Some(Duration::from_secs(seconds))),
            None => Ok(None),
        }
    }

    /// A structured value.
    pub(super) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        serde_json::from_str(self.plain(column)?).map_err(|error| self.corrupt(column, error))
    }

    /// A structured value that may be missing.
    pub(super) fn optional_json<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, StoreError> {
        match self.plain::<Option<&str>>(column)? {
            Some(_) => self.json(column).map(Some),
            None => Ok(None),
        }
    }

    /// A subject.
    pub(super) fn subject(&self, column: &str) -> Result<Subject, StoreError> {
        self.json::<StoredSubject>(column).map(Subject::from)
    }

    /// The person in the columns `issuer` and `subject_id`, which may be missing.
    pub(super) fn optional_person(&self) -> Result<Option<Person>, StoreError> {
        let (issuer, id) = (self.plain("issuer")?, self.plain("subject_id")?);
        Ok(Option::zip(issuer, id).map(|(issuer, id)| Person { issuer, id }))
    }

    /// The hash of a token.
    pub(super) fn hash(&self, column: &str) -> Result<TokenHash, StoreError> {
        let text = self.plain::<&str>(column)?;
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|error| self.corrupt(column, error))?;
        let bytes = bytes.try_into().map_err(|_| self.corrupt(column, "not 32 bytes"))?;
        Ok(TokenHash(bytes))
    }

    /// The hash of a token, which may be missing.
    pub(super) fn optional_hash(&self, column: &str) -> Result<Option<TokenHash>, StoreError> {
        match self.plain::<Option<&str>>(column)? {
            Some(_) => self.hash(column).map(Some),
            None => Ok(None),
        }
    }

    /// Puts what was read of this row into a listing: the row, or the word that it cannot be read.
    pub(super) fn put<T>(
        &self,
        read: Result<T, StoreError>,
        id: &str,
        listing: &mut Listing<T>,
    ) -> Result<(), StoreError> {
        match read {
            Ok(record) => listing.rows.push(record),
            Err(error @ StoreError::Corrupt { .. }) => {
                let id = self.plain(id).unwrap_or_default();
                tracing::error!(%error, id, "a row is passed over in a listing");
                listing.unreadable.push(UnreadableRow { table: self.table.to_owned(), id });
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn corrupt(&self, column: &str, reason: impl Display) -> StoreError {
        StoreError::Corrupt { table: self.table, reason: format!("column {column}: {reason}") }
    }
}

pub(super) fn hash_text(hash: TokenHash) -> String {
    HEXLOWER.encode(&hash.0)
}

/// A number for a column that holds `BIGINT`; a larger one (never seen: 8 EiB) is cut to the largest.
pub(super) fn bigint(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The JSON text of a value of ours. They all have string keys, so that this cannot fail in practice.
pub(super) fn json_text(table: &'static str, value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt { table, reason: error.to_string() })
}

/// The word that stands for a value of a closed set.
pub(super) fn word_text(table: &'static str, value: &impl Serialize) -> Result<String, StoreError> {
    json_text(table, value).map(|text| text.trim_matches('"').to_owned())
}

pub(super) fn subject_text(table: &'static str, subject: &Subject) -> Result<String, StoreError> {
    json_text(table, &StoredSubject::from(subject.clone()))
}

/// The form in which a subject is stored. A field is only ever added, with a default.
#[derive(Serialize, Deserialize)]
struct StoredSubject {
    issuer: String,
    id: String,
    name: config::UserName,
    email: Option<String>,
    groups: Vec<config::GroupName>,
}

impl From<Subject> for StoredSubject {
    fn from(subject: Subject) -> Self {
        Self {
            issuer: subject.issuer,
            id: subject.id,
            name: subject.name,
            email: subject.email,
            groups: subject.groups.into_iter().collect(),
        }
    }
}

impl From<StoredSubject> for Subject {
    fn from(stored: StoredSubject) -> Self {
        Self {
            issuer: stored.issuer,
            id: stored.id,
            name: stored.name,
            email: stored.email,
            groups: stored.groups.into_iter().collect(),
        }
    }
}
