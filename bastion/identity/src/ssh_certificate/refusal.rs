//! [`CertificateRefusal`]: why a certificate does not count, in words for the person who showed it.

use std::{fmt, net::IpAddr};

use config::NameError;

use crate::source_address::SourceAddresses;

/// Why a certificate was refused. Each text says what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateRefusal {
    /// It has a critical option that this bastion does not know (`force-command`, …).
    #[error("this certificate has the restriction {:?}, which this bastion cannot keep: run \"bastion login\" for one without it", Shown(.0))]
    CriticalOption(String),
    /// It ended.
    #[error("this certificate expired {} ago: run \"bastion login\"", Ago(*.seconds_ago))]
    Expired {
        /// How long ago.
        seconds_ago: u64,
    },
    /// It is a host's certificate.
    #[error("this is a host certificate, and only user certificates log in here: run \"bastion login\"")]
    HostType,
    /// The key is of a kind that this bastion does not accept.
    #[error("the key of this certificate is neither Ed25519 nor ECDSA: run \"bastion login\", which makes one that is")]
    KeyAlgorithm,
    /// Key id and name disagree; our authority never issues that.
    #[error("the key id of this certificate does not match its user: run \"bastion login\"")]
    KeyId,
    /// The login that it was issued under has ended.
    #[error("your login has ended: run \"bastion login\"")]
    LoginEnded,
    /// The key that signed it is a certificate itself.
    #[error("this certificate was signed by another certificate, which is never valid: run \"bastion login\"")]
    NestedAuthority,
    /// It has no end.
    #[error("this certificate never expires, and this bastion accepts none like that: run \"bastion login\"")]
    NeverExpires,
    /// Its begin is beyond any calendar.
    #[error("this certificate never becomes valid: run \"bastion login\"")]
    NeverValid,
    /// It names nobody, which elsewhere means everybody.
    #[error("this certificate names no user: run \"bastion login\"")]
    NoPrincipal,
    /// It begins later.
    #[error("this certificate is not valid before {} from now: check this computer's clock, or run \"bastion login\"", Ago(*.seconds_left))]
    NotYetValid {
        /// How long until then.
        seconds_left: u64,
    },
    /// The store has the serial number for another key.
    #[error("this bastion issued the certificate's serial number for another key: run \"bastion login\"")]
    OtherKey,
    /// The store has the serial number for another user.
    #[error("this bastion issued the certificate's serial number to another user: run \"bastion login\"")]
    OtherUser,
    /// The name cannot be a user's.
    #[error("this certificate's user name is not acceptable ({0}): run \"bastion login\"")]
    Principal(NameError),
    /// The authority that signed it no longer counts.
    #[error(
        "the authority that signed this certificate was revoked: run \"bastion login\" for a certificate of the current one"
    )]
    RevokedAuthority,
    /// The key that it certifies no longer counts.
    #[error("the key of this certificate was revoked: run \"bastion login\" for a new key")]
    RevokedKey,
    /// It signed itself.
    #[error("this certificate is signed by its own key and proves nothing: run \"bastion login\"")]
    SelfSigned,
    /// It names several users.
    #[error("this certificate names several users, and this bastion accepts exactly one: run \"bastion login\"")]
    SeveralPrincipals,
    /// The signature does not verify.
    #[error("this certificate's signature does not match its content: run \"bastion login\"")]
    Signature,
    /// It may not be used from here.
    #[error(
        "this certificate may be used from {allowed} only, and you come from {found}: run \"bastion login\" from here"
    )]
    SourceAddress {
        /// From where it may be used.
        allowed: SourceAddresses,
        /// From where it was used.
        found: IpAddr,
    },
    /// Its `source-address` cannot be read.
    #[error("the addresses that this certificate may be used from cannot be read: run \"bastion login\"")]
    SourceAddressUnreadable,
    /// Another authority signed it.
    #[error("this certificate was not issued by this bastion: run \"bastion login\" for one that was")]
    UnknownAuthority,
    /// The store does not know its serial number.
    #[error("this bastion has no record of this certificate: run \"bastion login\"")]
    UnknownSerial,
}

/// A duration as people say it.
struct Ago(u64);

impl fmt::Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            seconds @ 0..120 => write!(f, "{seconds} s"),
            seconds @ 120..7_200 => write!(f, "{} min", seconds / 60),
            seconds @ 7_200..172_800 => write!(f, "{} h", seconds / 3_600),
            seconds => write!(f, "{} days", seconds / 86_400),
        }
    }
}

/// A peer's text, cut to a length that fits a line; `Debug` escapes control characters.
struct Shown<'a>(&'a str);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut: String = self.0.chars().take(64).collect();
        write!(f, "{cut:?}")
    }
}
