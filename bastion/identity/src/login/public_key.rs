//! The public key that a person wants certified: which kinds, and how long a text may be.

use russh::keys::{PublicKey, ssh_key::public::KeyData};

/// Why a public key is not certified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// It is not one line of a `.pub` file.
    #[error("this is not an SSH public key in OpenSSH format (\"ssh-ed25519 AAAA…\")")]
    Unreadable,
    /// It is of a kind that cannot log in here.
    #[error("keys of type {0} are not accepted; use an Ed25519 or ECDSA key (\"ssh-keygen -t ed25519\")")]
    Algorithm(String),
}

/// Reads one line of a `.pub` file.
///
/// RSA keys are refused, whatever their size, because the SSH engine is built without RSA (RUSTSEC-2023-0071): a
/// certificate for one would be issued and then not log in. Security keys (`sk-…`) are refused until the touch
/// that they promise is checked.
pub(super) fn read(text: &str) -> Result<PublicKey, PublicKeyError> {
    let text = text.trim();
    if text.len() > MAX_KEY_BYTES || text.chars().any(char::is_control) {
        return Err(PublicKeyError::Unreadable);
    }
    let key = PublicKey::from_openssh(text).map_err(|_| PublicKeyError::Unreadable)?;
    if matches!(key.key_data(), KeyData::Ed25519(_) | KeyData::Ecdsa(_)) {
        return Ok(key);
    }
    Err(PublicKeyError::Algorithm(key.algorithm().as_str().to_owned()))
}

/// The longest accepted key (ECDSA P-521) has about 250 characters, and a comment.
const MAX_KEY_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use russh::keys::{
        ssh_encoding::{Decode, Encode},
        ssh_key::{private::Ed25519Keypair, public::SkEd25519},
    };

    use super::*;

    #[test]
    fn ed25519_and_ecdsa_keys_are_accepted() {
        let ed25519 =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti user@example.com";
        let ecdsa = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHwf2HMM5TRXvo2SQJjsNkiDD5KqiiNjrGVv3UUh+mMT5RHxiRtOnlqvjhQtBq0VpmpCV/PwUdhOig4vkbqAcEc= user@example.com";
        assert!(read(ed25519).is_ok());
        assert!(read(&format!("{ed25519}\n")).is_ok());
        assert!(read(ecdsa).is_ok());
    }

    #[test]
    fn keys_that_could_not_log_in_are_refused_with_the_way_out() {
        for key in [rsa_key(), security_key()] {
            let refused = read(&PublicKey::new(key, "").to_openssh().unwrap()).unwrap_err();
            assert!(matches!(refused, PublicKeyError::Algorithm(_)));
            assert!(refused.to_string().contains("ssh-keygen -t ed25519"));
        }
        assert_eq!(read("").unwrap_err(), PublicKeyError::Unreadable);
        assert_eq!(read("ssh-ed25519 AAAA").unwrap_err(), PublicKeyError::Unreadable);
        assert_eq!(read(&"a".repeat(5000)).unwrap_err(), PublicKeyError::Unreadable);
    }

    fn rsa_key() -> KeyData {
        let mut wire = Vec::new();
        "ssh-rsa".encode(&mut wire).unwrap();
        [1u8, 0, 1].as_slice().encode(&mut wire).unwrap();
        [&[0u8, 0xc1][..], &[0x55; 255]].concat().encode(&mut wire).unwrap();
        KeyData::decode(&mut wire.as_slice()).unwrap()
    }

    fn security_key() -> KeyData {
        let plain = Ed25519Keypair::from_seed(&[7; 32]).public;
        KeyData::SkEd25519(SkEd25519::new(plain, "ssh:"))
    }
}
