//! The short forms of zsh: `for i (a b) COMMAND`, `repeat 3 COMMAND`, `if [[ … ]] { … } else { … }`, `foreach … end`.
//!
//! Nobody needs to know here how often a command runs, or when. So a text of which bash reads nothing is written anew
//! without the words of the grammar, as one list of its commands.

use brush_parser::{Token, uncached_tokenize_str};

use crate::parse::grammar;

/// The commands of the text as one list; none where it has forms that cannot be taken apart so.
pub(crate) fn flattened(text: &str) -> Option<String> {
    let tokens = uncached_tokenize_str(text, &grammar().0).ok()?;
    let words: Vec<&str> = tokens.iter().map(Token::to_str).collect();
    if words.iter().any(|word| matches!(*word, "case" | "esac" | "<<" | "<<-" | "function" | "select" | "coproc")) {
        return None;
    }
    let mut list = List { out: String::with_capacity(text.len() + 32), begins: true, is_piped: false, tests: 0 };
    let mut rest = words.as_slice();
    while let Some((word, after)) = rest.split_first() {
        rest = list.add(word, after)?;
    }
    Some(list.out)
}

struct List {
    out: String,
    /// Whether a command begins here.
    begins: bool,
    /// Whether what begins here reads what the one before prints.
    is_piped: bool,
    /// How many `[[` are open.
    tests: usize,
}

impl List {
    fn word(&mut self, word: &str) {
        self.out.push_str(word);
        self.out.push(' ');
        self.begins = false;
    }

    fn end(&mut self) {
        if !self.begins {
            self.out.push_str("; ");
        }
        self.begins = true;
    }

    /// Writes a word, and gives what is left after it.
    fn add<'w>(&mut self, word: &str, after: &'w [&'w str]) -> Option<&'w [&'w str]> {
        let is_compound = matches!(word, "if" | "while" | "until" | "repeat" | "for" | "foreach");
        if self.begins && self.is_piped && is_compound {
            return None;
        }
        match word {
            ";" | "\n" => self.end(),
            "&&" | "||" | "|" | "&" | "|&" => {
                self.word(word);
                self.begins = true;
                self.is_piped = word.starts_with('|') && word != "||";
                return Some(after);
            }
            "[[" => {
                self.word(word);
                self.tests += 1;
            }
            "]]" => {
                self.word(word);
                self.tests = self.tests.saturating_sub(1);
                // What follows at once is the body.
                if !after.first().is_some_and(|next| is_operator(next)) {
                    self.end();
                }
            }
            _ if self.tests > 0 => self.word(word),
            "if" | "elif" | "while" | "until" if self.begins => {}
            "then" | "else" | "do" if self.begins => {}
            // What is done with all of it together is not in the list.
            "fi" | "done" | "end" if self.begins => {
                if !after.first().is_none_or(|next| matches!(*next, ";" | "\n" | "&&" | "||" | "}" | ")")) {
                    return None;
                }
                self.word(":");
            }
            "}" => {
                self.end();
                self.word("}");
                if !after.first().is_some_and(|next| is_operator(next)) {
                    self.end();
                }
            }
            "{" if self.begins => {
                self.out.push_str("{ : ");
                self.begins = false;
                self.end();
            }
            "repeat" if self.begins => {
                let (count, after) = after.split_first()?;
                self.word(":");
                self.word(count);
                self.end();
                return Some(after);
            }
            "for" | "foreach" if self.begins => return self.loop_head(after),
            "(" if self.begins => {
                self.out.push_str("( ");
                self.begins = true;
            }
            "(" => return None,
            ")" => {
                self.end();
                self.out.push_str(": ) ");
                self.begins = false;
                if !after.first().is_some_and(|next| is_operator(next)) {
                    self.end();
                }
            }
            _ => self.word(word),
        }
        self.is_piped = false;
        Some(after)
    }

    /// `for NAMES… (WORDS)` and `for NAME in WORDS`.
    fn loop_head<'w>(&mut self, after: &'w [&'w str]) -> Option<&'w [&'w str]> {
        let start = after.iter().position(|word| matches!(*word, "(" | "in"))?;
        let end = if after.get(start) == Some(&"(") {
            after.iter().position(|word| *word == ")")?
        } else {
            after.iter().position(|word| matches!(*word, ";" | "\n"))?
        };
        let words = after.get(start + 1..end)?;
        if start == 0 || words.iter().any(|word| is_operator(word) || *word == "(") {
            return None;
        }
        self.word(":");
        words.iter().for_each(|word| self.word(word));
        self.end();
        after.get(end + 1..)
    }
}

fn is_operator(word: &str) -> bool {
    matches!(word, ";" | "\n" | "&&" | "||" | "|" | "&" | "|&" | ")" | "<" | ">" | ">>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_lists_of_commands() {
        for (text, expected) in [
            ("for i (a b) echo $i", ": a b ; echo $i "),
            ("for i (a b) { echo $i }", ": a b ; { : ; echo $i ; } ; "),
            ("for i in a b; do x; done", ": a b ; x ; : "),
            ("foreach x (a b); echo $x; end", ": a b ; echo $x ; : "),
            ("repeat 3 echo x", ": 3 ; echo x "),
            ("if [[ -n $x ]] { y } else { n }", "[[ -n $x ]] ; { : ; y ; } ; { : ; n ; } ; "),
            ("if [[ a ]] echo y", "[[ a ]] ; echo y "),
            ("while (true) x", "( true ; : ) ; x "),
        ] {
            assert_eq!(flattened(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "case a { a) x ;; }",
            "cat <<E\nE\n",
            "f() { x }",
            "for",
            "for i (a; b) c",
            "x | repeat 2 sh",
            "repeat 2; do sh; done < f",
        ] {
            assert_eq!(flattened(text), None, "{text}");
        }
    }
}
