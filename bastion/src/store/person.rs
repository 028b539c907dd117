//! Who somebody is, whatever their name; and whose a name is.

use config::UserName;
use jiff::Timestamp;
use policy::{Subject, approval::Person};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who somebody is to their issuer: what does not change when their name does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubjectId {
    /// The issuer's URL (`iss`).
    pub issuer: String,
    /// The issuer's identifier of the person (`sub`).
    pub subject: String,
}

/// A name, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameRecord {
    /// The name.
    pub name: UserName,
    /// Whose.
    pub person: Person,
    /// Since when.
    pub bound_at: Timestamp,
}

/// What came of binding a name to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameBinding {
    /// It is theirs from now on.
    Bound,
    /// It is theirs already.
    Own,
    /// It is somebody else's.
    Taken,
    /// They have as many as one person may have.
    TooMany,
}

impl From<&Person> for SubjectId {
    fn from(person: &Person) -> Self {
        Self { issuer: person.issuer.clone(), subject: person.id.clone() }
    }
}

impl From<&Subject> for SubjectId {
    fn from(subject: &Subject) -> Self {
        Self { issuer: subject.issuer.clone(), subject: subject.id.clone() }
    }
}
