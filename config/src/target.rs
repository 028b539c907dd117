//! The hosts behind the bastion: address, labels, proof of identity, credential.

use std::{
    cell::RefCell,
    collections::{BTreeMap, btree_map::Entry},
    path::Path,
};

use crate::{
    address::HostPort,
    error::ConfigErrors,
    name::TargetName,
    public_key::PublicKey,
    reader::{self, Field, Read},
    secret::{self, Secret},
    yaml::Value,
};

/// One SSH host behind the bastion.
#[derive(Debug, Clone)]
pub struct Target {
    /// The name by which users reach it.
    pub name: TargetName,
    /// Where the bastion dials it.
    pub address: HostPort,
    /// What rules can select it by.
    pub labels: BTreeMap<String, String>,
    /// How it proves that it is the right host.
    pub trust: HostTrust,
    /// How the bastion logs in there.
    pub credential: Credential,
}

/// How a target proves that it is the right host. At least one of the two is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostTrust {
    /// Its host keys: one of them must be shown.
    pub keys: Vec<PublicKey>,
    /// The CA whose host certificates are trusted instead.
    pub ca: Option<PublicKey>,
}

/// How the bastion logs in to a target.
#[derive(Debug, Clone)]
pub enum Credential {
    /// With a certificate of minutes, issued for the session.
    Certificate,
    /// With a stored password.
    Password(Secret),
    /// With a stored private key (the text of an unencrypted OpenSSH or PEM file).
    PrivateKey(Secret),
}

/// Reads a file that holds a list of targets, as under `targets:` in the settings.
pub fn parse_targets(text: &str, base_dir: &Path, file: &str) -> Result<Vec<Target>, ConfigErrors> {
    reader::document(text, base_dir, file, read_targets)
}

pub(crate) fn read_targets(field: &Field<'_>) -> Read<Vec<Target>> {
    let first_lines = RefCell::new(BTreeMap::new());
    field.list("a list of targets such as [{ name: web1, address: 10.0.0.5:22, … }]", |item| {
        item.table("a target such as { name: web1, address: 10.0.0.5:22, … }", |target| {
            let name = target.required("name", |field| {
                let name: TargetName = field.name("a target name such as web1")?;
                match first_lines.borrow_mut().entry(name.clone()) {
                    Entry::Vacant(entry) => {
                        entry.insert(field.at().line);
                        Ok(name)
                    }
                    Entry::Occupied(entry) => {
                        Err(field.refused(format!("the target name {name:?} is already used on line {}", entry.get())))
                    }
                }
            });
            let address = target
                .required("address", |field| field.parse("HOST:PORT such as 10.0.0.5:22", |text| text.parse().ok()));
            let keys = target.field("host_keys");
            let ca = target.present("host_ca", public_key).transpose();
            let ca_given = !matches!(ca, Ok(None));
            let keys = if keys.is_missing() && ca_given { Ok(Vec::new()) } else { host_keys(&keys) };
            Ok(Target {
                labels: target.or("labels", BTreeMap::new(), labels),
                credential: target.or("credential", Credential::Certificate, Credential::read),
                name: name?,
                address: address?,
                trust: HostTrust { keys: keys?, ca: ca? },
            })
        })
    })
}

pub(crate) fn labels(field: &Field<'_>) -> Read<BTreeMap<String, String>> {
    let pairs = field.entries("labels such as { env: prod }", |key, value| {
        let text = value.parse("a label value such as prod", |text| {
            (!text.is_empty() && !text.contains(char::is_control)).then(|| text.to_owned())
        })?;
        Ok((key.value.to_owned(), text))
    })?;
    Ok(pairs.into_iter().collect())
}

fn host_keys(field: &Field<'_>) -> Read<Vec<PublicKey>> {
    const EXPECTED: &str =
        r#"the host's public keys such as ["ssh-ed25519 AAAA…"] (ssh-keyscan shows them), or host_ca"#;
    let keys = field.list(EXPECTED, public_key)?;
    if keys.is_empty() {
        Err(field.refused(format!("an empty list trusts no host; expected {EXPECTED}")))
    } else {
        Ok(keys)
    }
}

fn public_key(field: &Field<'_>) -> Read<PublicKey> {
    field.parse(r#"a whole SSH public key such as "ssh-ed25519 AAAA…""#, |text| text.parse().ok())
}

impl Credential {
    fn read(field: &Field<'_>) -> Read<Self> {
        const EXPECTED: &str = "certificate, { private_key: file:PATH } or { password: env:NAME }";
        if matches!(field.value(), Value::Text(text) if text == "certificate") {
            return Ok(Self::Certificate);
        }
        if !field.is_table() {
            // What stands here may be a password: it is not repeated.
            return Err(field.refused(format!("expected {EXPECTED}")));
        }
        field.table(EXPECTED, |credential| {
            let key = credential.present("private_key", secret::read_key);
            let password = credential.present("password", secret::read);
            match (key, password) {
                (Some(key), None) => key.map(Self::PrivateKey),
                (None, Some(password)) => password.map(Self::Password),
                (None, None) => Err(field.refused(format!("expected {EXPECTED}"))),
                (Some(_), Some(_)) => Err(field.refused("private_key and password exclude each other")),
            }
        })
    }
}
