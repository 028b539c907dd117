//! Keys that count for nothing any more, one a line, as in OpenSSH's `RevokedKeys` or in `known_hosts` after `@revoked`.
//!
//! ```text
//! # lost with a laptop
//! ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ alice@laptop
//! @revoked * ssh-ed25519 AAAA…
//! SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU
//! ```

use std::path::PathBuf;

use data_encoding::BASE64_NOPAD;

use crate::{
    public_key::PublicKey,
    reader::{Field, Read},
    value,
};

/// A file of revoked keys, as it was at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedKeys {
    /// The file.
    pub file: PathBuf,
    /// What stood in it.
    pub keys: Vec<RevokedKey>,
}

/// A key that is revoked: of an authority, of a person, or of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevokedKey {
    /// By its SHA-256.
    Fingerprint([u8; 32]),
    /// Itself.
    Key(PublicKey),
}

/// A line that names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line}: expected a public key (as in a .pub file) or its fingerprint (SHA256:…); key revocation lists (KRL) \
     are not read"
)]
pub struct RevokedKeyError {
    /// Which one.
    pub line: usize,
}

impl RevokedKeys {
    pub(crate) fn read(field: &Field<'_>) -> Read<Self> {
        let file = value::path(field)?;
        let text = value::read_file(field, &file)?;
        let keys = Self::parse(&text).map_err(|error| field.refused(format!("{}: {error}", file.display())))?;
        Ok(Self { file, keys })
    }

    /// Reads the text of such a file.
    ///
    /// # Errors
    ///
    /// With the first line that names no key: a list that is read in part revokes in part.
    pub fn parse(text: &str) -> Result<Vec<RevokedKey>, RevokedKeyError> {
        let lines = text.lines().zip(1..).map(|(line, number)| (line.trim(), number));
        let lines = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
        lines.map(|(line, number)| key(line).ok_or(RevokedKeyError { line: number })).collect()
    }
}

fn key(line: &str) -> Option<RevokedKey> {
    if let Some(fingerprint) = line.split_ascii_whitespace().next()?.strip_prefix("SHA256:") {
        let bytes = BASE64_NOPAD.decode(fingerprint.trim_end_matches('=').as_bytes()).ok()?;
        return bytes.try_into().ok().map(RevokedKey::Fingerprint);
    }
    // As in `known_hosts`, where the hosts come first: here a key is revoked for all.
    let line = match line.strip_prefix("@revoked") {
        Some(rest) => rest.trim_start().split_once(|c: char| c.is_ascii_whitespace())?.1,
        None => line,
    };
    line.parse().ok().map(RevokedKey::Key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    #[test]
    fn keys_stand_in_three_forms() {
        let text = format!(
            "# lost\n\n  {KEY} alice@laptop\n@revoked * {KEY}\nSHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU x\n"
        );
        let keys = RevokedKeys::parse(&text).unwrap();
        let key = RevokedKey::Key(KEY.parse().unwrap());
        assert_eq!(keys[..2], [key.clone(), key]);
        // The SHA-256 of nothing begins like this.
        assert!(matches!(&keys[2], RevokedKey::Fingerprint([0xe3, 0xb0, 0xc4, 0x42, ..])));
        assert_eq!(RevokedKeys::parse(""), Ok(Vec::new()));
    }

    #[test]
    fn a_line_that_names_no_key_is_an_error_and_not_skipped() {
        for bad in
            ["SSHKRL", "SHA256:abc", "MD5:00:11", "ssh-ed25519", "@revoked", "@cert-authority * ssh-ed25519 AAAA"]
        {
            let error = RevokedKeys::parse(&format!("{KEY}\n{bad}\n")).unwrap_err();
            assert_eq!(error.line, 2, "{bad}");
        }
    }
}
