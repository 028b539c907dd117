//! Who someone is: files in reading order.
//!
//! - [`subject`]: what all of this makes, an [`Authenticated`] subject
//! - [`oidc`]: the issuer: discovery, code flow with PKCE, device flow
//! - [`jwks`]: the issuer's key set: fetch, cache, rotate
//! - [`id_token`]: ID token -> subject, check by check
//! - [`login`]: begin -> issuer -> finish -> a login; SSH certificates under it
//! - [`ssh_ca`]: the authorities, and what they issue
//! - [`ssh_certificate`]: the certificate that comes back on the user leg
//! - [`x509_ca`], [`kube_credential`]: client certificates and tokens for the Kubernetes front, and their check
//! - [`revoked_keys`]: keys that count for nothing
//! - [`source_address`], [`key_file`], [`token`]: what those are made of
//!
//! **Architecture invariant:** the issuer's refresh and access tokens are never kept. A login lasts as long as
//! the bastion says, and its subject is that of the moment of the login.

pub mod id_token;
pub mod jwks;
pub mod key_file;
pub mod key_folder;
pub mod kube_credential;
pub mod login;
pub mod oidc;
pub mod revoked_keys;
pub mod source_address;
pub mod ssh_ca;
pub mod ssh_certificate;
pub mod subject;
pub mod token;
pub mod x509_ca;

#[cfg(test)]
mod test_store;

pub use subject::Authenticated;
