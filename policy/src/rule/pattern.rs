//! [`Pattern`]: a glob, and how surely a word with gaps matches it.

use shell::{Atom, Word};

use super::Match;

/// A compiled glob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<PatternToken>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PatternToken {
    /// `**`, or `*` where there are no folders: any characters.
    Any,
    /// This character.
    Char(char),
    /// `*`: any characters of one component of a path.
    Component,
    /// `?`: one character.
    One,
}

/// A part of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PatternPiece {
    Char(char),
    /// Any characters.
    Gap,
    /// Any characters but `/`.
    NamePart,
}

impl Pattern {
    /// A glob over words: `*` stands for any characters.
    pub(crate) fn word(text: &str) -> Self {
        let token = |c| match c {
            '*' => PatternToken::Any,
            '?' => PatternToken::One,
            c => PatternToken::Char(c),
        };
        Self(text.chars().map(token).collect())
    }

    /// A glob over paths: `*` stays inside a component, `**` does not.
    pub(crate) fn path(text: &str) -> Self {
        let mut tokens = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(character) = chars.next() {
            tokens.push(match character {
                '*' if chars.next_if_eq(&'*').is_some() => PatternToken::Any,
                '*' => PatternToken::Component,
                '?' => PatternToken::One,
                character => PatternToken::Char(character),
            });
        }
        Self(tokens)
    }

    /// Whether it begins at a known folder.
    pub(crate) fn is_anchored(&self) -> bool {
        self.0.first() == Some(&PatternToken::Char('/'))
    }

    /// Whether a path that begins with a gap has more in common with it than what any path has: the name that stands last
    /// in it, or an end that is a name.
    pub(crate) fn is_named_by(&self, path: &Word) -> bool {
        let texts = path.atoms().iter().filter_map(|atom| if let Atom::Text(text) = atom { Some(text) } else { None });
        let wildcard = |token: &PatternToken| !matches!(token, PatternToken::Char(_));
        let ends_in_wildcard = self.0.last().is_some_and(wildcard);
        if let (Some(Atom::Text(end)), false) = (path.atoms().last(), ends_in_wildcard) {
            return end.rsplit('/').next().unwrap_or(end).chars().count() >= SHORTEST_NAME;
        }
        let tokens = self.0.iter().rev().skip_while(|token| wildcard(token) || **token == PatternToken::Char('/'));
        let name: String = tokens
            .map_while(|token| if let PatternToken::Char(c) = token { Some(*c) } else { None })
            .take_while(|c| *c != '/')
            .collect();
        let name: String = name.chars().rev().collect();
        !name.is_empty() && texts.into_iter().any(|text| text.contains(&name))
    }

    /// Whether the text matches.
    pub(crate) fn matches_text(&self, text: &str) -> bool {
        if !self.may_begin(text) {
            return false;
        }
        let pieces: Vec<PatternPiece> = text.chars().map(PatternPiece::Char).collect();
        self.intersects(&pieces)
    }

    /// Whether a text may match that begins so: most are told apart by what stands before the first wildcard.
    fn may_begin(&self, start: &str) -> bool {
        let fits = |(token, found): (&PatternToken, char)| match token {
            PatternToken::Any | PatternToken::Component => None,
            PatternToken::Char(wanted) => Some(*wanted == found),
            PatternToken::One => Some(true),
        };
        self.0.iter().zip(start.chars()).map_while(fits).all(|fits| fits)
    }

    /// How surely the word matches.
    pub(crate) fn matches(&self, word: &Word) -> Match {
        if let Some(text) = word.known() {
            return Match::of(self.matches_text(text));
        }
        // A home folder is one of these.
        if word.atoms().first() == Some(&Atom::Home) {
            if !word.splits() && !["/root", "/home/"].iter().any(|start| self.may_begin(start)) {
                return Match::No;
            }
            let mut root = Word::of("/root");
            let mut user = Word::of("/home/");
            user.push(Atom::Glob);
            for atom in word.atoms().iter().skip(1) {
                root.push(atom.clone());
                user.push(atom.clone());
            }
            return self.matches(&root).max(self.matches(&user));
        }
        // What begins so is sure to match, whatever follows.
        let is_open = self.0.last() == Some(&PatternToken::Any);
        if is_open && !word.start().is_empty() && self.matches_text(word.start()) {
            return Match::Yes;
        }
        let mut pieces = Vec::new();
        for atom in word.atoms() {
            match atom {
                Atom::Glob | Atom::Name => pieces.push(PatternPiece::NamePart),
                Atom::Home | Atom::Unknown { .. } => pieces.push(PatternPiece::Gap),
                Atom::Text(text) => pieces.extend(text.chars().map(PatternPiece::Char)),
            }
        }
        // A word that splits may have any word in it.
        if word.splits() || self.intersects(&pieces) { Match::Maybe } else { Match::No }
    }

