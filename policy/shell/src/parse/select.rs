//! `select NAME in WORDS; do …; done`, which brush-parser does not know: it runs what a `for` over the same words may run.

use brush_parser::Token;

/// Makes each `select` that begins a command a `for`.
pub(super) fn as_for(tokens: &mut [Token]) {
    const BEFORE: [&str; 8] = ["do", "then", "else", "{", "!", "time", "elif", "if"];
    let mut begins = true;
    for at in 0..tokens.len() {
        let is_loop =
            begins && is_word(tokens.get(at), "select") && is_name(tokens.get(at + 1)) && is_head(tokens.get(at + 2));
        if let Some(Token::Word(word, _)) = tokens.get_mut(at) {
            begins = BEFORE.contains(&word.as_str());
            if is_loop {
                *word = "for".to_owned();
            }
        } else if let Some(Token::Operator(operator, _)) = tokens.get(at) {
            begins = matches!(
                operator.as_str(),
                ";" | "&" | "&&" | "|" | "||" | "|&" | "(" | ")" | "\n" | ";;" | ";&" | ";;&"
            );
        }
    }
}

fn is_word(token: Option<&Token>, expected: &str) -> bool {
    matches!(token, Some(Token::Word(word, _)) if word == expected)
}

fn is_name(token: Option<&Token>) -> bool {
    matches!(token, Some(Token::Word(word, _)) if word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

/// Whether it may stand behind the name of a loop's variable.
fn is_head(token: Option<&Token>) -> bool {
    is_word(token, "in")
        || is_word(token, "do")
        || matches!(token, Some(Token::Operator(operator, _)) if operator == ";" || operator == "\n")
}
