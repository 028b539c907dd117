//! Whether a shell would ask for another line, and what a begun text would run as far as it goes.
//!
//! A shell runs nothing of a text that it takes as incomplete. But shells differ, and what one takes as
//! begun another may run: so a begun text is judged too, closed in the shortest way that makes it whole.

use brush_parser::{ParseError, parse_tokens, uncached_tokenize_str};

use super::{
    Shell, dialect,
    fish::{self, Extent},
    limits,
    parse::grammar,
};

/// Whether a shell would go on reading, as bash does.
#[must_use]
pub fn is_incomplete(text: &str) -> bool {
    is_incomplete_in(text, Shell::Unknown)
}

/// Whether `shell` would go on reading what is typed at its prompt; of one that is not known, whether bash would.
#[must_use]
pub fn is_incomplete_in(text: &str, shell: Shell) -> bool {
    limits::check_typed(text).is_ok() && is_begun_in(text, true, shell).unwrap_or_default()
}

/// Whether a shell would go on reading; none if the text is too long or too deep to tell.
pub fn is_begun(text: &str, is_typed: bool) -> Option<bool> {
    is_begun_in(text, is_typed, Shell::Unknown)
}

/// Whether `shell` would go on reading; none if the text is too long or too deep to tell.
pub fn is_begun_in(text: &str, is_typed: bool, shell: Shell) -> Option<bool> {
    if shell == Shell::Fish {
        return fish::extent(text, is_typed).map(|extent| matches!(extent, Extent::Begun | Extent::Open));
    }
    let is_begun =
        |reading: dialect::ShellReading| is_begun_as_written(reading.text.as_deref().unwrap_or(text), is_typed);
    // Whether zsh has comments at its prompt is an option. Where only one of both readings waits, the text is judged now,
    // and held.
    if is_typed && shell == Shell::Zsh && !is_begun(dialect::at_prompt(text, shell))? {
        return Some(false);
    }
    is_begun(dialect::first(text, shell))
}

fn is_begun_as_written(text: &str, is_typed: bool) -> Option<bool> {
    limits::check(text).ok()?;
    // A backslash before the newline joins the lines.
    if ends_with_backslash(text) {
        return Some(true);
    }
    let (tokenizer, parser) = grammar();
    Some(match uncached_tokenize_str(text, &tokenizer) {
        Err(error) => error.is_incomplete(),
        Ok(tokens) => {
            limits::check_tokens(&tokens, is_typed).ok()?;
            match parse_tokens(&tokens, &parser) {
                Ok(_) => false,
                Err(ParseError::ParsingAtEndOfInput) => true,
                Err(ParseError::Tokenizing { inner, .. }) => inner.is_incomplete(),
                Err(ParseError::ParsingNear(_)) => false,
            }
        }
    })
}

/// The text, closed if it is incomplete; `None` if no short way to close it is known.
#[must_use]
pub fn closed(text: &str) -> Option<String> {
    closed_in(text, Shell::Unknown)
}

/// The text, closed if `shell` takes it as incomplete; `None` if no short way to close it is known.
#[must_use]
pub fn closed_in(text: &str, shell: Shell) -> Option<String> {
    let text = if ends_with_backslash(text) { text.strip_suffix('\\').unwrap_or(text) } else { text };
    if !is_incomplete_in(text, shell) {
        return Some(text.to_owned());
    }
    if shell == Shell::Fish {
        let closers = ["'", "\"", ")", "}", "]", "; end", " :", ")'", "')", "\")", ")\""];
        let is =
            |text: &str, extents: &[Extent]| fish::extent(text, true).is_some_and(|found| extents.contains(&found));
        let closed = || closers.iter().map(|closer| format!("{text}{closer}"));
        // What is only begun is judged as far as it goes.
        return closed()
            .find(|text| is(text, &[Extent::Whole]))
            .or_else(|| [text.to_owned()].into_iter().chain(closed()).find(|text| is(text, &[Extent::Begun])));
    }
    let here_document = here_document_end(text).map(|word| format!("\n{word}"));
    let fitting = CLOSERS.iter().filter(|(opener, _)| text.contains(opener)).map(|(_, closer)| *closer);
    let closers: Vec<&str> = here_document.as_deref().into_iter().chain(fitting).collect();
    let pairs = closers.iter().flat_map(|first| closers.iter().map(move |second| [*first, *second]));
    let tries = MAX_TRIED_BYTES / text.len().max(1);
    let mut left = MAX_TRIED_TOKENS;
    closers
        .iter()
        .map(|only| [*only, ""])
        .chain(pairs)
        .take(tries)
        .map(|[first, second]| format!("{text}{first}{second}"))
        .find(|closed| is_whole(closed, &mut left))
}

/// Whether the text can be parsed, with as many tokens as are left to be read.
fn is_whole(text: &str, left: &mut usize) -> bool {
    let Ok(tokens) = super::parse::tokens(text) else { return false };
    let Some(still) = left.checked_sub(limits::cost(&tokens)) else { return false };
    *left = still;
    parse_tokens(&tokens, &grammar().1).is_ok()
}

