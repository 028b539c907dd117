//! Programs of which it is not known what they do with each of their words: what these may run is guessed.
//!
//! A wrapper that no table has (`trickle -d 10 rm -rf x`) would hide what it runs, and so would an option that nobody
//! has described. So a word is data only where `described` says so; any other may begin a command, and one with blanks
//! may be code. What a rule blocks or holds among these is held; nothing is allowed by it.

use super::described::{self, Described};
use crate::{Shell, Word, base_name, code, parse::Walker};

/// Guesses what `name` may run.
pub(super) fn guess(walker: &mut Walker<'_>, name: &str, arguments: &[Word]) {
    if described::is_pure(name) {
        return;
    }
    if !walker.may_guess() {
        return walker.doubtful_command("it has too many arguments to be looked at");
    }
    guess_words(walker, name, Described::of(name, arguments), arguments);
}

/// Guesses what any program may run that gets these arguments.
pub(crate) fn guess_arguments(walker: &mut Walker<'_>, arguments: &[Word]) {
    guess_words(walker, "", None, arguments);
}

fn guess_words(walker: &mut Walker<'_>, name: &str, described: Option<Described>, arguments: &[Word]) {
    // Whether an option stands before that nobody has described: the word at hand may be its value.
    let mut may_be_value = false;
    let mut options_are_over = false;
    for (index, argument) in arguments.iter().enumerate().take(MAX_ARGUMENTS) {
        let start = argument.start();
        if start == "--" {
            options_are_over = true;
        } else if start.starts_with('-') && start.len() > 1 && !options_are_over {
            if described.as_ref().is_some_and(|described| described.has_option(start)) {
                may_be_value = false;
                continue;
            }
            let attached = if start.starts_with("--") || start.contains('=') {
                start.find('=').map(|at| at + 1)
            } else {
                (start.len() > 3).then_some(2)
            };
            match attached {
                Some(at) => value(walker, argument.without_start(at), arguments.get(index + 1..).unwrap_or_default()),
                None if start.contains(char::is_whitespace) => text(walker, start),
                None => {}
            }
            may_be_value = !start.contains('=');
        } else if may_be_value || described.is_none() {
            may_be_value = false;
            value(walker, argument.clone(), arguments.get(index + 1..).unwrap_or_default());
        } else if let Some((_, assigned)) = start.split_once('=').filter(|_| described::sets_variables(name)) {
            // A variable of make may be a program.
            text(walker, assigned);
        }
    }
    if arguments.len() > MAX_ARGUMENTS && described.is_none() {
        walker.doubtful_command("it has too many arguments to be looked at");
    }
}

/// Whether a program is known to run none of its operands.
pub(super) fn takes_data(name: &str) -> bool {
    described::is_pure(name) || described::has_operands_of_data(name)
}

/// A word that may be a command with those behind it, or code.
fn value(walker: &mut Walker<'_>, word: Word, rest: &[Word]) {
    let Some(known) = word.known().filter(|known| !known.is_empty()).map(str::to_owned) else { return };
    if known.contains(char::is_whitespace) {
        return text(walker, &known);
    }
    if known.starts_with('-') {
        return;
    }
    if known.contains(['$', '`', ';', '|', '&', '{', '(', '[']) {
        // Without blanks it may be code all the same.
        text(walker, &known);
    }
    if known.contains(",-") {
        walker.guess_code(&known.replace(',', " "));
    }
    if let Some((_, assigned)) = known.split_once('=').filter(|(name, _)| !name.contains('/')) {
        let assigned = Word::of(assigned.trim_matches(['"', '\'', '[']));
        return walker.guess(&with_first(assigned, rest));
    }
    let words = with_first(word, rest);
    if runs_code(&words) {
        walker.guess_argv(&words);
    }
    walker.guess(&words);
}

fn with_first(word: Word, rest: &[Word]) -> Vec<Word> {
    [word].into_iter().chain(rest.iter().take(MAX_ARGUMENTS).cloned()).collect()
}

/// Text that may be code, or hold some: `execute(CODE)`, `commands=["CODE"]`, `["PROGRAM", "ARGUMENT"]`.
pub(super) fn text(walker: &mut Walker<'_>, text: &str) {
    walker.guess_code(text);
    if text.contains("IFS") {
        walker.guess_code(&text.replace("${IFS}", " ").replace("$IFS", " "));
    }
    for (at, mark) in text.match_indices(MARKS).take(MAX_PIECES) {
        let rest = text.get(at + mark.len()..).unwrap_or_default();
        let piece = match mark {
            "\"" | "'" | "`" => rest.split(mark).next().unwrap_or_default(),
            "(" => rest.rsplit_once(')').map_or(rest, |(piece, _)| piece),
            _ => rest,
        };
        let piece = piece.trim_matches([' ', '"', '\'', '`', ')', ']', '}', '[', '(']);
        if piece.contains(' ') {
            walker.guess_code(piece);
        }
        if matches!(mark, "[" | "(") {
            list(walker, rest);
        }
    }
}

/// A list of quoted words, which may be a command: `"rm", "-rf", "x"]`.
fn list(walker: &mut Walker<'_>, text: &str) {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let Some((word, after)) = rest.get(1..).and_then(|inside| inside.split_once(quote)) else { break };
        words.push(Word::of(word));
        rest = after.trim_start_matches([' ', ',', '\n']);
        if words.len() == MAX_ARGUMENTS {
            break;
        }
    }
    if words.len() > 1 {
        walker.guess(&words);
    }
}

/// Whether these words are a shell or another interpreter with code in an argument: `sh -c CODE`.
fn runs_code(words: &[Word]) -> bool {
    let Some(name) = words.first().and_then(Word::known).map(base_name) else { return false };
    let Some(letters) = words.get(1).and_then(Word::known).and_then(|option| option.strip_prefix('-')) else {
        return false;
    };
    let is_short = !letters.is_empty() && letters.chars().all(|c| c.is_ascii_lowercase());
    is_short
        && (Shell::of_program(name).is_some() && letters.ends_with('c')
            || code::is_language(name) && letters.ends_with(['c', 'e', 'r']))
}

/// How many arguments of one program are looked at.
const MAX_ARGUMENTS: usize = 48;

/// Where code may begin in a text.
const MARKS: [char; 16] = ['=', '(', '[', '{', ':', '!', '|', '`', '"', '\'', ',', ';', '&', '%', '>', '\n'];

/// How many places in one argument are looked at where code may begin.
const MAX_PIECES: usize = 12;
