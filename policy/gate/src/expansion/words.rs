//! What history expansion makes of a line, as bash and zsh do it alike; none where they may differ.

/// What comes of `line`, where `last` was typed before it.
pub(super) fn expand(line: &str, last: &str) -> Option<String> {
    if let Some(change) = line.strip_prefix('^') {
        return substituted(change, last);
    }
    let (mut expanded, mut quote, mut before, mut is_found) = (String::new(), None, None, false);
    let mut rest = line.chars();
    while let Some(char) = rest.next() {
        let next = rest.as_str().chars().next();
        match (quote, char) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('\''), _) => {}
            // A comment, or a quotation within a quotation: there shells differ.
            (None, '#') | (_, '`') | (Some('"'), '\'') => return None,
            (_, '$') if matches!(next, Some('(' | '\'' | '"')) => return None,
            (None, '\'' | '"') => quote = Some(char),
            (_, '\\') => {
                expanded.push(char);
                expanded.push(rest.next()?);
                before = None;
                continue;
            }
            (_, '!') => {
                if before.is_some_and(|before: char| !BEFORE.contains(&before)) {
                    return None;
                }
                let (text, behind) = designated(rest.as_str(), last)?;
                let is_apart = behind.chars().next().is_none_or(|next| BEHIND.contains(&next));
                if !is_apart || (quote.is_some() && text.contains(['"', '\'', '\\', '`', '$'])) {
                    return None;
                }
                expanded.push_str(&text);
                rest = behind.chars();
                (before, is_found) = (Some('!'), true);
                continue;
            }
            _ => {}
        }
        expanded.push(char);
        before = Some(char);
    }
    (is_found && quote.is_none()).then_some(expanded)
}

/// What the rest of a word behind `!` stands for, and what stands behind it.
fn designated<'t>(text: &'t str, last: &str) -> Option<(String, &'t str)> {
    let (behind, is_line) = text.strip_prefix('!').map_or((text, false), |behind| (behind, true));
    // The colon may be left out before what is no number.
    let designator = behind.strip_prefix(':').unwrap_or(behind);
    let mut chars = designator.chars();
    let sign = chars.next();
    let rest = chars.as_str();
    match sign {
        Some('$') => Some((words(last)?.last()?.clone(), rest)),
        Some('^') => Some((words(last)?.get(1)?.clone(), rest)),
        Some('*') => {
            let words = words(last)?;
            Some((words.get(1..).filter(|words| !words.is_empty())?.join(" "), rest))
        }
        Some('0'..='9') if designator.len() < behind.len() => {
            let digits = designator.len() - designator.trim_start_matches(|char: char| char.is_ascii_digit()).len();
            let (number, rest) = designator.split_at_checked(digits)?;
            Some((words(last)?.get(number.parse::<usize>().ok()?)?.clone(), rest))
        }
        _ if is_line => Some((last.to_owned(), behind)),
        _ => None,
    }
}

/// `^old^new`, without the first `^`.
fn substituted(change: &str, last: &str) -> Option<String> {
    let (old, new) = change.split_once('^')?;
    // `&` stands for what is replaced.
    let is_plain = |text: &str| !text.is_empty() && text.trim() == text && !text.contains(['^', '\\', '&', '%', ':']);
    (is_plain(old) && is_plain(new) && last.contains(old)).then(|| last.replacen(old, new, 1))
}

/// The words of a line, with their quotes; none if shells may part them in other ways.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut rest = line.chars();
    while let Some(char) = rest.next() {
        let next = rest.as_str().chars().next();
        match (quote, char) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('\''), _) => {}
            (_, '`') => return None,
            (_, '$') if matches!(next, Some('(' | '{' | '[' | '\'' | '"')) => return None,
            (_, '\\') => {
                word.push(char);
                word.push(rest.next()?);
                continue;
            }
            (None, '\'' | '"') => quote = Some(char),
            (None, ' ' | '\t') => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
                continue;
            }
            (None, ';' | '&' | '|' | '<' | '>' | '(' | ')' | '#') => return None,
            _ => {}
        }
        word.push(char);
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    quote.is_none().then_some(words)
}

/// What may stand before a `!` that begins an expansion.
const BEFORE: [char; 9] = [' ', '\t', '"', '\'', '=', ';', '|', '&', '/'];

/// What may stand behind an expansion, and is none of its modifiers.
const BEHIND: [char; 10] = [' ', '\t', '"', '/', '.', ',', ';', '|', '&', '>'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_and_its_words_are_put_in() {
        for (last, line, expected) in [
            ("apt update", "!!", "apt update"),
            ("apt update", "sudo !!", "sudo apt update"),
            ("ls | wc; id # x", "time !! | cat", "time ls | wc; id # x | cat"),
            ("cp a b", "ls !$ !^", "ls b a"),
            ("cp a b", "mv !*", "mv a b"),
            ("cp a b", "!:0 !:2 !:1", "cp b a"),
            ("cp a b", "!!:0 !!$ !:^ !!:*", "cp b a a b"),
            ("ls", "cd !$", "cd ls"),
            ("mkdir 'a b' c\\ d", "cd !$ && ls !^", "cd c\\ d && ls 'a b'"),
            ("mkdir a", "cd \"!$/b\"", "cd \"a/b\""),
            ("touch src/{a,b}.c", "ls -l !$", "ls -l src/{a,b}.c"),
            ("echo $X ~/a*", "ls !*", "ls $X ~/a*"),
            ("grep 'x y' a", "grep 'z' !$", "grep 'z' a"),
            ("cat foo.txt foo", "^foo^bar", "cat bar.txt foo"),
        ] {
            assert_eq!(expand(line, last).as_deref(), Some(expected), "{line} after {last}");
        }
    }

    #[test]
    fn what_is_not_sure_is_not_expanded() {
        for (last, line) in [
            ("cp a b", "ls"),
            ("cp a b", "!cp"),
            ("cp a b", "!-1"),
            ("cp a b", "!?c?"),
            ("cp a b", "!#"),
            ("cp a b", "!$:h"),
            ("cp a b", "!!:s/a/b/"),
            ("cp a b", "!!:p"),
            ("cp a b", "!:1-2"),
            ("cp a b", "!:1*"),
            ("cp a b", "!:3"),
            ("cp a b", "!!-1"),
            ("cp a b", "!!x"),
            ("cp a b", "!2"),
            ("ls", "cp !*"),
            ("ls", "cp !^"),
            ("cp a b", "$!!"),
            ("cp a b", "[!!]"),
            ("cp a b", "echo '!!'"),
            ("cp a b", "echo \\!!"),
            ("cp a b", "ls # !!"),
            ("cp a b", "echo `!!`"),
            ("cp a b", "echo \"'!!'\""),
            ("cp 'a' b", "echo \"!!\""),
            ("cp a b", "echo \"!!"),
            ("cp a b", "echo $'!!'"),
            ("cp a b && ls c", "ls !$"),
            ("cp a b > c", "ls !$"),
            ("cp $(id) b", "ls !$"),
            ("cp ${a b}", "ls !$"),
            ("cp a b # c", "ls !$"),
            ("cp 'a b", "ls !$"),
            ("cat foo", "^foo^bar^"),
            ("cat foo", "^foo"),
            ("cat foo", "^x^y"),
            ("cat foo", "^foo^&x"),
            ("cat foo", "^foo^"),
        ] {
            assert_eq!(expand(line, last), None, "{line} after {last}");
        }
    }
}
