//! How long the texts of an event may be. Most of them come from a peer (host names, key ids, paths, reasons with
//! those inside), and a peer may send as much as a packet holds. They are cut here, whatever field they stand in,
//! so that a new kind of event is bounded without a thought.

use std::borrow::Cow;

use serde_json::Value;

use super::AuditEvent;

impl AuditEvent {
    /// The event with every text cut that is too long. What is cut says so, and how long it was.
    #[must_use]
    pub fn bounded(self) -> Self {
        self.measured().0
    }

    /// The same, and how long its JSON form is.
    pub(super) fn measured(self) -> (Self, usize) {
        let Ok(text) = serde_json::to_string(&self) else { return (self, 0) };
        if text.len() <= MAX_TEXT {
            return (self, text.len());
        }
        let Ok(mut value) = serde_json::from_str::<Value>(&text) else { return (self, text.len()) };
        if !cut_texts(&mut value, MAX_TEXT) {
            return (self, text.len());
        }
        let length = value.to_string().len();
        // Texts with a form of their own (names, times, ids) are shorter than that, so that it is the same event.
        (serde_json::from_value(value).unwrap_or(self), length)
    }
}

/// Cuts the texts in `value`, and says whether there was one to cut.
fn cut_texts(value: &mut Value, most: usize) -> bool {
    match value {
        Value::Array(items) => items.iter_mut().fold(false, |any, item| cut_texts(item, most) | any),
        Value::Object(members) => members.iter_mut().fold(false, |any, (name, member)| {
            let most = if name == "command" { MAX_COMMAND } else { MAX_TEXT };
            cut_texts(member, most) | any
        }),
        Value::String(text) => match cut(text, most) {
            Cow::Borrowed(_) => false,
            Cow::Owned(shorter) => {
                *text = shorter;
                true
            }
        },
        Value::Bool(_) | Value::Null | Value::Number(_) => false,
    }
}

/// A text as long as texts may be.
pub(super) fn short(text: &str) -> Cow<'_, str> {
    cut(text, MAX_TEXT)
}

fn cut(text: &str, most: usize) -> Cow<'_, str> {
    // What was cut is longer by the words about it, and is not to be cut again.
    if text.len() <= most + MOST_WORDS {
        return Cow::Borrowed(text);
    }
    let kept = text.get(..text.floor_char_boundary(most)).unwrap_or_default();
    Cow::Owned(format!("{kept}… [cut; {} bytes in all]", text.len()))
}

/// Longer than any name, address, path or sentence that tells an auditor something.
const MAX_TEXT: usize = 1024;

/// What is said of a cut.
const MOST_WORDS: usize = 48;

/// Commands are what the audit log is about, and some are scripts. The whole text is in the approval, where there
/// is one.
const MAX_COMMAND: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(what: String) -> AuditEvent {
        AuditEvent::ChannelRefused {
            user: "alice".parse().unwrap(),
            target: None,
            login: None,
            what,
            code: None,
            rule: None,
            reason: "no".into(),
            source: "192.0.2.7:1".into(),
        }
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_and_says_how_long_it_was() {
        let AuditEvent::ChannelRefused { what, reason, .. } = refused(format!("x{}", "ä".repeat(15_000))).bounded()
        else {
            panic!("another kind")
        };
        assert_eq!(reason, "no");
        assert!(what.ends_with("ä… [cut; 30001 bytes in all]"), "{what}");
        assert!(what.len() <= MAX_TEXT + MOST_WORDS, "{}", what.len());
    }

    #[test]
    fn what_fits_is_not_touched_and_what_is_cut_is_not_cut_again() {
        let fits = refused("x".repeat(MAX_TEXT + MOST_WORDS));
        assert_eq!(fits.clone().bounded(), fits);
        let once = refused("x".repeat(20 * MAX_TEXT)).bounded();
        assert_eq!(once.clone().bounded(), once);
    }

    #[test]
    fn every_kind_stays_the_kind_that_it_is() {
        for event in crate::audit::tests::every_kind() {
            let mut value = serde_json::to_value(&event).unwrap();
            for member in ["reason", "what", "source", "path", "name", "command"] {
                if let Some(Value::String(text)) = value.get_mut(member)
                    && member != "what"
                {
                    *text = "y".repeat(100_000);
                }
            }
            let Ok(long) = serde_json::from_value::<AuditEvent>(value) else { continue };
            let kind = long.kind();
            let bounded = long.bounded();
            assert_eq!(bounded.kind(), kind);
            let length = serde_json::to_string(&bounded).unwrap().len();
            assert!(length < MAX_COMMAND + 8 * MAX_TEXT, "{kind}: {length}");
        }
    }
}
