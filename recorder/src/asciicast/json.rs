//! JSON strings, fast: runs that need no escape are found eight bytes at a time and copied whole.
//!
//! RFC 8259 §7: "All Unicode characters may be placed within the quotation
//! marks, except for the characters that MUST be escaped: quotation mark,
//! reverse solidus, and the control characters (U+0000 through U+001F)."

/// Appends `text` to `out` as it stands inside a JSON string, without the quotation marks.
pub fn escape_into(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let (plain, special) = rest.split_at(plain_run(rest));
        out.extend_from_slice(plain);
        rest = special;
        // Escapes often come in pairs or more (`\r\n`): the search starts again only after the last of them.
        while let Some((byte, after)) = rest.split_first() {
            if *byte == 0 {
                let run = rest.iter().take_while(|next| **next == 0).count();
                zeros_into(run, out);
                rest = rest.get(run..).unwrap_or_default();
            } else if needs_escape(*byte) {
                escape_byte_into(*byte, out);
                rest = after;
            } else {
                break;
            }
        }
    }
}

/// How many bytes from the start need no escape.
fn plain_run(bytes: &[u8]) -> usize {
    let mut run = 0;
    for word in bytes.chunks_exact(8) {
        let Ok(word) = word.try_into().map(u64::from_le_bytes) else { break };
        let special = special_bytes(word);
        if special != 0 {
            return run + (special.trailing_zeros() / 8) as usize;
        }
        run += 8;
    }
    let tail = bytes.get(run..).unwrap_or_default();
    run + tail.iter().position(|byte| needs_escape(*byte)).unwrap_or(tail.len())
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// The high bit of each byte of `word` that needs an escape. Bits above the lowest one set may be wrong (a borrow runs
/// upwards), so only the lowest is to be used.
fn special_bytes(word: u64) -> u64 {
    let below_space = word.wrapping_sub(EACH * 0x20) & !word;
    let quotes = word ^ (EACH * u64::from(b'"'));
    let backslashes = word ^ (EACH * u64::from(b'\\'));
    let is_quote = quotes.wrapping_sub(EACH) & !quotes;
    let is_backslash = backslashes.wrapping_sub(EACH) & !backslashes;
    (below_space | is_quote | is_backslash) & (EACH * 0x80)
}

fn escape_byte_into(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b"\\\"",
        b'\\' => b"\\\\",
        b'\n' => b"\\n",
        b'\r' => b"\\r",
        b'\t' => b"\\t",
        0x08 => b"\\b",
        0x0c => b"\\f",
        control => {
            let digit = |half: u8| if half < 10 { b'0' + half } else { b'a' + half - 10 };
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(control >> 4), digit(control & 0xf)]);
            return;
        }
    };
    out.extend_from_slice(short);
}

/// `/dev/zero` is what people pipe through a terminal to measure it, so zeros are written in blocks.
fn zeros_into(mut count: usize, out: &mut Vec<u8>) {
    while count > 0 {
        let block = count.min(ZEROS.len() / ZERO.len());
        out.extend_from_slice(ZEROS.get(..block * ZERO.len()).unwrap_or_default());
        count -= block;
    }
}

/// A word with one in each byte.
const EACH: u64 = 0x0101_0101_0101_0101;
const ZERO: &[u8] = b"\\u0000";
const ZEROS: &[u8] = b"\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escape(text: &str) -> String {
        let mut out = Vec::new();
        escape_into(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_ascii_character_at_every_place_of_a_word_is_escaped_as_json_wants() {
        for code in 0..=0x7f_u8 {
            for place in 0..17 {
                let mut text = "x".repeat(17);
                text.replace_range(place..=place, char::from(code).encode_utf8(&mut [0; 4]));
                assert_eq!(format!("\"{}\"", escape(&text)), serde_json::to_string(&text).unwrap());
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_escaped_as_another_writer_does(text in "(?s)[\\x00-\\x7f\u{80}\u{20ac}\u{1f600}\"\\\\]{0,200}") {
            prop_assert_eq!(format!("\"{}\"", escape(&text)), serde_json::to_string(&text).unwrap());
        }
    }
}
