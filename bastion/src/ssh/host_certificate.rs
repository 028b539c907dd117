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
