//! How git splits a value into words: the quoting of `split_cmdline`, which aliases have, and of the addresses that
//! gitremote-helpers calls `ext::`.

/// The words of an alias that is a command of git; none if a quote is open.
pub(super) fn of_alias(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(character) = chars.next() {
        match (character, quote) {
            (_, Some(open)) if character == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            ('\\', None | Some('"')) => word.get_or_insert_default().push(chars.next()?),
            (_, None) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// The words of what follows `ext::`: `% ` is a blank in a word, and `%S`, `%s` and `%G` are put in.
pub(super) fn of_transport(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut chars = text.chars();
    while let Some(character) = chars.next() {
        match character {
            ' ' => words.push(String::new()),
            '%' => match (chars.next(), words.last_mut()) {
                (Some(character @ (' ' | '%')), Some(word)) => word.push(character),
                (Some('S'), Some(word)) => word.push_str("git-upload-pack"),
                (Some('s'), Some(word)) => word.push_str("upload-pack"),
                _ => {}
            },
            _ => words.iter_mut().next_back().into_iter().for_each(|word| word.push(character)),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_git_does() {
        for (text, words) in [
            ("log --oneline -5", vec!["log", "--oneline", "-5"]),
            ("log --pretty='%h  %s'", vec!["log", "--pretty=%h  %s"]),
            (r#"  commit -m "a \"b\" c" ''"#, vec!["commit", "-m", "a \"b\" c", ""]),
            (r"a\ b 'c\d'", vec!["a b", r"c\d"]),
        ] {
            assert_eq!(of_alias(text).unwrap_or_default(), words, "{text}");
        }
        assert_eq!(of_alias("log 'x"), None);
        assert_eq!(of_transport("sh -c rm% -rf% x %S"), ["sh", "-c", "rm -rf x", "git-upload-pack"]);
    }
}
