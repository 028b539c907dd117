//! [`Open`]: a value of a set that a newer bastion may have made larger. A client that branches on it has to say what it
//! does with the others; one that only shows it needs not know.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A value that this version knows, or another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Open<T> {
    /// One of those that this version knows.
    Known(T),
    /// What a newer bastion says.
    Other(Value),
}

impl<T> From<T> for Open<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl<T: fmt::Display> fmt::Display for Open<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => value.fmt(f),
            Self::Other(Value::String(word)) => f.write_str(word),
            Self::Other(other) => other.fmt(f),
        }
    }
}

/// The words of an enum, as serde writes them.
macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            /// The word for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use words;
