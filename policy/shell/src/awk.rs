//! A program of awk, read far enough to know what it runs and which files it writes (POSIX, "awk", Grammar).
//!
//! It runs commands by `system`, `|` and `getline`, and writes files by `>` behind `print` and `printf`; within
//! parentheses, and anywhere else, `>` compares.

use super::{Word, word::Atom};

/// The files that the program writes; none where it may run something, or cannot be read.
pub(super) fn writes(program: &str) -> Option<Vec<Word>> {
    let mut reader = Reader { chars: program.chars().collect(), at: 0, writes: Vec::new() };
    reader.program()?;
    Some(reader.writes)
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    writes: Vec<Word>,
}

impl Reader {
    fn program(&mut self) -> Option<()> {
        // Where an operand stands, `/` divides; elsewhere it begins a pattern.
        let mut is_operand = false;
        let mut depth = 0_usize;
        // How deep in parentheses the `print` at hand stands.
        let mut print = None;
        while let Some(character) = self.next() {
            match character {
                '#' => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                '"' => {
                    self.string()?;
                    is_operand = true;
                }
                '/' if !is_operand => {
                    self.pattern()?;
                    is_operand = true;
                }
                ';' | '\n' | '{' | '}' => (is_operand, print) = (false, None),
                '(' | '[' => (depth, is_operand) = (depth + 1, false),
                ')' | ']' => (depth, is_operand) = (depth.saturating_sub(1), true),
                '|' if self.peek() == Some('|') => {
                    self.at += 1;
                    is_operand = false;
                }
                '|' | '@' => return None,
                '>' if self.peek() == Some('=') => is_operand = false,
                '>' if print == Some(depth) => {
                    let target = self.target()?;
                    if !matches!(target.known(), Some("/dev/stderr" | "/dev/stdout" | "/dev/null" | "-")) {
                        self.writes.push(target);
                    }
                    (is_operand, print) = (false, None);
                }
                '+' | '-' if self.peek() == Some(character) => self.at += 1,
                _ if is_part_of_name(character) => {
                    let name = self.name(character);
                    match name.as_str() {
                        "system" | "getline" => return None,
                        "print" | "printf" => (is_operand, print) = (false, Some(depth)),
                        "in" | "return" | "else" | "do" | "case" => is_operand = false,
                        _ => is_operand = true,
                    }
                }
                '\\' if self.peek() == Some('\n') => self.at += 1,
                ' ' | '\t' => {}
                _ => is_operand = false,
            }
        }
        Some(())
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += 1;
        Some(next)
    }

    fn name(&mut self, first: char) -> String {
        let mut name = String::from(first);
        while let Some(next) = self.peek().filter(|next| is_part_of_name(*next)) {
            name.push(next);
            self.at += 1;
        }
        name
    }

    /// The rest of a string.
    fn string(&mut self) -> Option<String> {
        let mut text = String::new();
        loop {
            match self.next()? {
                '"' => return Some(text),
                '\n' => return None,
                '\\' => text.extend(['\\', self.next()?]),
                other => text.push(other),
            }
        }
    }

    /// The rest of a pattern.
    fn pattern(&mut self) -> Option<()> {
        loop {
            match self.next()? {
                '/' => return Some(()),
                '\n' => return None,
                '\\' => {
                    self.next()?;
                }
                _ => {}
            }
        }
    }

    /// What stands behind `>` or `>>`: texts are known, all else is a gap. A name that begins with one is one in this
    /// folder, as data has hardly paths in it.
    fn target(&mut self) -> Option<Word> {
        if self.peek() == Some('>') {
            self.at += 1;
        }
        let mut file = Word::default();
        while let Some(character) = self.peek().filter(|c| !matches!(c, ';' | '\n' | '}')) {
            self.at += 1;
            match character {
                ' ' | '\t' => {}
                '"' => {
                    let text = self.string()?;
                    if text.contains('\\') {
                        return None;
                    }
                    file.push_text(&text);
                }
                // What is printed to a command, or compared.
                '|' | '<' | '>' | '?' | '=' => return None,
                _ => file.push(Atom::Unknown { splits: false }),
            }
        }
        let begins_with_gap = file.start().is_empty() && file.has_text();
        Some(if begins_with_gap { Word::of("./").followed_by(&file) } else { file })
    }
}

/// What stands for a value that is not known counts as one.
fn is_part_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.') || super::undecoded::is_undecoded(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_runs_and_writes_nothing() {
        for program in [
            "{print $9}",
            "$9 ~ /^5/ {print $7}",
            "{ s += $10 } END { print s/1024/1024 \" MiB\" }",
            "{c[$9]++} END {for (k in c) print c[k], k}",
            "$NF > 1.5 {n++; s+=$NF} END {printf \"%d slow, avg %.2f\\n\", n, s/n}",
            "$4 > t",
            "length($0) > 200 {print NR\": \"length($0)}",
            "{print ($1 > 3) ? \"a|b\" : \"system\"}",
            "$4 == \"\" {print NR > \"/dev/stderr\"; next} {print}",
            "/a|b/ || $1 >= 3 {print | 0 ? 1 : 2}",
            "{ print } # system(\"x\") | y",
            "BEGIN {FS=OFS=\",\"} {$3=toupper($3); print; close(\"x\"); fflush()}",
        ] {
            let expected = (!program.contains("print | 0")).then(Vec::new);
            assert_eq!(writes(program), expected, "{program}");
        }
    }

    #[test]
    fn commands_are_found_wherever_they_stand() {
        for program in [
            "BEGIN{system(\"x\")}",
            "BEGIN{\"x\" | getline}",
            "{print | \"sh\"}",
            "{print $1 > 2 | \"sh\"}",
            "{while ((getline l < \"f\") > 0) print l}",
            "{print |& \"sh\"}",
            "@load \"x\"",
            "{f=\"system\"; @f(\"x\")}",
            "{print \"a",
            "{a = 1 / 2; b = \"/\" ; system(\"x\") / 3}",
            "{x = y /2; print | \"sh\" ; z = 1/ 2}",
        ] {
            assert_eq!(writes(program), None, "{program}");
        }
    }

    #[test]
    fn files_are_known_as_far_as_they_are_named() {
        assert_eq!(writes("{print > \"/etc/x\"}"), Some(vec![Word::of("/etc/x")]));
        assert_eq!(writes("{printf \"%s\", $1 >> \"out\"; print}"), Some(vec![Word::of("out")]));
        let file = writes("{print > $1 \".tsv\"}").unwrap_or_default();
        assert_eq!(
            file.first().map(|word| (word.start().to_owned(), word.ending().to_owned())),
            Some(("./".into(), ".tsv".into()))
        );
        let file = writes("{print > f}").unwrap_or_default();
        assert_eq!(file.first().map(Word::has_text), Some(false));
    }
}
