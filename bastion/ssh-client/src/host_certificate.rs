//! Whether a host certificate proves that a server is the one that was meant.

use jiff::Timestamp;
use russh::keys::{Certificate, HashAlg, PublicKey, ssh_key::certificate::CertType};

/// Everything that PROTOCOL.certkeys asks of a host certificate: `names` are those that the host is known by.
///
/// # Errors
///
/// What is wrong with it, in words that fit after "its host certificate is not accepted".
pub fn check(certificate: &Certificate, ca: &PublicKey, names: &[&str], now: Timestamp) -> Result<(), String> {
    if certificate.cert_type() != CertType::Host {
        return Err("it is not a host certificate".into());
    }
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    if let Err(error) = certificate.validate_at(seconds, [&ca.fingerprint(HashAlg::Sha256)]) {
        return Err(format!("it is expired, not yet valid, or not signed by the host CA ({error})"));
    }
    if let Some((name, _)) = certificate.critical_options().iter().next() {
        return Err(format!("it has the unknown critical option {name:?}"));
    }
    let certified = certificate.valid_principals();
    if !certified.iter().any(|name| names.contains(&name.as_str())) {
        return Err(format!("it is for {certified:?}, not for any of {names:?}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use russh::keys::{
        PrivateKey,
        ssh_key::{certificate::Builder, private::Ed25519Keypair},
    };

    use super::*;

    const NOW: u64 = 1_000_000;

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
    }

    /// A host certificate for `web1`, good around [`NOW`], with one thing changed.
    fn certificate(signer: u8, kind: CertType, good_from: u64, option: Option<&str>) -> Certificate {
        let certified = key(1).public_key().key_data().clone();
        let mut builder = Builder::new([7_u8; 16].as_slice(), certified, good_from, good_from + 600).unwrap();
        builder.cert_type(kind).unwrap().key_id("host").unwrap().valid_principal("web1").unwrap();
        if let Some(name) = option {
            builder.critical_option(name, "").unwrap();
        }
        builder.sign(&key(signer)).unwrap()
    }

    fn said(certificate: &Certificate, name: &str) -> Result<(), String> {
        let now = Timestamp::from_second(i64::try_from(NOW).unwrap()).unwrap();
        check(certificate, key(2).public_key(), &[name], now)
    }

    #[test]
    fn a_certificate_counts_for_its_name_and_time_and_ca_only() {
        let host = CertType::Host;
        assert_eq!(said(&certificate(2, host, NOW, None), "web1"), Ok(()));
        for (certificate, name, why) in [
            (certificate(3, host, NOW, None), "web1", "host CA"),
            (certificate(2, host, NOW + 1, None), "web1", "not yet valid"),
            (certificate(2, host, NOW - 601, None), "web1", "expired"),
            (certificate(2, host, NOW, None), "web2", "not for any of"),
            (certificate(2, host, NOW, Some("new")), "web1", "critical option"),
            (certificate(2, CertType::User, NOW, None), "web1", "not a host certificate"),
        ] {
            let error = said(&certificate, name).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
