//! What a login that was begun keeps in the store, readable only with what its client holds.
//!
//! The row's key is the SHA-256 of the `state` or of the device identifier, which the bastion hands out and does not
//! keep. The secret beside it is encrypted with a key derived from that same value (HKDF-SHA256, RFC 5869;
//! AES-256-GCM), so that the database alone gives neither a PKCE verifier nor a device code away.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    error::Unspecified,
    hkdf,
};
use data_encoding::BASE64URL_NOPAD;

use super::LoginError;

/// The secret as it is stored: base64url of nonce, ciphertext and tag.
pub(super) fn seal(held_by_client: &str, secret: &str) -> Result<String, LoginError> {
    let sealed = || -> Result<String, Unspecified> {
        let mut text = secret.as_bytes().to_vec();
        let nonce = key(held_by_client)?.seal_in_place_append_tag(Aad::empty(), &mut text)?;
        Ok(BASE64URL_NOPAD.encode(&[nonce.as_ref(), text.as_slice()].concat()))
    };
    sealed().map_err(|Unspecified| LoginError::Sealing)
}

/// The secret again; nothing if it was sealed for another holder, by an older bastion, or changed.
pub(super) fn open(held_by_client: &str, stored: &str) -> Option<String> {
    let stored = BASE64URL_NOPAD.decode(stored.as_bytes()).ok()?;
    let (nonce, text) = stored.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut text = text.to_vec();
    let secret = key(held_by_client).ok()?.open_in_place(nonce, Aad::empty(), &mut text).ok()?;
    String::from_utf8(secret.to_vec()).ok()
}

fn key(held_by_client: &str) -> Result<RandomizedNonceKey, Unspecified> {
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]);
    let pseudorandom = salt.extract(held_by_client.as_bytes());
    let mut key = [0; 32];
    pseudorandom.expand(&[b"bastion login flow v1"], hkdf::HKDF_SHA256)?.fill(&mut key)?;
    RandomizedNonceKey::new(&AES_256_GCM, &key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_for_its_holder_only_and_unchanged_only() {
        let sealed = seal("held by the client", "planted-secret").unwrap();
        assert_eq!(open("held by the client", &sealed).as_deref(), Some("planted-secret"));
        assert_eq!(open("held by somebody else", &sealed), None);
        assert!(!String::from_utf8_lossy(&BASE64URL_NOPAD.decode(sealed.as_bytes()).unwrap()).contains("planted"));
        assert_ne!(seal("held by the client", "planted-secret").unwrap(), sealed, "each has a nonce of its own");
        for place in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[place] ^= 1;
            assert_ne!(
                open("held by the client", &String::from_utf8_lossy(&changed)).as_deref(),
                Some("planted-secret")
            );
        }
    }

    #[test]
    fn what_an_older_bastion_stored_in_clear_does_not_open() {
        for stored in ["", "5 DEVICE-CODE", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "AAAA", "ä"] {
            assert_eq!(open("held by the client", stored), None, "{stored}");
        }
    }
}
