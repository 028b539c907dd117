//! fish: its text becomes the same [`Parsed`](super::Parsed) as that of other shells.
//!
//! Written from what fish 3.6 does ("The fish language", and trials). `tokens` splits the text, `grammar` builds
//! statements, `word` reads words and finds the code in them, `walk` collects what runs, and `builtins` follows the
//! commands that only fish has.
//!
//! fish reads all of a text before it runs any of it. So [`Trouble::Rejected`] is said only of what fish surely refuses:
//! as one of several readings such a text runs nothing. What is merely not understood is [`Trouble::Unclear`].

mod builtins;
mod grammar;
mod tokens;
mod walk;
mod word;

use super::limits;

/// Why a text is not read as fish code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// A quote, a bracket or the like is open at its end: what is typed next belongs to it.
    Open,
    /// fish says that it is wrong, and runs nothing of it.
    Rejected,
    /// It passes a limit, or nobody knows what fish makes of it.
    Unclear(&'static str),
}

/// How far a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// A block or a list is open at its end.
    Begun,
    /// fish would ask for the rest of a word.
    Open,
    /// fish would refuse it.
    Wrong,
    /// fish would run it.
    Whole,
}

/// How far fish would read the text; none if it is too much to tell.
pub(super) fn extent(text: &str, is_typed: bool) -> Option<Extent> {
    if text.ends_with('\\') && !(text.len() - text.trim_end_matches('\\').len()).is_multiple_of(2) {
        return Some(Extent::Open);
    }
    match read(text, is_typed, Ampersand::InWord) {
        Ok(program) if program.is_begun => Some(Extent::Begun),
        Ok(_) => Some(Extent::Whole),
        Err(Trouble::Rejected) => Some(Extent::Wrong),
        Err(Trouble::Open) => Some(Extent::Open),
        Err(Trouble::Unclear(_)) => None,
    }
}

/// Whether that is the reason why a text is not clear.
pub(super) fn is_group(why: &str) -> bool {
    why == grammar::GROUP
}

/// The command that a text is, if it is one of known words alone.
fn one_command(text: &str) -> Option<Vec<String>> {
    let program = read(text, true, Ampersand::InWord).ok()?;
    let [job] = program.jobs.as_slice() else { return None };
    let [grammar::Statement::Command(command)] = job.statements.as_slice() else { return None };
    if job.is_conditional || !command.assignments.is_empty() || !command.redirections.is_empty() {
        return None;
    }
    let mut known = Vec::new();
    for raw in &command.words {
        let words = word::read(raw, &super::Variables::new()).ok()?.words;
        let [word] = words.as_slice() else { return None };
        known.push(word.known()?.to_owned());
    }
    Some(known)
}

/// Whether fish may read the text otherwise than bash does: most lines are the same in both. A word of fish's grammar
/// (`begin`, `end`) makes a text that bash refuses, or that is held as bash reads it.
pub(super) fn may_differ(text: &str) -> bool {
    text.contains(['(', '\\', '{'])
}

/// Whether versions of fish may differ in what an `&` in the text is.
pub(super) fn versions_differ(text: &str) -> bool {
    tokens::splits_at_ampersands(text)
}

/// What an `&` between two characters of a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ampersand {
    /// Since fish 3.4: a character like others.
    InWord,
    /// Before: it ends the command.
    Separates,
}

/// Reads a text behind the limits.
fn read(text: &str, is_typed: bool, ampersand: Ampersand) -> Result<grammar::FishProgram, Trouble> {
    limits::check(text).map_err(Trouble::Unclear)?;
    let tokens = tokens::split(text, ampersand)?;
    if tokens.len() > limits::most_inner(is_typed) {
        return Err(Trouble::Unclear(limits::MANY));
    }
    grammar::parse(tokens)
}
