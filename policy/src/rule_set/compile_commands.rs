//! Rules on commands, from documents to [`Rule`]s; and which of them can never fire.

use std::collections::BTreeMap;

use config::{
    Located, Location, RuleDoc, RuleName, rules,
    rules::{CommandRule, RuleEffect},
    suggestion,
};
use regex::{Regex, RegexBuilder};

use super::{
    compile::targets,
    requests::{self, RequestMatcher},
};
use crate::{
    error::{CompileError, CompileReason, Named},
    rule::{CommandMatcher, Matcher, Members, Rule, Scope, flags::Flags, pattern::Pattern},
};

/// Compiles the rules of all documents; `report` gets everything that is wrong.
pub(super) fn rules(documents: &[RuleDoc], report: &mut Vec<CompileError>) -> (Vec<Rule>, Vec<Rule<RequestMatcher>>) {
    let (mut commands, mut requests) = (Vec::new(), Vec::new());
    let mut places: BTreeMap<RuleName, String> = BTreeMap::new();
    for document in documents {
        for written in &document.rules {
            let mut errors = Vec::new();
            if let Some(first) = places.get(&written.name.value) {
                errors.push((written.name.at, CompileReason::DuplicateRule { first: first.clone() }));
            } else {
                places.insert(written.name.value.clone(), format!("{}:{}", document.file, written.name.at));
            }
            let mut note = |at, reason| errors.push((at, reason));
            let scope = scope(written, documents, &mut note);
            match &written.matches.request {
                Some(request) => {
                    requests.push(Rule::new(written, scope, requests::matcher(written, request, &mut note)));
                }
                None => {
                    commands.extend(matcher(written, &mut note).map(|matcher| Rule::new(written, scope, matcher)));
                }
            }
            report.extend(errors.into_iter().map(|(at, reason)| CompileError {
                file: document.file.clone(),
                at,
                of: Named::Rule(written.name.value.clone()),
                reason,
            }));
        }
    }
    (commands, requests)
}

type ErrorSink<'r> = &'r mut dyn FnMut(Location, CompileReason);

/// For whom, where and when the rule applies.
fn scope(written: &CommandRule, documents: &[RuleDoc], report: ErrorSink<'_>) -> Scope {
    if written.approvers.is_some() && written.effect != RuleEffect::Approve {
        report(written.name.at, CompileReason::NeverFires("approvers are for rules with effect: approve".to_owned()));
    }
    let roles = roles(written, documents, report);
    let targets = written.targets.as_ref().map(|written| targets(written, &mut *report));
    Scope { roles, targets, logins: written.logins.clone(), protocol: written.protocol, during: written.during.clone() }
}

fn roles(written: &CommandRule, documents: &[RuleDoc], report: ErrorSink<'_>) -> Option<Vec<Members>> {
    if written.roles.is_empty() {
        return None;
    }
    let all = || documents.iter().flat_map(|document| &document.roles);
    let mut members = Vec::new();
    for name in &written.roles {
        match all().find(|role| role.name.value == name.value) {
            Some(role) => members.push(Members { users: role.users.clone(), groups: role.groups.clone() }),
            None => {
                let hint = match suggestion::nearest(name.value.as_str(), all().map(|role| role.name.value.as_str())) {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => "it is defined nowhere".to_owned(),
                };
                report(name.at, CompileReason::UnknownRole { role: name.value.clone(), hint });
            }
        }
    }
    Some(members)
}

fn matcher(written: &CommandRule, report: ErrorSink<'_>) -> Option<Matcher> {
    let matches = &written.matches;
    let (has_command, has_text) = (matches.command.is_some(), matches.text.is_some());
    if matches.class.is_some() && (has_command || has_text) {
        report(
            matches.at,
            CompileReason::NeverFires("class stands alone: it cannot be combined with command or text".to_owned()),
        );
        return None;
    }
    if !has_command && !has_text && matches.class.is_none() {
        report(matches.at, CompileReason::NeverFires("matches nothing; give command, text or class".to_owned()));
        return None;
    }
    let text = matches.text.as_ref().map(|text| regex(text, report));
    let command = matches.command.as_ref().map(|command| self::command(command, has_text, report));
    Some(Matcher { command, text: text.flatten(), class: matches.class })
}

