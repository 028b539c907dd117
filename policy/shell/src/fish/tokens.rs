//! Splits text into words and operators; words stay as they are written.

use super::{Ampersand, Trouble};

/// A word or an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FishToken {
    /// `&&`
    And,
    /// `;`, `&` or the end of a line.
    End,
    /// `||`
    Or,
    /// `|`, `&|` or `2>|`.
    Pipe,
    /// `>`, `2>>`, `<` …, of which the next word is the file.
    Redirection(Redirection),
    /// A word with its quotes.
    Word(String),
}

/// What a redirection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Redirection {
    pub(super) writes: bool,
    /// Whether it is to another descriptor (`>&`).
    pub(super) copies: bool,
    /// Whether it is about standard input.
    pub(super) is_input: bool,
}

/// The words and operators of a text.
pub(super) fn split(text: &str, ampersand: Ampersand) -> Result<Vec<FishToken>, Trouble> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(character) = chars.get(at).copied() {
        let next = chars.get(at + 1).copied();
        let (token, length) = match (character, next) {
            (' ' | '\t' | '\r', _) => (None, 1),
            ('\\', Some('\n')) => (None, 2),
            ('#', _) => (None, comment(&chars, at)),
            ('\n' | ';', _) => (Some(FishToken::End), 1),
            ('&', Some('&')) => (Some(FishToken::And), 2),
            ('&', Some('|')) => (Some(FishToken::Pipe), 2),
            ('&', Some('>')) => {
                let (token, length) = redirection(&chars, at + 1, false);
                (Some(token), length + 1)
            }
            ('&', _) => (Some(FishToken::End), 1),
            ('|', Some('|')) => (Some(FishToken::Or), 2),
            ('|', _) => (Some(FishToken::Pipe), 1),
            ('<' | '>', _) => {
                let (token, length) = redirection(&chars, at, character == '<');
                (Some(token), length)
            }
            ('0'..='9', _) if let Some(digits) = descriptor(&chars, at) => {
                let (token, length) = redirection(&chars, at + digits, character == '0' && digits == 1);
                (Some(token), digits + length)
            }
            _ => {
                let end = word(&chars, at, ampersand)?;
                let raw: String = chars.get(at..end).unwrap_or_default().iter().collect();
                (Some(FishToken::Word(raw)), end - at)
            }
        };
        tokens.extend(token);
        at += length.max(1);
    }
    Ok(tokens)
}

/// Whether versions of fish differ in what the `&` in the text are.
pub(super) fn splits_at_ampersands(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_inner =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"/._-=~'\"".contains(byte));
    bytes.iter().enumerate().any(|(at, byte)| {
        *byte == b'&' && is_inner(at.checked_sub(1).and_then(|before| bytes.get(before))) && is_inner(bytes.get(at + 1))
    })
}

/// How long a comment is.
fn comment(chars: &[char], from: usize) -> usize {
    chars.iter().skip(from).position(|c| *c == '\n').unwrap_or(chars.len() - from)
}

/// How many digits stand here before `<` or `>`.
fn descriptor(chars: &[char], from: usize) -> Option<usize> {
    let digits = chars.iter().skip(from).take_while(|c| c.is_ascii_digit()).count();
    matches!(chars.get(from + digits), Some('<' | '>')).then_some(digits)
}

/// The redirection whose `<` or `>` is here, and how long it is.
fn redirection(chars: &[char], from: usize, is_input: bool) -> (FishToken, usize) {
    let writes = chars.get(from) == Some(&'>');
    let mut length = 1;
    if writes && chars.get(from + 1) == Some(&'|') {
        return (FishToken::Pipe, 2);
    }
    if writes && chars.get(from + 1) == Some(&'>') {
        length += 1;
    }
    let copies = chars.get(from + length) == Some(&'&');
    if copies || chars.get(from + length) == Some(&'?') {
        length += 1;
    }
    (FishToken::Redirection(Redirection { writes, copies, is_input }), length)
}

/// Where the word ends that begins here. Blanks in brackets of any kind are part of it.
fn word(chars: &[char], from: usize, ampersand: Ampersand) -> Result<usize, Trouble> {
    let mut at = from;
    let mut open = Vec::new();
    let mut in_brackets = false;
    while let Some(character) = chars.get(at).copied() {
        let is_inside = in_brackets || !open.is_empty();
        match character {
            '\\' if at + 1 == chars.len() => return Err(Trouble::Open),
            '\\' => at += 1,
            '\'' => at = single_quote_end(chars, at + 1)?,
            '"' => at = double_quote_end(chars, at + 1)?,
            '(' => open.push(')'),
            '{' => open.push('}'),
            ')' | '}' if open.last() == Some(&character) => {
                open.pop();
            }
            ')' | '}' => return Err(Trouble::Rejected),
            '[' if at > from => in_brackets = true,
            ']' => in_brackets = false,
            '#' if !open.is_empty() && begins_comment(chars, at) => at += comment(chars, at).max(1) - 1,
            ' ' | '\t' | '\r' | '\n' | ';' | '|' | '<' | '>' if !is_inside => break,
            '&' if !is_inside && (ampersand == Ampersand::Separates || ends_word(chars.get(at + 1))) => break,
            _ => {}
        }
        if open.len() > super::limits::MAX_DEPTH {
            return Err(Trouble::Unclear("it nests too deeply"));
        }
        at += 1;
    }
    if in_brackets || !open.is_empty() { Err(Trouble::Open) } else { Ok(at) }
}

fn ends_word(next: Option<&char>) -> bool {
    next.is_none_or(|c| " \t\r\n;|<>&".contains(*c))
}

fn begins_comment(chars: &[char], at: usize) -> bool {
    at.checked_sub(1).and_then(|before| chars.get(before)).is_some_and(|c| " \t\n;|&(".contains(*c))
}

/// The place of the `'` that ends what is quoted here.
pub(super) fn single_quote_end(chars: &[char], from: usize) -> Result<usize, Trouble> {
    let mut at = from;
    loop {
        match chars.get(at) {
            None => return Err(Trouble::Open),
            Some('\'') => return Ok(at),
            Some('\\') => at += 2,
            Some(_) => at += 1,
        }
    }
}

/// The place of the `"` that ends what is quoted here.
pub(super) fn double_quote_end(chars: &[char], from: usize) -> Result<usize, Trouble> {
    let mut at = from;
    loop {
        match (chars.get(at), chars.get(at + 1)) {
            (None, _) => return Err(Trouble::Open),
            (Some('"'), _) => return Ok(at),
            (Some('\\'), _) => at += 2,
            (Some('$'), Some('(')) => at = parenthesis_end(chars, at + 2)? + 1,
            (Some(_), _) => at += 1,
        }
    }
}

/// The place of the `)` that ends a command substitution.
pub(super) fn parenthesis_end(chars: &[char], from: usize) -> Result<usize, Trouble> {
    let mut at = from;
    let mut depth = 0_usize;
    // What `(` in quotes in `(` costs is bounded by how deep a text may be.
    while let Some(character) = chars.get(at) {
        match character {
            '\\' => at += 1,
            '\'' => at = single_quote_end(chars, at + 1)?,
            '"' => at = double_quote_end(chars, at + 1)?,
            '#' if at == from || begins_comment(chars, at) => at += comment(chars, at).max(1) - 1,
            '(' => depth += 1,
            ')' if depth == 0 => return Ok(at),
            ')' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    Err(Trouble::Open)
}
