//! The line editor: no key makes it panic, and what it draws has no control characters but its own. The first byte
//! is the width.

use gate::{editor::LineEditor, key::KeyReader};

/// Runs the target.
pub fn run(data: &[u8]) {
    let Some((columns, keys)) = data.split_first() else { return };
    let (mut reader, mut presses) = (KeyReader::default(), Vec::new());
    reader.feed(keys, &mut presses);
    reader.flush(&mut presses);
    let mut editor = LineEditor::new("web1> ", u16::from(*columns));
    check(&editor.begin());
    for press in &presses {
        let step = editor.press(&press.key);
        check(&step.draw);
        if step.done.is_some() {
            check(&editor.begin());
        }
    }
    check(&editor.resize(u16::from(*columns / 2)));
    check(&editor.paste(&String::from_utf8_lossy(keys)));
    let text = editor.text();
    check(&editor.begin_with(&text));
    assert_eq!(editor.text(), text);
}

/// ESC begins only cursor movements and erasing.
fn check(draw: &[u8]) {
    let text = std::str::from_utf8(draw).unwrap_or("\x1b");
    let mut pieces = text.split('\x1b');
    let mut plain: String = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let body = piece.strip_prefix('[').unwrap_or_default();
        let end = body.find(|char: char| !char.is_ascii_digit()).unwrap_or_default();
        let (_, rest) = body.split_at(end);
        assert!(rest.starts_with(['A', 'B', 'C', 'H', 'J']), "{text:?}");
        plain.extend(rest.chars().skip(1));
    }
    assert!(plain.chars().all(|char| !char.is_control() || matches!(char, '\r' | '\n' | '\x07')), "{text:?}");
}
