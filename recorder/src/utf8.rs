//! Bytes to text, whatever the chunks: carries a split character to the next chunk.
//!
//! The concatenated output equals [`String::from_utf8_lossy`] of the whole
//! stream: each maximal invalid part becomes one U+FFFD (Unicode §3.9, "U+FFFD
//! substitution of maximal subparts").

/// The longest beginning of a character that can still be completed, in bytes.
const MAX_INCOMPLETE: usize = 3;

/// A decoder for one stream.
#[derive(Debug, Clone, Default)]
pub struct Utf8Decoder {
    /// The beginning of a character; `incomplete[..len]` is always a prefix of a valid character.
    incomplete: [u8; MAX_INCOMPLETE],
    len: u8,
}

/// A piece of decoded text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Valid text.
    Text(&'a str),
    /// Invalid bytes (at most three), shown as one U+FFFD. The first of them may have come with an earlier chunk.
    Invalid(&'a [u8]),
}

impl Utf8Decoder {
    /// Decodes `chunk`, giving the pieces in order to `sink` until it says `false`.
    /// Gives the number of bytes of `chunk` that were used.
    pub fn feed(&mut self, chunk: &[u8], mut sink: impl FnMut(Piece<'_>) -> bool) -> usize {
        let mut rest = chunk;
        if self.len > 0 && !self.complete(&mut rest, &mut sink) {
            return chunk.len() - rest.len();
        }
        loop {
            let error = match std::str::from_utf8(rest) {
                Ok(text) => {
                    if !text.is_empty() {
                        sink(Piece::Text(text));
                    }
                    return chunk.len();
                }
                Err(error) => error,
            };
            let (valid, tail) = rest.split_at(error.valid_up_to());
            rest = tail;
            if let Ok(text) = std::str::from_utf8(valid)
                && !text.is_empty()
                && !sink(Piece::Text(text))
            {
                return chunk.len() - rest.len();
            }
            let Some(invalid_len) = error.error_len() else {
                self.keep(rest);
                return chunk.len();
            };
            let (invalid, tail) = rest.split_at(invalid_len.min(rest.len()));
            rest = tail;
            if !sink(Piece::Invalid(invalid)) {
                return chunk.len() - rest.len();
            }
        }
    }

    /// Ends the stream: whether it ended inside a character, which shows as one U+FFFD.
    pub fn finish(&mut self) -> bool {
        std::mem::take(&mut self.len) > 0
    }

    /// Takes bytes from `rest` until the kept beginning is a character, or cannot become one.
    /// Gives `false` when the sink stopped or `rest` is used up.
    fn complete(&mut self, rest: &mut &[u8], sink: &mut impl FnMut(Piece<'_>) -> bool) -> bool {
        while let Some((next, after)) = rest.split_first() {
            let kept = usize::from(self.len);
            let mut character = [0; MAX_INCOMPLETE + 1];
            for (slot, byte) in character.iter_mut().zip(self.incomplete.iter().take(kept).chain([next])) {
                *slot = *byte;
            }
            let bytes = character.get(..=kept).unwrap_or_default();
            match std::str::from_utf8(bytes) {
                Ok(text) => {
                    self.len = 0;
                    *rest = after;
                    return sink(Piece::Text(text)) && !rest.is_empty();
                }
                Err(error) if error.error_len().is_none() => {
                    self.keep(bytes);
                    *rest = after;
                }
                // `next` does not continue the character: it belongs to what follows.
                Err(_) => {
                    self.len = 0;
                    return sink(Piece::Invalid(bytes.get(..kept).unwrap_or_default()));
                }
            }
        }
        false
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.len = 0;
        for (slot, byte) in self.incomplete.iter_mut().zip(bytes) {
            *slot = *byte;
            self.len += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(chunks: &[&[u8]]) -> String {
        let mut decoder = Utf8Decoder::default();
        let mut text = String::new();
        for chunk in chunks {
            let used = decoder.feed(chunk, |piece| {
                match piece {
                    Piece::Text(piece) => text.push_str(piece),
                    Piece::Invalid(_) => text.push(char::REPLACEMENT_CHARACTER),
                }
                true
            });
            assert_eq!(used, chunk.len());
        }
        if decoder.finish() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
        text
    }

    #[test]
    fn a_split_character_is_one_character() {
        assert_eq!(decode(&[b"\xf0", b"\x9f\x98", b"", b"\x80!"]), "\u{1f600}!");
    }

    #[test]
    fn a_broken_character_is_one_replacement_and_the_next_byte_counts() {
        assert_eq!(decode(&[b"\xf0\x9f", b"\x98A"]), "\u{fffd}A");
        assert_eq!(decode(&[b"\xe2", b"\xe2\x82\xac"]), "\u{fffd}\u{20ac}");
        assert_eq!(decode(&[b"a\xe2\x82"]), "a\u{fffd}");
    }

    #[test]
    fn a_sink_that_stops_gets_nothing_more() {
        let mut decoder = Utf8Decoder::default();
        let mut pieces = 0;
        let used = decoder.feed(b"ab\xffcd", |_| {
            pieces += 1;
            pieces < 2
        });
        assert_eq!((used, pieces), (3, 2));
    }

    /// Bytes that are often, but not always, parts of characters.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            any::<char>().prop_map(|character| character.to_string().into_bytes()),
            prop::collection::vec(any::<u8>(), 0..4),
            prop::sample::select(vec![
                b"\xed\xa0\x80".to_vec(),
                b"\xf4\x90\x80\x80".to_vec(),
                b"\xc0\xaf".to_vec(),
                b"\xf0\x80".to_vec()
            ]),
        ];
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn chunking_does_not_matter(bytes in bytes(), sizes in prop::collection::vec(1_usize..6, 1..80)) {
            let mut chunks = Vec::new();
            let mut rest = bytes.as_slice();
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (chunk, tail) = rest.split_at((*size).min(rest.len()));
                chunks.push(chunk);
                rest = tail;
            }
            prop_assert_eq!(decode(&chunks), String::from_utf8_lossy(&bytes));
        }
    }
}
