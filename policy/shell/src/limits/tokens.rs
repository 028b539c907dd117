//! What would take the parser too long, told from the tokens: there quotes, comments and here-documents are done with.
//!
//! brush-parser reads each token once for every reading that it has to try: the last item of a `case` once with and
//! once without `;;`, a `((` as arithmetic and as two subshells, and all of that for each outer one again. So a token
//! counts twice as much for each of these that is open, or may be.

use brush_parser::Token;

use super::{DEEP, MANY};

/// What reading these tokens costs at most, in tokens.
pub(super) fn cost(tokens: &[Token]) -> usize {
    let has_arithmetic = tokens.windows(2).any(|pair| pair.iter().all(|token| is_operator(token, "(")));
    let (mut cost, mut cases, mut parentheses) = (0_usize, 0_u32, 0_u32);
    let (mut rest, mut before) = (tokens, None);
    while let Some((token, after)) = rest.split_first() {
        let readings = 1_usize.checked_shl(cases + parentheses).unwrap_or(usize::MAX);
        cost = cost.saturating_add(readings.saturating_mul(1 + token.to_str().len() / BYTES_PER_TOKEN));
        match token {
            Token::Word(word, _) if word == "case" => cases += 1,
            // In arithmetic it would be a word like any other.
            Token::Word(word, _) if word == "esac" && !has_arithmetic && ends_case(before, after) => {
                cases = cases.saturating_sub(1);
            }
            Token::Operator(..) if is_operator(token, "(") => {
                if let Some(behind) = behind_arithmetic(after) {
                    cost = cost.saturating_add(readings.saturating_mul(after.len() - behind.len()));
                    (rest, before) = (behind, None);
                    continue;
                }
                let begins = after.first().is_some_and(|next| is_operator(next, "("));
                let closes = after.first().is_some_and(|next| is_operator(next, ")"));
                parentheses += u32::from((begins || parentheses > 0) && !closes);
            }
            Token::Operator(..) | Token::Word(..) => {}
        }
        // Newlines stand between what ends an item and `esac`.
        if !is_operator(token, "\n") {
            before = Some(token);
        }
        rest = after;
    }
    cost
}

/// How much of a long word takes as long as a token.
const BYTES_PER_TOKEN: usize = 64;

/// Checks that reading the tokens takes no longer than somebody can wait.
pub(super) fn check(tokens: &[Token], most: usize) -> Result<(), &'static str> {
    if tokens.len() > most {
        return Err(MANY);
    }
    if cost(tokens) > most { Err(DEEP) } else { Ok(()) }
}

/// Whether `esac` stands where it can only end a `case`: as the parser reads no array, test or list of words there,
/// for a `;` would be wrong in these, and no pattern.
fn ends_case(before: Option<&Token>, after: &[Token]) -> bool {
    let is_in_place = before.is_some_and(|token| [";", ";;", ";&", ";;&"].iter().any(|end| is_operator(token, end)));
    let is_pattern = after.first().is_some_and(|next| is_operator(next, ")") || is_operator(next, "|"));
    is_in_place && !is_pattern
}

/// What follows arithmetic that is closed, of which the first `(` was read: that is read once.
fn behind_arithmetic(after: &[Token]) -> Option<&[Token]> {
    let (second, mut rest) = after.split_first()?;
    if !is_operator(second, "(") {
        return None;
    }
    let mut depth = 0_usize;
    while let Some((token, after)) = rest.split_first() {
        rest = after;
        if is_operator(token, "(") {
            depth += 1;
        } else if is_operator(token, ")") && depth > 0 {
            depth -= 1;
        } else if is_operator(token, ")") {
            let (end, behind) = rest.split_first()?;
            return is_operator(end, ")").then_some(behind);
        } else if is_operator(token, ";") {
            return None;
        }
    }
    None
}

fn is_operator(token: &Token, text: &str) -> bool {
    matches!(token, Token::Operator(operator, _) if operator == text)
}

#[cfg(test)]
mod tests {
    use brush_parser::uncached_tokenize_str;

    use super::*;
    use crate::parse::grammar;

    fn cost_of(text: &str) -> (usize, usize) {
        let tokens = uncached_tokenize_str(text, &grammar().0).unwrap();
        (cost(&tokens), tokens.len())
    }

    #[test]
    fn what_is_closed_is_read_once() {
        for text in [
            "a; b | c && d",
            "((i++)); f() { (a; b); }; (cd x && y)",
            "(((a + b) * (c))); (x)",
            "x=$((1 + (2))); echo '((' \"case\" # case ((",
            "cat <<E\ncase ((\nE\n",
        ] {
            let (cost, tokens) = cost_of(text);
            assert_eq!(cost, tokens, "{text}");
        }
        let (cost, tokens) = cost_of(&"case $1 in a) b;; *) c;; esac\n".repeat(5));
        assert!(cost <= 2 * tokens, "{cost} of {tokens}");
    }

    #[test]
    fn what_may_be_open_counts_for_each_reading() {
        for text in [
            "case x in x) ",
            "case x in x) ';; esac'; ",
            "case x in (esac) ",
            "case x in x) echo ;; esac) ",
            "case x in x) (( \n esac ));; ",
            "case x in x) for ((a; \n esac; b)); do :; done;; ",
            "case x in x) a=(\nesac\n); ",
            "((a; ",
            "(( (a ",
            "((\"))\" ",
        ] {
            let (cost, _) = cost_of(&text.repeat(5));
            assert!(cost >= 1 << 5, "{text}: {cost}");
        }
    }
}
