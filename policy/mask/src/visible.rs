//! Text for people who decide on it: what is shown is what runs.
//!
//! Whatever a terminal or a browser would act on, reorder, hide or show like something else is named instead:
//! `⟨ESC⟩`, `⟨U+202E⟩`. The brackets themselves are named too, so that no text can pretend to be such a name.

use std::fmt::Write as _;

/// `text` with everything named that is not shown as what it is. Bytes that are not UTF-8 are named as `⟨0xFF⟩`.
#[must_use]
pub fn visible(text: &[u8]) -> String {
    let mut shown = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for word in chunk.valid().split_inclusive(|c: char| !c.is_alphanumeric()) {
            let is_ascii_word = word.contains(|c: char| c.is_ascii_alphabetic());
            for character in word.chars() {
                push(&mut shown, character, is_ascii_word);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(shown, "⟨0x{byte:02X}⟩");
        }
    }
    shown
}

fn push(shown: &mut String, character: char, is_ascii_word: bool) {
    if let Some(name) = u32::from(character).try_into().ok().and_then(|code: usize| C0.get(code)) {
        let _ = write!(shown, "⟨{name}⟩");
    } else if character == '\x7f' {
        shown.push_str("⟨DEL⟩");
    } else if character.is_control() || is_unseen(character) || (is_ascii_word && is_lookalike(character)) {
        let _ = write!(shown, "⟨U+{:04X}⟩", u32::from(character));
    } else {
        shown.push(character);
    }
}

/// What has no look of its own, or the look of something else: format and bidi controls, odd spaces, fillers,
/// variation selectors, tags, private use, full-width forms of ASCII, and our own brackets.
fn is_unseen(character: char) -> bool {
    matches!(character,
        '\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{1680}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}'
        | '\u{2800}' | '\u{3000}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ff01}'..='\u{ff5e}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}' | '⟨' | '⟩')
}

/// Letters of scripts whose letters look like Latin ones; inside a word with Latin letters they are there to deceive.
fn is_lookalike(character: char) -> bool {
    matches!(character, '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' | '\u{1c80}'..='\u{1c8f}'
        | '\u{1f00}'..='\u{1fff}' | '\u{2100}'..='\u{214f}' | '\u{2de0}'..='\u{2dff}' | '\u{a640}'..='\u{a69f}'
        | '\u{ab70}'..='\u{abbf}' | '\u{1d400}'..='\u{1d7ff}')
}

/// The names of the control characters of ASCII.
const C0: [&str; 32] = [
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "TAB", "LF", "VT", "FF", "CR", "SO", "SI", "DLE",
    "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC", "FS", "GS", "RS", "US",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_named() {
        for (text, shown) in [
            (&b"ls -l /srv"[..], "ls -l /srv"),
            (b"a\x1b[2J\r\nb\0\x07\t\x7f", "a⟨ESC⟩[2J⟨CR⟩⟨LF⟩b⟨NUL⟩⟨BEL⟩⟨TAB⟩⟨DEL⟩"),
            ("c1 \u{9b}2J".as_bytes(), "c1 ⟨U+009B⟩2J"),
            (b"a\xff\xfeb", "a⟨0xFF⟩⟨0xFE⟩b"),
            ("rm \u{202e}fr- /\u{2066}".as_bytes(), "rm ⟨U+202E⟩fr- /⟨U+2066⟩"),
            ("a\u{200b}\u{a0}\u{feff}\u{e0041}".as_bytes(), "a⟨U+200B⟩⟨U+00A0⟩⟨U+FEFF⟩⟨U+E0041⟩"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn no_text_can_pretend_to_be_a_name() {
        assert_eq!(visible("⟨ESC⟩".as_bytes()), "⟨U+27E8⟩ESC⟨U+27E9⟩");
        assert_eq!(visible(br"\x1b\n"), r"\x1b\n", "a backslash is one");
    }

    #[test]
    fn letters_that_look_like_others_are_named_where_they_deceive() {
        assert_eq!(visible("c\u{430}t x; \u{ff1b}".as_bytes()), "c⟨U+0430⟩t x; ⟨U+FF1B⟩");
        assert_eq!(visible("cat каталог/größe/ファイル".as_bytes()), "cat каталог/größe/ファイル");
    }
}
