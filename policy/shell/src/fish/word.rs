//! Reads one word: quotes and escapes go, braces become several words, and the code in it is found.

use super::{
    Trouble,
    tokens::{double_quote_end, parenthesis_end, single_quote_end},
};
use crate::{Atom, Variables, Word, word::prints_name};

/// What a word becomes.
#[derive(Debug, Default)]
pub(super) struct FishWords {
    pub(super) words: Vec<Word>,
    /// The texts of its command substitutions.
    pub(super) code: Vec<String>,
}

/// A part of a word before braces are expanded.
#[derive(Debug, Clone)]
enum FishPiece {
    Atom(Atom),
    Blank(char),
    Char(char),
    Close,
    Comma,
    Open,
    /// Quotes: they make a word also where they are empty.
    Quotes,
    Value(Word),
}

/// Reads a word as it is written.
pub(super) fn read(raw: &str, variables: &Variables) -> Result<FishWords, Trouble> {
    let chars: Vec<char> = raw.chars().collect();
    let mut reader = Reader { chars: &chars, at: 0, variables, pieces: Vec::new(), code: Vec::new(), braces: 0 };
    reader.word()?;
    let Reader { pieces, code, .. } = reader;
    let words = match expand(pieces) {
        Some(words) => words.into_iter().map(word_of).collect(),
        None => vec![Word::unknown(true)],
    };
    Ok(FishWords { words, code })
}

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
    variables: &'a Variables,
    pieces: Vec<FishPiece>,
    code: Vec<String>,
    braces: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn slice(&self, from: usize, to: usize) -> String {
        self.chars.get(from..to).unwrap_or_default().iter().collect()
    }

    fn char(&mut self, character: char) {
        self.pieces.push(FishPiece::Char(character));
    }

    fn gap(&mut self, splits: bool) {
        self.pieces.push(FishPiece::Atom(Atom::Unknown { splits }));
    }

    fn word(&mut self) -> Result<(), Trouble> {
        match self.chars {
            ['~', ..] => self.tilde(),
            // `%self` is a number.
            ['%', 's', 'e', 'l', 'f'] => {
                self.gap(false);
                return Ok(());
            }
            _ => {}
        }
        while let Some(character) = self.peek() {
            self.at += 1;
            match character {
                '\\' => self.escape()?,
                '\'' => self.single_quoted()?,
                '"' => self.double_quoted()?,
                '$' => self.dollar(false)?,
                '(' => self.substitution(false)?,
                '*' | '?' => self.pieces.push(FishPiece::Atom(Atom::Glob)),
                '{' => {
                    self.braces += 1;
                    self.pieces.push(FishPiece::Open);
                }
                '}' => {
                    self.braces = self.braces.saturating_sub(1);
                    self.pieces.push(FishPiece::Close);
                }
                ',' if self.braces > 0 => self.pieces.push(FishPiece::Comma),
                ' ' | '\t' | '\n' | '\r' if self.braces > 0 => self.pieces.push(FishPiece::Blank(character)),
                '#' if self.braces > 0 && matches!(self.pieces.last(), Some(FishPiece::Blank(_))) => {
                    return Err(Trouble::Unclear("a comment stands in braces"));
                }
                _ => self.char(character),
            }
        }
        Ok(())
    }

    fn tilde(&mut self) {
        let end = self.chars.iter().position(|c| *c == '/').unwrap_or(self.chars.len());
        let is_name = |c: &char| c.is_alphanumeric() || "-_.".contains(*c);
        if end == 1 {
            self.pieces.push(FishPiece::Atom(Atom::Home));
            self.at = end;
        } else if self.chars.get(1..end).unwrap_or_default().iter().all(is_name) {
            self.gap(false);
            self.at = end;
        }
    }

    fn single_quoted(&mut self) -> Result<(), Trouble> {
        let end = single_quote_end(self.chars, self.at)?;
        self.pieces.push(FishPiece::Quotes);
        while self.at < end {
            let escaped = self.chars.get(self.at + 1).copied();
            match (self.peek(), escaped) {
                (Some('\\'), Some(character @ ('\\' | '\''))) => {
                    self.char(character);
                    self.at += 2;
                }
                (Some(character), _) => {
                    self.char(character);
                    self.at += 1;
                }
                (None, _) => break,
            }
        }
        self.at = end + 1;
        Ok(())
    }

    fn double_quoted(&mut self) -> Result<(), Trouble> {
        let end = double_quote_end(self.chars, self.at)?;
        self.pieces.push(FishPiece::Quotes);
        while self.at < end {
            let Some(character) = self.peek() else { break };
            self.at += 1;
            match (character, self.peek()) {
                ('\\', Some('\n')) => self.at += 1,
                ('\\', Some(escaped @ ('\\' | '"' | '$'))) => {
                    self.char(escaped);
                    self.at += 1;
                }
                ('$', _) => self.dollar(true)?,
                _ => self.char(character),
            }
        }
        self.at = end + 1;
        Ok(())
    }

    /// Reads what follows a backslash outside of quotes.
    fn escape(&mut self) -> Result<(), Trouble> {
        let Some(escape) = self.peek() else { return Err(Trouble::Open) };
        self.at += 1;
        let (radix, most, mut value) = match escape {
            '\n' => return Ok(()),
            'x' | 'X' => (16, 2, None),
            'u' => (16, 4, None),
            'U' => (16, 8, None),
            '0'..='7' => (8, 2, escape.to_digit(8)),
            'c' => {
                let key = self.peek().map_or(0, |key| u32::from(key.to_ascii_uppercase()));
                self.at += 1;
                // `\cA` is 1.
                return match key.checked_sub(0x40).filter(|key| *key < 0x20).and_then(char::from_u32) {
                    Some(control) => {
                        self.char(control);
                        Ok(())
                    }
                    None => Err(Trouble::Rejected),
                };
            }
            _ => {
                self.char(match escape {
                    'a' => '\u{7}',
                    'b' => '\u{8}',
                    'e' => '\u{1b}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'v' => '\u{b}',
                    other => other,
                });
                return Ok(());
            }
        };
        for _ in 0..most {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(radix)) else { break };
            value = Some(value.unwrap_or(0).wrapping_mul(radix).wrapping_add(digit));
            self.at += 1;
        }
        // A hexadecimal escape without a digit is wrong.
        let value = value.ok_or(Trouble::Rejected)?;
        match char::from_u32(value) {
            // A byte above ASCII is a part of a character.
            Some(character) if value < 0x80 || matches!(escape, 'u' | 'U') => self.char(character),
            _ => self.gap(false),
        }
        Ok(())
    }

    /// Reads what follows a `$`.
    fn dollar(&mut self, quoted: bool) -> Result<(), Trouble> {
        if self.peek() == Some('(') {
            self.at += 1;
            return self.substitution(quoted);
        }
        let mut is_indirect = false;
        while self.peek() == Some('$') {
            self.at += 1;
            is_indirect = true;
        }
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_alphanumeric() || c == '_') {
            self.at += 1;
        }
        if start == self.at {
            return Err(Trouble::Rejected);
        }
        let name = self.slice(start, self.at);
        let has_slice = self.subscript()?;
        let value = self.variables.get(&name).filter(|_| !has_slice && !is_indirect);
        match value {
            Some(value) if !value.splits() => self.pieces.push(FishPiece::Value(value.clone())),
            None if name == "HOME" && !has_slice && !is_indirect => self.pieces.push(FishPiece::Atom(Atom::Home)),
            None if matches!(name.as_str(), "RANDOM" | "UID" | "fish_pid" | "status") => {
                self.pieces.push(FishPiece::Atom(Atom::Name));
            }
            _ => self.gap(!quoted),
        }
        Ok(())
    }

    /// `(…)` or `$(…)`, of which the bracket was read.
    fn substitution(&mut self, quoted: bool) -> Result<(), Trouble> {
        let end = parenthesis_end(self.chars, self.at)?;
        let text = self.slice(self.at, end);
        let is_name = text.len() < MAX_NAMED_BYTES
            && super::one_command(&text).is_some_and(|words| {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                words.split_first().is_some_and(|(name, words)| prints_name(name, words, false))
            });
        self.code.push(text);
        self.at = end + 1;
        self.subscript()?;
        if is_name {
            self.pieces.push(FishPiece::Atom(Atom::Name));
        } else {
            self.gap(!quoted);
        }
        Ok(())
    }

    /// `[…]` behind a variable or a substitution; what is in it may have code.
    fn subscript(&mut self) -> Result<bool, Trouble> {
        if self.peek() != Some('[') {
            return Ok(false);
        }
        let mut end = self.at + 1;
        loop {
            match self.chars.get(end) {
                None => return Err(Trouble::Open),
                Some(']') => break,
                Some('(') => {
                    let close = parenthesis_end(self.chars, end + 1)?;
                    self.code.push(self.slice(end + 1, close));
                    end = close;
                }
                Some(_) => {}
            }
            end += 1;
        }
        self.at = end + 1;
        Ok(true)
    }
}

