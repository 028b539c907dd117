//! What a line means to who reads it, as questions to the rules.

use config::rules::RuleEffect;
use policy::verdict::{CommandInput, Verdict};
use shell::completeness::closed;

use super::Reader;

/// Answers whether a line may go on: the rules as they are now, for one user on one target.
pub type Judge<'a> = &'a dyn Fn(CommandInput<'_>) -> Verdict;

pub(super) fn judge(text: &str, reader: Reader, judge: Judge<'_>) -> Verdict {
    match reader {
        Reader::Shell => shell(text, judge),
        Reader::Program | Reader::Panes | Reader::Screen => {
            let mut verdict = surely(shell(text, judge));
            for command in after_marks(text) {
                verdict = stricter(verdict, surely(shell(command, judge)));
            }
            verdict
        }
        Reader::Repl(repl) => {
            let argv = [repl.runs.0, repl.runs.1, text].map(str::to_owned);
            let mut verdict = judge(CommandInput::Argv(&argv, None));
            if !RUNS_COMMANDS.iter().any(|word| text.contains(word)) {
                verdict = surely(verdict);
            }
            verdict = stricter(verdict, judge(CommandInput::Text(text)));
            for command in quoted(text) {
                verdict = stricter(verdict, surely(shell(&command, judge)));
            }
            if let Some(command) = shell_escape(text) {
                verdict = stricter(verdict, shell(command, judge));
            }
            verdict
        }
    }
}

/// A line for a program that may be a shell or anything else, and `whole`: the line with those before it that belong
/// to it where a shell reads them. Of a line alone and of the texts in it only what a rule surely matches counts.
pub(super) fn anything(whole: &str, line: &str, judge: Judge<'_>) -> Verdict {
    let mut verdict = stricter(shell(whole, judge), judge(CommandInput::Text(line)));
    let alone = (whole != line).then(|| line.to_owned());
    let texts = alone.into_iter().chain(after_marks(line).map(str::to_owned)).chain(quoted(line));
    for text in texts {
        verdict = stricter(verdict, surely(shell(&text, judge)));
    }
    verdict
}

/// A line for a shell. What is begun is judged as far as it goes.
pub(super) fn shell(text: &str, judge: Judge<'_>) -> Verdict {
    let closed = closed(text);
    judge(CommandInput::Line(closed.as_deref().unwrap_or(text)))
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

/// A line of a REPL that runs a shell command.
fn shell_escape(text: &str) -> Option<&str> {
    let text = text.trim_start();
    ["\\! ", "\\!", "!", ".shell ", ".system ", "system ", "\\o |", "\\g |", "\\copy"]
        .iter()
        .find_map(|escape| text.strip_prefix(escape))
        .filter(|command| !command.trim().is_empty())
}

/// What in a line of a language means that it may run commands of the shell.
const RUNS_COMMANDS: [&str; 9] =
    ["system", "popen", "subprocess", "exec", "spawn", "eval", "child_process", "compile", "importlib"];

/// As many texts in quotes as are looked at in one line.
const MAX_QUOTED: usize = 8;

/// As many `!` as are looked at in one line.
const MAX_MARKS: usize = 8;
