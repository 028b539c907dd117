//! What both legs negotiate, their flow-control settings, and how they notice that a peer is gone.
//!
//! Ciphers: chacha20-poly1305 costs about three times the CPU of AES-GCM. On the
//! target leg the choice is ours, so AES-GCM comes first; on the user leg the
//! client's order decides (RFC 4253 §7.1). No compression: a peer could make
//! few bytes into many.

use std::{borrow::Cow, time::Duration};

use russh::{Preferred, SshId, cipher, compression, keys::Algorithm};

/// The window that is granted to a sender, in bytes. Two MiB keep a fast path
/// full; sixteen made transfers slower, for they only queue.
pub const WINDOW_BYTES: u32 = 2 * 1024 * 1024;

/// The largest packet asked for, in bytes (RFC 4254 §5.1; OpenSSH's own value).
pub const PACKET_BYTES: u32 = 32 * 1024;

/// How the bastion calls itself on either side (RFC 4253 §4.2).
///
/// OpenSSH tells a peer that nobody reads its output any more (`eow@openssh.com`), and that no more sessions will
/// follow, only where the name begins with its own; without the first, `ssh host yes | head -1` never ends. No number
/// follows: clients take numbers for the bugs that these versions had.
#[must_use]
pub fn identification() -> SshId {
    SshId::Standard(Cow::Borrowed("SSH-2.0-OpenSSH_compatible bastion"))
}

/// How a peer that is gone is noticed. Whatever it sends counts as an answer, so that one that is there is never
/// taken to be gone, however long it has nothing to say.
#[derive(Debug, Clone, Copy)]
pub struct Keepalive {
    /// After this time without a byte the peer is asked whether it is there.
    pub interval: Duration,
    /// After so many questions without an answer the connection is ended.
    pub most_unanswered: usize,
}

const CIPHERS: &[cipher::Name] = &[
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

/// What the bastion offers as a server to users.
#[must_use]
pub fn user_leg() -> Preferred {
    Preferred { cipher: Cow::Borrowed(CIPHERS), compression: Cow::Borrowed(&[compression::NONE]), ..Preferred::DEFAULT }
}

/// What the bastion offers as a client to a target that is known by `host_keys`,
/// or by certificates of a host CA.
#[must_use]
pub fn target_leg(host_keys: Vec<Algorithm>, host_certificates: Vec<Algorithm>) -> Preferred {
    Preferred { key: Cow::Owned(host_keys), host_key_certificates: Cow::Owned(host_certificates), ..user_leg() }
}