/// The words that braces make of the pieces; none if there are too many.
fn expand(pieces: Vec<FishPiece>) -> Option<Vec<Vec<FishPiece>>> {
    let mut done = Vec::new();
    let mut open = vec![pieces];
    let mut left = MAX_BRACE_PIECES + open.first().map_or(0, Vec::len);
    while let Some(pieces) = open.pop() {
        left = left.checked_sub(pieces.len())?;
        match first_brace(&pieces) {
            None => done.push(pieces),
            Some((start, end, alternatives)) => {
                let (before, after) = (pieces.get(..start)?, pieces.get(end + 1..)?);
                // The last in is taken out first: so they keep their order.
                for alternative in alternatives.into_iter().rev() {
                    open.push([before, alternative, after].concat());
                }
            }
        }
        if done.len() + open.len() > MAX_BRACE_WORDS {
            return None;
        }
    }
    Some(done)
}

/// The first braces with a comma: where they begin and end, and what is between the commas.
fn first_brace(pieces: &[FishPiece]) -> Option<(usize, usize, Vec<&[FishPiece]>)> {
    let mut open: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut found: Option<(usize, usize, Vec<usize>)> = None;
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            FishPiece::Open => open.push((at, Vec::new())),
            FishPiece::Comma => {
                if let Some((_, commas)) = open.last_mut() {
                    commas.push(at);
                }
            }
            FishPiece::Close => {
                if let Some((start, commas)) = open.pop()
                    && !commas.is_empty()
                    && found.as_ref().is_none_or(|(first, ..)| start < *first)
                {
                    found = Some((start, at, commas));
                }
            }
            FishPiece::Atom(_) | FishPiece::Blank(_) | FishPiece::Char(_) | FishPiece::Quotes | FishPiece::Value(_) => {
            }
        }
    }
    let (start, end, commas) = found?;
    let mut from = start + 1;
    let mut alternatives = Vec::new();
    for cut in commas.into_iter().chain([end]) {
        alternatives.push(trimmed(pieces.get(from..cut)?));
        from = cut + 1;
    }
    Some((start, end, alternatives))
}

