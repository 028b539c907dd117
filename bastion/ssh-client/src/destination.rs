//! The SSH user name -> where the user wants to go.
//!
//! `ssh login@target@bastion` arrives as the user name `login@target`. A plain
//! user name means the bastion itself, which then serves as a jump host.

use config::{Login, NameError, TargetName};

/// Longest SSH user name that is looked at, in bytes: two names and the sign between them.
const MAX_USER_NAME_BYTES: usize = 512;

/// An account on a target.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destination {
    /// The account.
    pub login: Login,
    /// The target.
    pub target: TargetName,
}

/// What an SSH user name asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedDestination {
    /// The bastion itself, as a jump host.
    Bastion,
    /// An account on a target.
    Target(Destination),
}

/// Why a user name is not a destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// A part of it is not a valid name.
    #[error("{0}; connect as LOGIN@TARGET, for example ssh root@web1@bastion")]
    Name(#[from] NameError),
    /// It is longer than any destination.
    #[error("the user name is longer than {MAX_USER_NAME_BYTES} bytes; connect as LOGIN@TARGET")]
    TooLong,
}

/// Reads the user name of the outer connection.
///
/// # Errors
///
/// When it has an `@` but its parts are not valid names.
pub fn parse(user_name: &str) -> Result<AskedDestination, DestinationError> {
    if user_name.len() > MAX_USER_NAME_BYTES {
        return Err(DestinationError::TooLong);
    }
    match user_name.rsplit_once('@') {
        None => Ok(AskedDestination::Bastion),
        Some((login, target)) => {
            Ok(AskedDestination::Target(Destination { login: login.parse()?, target: target.parse()? }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(login: &str, target: &str) -> AskedDestination {
        AskedDestination::Target(Destination { login: login.parse().unwrap(), target: target.parse().unwrap() })
    }

    #[test]
    fn a_plain_name_asks_for_the_bastion() {
        assert_eq!(parse("alice"), Ok(AskedDestination::Bastion));
    }

    #[test]
    fn login_and_target_are_told_apart_at_the_last_at_sign() {
        assert_eq!(parse("root@web1"), Ok(destination("root", "web1")));
        assert!(matches!(parse("a@b@web1"), Err(DestinationError::Name(_))), "a login has no '@'");
    }

    #[test]
    fn names_that_could_mean_something_else_are_refused() {
        for name in ["@web1", "root@", "ro ot@web1", "root@we/b1", "root\0@web1", "root@\u{202e}web1"] {
            assert!(parse(name).is_err(), "{name:?}");
        }
        assert_eq!(parse(&"a".repeat(513)), Err(DestinationError::TooLong));
    }
}
