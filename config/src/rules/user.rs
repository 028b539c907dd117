//! [`UserSelector`]: how a rule file says who somebody is.
//!
//! OpenID Connect Core §5.7: "The `sub` (subject) and `iss` (issuer) Claims, used together, are the only Claims that an
//! RP can rely upon as a stable identifier for the End-User". So that is one way to name a person; an address that
//! the issuer vouches for is another. A plain name is the one that a bastion knows somebody by: it belongs to the first
//! who logged in with it.

use std::{fmt, str::FromStr};

use crate::{
    name::{NameError, UserName},
    reader::{Field, Read},
};

/// One entry of `users`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserSelector {
    /// `alice@example.com`: whose e-mail address this is, as far as the issuer says that it is verified.
    Email(String),
    /// `alice`: whom the bastion knows by this name.
    Name(UserName),
    /// `#248289761001` or `https://id.example.com#248289761001`: this subject.
    Subject {
        /// The issuer's URL; none where any will do.
        issuer: Option<String>,
        /// The issuer's identifier of the subject (`sub`).
        id: String,
    },
}

/// Why a text names nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserSelectorError {
    /// It has an `@` and is no address.
    #[error("{0:?} is no e-mail address")]
    Email(String),
    /// It is no name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It has a `#` and is no subject.
    #[error(
        "{0:?} is no subject: write \"#SUB\" or \"ISSUER#SUB\", with the issuer's URL and the claim sub as they are"
    )]
    Subject(String),
}

impl FromStr for UserSelector {
    type Err = UserSelectorError;

    fn from_str(text: &str) -> Result<Self, UserSelectorError> {
        // An issuer's URL has no fragment; what follows the first `#` is the subject, whatever it holds.
        if let Some((issuer, id)) = text.split_once('#') {
            let is_issuer = issuer.is_empty() || issuer.contains("://");
            let is_id = !id.is_empty() && id.len() <= MAX_SUBJECT_BYTES && !id.chars().any(char::is_control);
            if !is_issuer || !is_id {
                return Err(UserSelectorError::Subject(text.chars().take(MAX_SHOWN_CHARS).collect()));
            }
            let issuer = Some(issuer.to_owned()).filter(|issuer| !issuer.is_empty());
            return Ok(Self::Subject { issuer, id: id.to_owned() });
        }
        match text.split_once('@') {
            None => Ok(Self::Name(text.parse()?)),
            Some((local, domain)) => {
                let is_plain = text.chars().all(|c| c.is_ascii_graphic() && c != ',');
                if local.is_empty() || domain.is_empty() || domain.contains('@') || !is_plain {
                    return Err(UserSelectorError::Email(text.chars().take(MAX_SHOWN_CHARS).collect()));
                }
                Ok(Self::Email(text.to_owned()))
            }
        }
    }
}

impl fmt::Display for UserSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email(email) => f.write_str(email),
            Self::Name(name) => name.fmt(f),
            Self::Subject { issuer, id } => write!(f, "{}#{id}", issuer.as_deref().unwrap_or_default()),
        }
    }
}

pub(crate) fn read(field: &Field<'_>) -> Read<UserSelector> {
    let text = field.text(r##"a user such as alice, alice@example.com or "#SUBJECT""##)?;
    text.parse().map_err(|error: UserSelectorError| field.refused(error.to_string()))
}

/// "It MUST NOT exceed 255 ASCII characters in length" (OpenID Connect Core §2).
const MAX_SUBJECT_BYTES: usize = 255;

/// As much of a wrong text as an error repeats.
const MAX_SHOWN_CHARS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_ways_to_say_who() {
        for text in ["alice", "bob+2xk4q7mz", "alice@example.com", "#4711", "https://id.example.com#auth0|47#11"] {
            let selector: UserSelector = text.parse().unwrap();
            assert_eq!(selector.to_string(), text);
            assert_eq!(matches!(selector, UserSelector::Name(_)), !text.contains(['@', '#']), "{text}");
        }
        let with_issuer = "https://id.example.com#a#b@c".parse();
        let issuer = Some("https://id.example.com".to_owned());
        assert_eq!(with_issuer, Ok(UserSelector::Subject { issuer, id: "a#b@c".to_owned() }));
    }

    #[test]
    fn what_names_nobody_is_refused_with_what_to_write() {
        for text in ["", "a b", "#", "id.example.com#4711", "#a\nb", "@example.com", "alice@", "a@b@c", "ä@example.com"]
        {
            assert!(text.parse::<UserSelector>().is_err(), "{text:?}");
        }
        let error = "alice#4711".parse::<UserSelector>().unwrap_err().to_string();
        assert!(error.contains("ISSUER#SUB"), "{error}");
    }
}
