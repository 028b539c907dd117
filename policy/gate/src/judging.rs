//! What a line means to who reads it, as questions to the rules.

use config::rules::RuleEffect;
use policy::verdict::{CommandInput, Verdict};
use shell::{ParseContext, completeness::closed};

use super::Reader;
use crate::repl::{Meaning, Repl, Session};

/// Answers whether a line may go on: the rules as they are now, for one user on one target.
pub type Judge<'a> = &'a dyn Fn(CommandInput<'_>) -> Verdict;

pub(super) fn judge(text: &str, reader: Reader, judge: Judge<'_>) -> Verdict {
    match reader {
        Reader::Shell => shell(text, judge),
        Reader::Answer | Reader::Program => ahead(&[text.to_owned()], reader == Reader::Answer, judge),
        Reader::Data | Reader::Panes | Reader::Screen => input(text, judge),
        Reader::Repl(language) => repl(text, language, &Session::default(), judge),
    }
}

/// A line that a program may read as its input, and the shell as any of these `readings`, of which the first is the line
/// alone.
pub(super) fn ahead(readings: &[String], is_answer: bool, judge: Judge<'_>) -> Verdict {
    let line = readings.first().map(String::as_str).unwrap_or_default();
    let verdicts = readings.iter().map(|text| if is_answer { answer(text, judge) } else { shell(text, judge) });
    verdicts.fold(input(line, judge), stricter)
}

/// What a program reads that may give some of it to a shell, as editors and pagers do.
fn input(text: &str, judge: Judge<'_>) -> Verdict {
    let mut verdict = surely(shell(text, judge));
    for command in after_marks(text) {
        verdict = stricter(verdict, surely(shell(command, judge)));
    }
    verdict
}

/// An answer to a question, which a shell would read if the program that asked had ended: what a shell could not read
/// runs nothing, and the name of a file alone is one.
pub(super) fn answer(text: &str, judge: Judge<'_>) -> Verdict {
    let verdict = shell(text, judge);
    let by_class = judge(CommandInput::Line(UNKNOWN)).rule;
    let may_match = verdict.rule.is_some() && verdict.rule != by_class;
    if verdict.opaque && !may_match && !may_run_something(text) { allowed(verdict) } else { verdict }
}

/// Whether a shell could run something for a text that is not in the text.
pub(super) fn may_run_something(text: &str) -> bool {
    if text.len() > MAX_ANSWER_BYTES || text.contains(['$', '`', '\n']) || text.contains("<(") || text.ends_with('\\') {
        return true;
    }
    let parsed = shell::parse(text, &ParseContext::typed());
    let is_unreadable = parsed.opaque.iter().any(|opaque| opaque.why == shell::UNREADABLE);
    let is_answer = |opaque: &shell::Opaque| match opaque.command.and_then(|index| parsed.commands.get(index)) {
        // The name of a file, alone.
        Some(command) => parsed.commands.len() == 1 && command.argv.len() == 1 && command.redirects.is_empty(),
        None => is_unreadable,
    };
    !parsed.tampering.is_empty() || !parsed.opaque.iter().all(is_answer)
}

/// A statement of a language: a question about what it would run as, and what of it is for a shell.
pub(super) fn repl(text: &str, repl: Repl, session: &Session, judge: Judge<'_>) -> Verdict {
    let (program, option) = repl.runs();
    let argv = [program, option, text].map(str::to_owned);
    let statement = judge(CommandInput::Argv(&argv, None));
    let mut verdict = stricter(surely(statement.clone()), judge(CommandInput::Text(text)));
    for meaning in repl.means(text, session) {
        verdict = stricter(
            verdict,
            match meaning {
                Meaning::Shell(command) => shell(&command, judge),
                Meaning::Maybe(command) => surely(shell(&command, judge)),
                Meaning::Unknown => stricter(statement.clone(), judge(CommandInput::Line(UNKNOWN))),
            },
        );
    }
    if repl.is_shared() { stricter(verdict, shell(text, judge)) } else { verdict }
}

/// Whether a text is too long to be followed.
pub(super) fn is_too_long(text: &str) -> bool {
    text.len() > MAX_FOLLOWED
}

/// A line for a program that may be a shell or anything else, and `whole`: the line with those before it that belong
/// to it where a shell reads them. Of a line alone and of the texts in it only what a rule surely matches counts.
pub(super) fn anything(whole: &str, line: &str, judge: Judge<'_>) -> Verdict {
    let mut verdict = stricter(begun(whole, judge), judge(CommandInput::Text(line)));
    let alone = (whole != line).then(|| line.to_owned());
    let texts = alone.into_iter().chain(after_marks(line).map(str::to_owned)).chain(quoted(line));
    for text in texts {
        verdict = stricter(verdict, surely(begun(&text, judge)));
    }
    verdict
}

/// A text for a shell of which nothing is known. What is begun is judged as far as it goes.
pub(super) fn begun(text: &str, judge: Judge<'_>) -> Verdict {
    shell(closed(text).as_deref().unwrap_or(text), judge)
}

/// A line for a shell.
pub(super) fn shell(text: &str, judge: Judge<'_>) -> Verdict {
    judge(CommandInput::Line(text))
}

/// Only what a rule surely matches counts: who reads is no shell, so what is not understood is no code.
pub(super) fn surely(verdict: Verdict) -> Verdict {
    if verdict.opaque { allowed(verdict) } else { verdict }
}

pub(super) fn allowed(verdict: Verdict) -> Verdict {
    Verdict { effect: RuleEffect::Allow, rule: None, opaque: false, message: String::new(), approvers: None, ..verdict }
}

pub(super) fn stricter(one: Verdict, other: Verdict) -> Verdict {
    if other.effect > one.effect { other } else { one }
}

/// The same verdict without a word of what was typed.
pub(super) fn without_text(verdict: Verdict) -> Verdict {
    Verdict {
        // An approver could not see what it is about.
        effect: RuleEffect::Block,
        message: "it was typed without echo, so it is not shown".to_owned(),
        because: String::new(),
        commands: Vec::new(),
        ..verdict
    }
}

/// Whether the prompt asks for something that is typed without echo.
pub(super) fn asks_for_a_secret(prompt: &str) -> bool {
    let prompt = prompt.trim_end().to_lowercase();
    prompt.ends_with(':')
        || ["password", "passphrase", "passcode", "secret", "token", "pin"].iter().any(|word| prompt.contains(word))
}

/// Whether the prompt asks for a password or its like, and for nothing else.
pub(super) fn names_a_secret(prompt: &str) -> bool {
    let prompt = prompt.trim_end().to_lowercase();
    let words = ["password", "passphrase", "passcode", "pin", "secret", "token", "verification"];
    prompt.ends_with(':') && prompt.split(|c: char| !c.is_alphanumeric()).any(|word| words.contains(&word))
}

/// The texts after each `!`: what editors and pagers give to a shell.
pub(super) fn after_marks(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('!')
        .take(MAX_MARKS)
        .filter_map(|(at, _)| text.get(at + 1..))
        .filter(|command| !command.trim().is_empty())
}

/// The texts in quotes, each alone and with those that follow it: a command as one text, or as a list of words.
pub(super) fn quoted(text: &str) -> Vec<String> {
    let mut words: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'']).filter(|_| words.len() < MAX_QUOTED) {
        let quote = rest.get(at..at + 1).unwrap_or_default();
        let Some((word, tail)) = rest.get(at + 1..).and_then(|inside| inside.split_once(quote)) else { break };
        words.push(word);
        rest = tail;
    }
    let lists =
        (0..words.len()).filter_map(|from| words.get(from..)).filter(|list| list.len() > 1).map(|list| list.join(" "));
    let lists: Vec<String> = lists.collect();
    words.into_iter().map(str::to_owned).chain(lists).collect()
}

/// A line that stands for what cannot be known.
pub(super) const UNKNOWN: &str = "eval \"$code\"";

/// The longest line that is looked at for the program that it leaves in the foreground.
pub(super) const MAX_FOLLOWED: usize = 2 * 1024;

/// The longest answer to a question.
const MAX_ANSWER_BYTES: usize = 512;

/// As many texts in quotes as are looked at in one line.
const MAX_QUOTED: usize = 8;

/// As many `!` as are looked at in one line.
const MAX_MARKS: usize = 8;
