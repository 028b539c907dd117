//! The object that a field selector narrows a list or watch to (`metadata.name=web-0`).
//!
//! The API server takes the name for the request's name, so rules about a name hold for such a list or watch too.

use super::Query;

/// The name that `fieldSelector` asks for, if it asks for exactly one.
pub(super) fn exact_name(query: &Query) -> Option<String> {
    // The API server reads all options together: one that is no number loses the selector.
    for number in ["limit", "timeoutSeconds"] {
        if query.first(number).is_some_and(|value| value.parse::<i64>().is_err()) {
            return None;
        }
    }
    let mut found = None;
    for term in terms(query.first("fieldSelector")?) {
        let (field, equal, value) = split(term)?;
        let value = unescaped(value)?;
        if equal && field == "metadata.name" && found.is_none() {
            found = Some(value);
        }
    }
    found.filter(|name| !matches!(name.as_str(), "" | "." | "..") && !name.contains(['/', '%']))
}

/// Splits at commas that no backslash escapes; terms in the order in which the API server reads them.
fn terms(selector: &str) -> Vec<&str> {
    let mut escaped = false;
    let mut terms: Vec<&str> = selector
        .split(|c: char| {
            let splits = !escaped && c == ',';
            escaped = !escaped && c == '\\';
            splits
        })
        .filter(|term| !term.is_empty())
        .collect();
    terms.sort_unstable();
    terms
}

/// Field, whether it is to be equal, and the value with its escapes.
fn split(term: &str) -> Option<(&str, bool, &str)> {
    let operator =
        |&(at, _): &(usize, char)| term.get(at..).is_some_and(|rest| rest.starts_with("!=") || rest.starts_with('='));
    let (at, _) = term.char_indices().find(operator)?;
    let (field, rest) = term.split_at_checked(at)?;
    if let Some(value) = rest.strip_prefix("!=") {
        return Some((field, false, value));
    }
    let value = rest.strip_prefix("==").or_else(|| rest.strip_prefix('='))?;
    Some((field, true, value))
}

/// Undoes `\\`, `\,` and `\=`; no other escape, and no bare comma or equals sign, is allowed.
fn unescaped(value: &str) -> Option<String> {
    let mut plain = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.push(chars.next().filter(|next| matches!(next, '\\' | ',' | '='))?),
            ',' | '=' => return None,
            c => plain.push(c),
        }
    }
    Some(plain)
}
