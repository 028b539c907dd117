//! Why, in the user's own words, beside a credential for a cluster: `kubectl` hands on nothing else.

use data_encoding::BASE64URL_NOPAD;

/// A shown token, if it is one, and the reason that its user has put behind it. The reason is the user's own word, and
/// so needs no proof: who shows a certificate shows a reason in place of a token.
#[must_use]
pub fn without_reason(shown: &str) -> (Option<String>, Option<String>) {
    let read = |text: &str| String::from_utf8(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok();
    if let Some(reason) = shown.strip_prefix(REASON_PREFIX) {
        return (None, read(reason));
    }
    match shown.rsplit_once(REASON_MARK) {
        Some((token, reason)) => (Some(token.to_owned()), read(reason)),
        None => (Some(shown.to_owned()), None),
    }
}

/// What shows `reason` beside a certificate, or behind `token`.
#[must_use]
pub fn with_reason(token: Option<&str>, reason: &str) -> String {
    let reason = BASE64URL_NOPAD.encode(reason.as_bytes());
    match token {
        Some(token) => format!("{token}{REASON_MARK}{reason}"),
        None => format!("{REASON_PREFIX}{reason}"),
    }
}

/// What stands in place of a token begins with it.
const REASON_PREFIX: &str = "bkr_";

/// Between a token and a reason; no token has it.
const REASON_MARK: char = '~';
