//! Who somebody is, whatever their name; and whose a name is.

use api::id::SubjectId;
use config::UserName;
use jiff::Timestamp;
use policy::approval::Person;

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

/// The person, as the interface names them.
#[must_use]
pub fn subject_id(person: &Person) -> SubjectId {
    SubjectId { issuer: person.issuer.clone(), subject: person.id.clone() }
}
