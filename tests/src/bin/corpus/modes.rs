//! The modes of the gate that cases are judged in: the rules of each, and which cases there are in it.
//!
//! Guard has all of them. The other two let through only what is known to be harmless, so what counts there is whether
//! something dangerous ran; what is harmless and typed is left out. Where there is no terminal (`exec-only`), what is typed
//! as plain text is asked for as a robot would: as a script on a shell's standard input, and a single line as a command.

use std::fs;

use anyhow::{Context, Result, ensure};
use config::rules::SessionMode;
// Beside the module of that name.
use ::tests::peers;

use crate::case::{Case, Mode, Request, Step};

/// The modes in which everything runs; the table of guard and its closing line are the last.
pub(crate) const ALL: [SessionMode; 3] = [SessionMode::ExecOnly, SessionMode::Strict, SessionMode::Guard];

/// The mode of that name.
///
/// # Errors
/// Fails when cases are not judged in it.
pub(crate) fn named(name: &str) -> Result<SessionMode> {
    ALL.into_iter().find(|mode| mode.as_str() == name).context("--mode guard|strict|exec-only")
}

/// The rules that the corpus assumes, with every entry in this mode.
///
/// # Errors
/// Fails when they cannot be read.
pub(crate) fn rules(mode: SessionMode) -> Result<String> {
    let corpus = peers::tests_folder().join("corpus");
    let mut text = fs::read_to_string(corpus.join("rules.yaml"))?;
    let entries = text.matches(CAPABILITIES).count();
    ensure!(entries > 0, "rules.yaml has no entry with capabilities");
    text = text.replace(CAPABILITIES, &format!("mode: {mode}, {CAPABILITIES}"));
    if mode == SessionMode::Strict {
        text += &fs::read_to_string(corpus.join("strict.yaml"))?;
    }
    Ok(text)
}

/// The cases that there are in this mode.
pub(crate) fn cases(mode: SessionMode, all: &[Case]) -> Vec<Case> {
    match mode {
        SessionMode::ExecOnly => all.iter().flat_map(as_requests).collect(),
        SessionMode::Strict => all.iter().filter(|case| !case.harmless()).cloned().collect(),
        SessionMode::Guard | SessionMode::Observe => all.to_vec(),
    }
}

/// What a robot can do of a case.
fn as_requests(case: &Case) -> Vec<Case> {
    if case.mode != Mode::Typed {
        return vec![case.clone()];
    }
    let is_asked_for = !case.harmless() && case.rule != TYPED_ONLY;
    let Some(text) = plain_text(case).filter(|_| is_asked_for) else { return Vec::new() };
    let request = |way: &str, mode, command: &str, stdin| Case {
        id: format!("{}-{way}", case.id),
        mode,
        keystrokes: Vec::new(),
        command: Some(Request::Text(command.to_owned())),
        stdin,
        ..case.clone()
    };
    // The stand-ins for BusyBox's own rm are functions, which a second shell does not have.
    let shell = if case.shell == "ash" { "dash" } else { &case.shell };
    let script = request("script", Mode::Stdin, shell, Some(format!("{text}\n")));
    let mut requests = vec![Case { shell: shell.to_owned(), ..script }];
    if !text.contains('\n') {
        requests.push(request("line", Mode::Exec, &text, None));
    }
    requests
}

/// What is typed, if that is lines of text and no other key.
fn plain_text(case: &Case) -> Option<String> {
    let mut text = String::new();
    for step in &case.keystrokes {
        if let Step::Keys(keys) = step {
            text += keys;
        }
    }
    let text = text.replace('\r', "\n").trim_end_matches('\n').to_owned();
    let is_plain = |c: char| c == '\n' || !c.is_control();
    (!text.is_empty() && text.chars().all(is_plain)).then_some(text)
}

/// The rule on what changes the line editor, which a request does not have.
const TYPED_ONLY: &str = "gate_tamper";

/// Before the capabilities of an entry stands its mode.
const CAPABILITIES: &str = "capabilities:";

#[cfg(test)]
mod tests {
    use super::{Case, Mode, Request, SessionMode, cases, rules};

    fn case(id: &str, mode: &str, more: &str) -> Case {
        let text = format!(r#"{{"id": "{id}", "mode": "{mode}", "shell": "ash", {more}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn what_is_typed_as_text_is_asked_for_where_there_is_no_terminal() {
        let all = [
            case("line", "typed", r#""keystrokes": ["rm -rf x", "\r"], "expected": "block""#),
            case("lines", "typed", r#""keystrokes": ["cd x\r", {"wait_s": 1}, "rm -rf x\r"], "expected": "block""#),
            case("keys", "typed", r#""keystrokes": ["rm -rf x\u0001echo \r"], "expected": "block""#),
            case("tamper", "typed", r#""keystrokes": ["set -o vi\r"], "rule": "gate_tamper", "expected": "approve""#),
            case("harmless", "typed", r#""keystrokes": ["ls\r"], "expected": "allow""#),
            case("exec", "exec", r#""command": "ls", "expected": "allow""#),
        ];
        let here = cases(SessionMode::ExecOnly, &all);
        let ids: Vec<&str> = here.iter().map(|case| case.id.as_str()).collect();
        assert_eq!(ids, ["line-script", "line-line", "lines-script", "exec"]);
        let [script, line, lines, _] = &here[..] else { unreachable!() };
        assert_eq!(
            (script.mode, script.shell.as_str(), script.stdin.as_deref()),
            (Mode::Stdin, "dash", Some("rm -rf x\n"))
        );
        assert!(matches!(&line.command, Some(Request::Text(text)) if text == "rm -rf x"));
        assert_eq!((line.mode, line.shell.as_str()), (Mode::Exec, "ash"));
        assert_eq!(lines.stdin.as_deref(), Some("cd x\nrm -rf x\n"));
        assert_eq!(cases(SessionMode::Strict, &all).len(), 4);
        assert_eq!(cases(SessionMode::Guard, &all).len(), 6);
    }

    #[test]
    fn each_entry_of_the_rules_is_in_the_mode() {
        let (guard, strict) = (rules(SessionMode::Guard).unwrap(), rules(SessionMode::Strict).unwrap());
        assert_eq!(guard.matches("mode: guard,").count(), 2);
        assert_eq!(strict.matches("mode: strict,").count(), 2);
        assert!(strict.contains("effect: allow") && !guard.contains("effect: allow"));
    }
}
