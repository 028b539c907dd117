//! [`LoginError`]: why a login or a certificate was not given, in words for the person.

use config::UserName;
use ledger::store::StoreError;

use super::public_key::PublicKeyError;
use crate::{oidc::OidcError, ssh_ca::IssueError, token::RandomUnavailable};

/// Why a login or a certificate was not given.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The login has ended.
    #[error("your login has ended; run \"bastion login\"")]
    Ended,
    /// The certificate could not be made.
    #[error("no certificate could be made; tell the operator")]
    Issue(#[source] IssueError),
    /// All names that this person could go by are other people's.
    #[error("the name {0} is somebody else's here; an operator can release it (`bastion names release`)")]
    NoName(UserName),
    /// The issuer did not vouch for the person.
    #[error(transparent)]
    Oidc(#[from] OidcError),
    /// The public key is not acceptable.
    #[error(transparent)]
    PublicKey(#[from] PublicKeyError),
    /// No random bytes.
    #[error("no login could be made; tell the operator")]
    Random(#[from] RandomUnavailable),
    /// The place to come back to is not on the list.
    #[error("logins do not come back to {0:?}; use http://127.0.0.1:PORT/callback")]
    RedirectUri(String),
    /// What a login keeps meanwhile could not be encrypted.
    #[error("no login could be made; tell the operator")]
    Sealing,
    /// The store did not answer.
    #[error("logins cannot be looked up right now; try again in a moment")]
    Store(#[from] StoreError),
    /// Their name changed too often.
    #[error(
        "you have logged in with {limit} names already, and each of them is yours alone; an operator can release some \
         (`bastion names release`)"
    )]
    TooManyNames {
        /// How many names one person may have.
        limit: u32,
    },
    /// Never begun, finished already, or too old.
    #[error("this login was not begun here, is finished already or took too long; run \"bastion login\" again")]
    UnknownFlow,
}

/// What an error means for whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// No, and asking again does not help (HTTP 4xx).
    Refused,
    /// Not now (HTTP 503).
    Unavailable,
    /// The bastion's or the operator's fault (HTTP 500).
    Internal,
}

impl LoginError {
    /// What it means for whoever asked.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Ended
            | Self::NoName(_)
            | Self::PublicKey(_)
            | Self::RedirectUri(_)
            | Self::TooManyNames { .. }
            | Self::UnknownFlow => Outcome::Refused,
            Self::Oidc(error) if error.is_unavailable() => Outcome::Unavailable,
            Self::Oidc(_) => Outcome::Refused,
            Self::Store(_) => Outcome::Unavailable,
            Self::Issue(_) | Self::Random(_) | Self::Sealing => Outcome::Internal,
        }
    }
}
