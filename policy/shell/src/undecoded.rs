//! Bytes that are no UTF-8, as characters: what stands for them in a text is a gap in the word that it is in, and
//! nothing else of the text is less known for it. File names on old disks are like that.

use std::borrow::Cow;

/// The text of `bytes` as a shell reads it, with a character of its own for each byte that is no UTF-8 (different
/// bytes stay different: the end of a here-document is found by its letters).
///
/// There is none where a shell may read other characters than these: with NUL, which shells drop; before a byte that
/// may be the second half of a character in Shift JIS, GBK or Big5, and means something to shells where it is not; and
/// with characters that are taken for bytes here.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<Cow<'_, str>> {
    if bytes.contains(&0) {
        return None;
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(Cow::Borrowed(text));
    }
    let mut text = String::with_capacity(bytes.len());
    let mut chunks = bytes.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        if chunk.valid().chars().any(is_undecoded) {
            return None;
        }
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| undecoded(*byte)));
        let next = chunks.peek().and_then(|next| next.valid().chars().next());
        if next.is_some_and(|next| HALVES.contains(next)) {
            return None;
        }
    }
    Some(Cow::Owned(text))
}

/// Whether the character stands for a byte.
pub(super) fn is_undecoded(character: char) -> bool {
    u32::from(character) >= FIRST
}

fn undecoded(byte: u8) -> char {
    char::from_u32(FIRST + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The first of the characters that stand for bytes: nobody else uses the last ones that there are.
const FIRST: u32 = 0x0010_ff00;

/// What means something to shells, and is the second half of a character in the encodings named above.
const HALVES: &str = "@[\\]^`{|}~";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_has_a_character_of_its_own() {
        let characters: std::collections::BTreeSet<char> = (0x80..=0xff).map(undecoded).collect();
        assert_eq!(characters.len(), 128);
        assert!(characters.into_iter().all(is_undecoded));
        assert!(!"ascii é 中 😀 \u{e000}".chars().any(is_undecoded));
    }

    #[test]
    fn what_a_shell_may_read_otherwise_is_no_text() {
        assert_eq!(decode("é 中".as_bytes()).as_deref(), Some("é 中"));
        let text = decode(b"cat 'caf\xe9 \xd4\xc5.txt'").unwrap();
        assert_eq!(text.chars().filter(|character| is_undecoded(*character)).count(), 3);
        assert_eq!(decode(b"a\0b"), None);
        // In Shift JIS the two are one letter, and no backslash.
        assert_eq!(decode(b"echo \x95\\'; x"), None);
        assert_eq!(decode("\u{10ffe9} \u{e9}".as_bytes()).as_deref(), Some("\u{10ffe9} \u{e9}"));
        assert_eq!(decode(b"\xf4\x8f\xbf\xa9 \xe9"), None);
    }
}
