//! [`Prompts`]: what the prompts of this session look like, to know a shell's line again on a screen that some program
//! left behind, or in a pane. A clock, an exit status, a number or a folder in a prompt changes from line to line: only
//! its shape is kept.

/// Shapes of prompts behind which a shell read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Prompts {
    seen: Vec<Shape>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Shape {
    /// The prompt with each number and each path as one sign.
    outline: String,
    /// Who and where, such as `me@host`: what stays when the rest changes.
    who: Option<String>,
    sign: Option<char>,
}

/// How surely a text before a line is a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Likeness {
    /// It ends in a sign that a comment or a quotation ends in as well.
    Weak,
    /// It looks like a prompt.
    Strong,
    /// It has the shape of one that was seen, and that is little more than a sign.
    SeenWeak,
    /// It has the shape of one that was seen.
    Seen,
}

impl Prompts {
    /// A shell read a line behind this.
    pub(in super::super) fn note(&mut self, prompt: &str) {
        // `Press ENTER or type command to continue`.
        let is_sentence =
            prompt.trim_end().ends_with(char::is_alphanumeric) && prompt.split_whitespace().count() > MAX_WORDS;
        if prompt.trim().is_empty() || prompt.len() > MAX_BYTES || is_sentence {
            return;
        }
        let shape = Shape::of(prompt);
        if let Some(at) = self.seen.iter().position(|seen| *seen == shape) {
            self.seen.remove(at);
        }
        self.seen.push(shape);
        if self.seen.len() > MAX_SEEN {
            self.seen.remove(0);
        }
    }

    /// The places in the row behind which a shell may read, and how surely each.
    pub(super) fn places(&self, row: &str) -> Vec<(usize, Likeness)> {
        let mut places = Vec::new();
        // The end counts as well: nothing may stand behind the prompt.
        let ends = row.char_indices().map(|(at, _)| at).chain(std::iter::once(row.len()));
        for at in ends.take_while(|at| *at <= MAX_BYTES).skip(1) {
            let prompt = row.get(..at).unwrap_or_default();
            let last = prompt.chars().next_back().unwrap_or(' ');
            let is_end = last == ' ' || SIGNS.contains(&last);
            let next_is_blank = row.get(at..).is_some_and(|rest| rest.starts_with(' '));
            if is_end && !(next_is_blank && last == ' ') && !prompt.trim().is_empty() && places.len() < MAX_PLACES {
                let is_apart = last == ' ' || next_is_blank || at == row.len();
                // A sign within a word is none that nobody has seen.
                let likeness = self.likeness(prompt).filter(|likeness| is_apart || *likeness >= Likeness::SeenWeak);
                places.extend(likeness.map(|likeness| (at, likeness)));
            }
        }
        places
    }

    /// How surely it is a prompt.
    pub(super) fn likeness(&self, prompt: &str) -> Option<Likeness> {
        let shape = Shape::of(prompt);
        if self.seen.iter().any(|seen| seen.is_like(&shape)) {
            let says_more = shape.outline.chars().any(char::is_alphanumeric);
            return Some(if says_more { Likeness::Seen } else { Likeness::SeenWeak });
        }
        looks_like_one(prompt)
    }
}

/// Whether both are prompts of one shell, as far as their shapes tell.
pub(in super::super) fn are_alike(one: &str, other: &str) -> bool {
    Shape::of(one).is_like(&Shape::of(other))
}

impl Shape {
    fn of(prompt: &str) -> Self {
        let trimmed = prompt.trim();
        let sign = trimmed.chars().next_back();
        let mut outline = String::new();
        let mut who = None;
        for word in trimmed.split_inclusive([' ', '[', ']', '(', ')', '{', '}', ':', ',']) {
            let (word, end) = match word.char_indices().next_back() {
                Some((at, end)) if " [](){}:,".contains(end) => (word.get(..at).unwrap_or_default(), Some(end)),
                _ => (word, None),
            };
            let bare = word.trim_end_matches(SIGNS);
            if bare.contains('@') && who.is_none() {
                who = Some(bare.to_owned());
            }
            outline.push_str(&outline_of(bare));
            outline.extend(word.chars().skip(bare.chars().count()));
            // How far apart they stand says nothing.
            outline.extend(end.filter(|end| *end != ' ' || !outline.ends_with(' ')));
        }
        Self { outline: outline.trim().to_owned(), who, sign }
    }

    fn is_like(&self, other: &Self) -> bool {
        self.outline == other.outline || (self.who.is_some() && self.who == other.who && self.sign == other.sign)
    }
}