/// Whether the newline that follows would be quoted.
fn ends_with_backslash(text: &str) -> bool {
    let backslashes = text.len() - text.trim_end_matches('\\').len();
    !backslashes.is_multiple_of(2)
}

/// The word that ends the last here-document that was begun.
fn here_document_end(text: &str) -> Option<&str> {
    let (_, word) = text.rsplit_once("<<")?;
    let word = word.trim_start_matches('-').trim_start().trim_start_matches(['\'', '"', '\\']);
    let end = word.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(word.len());
    word.get(..end).filter(|word| !word.is_empty())
}

/// What ends what can be begun, the shortest first; each with what it takes to have begun that.
const CLOSERS: [(&str, &str); 18] = [
    ("'", "'"),
    ("\"", "\""),
    ("`", "`"),
    ("(", ")"),
    ("{", "}"),
    ("((", "))"),
    ("", " :"),
    ("", "\n:"),
    ("{", "\n}"),
    ("if", "\nfi"),
    ("do", "\ndone"),
    ("case", "\nesac"),
    ("if", "\nthen :\nfi"),
    ("then", "\n:\nfi"),
    ("", "\ndo :\ndone"),
    ("do", "\n:\ndone"),
    ("case", " in x) ;;\nesac"),
    ("case", "\nx) ;;\nesac"),
];

/// How much is parsed to find what closes a text: one Enter is to be answered within some milliseconds. A long text
/// that takes more is one that cannot be read.
const MAX_TRIED_BYTES: usize = 8 * 1024;

/// The same in tokens, as often as brush-parser may read them.
const MAX_TRIED_TOKENS: usize = 2 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_waits_for_is_incomplete() {
        for text in [
            "echo 'x",
            "echo \"x",
            "rm \\",
            "cat <<'E'",
            "cat <<E\nline",
            "if true; then",
            "for i in a b",
            "for i in a; do",
            "while true",
            "f() {",
            "(ls",
            "ls |",
            "ls &&",
            "echo $(ls",
            "echo `ls",
            "case x in",
            "{ ls",
        ] {
            assert!(is_incomplete(text), "{text:?}");
            let closed = closed(text).unwrap_or_else(|| panic!("{text:?} was not closed"));
            assert!(!is_incomplete(&closed), "{closed:?}");
        }
    }

    #[test]
    fn what_runs_at_once_is_not_incomplete() {
        for text in ["", "ls", "echo 'x'", "echo \\\\", "rm -rf /; echo \")\"", "cat <<E\nE", "echo # it's"] {
            assert!(!is_incomplete(text), "{text:?}");
        }
    }

    #[test]
    fn each_shell_waits_for_the_end_of_what_it_has_begun() {
        use Shell::{Ash, Bash, Dash, Fish, Unknown, Zsh};
        for (text, waiting) in [
            ("begin", &[Fish][..]),
            ("for i in 1", &[Ash, Bash, Dash, Fish, Unknown, Zsh]),
            ("function f", &[Fish, Bash, Zsh, Dash, Ash, Unknown]),
            ("if true; ls; end", &[Ash, Bash, Dash, Unknown, Zsh]),
            ("if true; ls", &[Ash, Bash, Dash, Fish, Unknown, Zsh]),
            ("switch a", &[Fish]),
            ("echo (ls", &[Ash, Bash, Dash, Fish, Unknown, Zsh]),
            ("echo 'a\\'", &[Fish]),
            ("echo 'it\\'s'", &[Ash, Bash, Dash, Unknown, Zsh]),
            ("# it's", &[]),
            ("ls # (", &[]),
            ("echo $'it\\'s'", &[Dash]),
            ("ls |", &[Ash, Bash, Dash, Fish, Unknown, Zsh]),
            ("ls &&", &[Ash, Bash, Dash, Fish, Unknown, Zsh]),
            ("echo a \\", &[Ash, Bash, Dash, Fish, Unknown, Zsh]),
            ("cat <<E", &[Ash, Bash, Dash, Unknown, Zsh]),
            ("echo a; and echo b", &[]),
            ("{ ls }", &[Ash, Bash, Dash, Unknown]),
        ] {
            for shell in [Ash, Bash, Dash, Fish, Unknown, Zsh] {
                assert_eq!(is_incomplete_in(text, shell), waiting.contains(&shell), "{shell:?}: {text}");
            }
        }
    }

    #[test]
    fn what_fish_has_begun_is_closed() {
        for (text, expected) in [
            ("begin; ls", Some("begin; ls; end")),
            ("echo 'a", Some("echo 'a'")),
            ("echo (ls", Some("echo (ls)")),
            ("begin; begin; ls", Some("begin; begin; ls")),
            ("ls", Some("ls")),
        ] {
            assert_eq!(closed_in(text, Shell::Fish).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_comes_before_the_open_end_is_judged() {
        let closed = closed("rm -rf /srv/data; echo 'x").unwrap();
        assert!(closed.starts_with("rm -rf /srv/data; echo 'x"));
    }
}
