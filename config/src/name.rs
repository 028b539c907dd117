//! The names that every crate shares, parsed once at the border.
//!
//! A name that came through `FromStr` holds only characters that are safe in a
//! log line, an object key, a certificate principal and an SSH user name.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Longest name accepted, in bytes: the length limit of a DNS name.
const MAX_NAME_BYTES: usize = 253;

/// Why a name was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name has no characters.
    #[error("a {0} must not be empty")]
    Empty(&'static str),
    /// The name is longer than 253 bytes.
    #[error("a {0} must not be longer than {MAX_NAME_BYTES} bytes")]
    TooLong(&'static str),
    /// The name has a character outside the allowed set.
    #[error("a {kind} must not contain {found:?}; allowed are {allowed}")]
    Character {
        /// Which kind of name it was.
        kind: &'static str,
        /// The first character that is not allowed.
        found: char,
        /// The allowed set in words.
        allowed: &'static str,
    },
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $allowed:literal, $accepts:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                let accepts: fn(char) -> bool = $accepts;
                if text.is_empty() {
                    return Err(NameError::Empty($kind));
                }
                if text.len() > MAX_NAME_BYTES {
                    return Err(NameError::TooLong($kind));
                }
                match text.chars().find(|character| !accepts(*character)) {
                    Some(found) => Err(NameError::Character { kind: $kind, found, allowed: $allowed }),
                    None => Ok(Self(text.to_owned())),
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }
    };
}

name!(
    /// The name by which users reach a target: also a host name in `ssh_config`
    /// and a principal of the host certificate that the bastion shows for it.
    TargetName, "target name", "letters, digits, '.', '-' and '_'",
    |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
);
name!(
    /// An account name on a target (a valid principal of an SSH certificate).
    Login, "login", "letters, digits, '.', '-', '_' and '$'",
    |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '$')
);
name!(
    /// A group from the issuer's groups claim.
    GroupName, "group name", "printable characters without ',' and white space",
    |c| !c.is_control() && !c.is_whitespace() && c != ','
);
name!(
    /// The name of a role in the rule documents.
    RoleName, "role name", "letters, digits, '.', '-' and '_'",
    |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
);
name!(
    /// The name of a rule in the rule documents.
    RuleName, "rule name", "letters, digits, '.', '-' and '_'",
    |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
);
name!(
    /// A person's (or robot's) name as it stands in certificates, recordings and
    /// audit events; it comes from the issuer's user name claim.
    UserName, "user name", "letters, digits, '.', '-', '_', '+' and '@'",
    |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '@')
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_separators_are_refused() {
        for text in ["", "a b", "a,b", "a/b", "a\0b", "a\u{202e}b", "a@b", "ä"] {
            assert!(text.parse::<TargetName>().is_err(), "{text:?}");
            assert!(text.parse::<Login>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_error_names_the_character_and_the_allowed_set() {
        let error = "web 1".parse::<TargetName>().unwrap_err().to_string();
        assert_eq!(error, "a target name must not contain ' '; allowed are letters, digits, '.', '-' and '_'");
    }
}
