//! Where logins, sessions and audit events are kept.

use std::path::{Path, PathBuf};

use crate::reader::{Field, Read};

/// The database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// A SQLite file.
    Sqlite(PathBuf),
}

impl Store {
    /// The database in the data folder.
    pub(crate) fn in_data_dir(data_dir: &Path) -> Self {
        Self::Sqlite(data_dir.join("bastion.db"))
    }

    pub(crate) fn read(field: &Field<'_>) -> Read<Self> {
        field.parse("sqlite:///PATH such as sqlite:///var/lib/bastion/bastion.db", |text| {
            let path = text.strip_prefix("sqlite://")?;
            (path.starts_with('/') && !path.ends_with('/') && !path.contains('?')).then(|| Self::Sqlite(path.into()))
        })
    }
}
