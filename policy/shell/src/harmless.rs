//! Code of other languages, read far enough to know that it runs nothing and writes no file.
//!
//! The readers know a small part of each language, the one that people type: whatever is outside it is not harmless.

use super::undecoded::is_undecoded;

/// A script of sed runs nothing unless it has `e` or `w`, or the flags `e` or `w` of `s`.
pub(super) fn sed(script: &str) -> bool {
    let mut rest = script.chars().collect::<Vec<_>>();
    rest.reverse();
    // A stack: the next character is the last one.
    while let Some(character) = rest.pop() {
        match character {
            // A value that is not known: of a line's number, mostly.
            _ if is_undecoded(character) => {}
            ' ' | '\t' | '\n' | ';' | '{' | '}' | '!' | ',' | '$' | '~' | '+' | '0'..='9' => {}
            'd' | 'D' | 'p' | 'P' | 'g' | 'G' | 'h' | 'H' | 'n' | 'N' | 'x' | '=' | 'l' | 'q' | 'Q' | 'z' => {}
            'I' | 'M' => {}
            '/' => {
                if !skip_delimited(&mut rest, '/') {
                    return false;
                }
            }
            '\\' => {
                let Some(delimiter) = rest.pop() else { return false };
                if !skip_delimited(&mut rest, delimiter) {
                    return false;
                }
            }
            's' | 'y' => {
                let Some(delimiter) = rest.pop() else { return false };
                if delimiter.is_alphanumeric()
                    || !skip_delimited(&mut rest, delimiter)
                    || !skip_delimited(&mut rest, delimiter)
                {
                    return false;
                }
                while let Some(flag) = rest.last() {
                    match flag {
                        'g' | 'p' | 'i' | 'I' | 'm' | 'M' | '0'..='9' if character == 's' => rest.pop(),
                        _ => break,
                    };
                }
                if rest.last().is_some_and(|next| !matches!(next, ' ' | '\t' | '\n' | ';' | '}')) {
                    return false;
                }
            }
            // Text and labels reach to the end of the line.
            'a' | 'i' | 'c' | 'b' | 't' | 'T' | ':' => {
                let mut escaped = false;
                while let Some(next) = rest.pop() {
                    if next == '\n' && !escaped {
                        break;
                    }
                    escaped = next == '\\' && !escaped;
                }
            }
            '#' => while rest.pop().is_some_and(|next| next != '\n') {},
            _ => return false,
        }
    }
    true
}

fn skip_delimited(rest: &mut Vec<char>, delimiter: char) -> bool {
    while let Some(character) = rest.pop() {
        if character == '\\' {
            rest.pop();
        } else if character == delimiter {
            return true;
        }
    }
    false
}

/// Python of these names only: it computes, reads its standard input and prints.
pub(super) fn python(code: &str) -> bool {
    // Underscores lead to the insides of every object, a backslash or a prefixed string to other names.
    !code.contains('_') && has_only_names(code, &['"', '\''], PYTHON_NAMES)
}

/// JavaScript that prints what it computes.
pub(super) fn javascript(code: &str) -> bool {
    !code.contains(['`', '[']) && has_only_names(code, &['"', '\''], JAVASCRIPT_NAMES)
}

/// Substitutions of perl (`s/a/b/g`, `y/a/b/`), or `print` with a pattern, without variables and code in them.
pub(super) fn perl(code: &str) -> bool {
    // `@{[…]}`, `${\\…}` and `(?{…})` are code.
    let has_variable = code.match_indices('$').any(|(at, _)| {
        code.get(at + 1..)
            .and_then(|rest| rest.chars().next())
            .is_some_and(|next| !(next.is_ascii_digit() || "/|)".contains(next)))
    });
    if has_variable || code.contains(['@', '`']) || code.contains("(?") {
        return false;
    }
    code.split(';').map(str::trim).all(|statement| {
        let (kind, rest) = match statement.strip_prefix("print if ") {
            Some(rest) => ("m", rest.strip_prefix('m').unwrap_or(rest)),
            None if statement.starts_with("tr") => ("y", statement.get(2..).unwrap_or_default()),
            None if statement.is_empty() => return true,
            None => match statement.split_at_checked(1) {
                Some((kind @ ("s" | "y"), rest)) => (kind, rest),
                _ => return false,
            },
        };
        let mut rest: Vec<char> = rest.chars().rev().collect();
        // Brackets and quotes as delimiters have rules of their own.
        let Some(delimiter @ ('/' | '|' | '#' | ',' | '!' | ':')) = rest.pop() else { return false };
        let has_ended = skip_delimited(&mut rest, delimiter) && (kind == "m" || skip_delimited(&mut rest, delimiter));
        has_ended && rest.iter().all(|flag| "gimsx".contains(*flag))
    })
}

