//! Text that somebody else chose, as a terminal may show it.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr as _;

/// The text with control characters, and those that turn the reading direction, written as escapes.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_hidden(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// At most `columns` wide; what is cut off ends in `…`.
#[must_use]
pub fn shortened(text: &str, columns: usize) -> String {
    let text = visible(text);
    if text.width() <= columns {
        return text.into_owned();
    }
    let mut short = String::new();
    for character in text.chars() {
        short.push(character);
        if short.width() >= columns {
            short.pop();
            break;
        }
    }
    short.push('…');
    short
}

/// Whether a terminal obeys the character, or shows nothing for it.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    // The bidirectional controls of Unicode Standard Annex #9, the line and paragraph separators,
    // and zero-width characters: with them a line can read as another one.
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_cells_are_cut_by_width() {
        assert_eq!(shortened("abcdef", 6), "abcdef");
        assert_eq!(shortened("abcdefg", 6), "abcde…");
        assert!(shortened("日本日本日本", 6).width() <= 6);
    }
}