fn regex(written: &Located<String>, report: ErrorSink<'_>) -> Option<Regex> {
    if written.value.trim().is_empty() {
        report(written.at, CompileReason::NeverFires("the regular expression is empty".to_owned()));
        return None;
    }
    // Time is linear in the text; these bound memory.
    let compiled = RegexBuilder::new(&written.value).size_limit(1 << 20).dfa_size_limit(1 << 20).build();
    match compiled {
        Ok(regex) => Some(regex),
        Err(error) => {
            let reason = error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            report(written.at, CompileReason::BadRegex { reason });
            None
        }
    }
}

fn command(written: &rules::CommandMatch, has_text: bool, report: ErrorSink<'_>) -> CommandMatcher {
    let flags = &written.flags;
    let has_flags = !(flags.all.is_empty() && flags.any.is_empty());
    let has_files = !(written.paths.is_empty() && written.reads.is_empty() && written.writes.is_empty());
    if written.program.is_empty()
        && written.subcommand.is_empty()
        && written.args.is_empty()
        && !has_flags
        && !has_files
        && !has_text
    {
        report(
            written.at,
            CompileReason::NeverFires("says nothing about the command; name a program (any: [\"*\"])".to_owned()),
        );
    }
    for program in &written.program {
        if program.value.is_empty() || program.value.contains(['/', ' ', '\t']) {
            let why = format!(
                "the program {:?} matches nothing: it is compared with the base name, such as rm",
                program.value
            );
            report(program.at, CompileReason::NeverFires(why));
        }
    }
    for path in written.paths.iter().chain(&written.reads).chain(&written.writes) {
        if !(path.value.starts_with('/') || path.value.starts_with("**/") || path.value == "**") {
            let why =
                format!("the path {:?} matches nothing: paths are absolute, such as /etc/** or **/.env", path.value);
            report(path.at, CompileReason::NeverFires(why));
        } else if shell::path::normal(&path.value)
            .is_some_and(|normal| normal != path.value.trim_end_matches('/') && path.value != "/")
        {
            let why = format!("the path {:?} matches nothing: it has \".\", \"..\" or \"//\" in it", path.value);
            report(path.at, CompileReason::NeverFires(why));
        }
    }
    contradictions(written, report);
    let names = |lists: &[Vec<Located<String>>]| -> Vec<Vec<String>> {
        lists
            .iter()
            .map(|names| names.iter().map(|name| name.value.trim_start_matches('-').to_owned()).collect())
            .collect()
    };
    let words = |list: &[Located<String>]| list.iter().map(|glob| Pattern::word(&glob.value)).collect::<Vec<_>>();
    let paths = |list: &[Located<String>]| list.iter().map(|glob| Pattern::path(&glob.value)).collect::<Vec<_>>();
    CommandMatcher {
        program: words(&written.program),
        subcommand: words(&written.subcommand),
        flags: Flags {
            all: names(&flags.all),
            any: names(&flags.any),
            none: names(&flags.none),
            takes_value: flags.takes_value.iter().map(|name| name.value.trim_start_matches('-').to_owned()).collect(),
        },
        args: written.args.iter().map(|globs| words(globs)).collect(),
        paths: paths(&written.paths),
        reads: paths(&written.reads),
        writes: paths(&written.writes),
    }
}

/// An option cannot be there and not there; an item without names never is.
fn contradictions(written: &rules::CommandMatch, report: ErrorSink<'_>) {
    let flags = &written.flags;
    let empty = flags.all.iter().chain(&flags.any).chain(&written.args).any(Vec::is_empty);
    if empty {
        report(written.at, CompileReason::NeverFires("an empty list matches nothing".to_owned()));
    }
    for wanted in &flags.all {
        let excluded = |name: &Located<String>| flags.none.iter().flatten().any(|none| none.value == name.value);
        if let Some(first) = wanted.first().filter(|_| wanted.iter().all(excluded)) {
            report(
                first.at,
                CompileReason::NeverFires(format!("the option {:?} is both required and excluded", first.value)),
            );
        }
    }
}