/// Whether all the names outside of strings are among `names` or of one letter, and strings are simple.
fn has_only_names(code: &str, quotes: &[char], names: &str) -> bool {
    let mut rest = code.chars().peekable();
    while let Some(character) = rest.next() {
        if quotes.contains(&character) {
            loop {
                match rest.next() {
                    Some('\\') | None => return false,
                    Some(next) if next == character => break,
                    Some(_) => {}
                }
            }
        } else if character.is_alphabetic() {
            let mut name = String::from(character);
            while let Some(next) = rest.next_if(|next| next.is_alphanumeric()) {
                name.push(next);
            }
            // A letter before a quote is no name: `f"{…}"` has code in it.
            let is_prefix = rest.peek().is_some_and(|next| quotes.contains(next));
            if is_prefix || !(name.len() == 1 || names.split_ascii_whitespace().any(|known| known == name)) {
                return false;
            }
        } else if matches!(character, '\\' | '#' | '@') || !character.is_ascii() {
            return false;
        }
    }
    true
}

const PYTHON_NAMES: &str = "\
    False None True abs all and any append argv as b64decode b64encode base64 bin bool ceil choice chr cos count \
    data date datetime decode dict divmod dump dumps else encode end enumerate exit float floor for format from get \
    hashlib hex hexdigest if import in indent int is isoformat item items join json key keys len line lines list \
    load loads log lower machine math max md5 min name node not now oct or ord pi platform pow print randint random \
    range read readline readlines release replace repr result reversed round row rows sep set sha1 sha256 sin sorted \
    split sqrt stdin stdout str strftime strip sum sys text time timedelta today total tuple uname upper utcnow uuid \
    uuid4 value values version zip";

const JAVASCRIPT_NAMES: &str = "\
    Date JSON Math Number PI String arch argv ceil console env false floor join length log max min now null parse \
    parseFloat parseInt platform pow process random reverse round slice split sqrt stringify toISOString toLowerCase \
    toString toUpperCase true undefined version versions";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_that_computes_is_harmless_and_no_other() {
        for code in [
            "print(1+1)",
            "import sys; print(sys.version)",
            "import json,sys; print(json.dumps(json.load(sys.stdin), indent=2))",
            "import sys\nfor line in sys.stdin: print(line.strip().upper())",
            "print('rm -rf /')",
        ] {
            assert!(python(code), "{code}");
        }
        for code in [
            "import os; os.system('rm -rf x')",
            "import subprocess",
            "__import__('os').system('x')",
            "exec('import os')",
            "eval(input())",
            "open('/etc/x','w')",
            "import sys; sys.modules['os'].system('x')",
            "import platform; platform.os.system('x')",
            "getattr(sys, 'modules')",
            "print(f'{exec(1)}')",
            "print(\"a\\x\")",
            "import pty",
            "import shutil; shutil.rmtree('x')",
        ] {
            assert!(!python(code), "{code}");
        }
    }

    #[test]
    fn javascript_that_prints_is_harmless_and_no_other() {
        for code in ["console.log(1)", "console.log(JSON.stringify({a: 1}))", "process.version"] {
            assert!(javascript(code), "{code}");
        }
        for code in [
            "require('child_process').execSync('x')",
            "process.binding('spawn_sync')",
            "console.log(`${x}`)",
            "process['binding']",
            "eval('x')",
            "Function('x')()",
            "import('fs')",
        ] {
            assert!(!javascript(code), "{code}");
        }
    }

    #[test]
    fn perl_that_substitutes_is_harmless_and_no_other() {
        for code in ["s/a/b/", "s/a/b/g; s|x/y|z|", "y/a-z/A-Z/", "tr/a/b/", "s/^(x)$/$1y/i", "print if /x/"] {
            assert!(perl(code), "{code}");
        }
        for code in [
            "s/a/system('x')/e",
            "s/a/b/ee",
            "s/(?{system 'x'})/b/",
            "s/a/@{[system 'x']}/",
            "s/a/${\\system 'x'}/",
            "s{a}{b}",
            "s/a/b/; system 'x'",
            "`x`",
            "print if /x/; exec 'y'",
            "print",
        ] {
            assert!(!perl(code), "{code}");
        }
    }
}
