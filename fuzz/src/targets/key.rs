//! Keys: chunks do not matter, and no byte is lost. The first byte is the size of the chunks.

use gate::key::{KeyPress, KeyReader};

/// Runs the target.
pub fn run(data: &[u8]) {
    let Some((size, bytes)) = data.split_first() else { return };
    let whole = read(std::iter::once(bytes));
    assert_eq!(read(bytes.chunks(usize::from(*size).max(1))), whole);
    let again: Vec<u8> = whole.iter().flat_map(|press| press.bytes.iter().copied()).collect();
    assert_eq!(again, bytes);
}

fn read<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<KeyPress> {
    let (mut reader, mut presses) = (KeyReader::default(), Vec::new());
    for chunk in chunks {
        reader.feed(chunk, &mut presses);
    }
    reader.flush(&mut presses);
    presses
}
