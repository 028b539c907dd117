//! What is too long or too deep is refused by a linear scan, before a recursive parser sees it.

use brush_parser::Token;

mod tokens;

/// The longest text that is parsed, in bytes.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// The longest line that is parsed at a prompt, with those before it that belong to it: somebody waits for the answer.
pub(super) const MAX_TYPED_BYTES: usize = 8 * 1024;

/// The deepest nesting of groups, substitutions and compound commands that is parsed.
pub(super) const MAX_DEPTH: usize = 64;

/// The most openings in one text. The depth above trusts quotes and closing brackets to be
/// what they seem; this does not, so that the parser's stack is bounded whatever they are.
const MAX_OPENINGS: usize = 256;

/// The most parentheses after the first `((` that begins a command. brush-parser reads each as arithmetic and, if
/// that fails, as a subshell, so that its time doubles with every one or two that are not closed.
const MAX_AFTER_ARITHMETIC: usize = 14;

/// The most words `case`. brush-parser's time doubles with each that stands in another one, and what ends one is not
/// trusted here.
const MAX_CASES: usize = 5;

/// The most tokens (words and operators) of a text, each counted as often as brush-parser may read it, which takes
/// it a microsecond or two. Scripts that people wrote have one in five or six bytes.
const MAX_TOKENS: usize = 16 * 1024;

/// The most words and operators before quotes are read: what is in quotes is one token, but hardly this dense.
const MAX_PIECES: usize = 2 * MAX_TOKENS;

/// The most tokens of one typed line: it is parsed more than once where it is only begun.
const MAX_TYPED_TOKENS: usize = 1024;

/// The most words and operators of a typed line, those in quotes too.
const MAX_TYPED_PIECES: usize = 2 * MAX_TYPED_TOKENS;

/// The most words and operators of code in code.
pub(super) const fn most_inner(is_typed: bool) -> usize {
    if is_typed { MAX_TYPED_TOKENS } else { MAX_TOKENS }
}

/// Checks the limits that are lower for what is typed; the error says which one is passed.
pub(super) fn check_typed(text: &str) -> Result<(), &'static str> {
    if text.len() > MAX_TYPED_BYTES {
        return Err("it is longer than 8 KiB, the most that is read of a typed line");
    }
    if pieces(text) > MAX_TYPED_PIECES { Err(MANY) } else { Ok(()) }
}

/// Checks what the tokenizer made of a text; the error says which limit is passed.
pub(super) fn check_tokens(tokens: &[Token], is_typed: bool) -> Result<(), &'static str> {
    tokens::check(tokens, if is_typed { MAX_TYPED_TOKENS } else { MAX_TOKENS })
}

/// How many tokens brush-parser may read for these.
pub(super) fn cost(tokens: &[Token]) -> usize {
    tokens::cost(tokens)
}

/// Checks the limits; the error says which one is passed.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    if text.len() > MAX_BYTES {
        return Err("it is longer than 64 KiB");
    }
    if pieces(text) > MAX_PIECES {
        return Err(MANY);
    }
    if parentheses_after_arithmetic(text.as_bytes()) > MAX_AFTER_ARITHMETIC {
        return Err(DEEP);
    }
    let (mut depth, mut openings, mut cases) = (0_usize, 0_usize, 0_usize);
    let bytes = text.as_bytes();
    let mut word_start = 0;
    for (index, byte) in bytes.iter().enumerate() {
        let is_delimiter = matches!(byte, b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'{' | b'}' | b'`');
        if is_delimiter {
            let word = bytes.get(word_start..index).unwrap_or_default();
            cases += usize::from(word == b"case");
            if OPENING_WORDS.contains(&word) {
                (depth, openings) = (depth + 1, openings + 1);
            } else if word == b"!" {
                openings += 1;
            } else if CLOSING_WORDS.contains(&word) {
                depth = depth.saturating_sub(1);
            }
            word_start = index + 1;
        }
        match byte {
            // `${name}` opens nothing that could nest.
            b'{' if is_plain_parameter(bytes, index) => {}
            b'(' | b'{' | b'[' | b'`' => (depth, openings) = (depth + usize::from(*byte != b'['), openings + 1),
            b')' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH || openings > MAX_OPENINGS || cases > MAX_CASES {
            return Err(DEEP);
        }
    }
    Ok(())
}

