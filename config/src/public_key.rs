//! SSH public keys in the one-line form of `ssh-keygen` and `known_hosts`.

use std::{fmt, str::FromStr};

use data_encoding::BASE64;

/// An SSH public key, `ALGORITHM BASE64`, whose two parts agree.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(String);

/// The text is not a public key of a known kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an SSH public key")]
pub struct PublicKeyError;

impl PublicKey {
    /// The algorithm and the key in base64, without a comment.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    /// Takes the comment off. The key is complete: its fields (RFC 4253 §6.6: each
    /// a `uint32` length and that many bytes) fill the base64 to its end.
    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        let mut words = text.split_ascii_whitespace();
        let (Some(algorithm), Some(base64)) = (words.next(), words.next()) else {
            return Err(PublicKeyError);
        };
        let (_, field_count) = ALGORITHMS.iter().find(|(name, _)| *name == algorithm).ok_or(PublicKeyError)?;
        let blob = BASE64.decode(base64.as_bytes()).map_err(|_| PublicKeyError)?;
        let fields = fields(&blob).ok_or(PublicKeyError)?;
        if fields.len() != *field_count || fields.first() != Some(&algorithm.as_bytes()) {
            return Err(PublicKeyError);
        }
        Ok(Self(format!("{algorithm} {base64}")))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn fields(mut blob: &[u8]) -> Option<Vec<&[u8]>> {
    let mut fields = Vec::new();
    while !blob.is_empty() {
        let (length, rest) = blob.split_first_chunk()?;
        let (field, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        fields.push(field);
        blob = rest;
    }
    Some(fields)
}

/// The algorithms, and the number of fields of their keys (name included).
const ALGORITHMS: [(&str, usize); 5] = [
    ("ecdsa-sha2-nistp256", 3),
    ("ecdsa-sha2-nistp384", 3),
    ("ecdsa-sha2-nistp521", 3),
    ("ssh-ed25519", 2),
    ("ssh-rsa", 3),
];

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    #[test]
    fn the_comment_is_dropped() {
        let key: PublicKey = format!("ssh-ed25519 {KEY} root@web1").parse().unwrap();
        assert_eq!(key.as_str(), format!("ssh-ed25519 {KEY}"));
    }

    #[test]
    fn a_cut_or_mislabelled_key_is_refused() {
        let cut = KEY.get(..KEY.len() - 4).unwrap();
        for text in ["", "ssh-ed25519", KEY, &format!("ssh-rsa {KEY}"), &format!("ssh-ed25519 {cut}"), "ssh-dss AAAA"] {
            assert!(text.parse::<PublicKey>().is_err(), "{text:?}");
        }
    }
}
