//! Random values that only their holder knows: login tokens, `state`, `nonce`, PKCE verifiers.
//!
//! The bastion keeps a [`TokenHash`] of what it hands out, never the value itself.

use std::fmt;

use aws_lc_rs::{digest, rand};
use data_encoding::BASE64URL_NOPAD;
use ledger::store::TokenHash;

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct RandomUnavailable;

/// 256 random bits as base64url text. Neither `Debug` nor `Display` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A new one.
    pub fn random() -> Result<Self, RandomUnavailable> {
        Ok(Self(BASE64URL_NOPAD.encode(&random_bytes::<32>()?)))
    }

    /// The text to hand to the holder.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the store keeps of it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        hash(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The SHA-256 of a token that a client showed.
#[must_use]
pub fn hash(token: &str) -> TokenHash {
    TokenHash(sha256(token.as_bytes()))
}

/// SHA-256 as an array.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.iter_mut().zip(digest::digest(&digest::SHA256, bytes).as_ref()).for_each(|(to, from)| *to = *from);
    out
}

/// `N` bytes from the operating system's generator.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], RandomUnavailable> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| RandomUnavailable)?;
    Ok(bytes)
}

/// A random serial number: positive as an `i64` and never zero, so that every store can hold it.
pub(crate) fn random_serial() -> Result<u64, RandomUnavailable> {
    Ok((u64::from_be_bytes(random_bytes()?) >> 1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_256_bits_and_is_not_shown_by_debug() {
        let token = Token::random().unwrap();
        assert_eq!(token.as_str().len(), 43);
        assert_ne!(token, Token::random().unwrap());
        assert!(!format!("{token:?}").contains(token.as_str()));
    }

    #[test]
    fn the_stored_hash_is_sha_256_of_the_text() {
        let hex = data_encoding::HEXLOWER.encode(&hash("abc").0);
        assert_eq!(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn serial_numbers_fit_a_signed_column() {
        for _ in 0..100 {
            assert!(i64::try_from(random_serial().unwrap()).unwrap() > 0);
        }
    }
}