    /// Whether some text fits both; in at most the product of both lengths in steps.
    fn intersects(&self, word: &[PatternPiece]) -> bool {
        let differ = |(token, piece): (&PatternToken, &PatternPiece)| match (token, piece) {
            (PatternToken::Char(wanted), PatternPiece::Char(found)) => Some(wanted != found),
            _ => None,
        };
        let starts_differ = self.0.iter().zip(word).map_while(differ).any(|differ| differ);
        if starts_differ || self.0.iter().rev().zip(word.iter().rev()).map_while(differ).any(|differ| differ) {
            return false;
        }
        // Bit sets by row would be faster; words are short.
        let width = word.len() + 1;
        let mut seen = vec![false; (self.0.len() + 1) * width];
        let mut open = vec![(0_usize, 0_usize)];
        while let Some((at_glob, at_word)) = open.pop() {
            match seen.get_mut(at_glob * width + at_word) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            let (token, piece) = (self.0.get(at_glob), word.get(at_word));
            if token.is_none() && piece.is_none() {
                return true;
            }
            if matches!(token, Some(PatternToken::Any | PatternToken::Component)) {
                open.push((at_glob + 1, at_word));
            }
            if matches!(piece, Some(PatternPiece::Gap | PatternPiece::NamePart)) {
                open.push((at_glob, at_word + 1));
            }
            let (Some(token), Some(piece)) = (token, piece) else { continue };
            let stays = match (token, piece) {
                (PatternToken::Char(wanted), PatternPiece::Char(found)) => {
                    if wanted == found {
                        open.push((at_glob + 1, at_word + 1));
                    }
                    continue;
                }
                (PatternToken::Char(wanted), PatternPiece::NamePart) if *wanted == '/' => continue,
                (PatternToken::Char(_) | PatternToken::One, PatternPiece::Gap | PatternPiece::NamePart) => {
                    (at_glob + 1, at_word)
                }
                (PatternToken::One, PatternPiece::Char(_)) => (at_glob + 1, at_word + 1),
                (PatternToken::Component, PatternPiece::Char('/')) => continue,
                (PatternToken::Any | PatternToken::Component, PatternPiece::Char(_)) => (at_glob, at_word + 1),
                (PatternToken::Any | PatternToken::Component, PatternPiece::Gap | PatternPiece::NamePart) => continue,
            };
            open.push(stays);
        }
        false
    }
}

/// The shortest end of a path that says something about which file it is.
const SHORTEST_NAME: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(start: &str, end: &str) -> Word {
        let mut word = Word::of(start);
        word.push(Atom::Unknown { splits: false });
        word.push_text(end);
        word
    }

    #[test]
    fn a_path_glob_keeps_to_components() {
        for (glob, path, expected) in [
            ("/etc/**", "/etc/passwd", true),
            ("/etc/**", "/etc/ssh/sshd_config", true),
            ("/etc/**", "/etcetera", false),
            ("/etc/*", "/etc/ssh/sshd_config", false),
            ("/home/*/.ssh/**", "/home/a/.ssh/id", true),
            ("/home/*/.ssh/**", "/home/a/b/.ssh/id", false),
            ("/dev/sd?", "/dev/sda", true),
            ("/dev/sd?", "/dev/sda1", false),
            ("**/.env", "/srv/app/.env", true),
        ] {
            assert_eq!(Pattern::path(glob).matches_text(path), expected, "{glob} {path}");
        }
    }

    #[test]
    fn a_path_of_which_the_beginning_is_not_known_is_named_by_its_end() {
        for (glob, end, expected) in [
            ("/etc/ssl/private/**", "/config.yml", false),
            ("/etc/ssl/private/**", "/private/x.pem", true),
            ("/root/.ssh/*", "&size=100", false),
            ("/root/.ssh/*", "/.ssh/config", true),
            ("/home/*/.ssh/id_*", "/.ssh/id_rsa", true),
            ("/etc/shadow", "/shadow", true),
            ("/etc/shadow-", "-", false),
            ("**/.aws/credentials", "/credentials", true),
        ] {
            assert_eq!(Pattern::path(glob).is_named_by(&gap("", end)), expected, "{glob} {end}");
        }
    }

    #[test]
    fn a_word_with_gaps_matches_maybe_or_surely_or_not() {
        let etc = Pattern::path("/etc/**");
        assert_eq!(etc.matches(&gap("/etc/", "")), Match::Yes);
        assert_eq!(etc.matches(&gap("/e", "")), Match::Maybe);
        assert_eq!(etc.matches(&gap("", "/x")), Match::Maybe);
        assert_eq!(etc.matches(&gap("/tmp/", "")), Match::No);
        assert_eq!(etc.matches(&Word::unknown(false)), Match::Maybe);
        assert_eq!(Pattern::word("restart").matches(&gap("re", "t")), Match::Maybe);
        assert_eq!(Pattern::word("restart").matches(&gap("s", "")), Match::No);
        let mut home = Word::default();
        home.push(Atom::Home);
        home.push_text("/.ssh/id_ed25519");
        assert_eq!(Pattern::path("/root/.ssh/**").matches(&home), Match::Yes);
        assert_eq!(Pattern::path("/home/*/.ssh/*").matches(&home), Match::Maybe);
    }
}
