//! Where what is open in a word ends: brackets, braces and quotes.

/// The place of the `)` that closes a substitution, brackets and quotes in between skipped.
pub(in crate::word) fn closing(chars: &[char], from: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = from;
    while let Some(character) = chars.get(at) {
        match character {
            '\\' => at += 1,
            '\'' => at = skip_to(chars, at + 1, '\'')?,
            '"' => at = skip_double_quotes(chars, at + 1)?,
            '#' if at == from || chars.get(at - 1).is_some_and(|c| c.is_whitespace() || ";&|(".contains(*c)) => {
                at = skip_to(chars, at, '\n')?;
            }
            '(' => depth += 1,
            ')' if depth == 0 => return Some(at),
            ')' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    None
}

/// The place of the `close` that belongs to the `open` at `from`.
pub(super) fn matching(chars: &[char], from: usize, open: char, close: char) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, character) in chars.iter().enumerate().skip(from) {
        if *character == open {
            depth += 1;
        } else if *character == close {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return Some(index);
            }
        }
    }
    None
}

pub(in crate::word) fn closing_brace(chars: &[char], from: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = from;
    while let Some(character) = chars.get(at) {
        match character {
            '\\' => at += 1,
            '"' => at = skip_double_quotes(chars, at + 1)?,
            '{' => depth += 1,
            '(' => at = closing(chars, at + 1)?,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    None
}

pub(in crate::word) fn skip_to(chars: &[char], from: usize, end: char) -> Option<usize> {
    chars.iter().skip(from).position(|c| *c == end).map(|offset| from + offset)
}

pub(in crate::word) fn skip_double_quotes(chars: &[char], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(character) = chars.get(at) {
        match character {
            '\\' => at += 1,
            '"' => return Some(at),
            '$' if chars.get(at + 1) == Some(&'(') => at = closing(chars, at + 2)?,
            _ => {}
        }
        at += 1;
    }
    None
}
