//! Claims that become names.

use std::collections::BTreeSet;

use config::GroupName;
use serde_json::{Map, Value};

use super::IdTokenRefusal;

/// The groups of a claim: a list of texts, one text, or no claim at all. A name that cannot be a group's name here
/// could not stand in a rule either; it is dropped with a warning and does not lock the person out.
pub(super) fn groups(claims: &Map<String, Value>, claim: &str) -> Result<BTreeSet<GroupName>, IdTokenRefusal> {
    let names: Vec<&str> = match claims.get(claim) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names
            .iter()
            .map(Value::as_str)
            .collect::<Option<_>>()
            .ok_or_else(|| IdTokenRefusal::Groups(claim.to_owned()))?,
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            return Err(IdTokenRefusal::Groups(claim.to_owned()));
        }
    };
    let parsed = names.into_iter().filter_map(|name| match name.parse::<GroupName>() {
        Ok(group) => Some(group),
        Err(reason) => {
            tracing::warn!(group.name = ?name, %reason, "group of an ID token is not usable");
            None
        }
    });
    Ok(parsed.collect())
}

/// An address that can be shown and logged: printable ASCII with one `@` inside.
pub(super) fn is_plain_email(email: &str) -> bool {
    email.len() <= 254
        && email.chars().all(|c| c.is_ascii_graphic())
        && email.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@'))
}
