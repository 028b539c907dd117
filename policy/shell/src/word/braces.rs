//! Brace expansion: `{a,b}` and `{1..9}`, which the shell does before all else.

use std::collections::BTreeMap;

use super::scan::closing::{closing, closing_brace, skip_double_quotes, skip_to};

/// The words that brace expansion makes of `raw`; none if there are too many.
pub(crate) fn expand_braces(raw: &str) -> Option<Vec<String>> {
    let mut done = Vec::new();
    let mut open = vec![raw.to_owned()];
    let mut left = raw.len() + MAX_BRACE_BYTES;
    while let Some(word) = open.pop() {
        left = left.checked_sub(word.len())?;
        match first_brace(&word) {
            None => done.push(word),
            Some((prefix, alternatives, suffix)) => {
                // The last in is taken out first: so they keep their order.
                for alternative in alternatives.iter().rev() {
                    open.push(format!("{prefix}{alternative}{suffix}"));
                }
            }
        }
        if done.len() + open.len() > MAX_BRACE_WORDS {
            return None;
        }
    }
    Some(done)
}

const MAX_BRACE_WORDS: usize = 256;

/// The most bytes that are read to expand one word.
const MAX_BRACE_BYTES: usize = 16 * 1024;

/// The first brace expression of `word`: what stands before it, its alternatives, and what follows.
fn first_brace(word: &str) -> Option<(String, Vec<String>, String)> {
    if !word.contains('{') {
        return None;
    }
    let chars: Vec<char> = word.chars().collect();
    let text = |from: usize, to: usize| chars.get(from..to).unwrap_or_default().iter().collect::<String>();
    for (open, (end, cuts)) in braces(&chars) {
        let mut from = open + 1;
        let mut alternatives = Vec::new();
        for cut in cuts.iter().copied().chain([end]) {
            alternatives.push(text(from, cut));
            from = cut + 1;
        }
        if let [only] = alternatives.as_slice() {
            alternatives = sequence(only).unwrap_or_default();
        }
        if !alternatives.is_empty() {
            return Some((text(0, open), alternatives, text(end + 1, chars.len())));
        }
    }
    None
}

/// What is in braces outside of quotes, by its opening brace: where it ends, and its commas.
fn braces(chars: &[char]) -> BTreeMap<usize, (usize, Vec<usize>)> {
    let (mut found, mut open, mut at) = (BTreeMap::new(), Vec::<(usize, Vec<usize>)>::new(), 0);
    while let Some(character) = chars.get(at) {
        match character {
            '{' => open.push((at, Vec::new())),
            '}' => {
                if let Some((start, cuts)) = open.pop() {
                    found.insert(start, (at, cuts));
                }
            }
            ',' => {
                if let Some((_, cuts)) = open.last_mut() {
                    cuts.push(at);
                }
            }
            _ => match skip_quoted(chars, at) {
                Some(end) => at = end,
                None => break,
            },
        }
        at += 1;
    }
    found
}

/// The end of what is quoted or substituted at `at`, or `at` itself.
fn skip_quoted(chars: &[char], at: usize) -> Option<usize> {
    match (chars.get(at)?, chars.get(at + 1)) {
        ('\\', _) => Some(at + 1),
        ('\'', _) => skip_to(chars, at + 1, '\''),
        ('"', _) => skip_double_quotes(chars, at + 1),
        ('`', _) => skip_to(chars, at + 1, '`'),
        ('$', Some('{')) => closing_brace(chars, at + 2),
        ('$', Some('(')) => closing(chars, at + 2),
        ('$', Some('\'')) => {
            let mut end = at + 2;
            while *chars.get(end)? != '\'' {
                end += if chars.get(end) == Some(&'\\') { 2 } else { 1 };
            }
            Some(end)
        }
        _ => Some(at),
    }
}

/// The words of `1..9` or `a..e`; none if it is no sequence, or a long one.
fn sequence(text: &str) -> Option<Vec<String>> {
    let mut parts = text.split("..");
    let (first, last) = (parts.next()?, parts.next()?);
    let step = parts.next();
    if parts.next().is_some() || step.is_some_and(|step| step.parse::<i64>().is_err()) {
        return None;
    }
    let step = step.and_then(|step| step.parse::<i64>().ok()).map_or(1, i64::unsigned_abs).max(1);
    let step = usize::try_from(step).ok()?;
    if let (Ok(first), Ok(last)) = (first.parse::<i64>(), last.parse::<i64>()) {
        let (low, high) = (first.min(last), first.max(last));
        let words: Vec<_> = (low..=high).step_by(step).take(MAX_BRACE_WORDS + 1).map(|n| n.to_string()).collect();
        return Some(if first <= last { words } else { words.into_iter().rev().collect() });
    }
    let mut letters = [first, last].into_iter().map(|text| {
        let mut chars = text.chars();
        chars.next().filter(|c| chars.next().is_none() && c.is_ascii_alphabetic())
    });
    let (first, last) = (letters.next()??, letters.next()??);
    let words: Vec<_> = (first.min(last)..=first.max(last)).step_by(step).map(String::from).collect();
    Some(if first <= last { words } else { words.into_iter().rev().collect() })
}
