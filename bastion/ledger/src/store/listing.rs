//! [`Listing`]: rows, and what is said of those that cannot be read. One bad row must not take the others along.

use std::ops::Deref;

pub use api::page::UnreadableRow;

/// Rows in their order.
#[derive(Debug)]
pub struct Listing<T> {
    /// Those that can be read.
    pub rows: Vec<T>,
    /// Those that cannot.
    pub unreadable: Vec<UnreadableRow>,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), unreadable: Vec::new() }
    }
}

impl<T> From<Vec<T>> for Listing<T> {
    fn from(rows: Vec<T>) -> Self {
        Self { rows, unreadable: Vec::new() }
    }
}

impl<T> Deref for Listing<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.rows
    }
}

impl<T> IntoIterator for Listing<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}
