//! The line tracker: it never panics, and its cursor is within its text.

use gate::{
    key::{Key, KeyReader},
    line::LineTracker,
};

/// Runs the target.
pub fn run(data: &[u8]) {
    let (mut reader, mut presses, mut line) = (KeyReader::default(), Vec::new(), LineTracker::new());
    reader.feed(data, &mut presses);
    reader.flush(&mut presses);
    for press in &presses {
        let _ = line.press(&press.key);
        if press.key == Key::PasteStart {
            line.paste(&String::from_utf8_lossy(data));
        }
        assert_eq!(line.text().is_some(), line.cursor().is_some());
    }
    if let (Some(text), Some(cursor)) = (line.text(), line.cursor()) {
        assert!(cursor <= text.chars().count());
        assert!(!line.is_certainly_empty() || text.is_empty());
    }
    let _ = line.press(&Key::Ctrl('c'));
    line.clear();
    assert!(line.is_certainly_empty());
}
