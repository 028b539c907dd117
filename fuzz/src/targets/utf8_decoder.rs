//! Chunking does not matter: the text is that of `String::from_utf8_lossy`. The first byte is the size of the chunks.

use recorder::utf8::{Piece, Utf8Decoder};

/// Runs the target.
pub fn run(data: &[u8]) {
    let Some((size, bytes)) = data.split_first() else { return };
    let mut decoder = Utf8Decoder::default();
    let mut text = String::new();
    for chunk in bytes.chunks(usize::from(*size).max(1)) {
        decoder.feed(chunk, |piece| {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Invalid(_) => text.push(char::REPLACEMENT_CHARACTER),
            }
            true
        });
    }
    if decoder.finish() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    assert_eq!(text, String::from_utf8_lossy(bytes));
}