/// Blanks around what is between commas do not count.
fn trimmed(mut pieces: &[FishPiece]) -> &[FishPiece] {
    while let [FishPiece::Blank(_), rest @ ..] | [rest @ .., FishPiece::Blank(_)] = pieces {
        pieces = rest;
    }
    pieces
}

fn word_of(pieces: Vec<FishPiece>) -> Word {
    let mut text = String::new();
    let mut word = Word::default();
    for piece in pieces {
        let atoms = match piece {
            FishPiece::Blank(character) | FishPiece::Char(character) => {
                text.push(character);
                continue;
            }
            FishPiece::Close => {
                text.push('}');
                continue;
            }
            FishPiece::Comma => {
                text.push(',');
                continue;
            }
            FishPiece::Open => {
                text.push('{');
                continue;
            }
            FishPiece::Quotes => continue,
            FishPiece::Atom(atom) => vec![atom],
            FishPiece::Value(value) => value.atoms().to_vec(),
        };
        word.push_text(&std::mem::take(&mut text));
        atoms.into_iter().for_each(|atom| word.push(atom));
    }
    word.push_text(&text);
    word
}

/// The longest command substitution that may be one that prints a name.
const MAX_NAMED_BYTES: usize = 128;

/// The most words that braces make of one.
const MAX_BRACE_WORDS: usize = 256;

/// The most pieces that are looked at to expand one word.
const MAX_BRACE_PIECES: usize = 16 * 1024;
