//! [`RuleCases`]: tests of rules as the operator wrote them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{Protocol, RuleEffect, SessionMode, UserSelector, user};
use crate::{
    error::{ConfigErrors, Location},
    name::{GroupName, Login, RuleName, TargetName},
    reader::{self, Field, Read},
    target, value,
};

/// One file of cases.
#[derive(Debug, Clone)]
pub struct RuleCases {
    /// The file, as it was named to us.
    pub file: String,
    /// The rule files that it names; none where the caller says which.
    pub rules: Vec<PathBuf>,
    /// The cases.
    pub cases: Vec<RuleCase>,
}

/// One case: who runs what where, and what should happen.
#[derive(Debug, Clone)]
pub struct RuleCase {
    /// Where it stands.
    pub at: Location,
    /// Who.
    pub user: UserSelector,
    /// Their groups.
    pub groups: Vec<GroupName>,
    /// On which target.
    pub target: TargetName,
    /// The target's labels.
    pub labels: BTreeMap<String, String>,
    /// As which account.
    pub login: Login,
    /// How the session is spoken.
    pub protocol: Protocol,
    /// The session's mode, where the case says which.
    pub mode: Option<SessionMode>,
    /// What.
    pub input: CaseInput,
    /// What happens.
    pub expect: RuleEffect,
    /// The rule that must decide, if that matters.
    pub rule: Option<RuleName>,
}

/// What is run in a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseInput {
    /// Arguments without a shell.
    Argv(Vec<String>),
    /// A command string.
    Command(String),
    /// A command string and its standard input.
    Script(String, String),
    /// A line typed at a prompt.
    Typed(String),
}

impl RuleCases {
    /// Reads the text of a file of cases; the paths in it start at `base_dir`.
    pub fn parse(text: &str, base_dir: &Path, file: &str) -> Result<Self, ConfigErrors> {
        reader::document(text, base_dir, file, |document| {
            document.table("a mapping with the key cases", |table| {
                let rules = table
                    .present("rules", |rules| rules.list("a list of rule files such as [rules.yaml]", value::path));
                let cases = table.required("cases", |cases| {
                    cases.list(
                        "a list such as [{ user: alice, target: web1, command: ls, expect: allow }]",
                        RuleCase::read,
                    )
                });
                let rules = rules.transpose()?.unwrap_or_default();
                Ok(Self { file: document.file().to_owned(), rules, cases: cases? })
            })
        })
    }
}

impl RuleCase {
    fn read(field: &Field<'_>) -> Read<Self> {
        field.table("a case such as { user: alice, target: web1, command: ls, expect: allow }", |case| {
            let user = case.required("user", user::read);
            let groups =
                case.present("groups", |groups| groups.list("a list of groups", |group| group.name("a group name")));
            let target = case.required("target", |target| target.name("a target name"));
            let labels = case.present("labels", target::labels).transpose();
            let login = case.present("login", |login| login.name("a login")).transpose();
            let protocol = case.present("protocol", |protocol| protocol.choice(&Protocol::WORDS)).transpose();
            let mode = case.present("mode", |mode| mode.choice(&SessionMode::WORDS)).transpose();
            let text = |key| case.present(key, |text| Ok(text.text("a text")?.to_owned())).transpose();
            let (command, typed, stdin) = (text("command"), text("typed"), text("stdin"));
            let argv = case
                .present("argv", |argv| argv.list("a list of arguments", |word| Ok(word.text("a text")?.to_owned())));
            let effects =
                [("block", RuleEffect::Block), ("approve", RuleEffect::Approve), ("allow", RuleEffect::Allow)];
            let expect = case.required("expect", |expect| expect.choice(&effects));
            let rule = case.present("rule", |rule| rule.name("a rule name")).transpose();
            let input = match (command?, argv.transpose()?, typed?, stdin?) {
                (Some(command), None, None, None) => CaseInput::Command(command),
                (Some(command), None, None, Some(stdin)) => CaseInput::Script(command, stdin),
                (None, Some(argv), None, None) => CaseInput::Argv(argv),
                (None, None, Some(typed), None) => CaseInput::Typed(typed),
                _ => return Err(field.refused("expected one of command (with stdin or without), argv or typed")),
            };
            let target: TargetName = target?;
            let login: Option<Login> = login?;
            Ok(Self {
                at: field.at(),
                user: user?,
                groups: groups.transpose()?.unwrap_or_default(),
                login: match login {
                    Some(login) => login,
                    None => "root".parse().map_err(|_| field.refused("missing; expected a login"))?,
                },
                target,
                labels: labels?.unwrap_or_default(),
                protocol: protocol?.unwrap_or(Protocol::Ssh),
                mode: mode?,
                input,
                expect: expect?,
                rule: rule?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_runs_one_thing() {
        let parse =
            |text: &str| RuleCases::parse(text, Path::new("/x"), "cases.yaml").map_err(|errors| errors.to_string());
        let cases =
            parse("rules: [rules.yaml]\ncases:\n  - { user: a, target: t, command: ls, expect: allow, rule: x }\n")
                .unwrap();
        assert_eq!(cases.rules, [Path::new("/x/rules.yaml")]);
        assert_eq!(
            cases.cases.first().map(|case| (case.at.line, case.input.clone())),
            Some((3, CaseInput::Command("ls".to_owned())))
        );
        let errors = parse("cases:\n  - { user: a, target: t, command: ls, argv: [ls], expect: deny }\n").unwrap_err();
        assert!(errors.contains("expected block or approve or allow"), "{errors}");
        let errors = parse("cases:\n  - { user: a, target: t, expect: allow }\n").unwrap_err();
        assert!(errors.contains("cases.yaml:2:5: cases[0]: expected one of command"), "{errors}");
    }
}
