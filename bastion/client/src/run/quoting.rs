//! The words of a command line -> the one string that an exec request carries (RFC 4254 §6.5).
//!
//! The target's login shell splits that string into words again. `ssh` joins its arguments by blanks,
//! so that `ssh host rm 'a b'` removes two files; here each of several words stays one word.

/// One word is a command string and is passed as it is; of several, each is quoted where it needs to be.
pub(super) fn command_string(words: &[String]) -> String {
    match words {
        [command] => command.clone(),
        words => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
    }
}

/// The word as any POSIX shell reads it back: in single quotes, within which nothing is special
/// (POSIX.1-2024, Shell Command Language, 2.2.2).
fn quoted(word: &str) -> String {
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    // A single quote cannot stand in single quotes: close them, write `\'`, open them again.
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Characters that mean themselves everywhere in a word. `=` and `~` are not among them, for at the
/// start of a command they make assignments and home folders.
fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.' | '/' | ':' | ',' | '+' | '@' | '%')
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn words(words: &[&str]) -> String {
        command_string(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn several_words_are_quoted_where_they_need_it_and_one_is_left_alone() {
        assert_eq!(words(&["ls", "-l", "/var/log"]), "ls -l /var/log");
        assert_eq!(words(&["rm", "a b", "it's", ""]), r"rm 'a b' 'it'\''s' ''");
        assert_eq!(words(&["echo", "$HOME", "*", "~", "a=b"]), "echo '$HOME' '*' '~' 'a=b'");
        assert_eq!(words(&["uptime && df -h | tail -1"]), "uptime && df -h | tail -1");
    }

    /// Each case starts a shell, so there are few of them.
    #[test]
    fn a_shell_reads_back_the_very_words() {
        let word = proptest::string::string_regex("[ -~\n\t\u{e4}\u{20ac}]{0,12}").unwrap();
        let several = proptest::collection::vec(word, 1..6);
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 48, ..Default::default() });
        runner
            .run(&several, |several| {
                let command = [vec!["printf".to_owned(), "%s\\0".to_owned()], several.clone()].concat();
                let output = Command::new("sh").arg("-c").arg(command_string(&command)).output().unwrap();
                let expected: String = several.iter().map(|word| format!("{word}\0")).collect();
                prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
                Ok(())
            })
            .unwrap();
    }
}
