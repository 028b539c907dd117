//! [`Secret`]: a value that neither logs nor error messages can show.

use std::fmt;

use crate::{
    error::Problem,
    reader::{Field, Read},
    value,
    yaml::Value,
};

/// A password, token or private key. Its `Debug` form hides it, and it has no
/// `Display` and no `Serialize`.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Hides `value`.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// The value that a reference on a command line stands for.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the reference, or with what it refers to.
    pub fn from_reference(reference: &str) -> Result<Self, String> {
        let value = match reference.split_once(':') {
            Some(("env", name)) => from_environment(name)?,
            Some(("file", path)) => std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?,
            _ => return Err(format!("expected {EXPECTED}")),
        };
        match value.trim_end_matches(['\r', '\n']) {
            "" => Err(format!("{reference:?} is empty")),
            value => Ok(Self(value.to_owned())),
        }
    }

    /// The hidden value, for the code that hands it to a peer.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Reads `file:PATH` or `env:NAME` and what it refers to. A value in place is
/// refused, and not repeated in the message. Line ends after the value are dropped.
pub(crate) fn read(field: &Field<'_>) -> Read<Secret> {
    let Value::Text(reference) = field.value() else {
        return Err(if field.is_missing() { field.expected(EXPECTED) } else { field.refused(INLINE) });
    };
    let value = match reference.split_once(':') {
        Some(("env", name)) => from_environment(name).map_err(|why| field.refused(why))?,
        Some(("file", path)) => value::read_file(field, &value::resolve(field, path)?)?,
        _ => return Err(field.refused(INLINE)),
    };
    match value.trim_end_matches(['\r', '\n']) {
        "" => Err(field.refused(format!("{reference:?} is empty"))),
        value => Ok(Secret(value.to_owned())),
    }
}

fn from_environment(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|error| match error {
        std::env::VarError::NotPresent => format!("the environment variable {name:?} is not set"),
        std::env::VarError::NotUnicode(_) => format!("the environment variable {name:?} is not UTF-8"),
    })
}

/// Reads a secret that must come from a file (a private key keeps its line ends).
pub(crate) fn read_key(field: &Field<'_>) -> Read<Secret> {
    let Value::Text(reference) = field.value() else { return read(field) };
    let Some(path) = reference.strip_prefix("file:") else { return read(field) };
    let path = value::resolve(field, path)?;
    let text = value::read_file(field, &path)?;
    if !text.contains("PRIVATE KEY-----") {
        let reason = "it holds no private key in PEM or OpenSSH form".to_owned();
        return Err(field.report(Problem::UnreadableFile { path, reason }));
    }
    Ok(Secret(text))
}

const EXPECTED: &str = "a reference such as file:/run/secrets/NAME or env:NAME";
const INLINE: &str =
    "a secret must not stand in this file; write a reference such as file:/run/secrets/NAME or env:NAME";