/// Counts words and operators, those in quotes too.
pub(super) fn pieces(text: &str) -> usize {
    let mut in_word = false;
    let count = |byte: u8| {
        let is_blank = matches!(byte, b' ' | b'\t');
        let is_operator = matches!(byte, b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>' | b'`');
        let begins = !std::mem::replace(&mut in_word, !is_blank && !is_operator) && in_word;
        usize::from(is_operator || begins)
    };
    text.bytes().map(count).sum()
}

/// Counts parentheses from the first `((` on that is not part of `$((`. Those of `$(`, `<(` and `>(` are read on their
/// own, and `()` closes at once. As with openings, quotes and closing ones are not trusted.
fn parentheses_after_arithmetic(bytes: &[u8]) -> usize {
    let (mut before, mut last, mut count) = (b' ', b' ', 0);
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        // The shell joins the lines.
        if let [b'\\', b'\n', joined @ ..] = rest {
            rest = joined;
            continue;
        }
        let begins = last == b'(' && before != b'$';
        let is_bare = !matches!(last, b'$' | b'<' | b'>') && after.first() != Some(&b')');
        if *byte == b'(' && (begins || (count > 0 && is_bare)) {
            count += 1;
        }
        (before, last, rest) = (last, *byte, after);
    }
    count
}

fn is_plain_parameter(bytes: &[u8], brace: usize) -> bool {
    let dollar = brace.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b'$');
    let name = bytes.get(brace + 1..).unwrap_or_default();
    let end = name.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    dollar && end.is_some_and(|end| end > 0 && name.get(end) == Some(&b'}'))
}

/// What people read of a text that is too dense.
pub(super) const MANY: &str = "it has too many words";

/// What people read of a text that is too deep.
const DEEP: &str = "it nests too deeply";

const OPENING_WORDS: [&[u8]; 7] = [b"if", b"while", b"until", b"for", b"case", b"select", b"coproc"];
const CLOSING_WORDS: [&[u8]; 3] = [b"fi", b"done", b"esac"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_scripts_pass_and_bombs_do_not() {
        assert_eq!(check(&"for f in a b; do echo ${f}; done\n".repeat(200)), Ok(()));
        for bomb in ["(", "{ ", "$(", "if ", "while ", "! ", "coproc ", "`", "\"$(", "${x:-", "case x in (", "[[ ( "] {
            assert!(check(&bomb.repeat(2000)).is_err(), "{bomb}");
            assert!(check(&format!("{}')", bomb).repeat(2000)).is_err(), "{bomb}");
        }
        assert!(check(&"x".repeat(MAX_BYTES + 1)).is_err());
    }

    #[test]
    fn what_takes_exponential_time_is_not_parsed() {
        assert!(check(&"case x in x) ".repeat(8)).is_err());
        assert!(check(&"case x in (esac) ".repeat(8)).is_err());
        assert_eq!(check(&"case $1 in start) f;; *) g;; esac\n".repeat(5)), Ok(()));
        for bomb in ["((1+", "(((", "(\\\n(", "((\"))\"", "((x)", "(("] {
            assert!(check(&bomb.repeat(20)).is_err(), "{bomb}");
        }
        assert!(check(&format!("(({}", " (".repeat(20))).is_err());
        assert_eq!(check(&"f() { (cd x && y); }; z=$((z + 1))\n".repeat(20)), Ok(()));
        assert_eq!(check(&"for ((i = 0; i < 3; i++)); do f; done\n".repeat(7)), Ok(()));
    }

    #[test]
    fn what_is_dense_is_opaque_and_takes_no_time() {
        use crate::ParseContext;
        let bombs = [
            "a;".repeat(30_000),
            format!("if {}", "a;".repeat(3990)),
            format!("cat {}", ":".repeat(8000)),
            "{1..256} ".repeat(800),
            format!("x{{1..256}}{}", "y".repeat(7000)),
            format!("{{ {} }} <<E\n{}\nE\n", "psql;".repeat(250), "x".repeat(6000)),
            format!("for i in {{1..64}}; do x {}; done", "a".repeat(7000)),
            format!("x {}", "$[".repeat(200)),
            format!("eval '{}'", "eval a;".repeat(1000)),
        ];
        for bomb in bombs {
            for place in [ParseContext::typed(), ParseContext::default()] {
                let parsed = crate::parse(&bomb, &place);
                let start: String = bomb.chars().take(40).collect();
                assert!(!parsed.opaque.is_empty() || !place.interactive, "{start}");
                let words = parsed.commands.iter().map(|command| command.argv.len()).sum::<usize>();
                assert!(words <= 4 * MAX_TOKENS, "{start}: {words}");
                let input: usize =
                    parsed.commands.iter().flat_map(|command| &command.stdin).map(|text| text.len()).sum();
                assert!(input <= 600 * 1024, "{start}: {input}");
            }
        }
    }

    #[test]
    fn what_people_write_is_read() {
        use crate::ParseContext;
        let paste = "systemctl status nginx --no-pager | grep -i active && echo \"ok: $HOSTNAME\"\n".repeat(50);
        assert_eq!(crate::parse(&paste, &ParseContext::typed()).opaque, []);
        let script = "install -m 0644 -o root -g root build/file.conf /srv/app/etc/file.conf\n".repeat(600);
        let script = format!("{script}cat >/srv/app/notes <<'E'\n{}E\n", "some words about it; and more\n".repeat(300));
        assert_eq!(crate::parse(&script, &ParseContext::default()).opaque, []);
        let comments = "# a long comment that does nothing at all ----------------------------------\n".repeat(600);
        assert_eq!(crate::parse(&format!("bash <<'E'\n{comments}ls\nE\n"), &ParseContext::default()).opaque, []);
        let list = format!("psql -c 'select {} from t'", vec!["name"; 150].join(", "));
        assert_eq!(crate::parse(&list, &ParseContext::typed()).opaque, []);
    }
}