/// A word of a prompt: a path is `/`, digits are `0`, all else is itself.
fn outline_of(word: &str) -> String {
    if word.starts_with(['~', '/']) || word.contains('/') {
        return "/".to_owned();
    }
    let mut outline = String::new();
    for char in word.chars() {
        match char {
            '0'..='9' if outline.ends_with('0') => {}
            '0'..='9' => outline.push('0'),
            _ => outline.push(char),
        }
    }
    outline
}

/// Whether it looks like a prompt that was never seen.
fn looks_like_one(prompt: &str) -> Option<Likeness> {
    let trimmed = prompt.trim_end();
    let sign = trimmed.chars().next_back().filter(|sign| SIGNS.contains(sign))?;
    let body = trimmed.trim_end_matches(sign);
    if ARROWS.contains(&sign) {
        return Some(Likeness::Strong);
    }
    let is_adjacent = !body.ends_with(' ') && !body.is_empty();
    let has_code = body.contains(['"', '\'', '=', ';', '|', '`', '<', '&', '!', '\\']);
    let names_a_place = body.contains('@') || body.ends_with(['~', ']', ')', ':', '/']) || body.contains(":/");
    let is_word = !body.trim().contains(' ') && body.chars().all(|c| c.is_alphanumeric() || "-_.:~/@[]()".contains(c));
    let says_something = body.chars().any(|c| c.is_alphanumeric() || matches!(c, '~' | '/'));
    let is_strong = !has_code
        && says_something
        && ((is_adjacent && (names_a_place || (is_word && sign != '>')))
            || (!is_adjacent && body.contains('@') && sign != '>'));
    Some(if is_strong { Likeness::Strong } else { Likeness::Weak })
}

/// What prompts end in.
const SIGNS: [char; 14] = ['$', '#', '%', '>', '❯', '➜', '➤', '»', 'λ', '▶', '→', '⟩', '›', '✗'];

/// Those of them that hardly stand in other texts.
const ARROWS: [char; 9] = ['❯', '➜', '➤', 'λ', '▶', '⟩', '›', '✗', '»'];

/// A text of more words that ends in one of them is a sentence.
const MAX_WORDS: usize = 3;

/// As many shapes as are kept.
const MAX_SEEN: usize = 16;

/// As many places of one row as are told.
const MAX_PLACES: usize = 6;

/// The longest prompt.
const MAX_BYTES: usize = 240;

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(seen: &[&str], row: &str) -> Vec<(String, Likeness)> {
        let mut prompts = Prompts::default();
        seen.iter().for_each(|prompt| prompts.note(prompt));
        prompts.places(row).into_iter().map(|(at, likeness)| (row[at..].to_owned(), likeness)).collect()
    }

    #[test]
    fn a_prompt_is_known_again_by_its_shape() {
        for (seen, row) in [
            ("host$ ", "host$ rm x"),
            ("12:00:01 me@target:~$ ", "23:59:59 me@target:~$ rm x"),
            ("0 me@target:~$ ", "137 me@target:/srv/data$ rm x"),
            ("~$ ", "/srv$ rm x"),
            ("➜ ", "➜ rm x"),
            ("➜  ~ ", "➜  /srv rm x"),
            ("[me@host src]$ ", "[me@host bin]$ rm x"),
            ("[me@host src (main)]$ ", "[me@host src (fix) ✗]$ rm x"),
            ("5 % ", "6 % rm x"),
            ("$ ", "$ rm x"),
            ("host>", "host>rm x"),
        ] {
            let places = behind(&[seen], row);
            let found = places.iter().find(|(rest, _)| rest.trim_start() == "rm x");
            assert!(found.is_some_and(|(_, likeness)| *likeness >= Likeness::SeenWeak), "{row}: {places:?}");
        }
    }

    #[test]
    fn a_prompt_that_was_never_seen_is_told_by_its_sign() {
        for (row, expected) in [
            ("root@vm:~# rm x", Some(Likeness::Strong)),
            ("[me@host ~]$ rm x", Some(Likeness::Strong)),
            ("bash-5.2$ rm x", Some(Likeness::Strong)),
            ("me@host ~ % rm x", Some(Likeness::Strong)),
            ("❯ rm x", Some(Likeness::Strong)),
            ("/srv# rm x", Some(Likeness::Strong)),
            ("$ rm x", Some(Likeness::Weak)),
            ("# rm x", Some(Likeness::Weak)),
            ("  12 # rm x", Some(Likeness::Weak)),
            ("> rm x", Some(Likeness::Weak)),
            ("if a > rm x", Some(Likeness::Weak)),
            ("rm x", None),
            ("echo rm x", None),
        ] {
            let places = behind(&[], row);
            let found = places.iter().find(|(rest, _)| rest.trim_start() == "rm x").map(|(_, likeness)| *likeness);
            assert_eq!(found, expected, "{row}: {places:?}");
        }
    }
}
