//! `bastion rules`: which rule decides what, and tests of rules. Needs files only, no server.

use std::{collections::BTreeMap, path::Path, path::PathBuf, time::SystemTime};

use clap::{Args, Subcommand};
use client::{exit::CommandError, output, shown::visible};
use config::{
    Config, Credential, GroupName, HostPort, HostTrust, Login, RuleDoc, Target, TargetName, UserName,
    rules::{CaseInput, Protocol, RuleCase, RuleCases, RuleEffect, SessionMode, UserSelector},
};
use policy::{CommandInput, Explained, Input, Judging, Resource, RuleSet, Subject, Verdict};

/// The commands under `bastion rules`.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// Run tests of rules: files with `rules: [FILE]` and `cases: [{ user, groups, target, command, expect }]`.
    Test(TestOptions),
    /// Show which rules match a command, and which one decides.
    Explain(ExplainOptions),
}

/// Arguments of `bastion rules test`.
#[derive(Debug, Args)]
pub struct TestOptions {
    /// Files of cases.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Rule files to test, instead of those that the cases name.
    #[arg(long, value_name = "FILE")]
    pub rules: Vec<PathBuf>,
    /// The mode of the sessions, where a case does not say `mode`: observe, guard, strict or exec-only.
    #[arg(long, default_value = "guard", value_name = "MODE", value_parser = mode)]
    pub mode: SessionMode,
}

/// Arguments of `bastion rules explain`.
#[derive(Debug, Args)]
pub struct ExplainOptions {
    /// Who would run it, as in `users` of a role: a name, an e-mail address, or '#SUBJECT'.
    #[arg(long, value_name = "USER")]
    pub user: UserSelector,
    /// Their groups.
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    pub groups: Vec<String>,
    /// On which target.
    #[arg(long, value_name = "TARGET")]
    pub target: String,
    /// As which account.
    #[arg(long, default_value = "root", value_name = "LOGIN")]
    pub login: String,
    /// The configuration file that names the rules and the target's labels.
    #[arg(long, value_name = "FILE", required_unless_present = "rules")]
    pub config: Option<PathBuf>,
    /// Rule files, instead of a configuration.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub rules: Vec<PathBuf>,
    /// The mode of the session: observe, guard, strict or exec-only.
    #[arg(long, default_value = "guard", value_name = "MODE", value_parser = mode)]
    pub mode: SessionMode,
    /// The arguments are executed without a shell, as by `kubectl exec`.
    #[arg(long)]
    pub argv: bool,
    /// The command is typed at a prompt.
    #[arg(long, conflicts_with = "argv")]
    pub typed: bool,
    /// The command; several words are joined by blanks, as ssh does.
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<String>,
}

/// Runs one of the commands.
///
/// # Errors
///
/// When a file cannot be used, or a case fails.
pub fn run(command: &RulesCommand) -> Result<(), CommandError> {
    match command {
        RulesCommand::Explain(options) => explain(options),
        RulesCommand::Test(options) => test(options),
    }
}

fn test(options: &TestOptions) -> Result<(), CommandError> {
    let (mut failures, mut count) = (String::new(), 0);
    let mut failed = 0;
    for path in &options.files {
        let base_dir = path.parent().unwrap_or(Path::new(""));
        let file = RuleCases::parse(&read(path)?, base_dir, &path.display().to_string()).map_err(refused)?;
        let sources = if options.rules.is_empty() { &file.rules } else { &options.rules };
        if sources.is_empty() {
            let file = &file.file;
            return Err(CommandError::Usage(format!("{file} names no rules; add rules: [FILE], or give --rules FILE")));
        }
        let rules = compile(&documents(sources)?)?;
        count += file.cases.len();
        for case in &file.cases {
            if let Some(failure) = failure(&rules, case, options.mode)? {
                failed += 1;
                failures.push_str(&visible(&format!("{}:{}: {failure}", file.file, case.at)));
                failures.push('\n');
            }
        }
    }
    output::print(&failures)?;
    if failed > 0 {
        return Err(CommandError::Refused(format!("{failed} of {count} cases failed")));
    }
    output::print(&format!("{count} cases passed\n"))
}

/// How a case fails; nothing if it passes.
fn failure(rules: &RuleSet, case: &RuleCase, mode: SessionMode) -> Result<Option<String>, CommandError> {
    let who = subject(&case.user, &case.groups)?;
    let target = bare_target(case.target.clone(), case.labels.clone())?;
    let input = match &case.input {
        CaseInput::Argv(words) => CommandInput::Argv(words, None),
        CaseInput::Command(text) | CaseInput::Typed(text) => CommandInput::Line(text),
        CaseInput::Script(text, stdin) => CommandInput::Script(text, stdin),
    };
    let mut judging = Judging::of(case.mode.unwrap_or(mode), case.protocol, now());
    judging.place.interactive = matches!(case.input, CaseInput::Typed(_));
    let verdict = rules.judge(&who, Resource::Host { target: &target, login: &case.login }, input, &judging);
    let shown = match &case.input {
        CaseInput::Argv(words) => format!("{words:?}"),
        CaseInput::Command(text) | CaseInput::Script(text, _) | CaseInput::Typed(text) => format!("{text:?}"),
    };
    if verdict.effect != case.expect {
        let (expected, got) = (word(case.expect), word(verdict.effect));
        return Ok(Some(format!("{shown}: expected {expected}, got {got}{}", reason(&verdict))));
    }
    if case.rule.is_some() && case.rule != verdict.rule {
        let name = |rule: &Option<config::RuleName>| {
            rule.as_ref().map_or("no rule".to_owned(), |rule| format!("the rule {rule}"))
        };
        return Ok(Some(format!("{shown}: expected {}, but {} decides", name(&case.rule), name(&verdict.rule))));
    }
    Ok(None)
}

fn reason(verdict: &Verdict) -> String {
    match (&verdict.rule, verdict.because.is_empty()) {
        (_, true) => String::new(),
        (Some(rule), false) => format!(" by rule {rule} ({})", verdict.because),
        (None, false) => format!(" ({})", verdict.because),
    }
}

fn explain(options: &ExplainOptions) -> Result<(), CommandError> {
    let usage = |error: config::NameError| CommandError::Usage(error.to_string());
    let groups =
        options.groups.iter().map(|group| group.parse()).collect::<Result<Vec<GroupName>, _>>().map_err(usage)?;
    let login: Login = options.login.parse().map_err(usage)?;
    let name: TargetName = options.target.parse().map_err(usage)?;
    let (rules, target) = match &options.config {
        Some(path) => {
            let config = Config::load(path).map_err(refused)?;
            let target = config.targets.iter().find(|target| target.name == name).cloned();
            let target =
                target.ok_or_else(|| CommandError::Refused(format!("{} has no target {name}", path.display())))?;
            (compile(&config.rules)?, target)
        }
        None => (compile(&documents(&options.rules)?)?, bare_target(name, BTreeMap::new())?),
    };
    let text = options.command.join(" ");
    let input = if options.argv { CommandInput::Argv(&options.command, None) } else { CommandInput::Line(&text) };
    let protocol = if options.argv { Protocol::Kubernetes } else { Protocol::Ssh };
    let mut judging = Judging::of(options.mode, protocol, now());
    judging.place.interactive = options.typed;
    let (verdict, matched) = rules.explain(
        &subject(&options.user, &groups)?,
        Resource::Host { target: &target, login: &login },
        input,
        &judging,
    );
    output::print(&explanation(&verdict, &matched))
}

/// What `rules explain` prints.
fn explanation(verdict: &Verdict, matched: &[Explained]) -> String {
    let mut text = format!("{}\n", word(verdict.effect));
    if !verdict.message.is_empty() {
        text.push_str(&format!("message: {}\n", visible(&verdict.message)));
    }
    if !verdict.commands.is_empty() {
        text.push_str("commands:\n");
        text.extend(verdict.commands.iter().map(|command| format!("  {}\n", visible(command))));
    }
    if !matched.is_empty() {
        text.push_str("matched:\n");
    }
    for one in matched {
        let name = one.rule.as_ref().map_or("(built in)", |rule| rule.as_str());
        let decides = if one.decides { " — decides" } else { "" };
        text.push_str(&format!("  {} {name}: {}{decides}\n", word(one.effect), visible(&one.because)));
    }
    if verdict.stdin_is_code {
        text.push_str("standard input is read as commands: it is judged before it is sent\n");
    }
    match &verdict.input {
        Input::Commands | Input::Data => {}
        Input::Judged { program } => {
            text.push_str(&format!("standard input is judged line by line: {} may run it\n", visible(program)));
        }
        Input::Refused { reason } => text.push_str(&format!("standard input must be empty: {}\n", visible(reason))),
    }
    text
}

/// The mode of that word, for the command line.
fn mode(word: &str) -> Result<SessionMode, String> {
    let known = SessionMode::WORDS.into_iter().find(|(known, _)| *known == word);
    known.map(|(_, mode)| mode).ok_or_else(|| "expected observe, guard, strict or exec-only".to_owned())
}

fn word(effect: RuleEffect) -> &'static str {
    match effect {
        RuleEffect::Allow => "allow",
        RuleEffect::Approve => "approve",
        RuleEffect::Block => "block",
    }
}

/// Somebody of whom nothing is known but this.
fn subject(user: &UserSelector, groups: &[GroupName]) -> Result<Subject, CommandError> {
    // No account has this name.
    let nameless = || "+".parse::<UserName>().map_err(|error| CommandError::Usage(error.to_string()));
    let (issuer, id, name, email) = match user {
        UserSelector::Email(email) => (String::new(), String::new(), None, Some(email.clone())),
        UserSelector::Name(name) => (String::new(), String::new(), Some(name.clone()), None),
        UserSelector::Subject { issuer, id } => (issuer.clone().unwrap_or_default(), id.clone(), None, None),
    };
    let name = name.map_or_else(nameless, Ok)?;
    Ok(Subject { issuer, id, name, email, groups: groups.iter().cloned().collect() })
}

/// A target of which only the name and labels matter.
fn bare_target(name: TargetName, labels: BTreeMap<String, String>) -> Result<Target, CommandError> {
    let address: HostPort = "localhost:22".parse().map_err(|_| CommandError::Usage("no address".to_owned()))?;
    let trust = HostTrust { keys: Vec::new(), ca: None };
    Ok(Target { name, address, labels, trust, credential: Credential::Certificate })
}

fn documents(paths: &[PathBuf]) -> Result<Vec<RuleDoc>, CommandError> {
    paths.iter().map(|path| RuleDoc::parse(&read(path)?, &path.display().to_string()).map_err(refused)).collect()
}

fn compile(documents: &[RuleDoc]) -> Result<RuleSet, CommandError> {
    RuleSet::compile(documents)
        .map_err(|errors| CommandError::Refused(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

fn read(path: &Path) -> Result<String, CommandError> {
    std::fs::read_to_string(path)
        .map_err(|error| CommandError::Refused(format!("cannot read {}: {error}", path.display())))
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn refused(errors: config::ConfigErrors) -> CommandError {
    CommandError::Refused(errors.to_string())
}

fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "\
roles:
  all: { groups: [x], allow: [{ targets: { names: ['*'] }, logins: ['*'], capabilities: [exec] }] }
  some: { users: ['#4711', a@example.com], allow: [{ targets: { names: ['*'] }, logins: ['*'], capabilities: [exec] }] }
rules:
  - { name: rm-rf, effect: block, match: { command: { program: [rm], flags: { all: [[r, R, recursive], [f, force]] } } } }
  - { name: reboot, effect: block, roles: [some], match: { command: { program: [reboot] } } }
  - { name: restart, effect: approve, match: { command: { program: [systemctl], subcommand: [restart] } } }
";

    fn run_cases(cases: &str) -> Result<(), CommandError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rules.yaml"), RULES).unwrap();
        let file = folder.path().join("cases.yaml");
        std::fs::write(&file, format!("rules: [rules.yaml]\ncases:\n{cases}")).unwrap();
        test(&TestOptions { files: vec![file], rules: Vec::new(), mode: SessionMode::Guard })
    }

    #[test]
    fn a_case_that_fails_fails_the_run() {
        let passes = "  - { user: a, groups: [x], target: t, command: 'sudo rm -fr /x', expect: block, rule: rm-rf }
  - { user: a, target: t, typed: 'systemctl restart x', expect: approve, rule: restart }
  - { user: a, target: t, argv: [sh, -c, 'rm -rf /'], protocol: kubernetes, expect: block }
  - { user: a, target: t, command: bash -s, stdin: 'rm -rf /', expect: block }
  - { user: a, target: t, command: ls, expect: allow }
  - { user: a, target: t, command: ls, mode: strict, expect: block }
  - { user: a, target: t, command: '$CMD', expect: approve }
  - { user: a, target: t, command: '$CMD', mode: observe, expect: approve }
  - { user: a, target: t, command: '$CMD', mode: exec-only, expect: block }
  - { user: '#4711', target: t, command: reboot, expect: block, rule: reboot }
  - { user: 'https://id.example.com#4711', target: t, command: reboot, expect: block }
  - { user: a@example.com, target: t, command: reboot, expect: block }
  - { user: '4711', target: t, command: reboot, expect: allow }
";
        run_cases(passes).unwrap();
        let error = run_cases("  - { user: a, target: t, command: ls, expect: block }\n").unwrap_err();
        assert_eq!((error.to_string().as_str(), error.code()), ("1 of 1 cases failed", 1));
        assert!(run_cases("  - { user: a, target: t, command: rm -rf x, expect: block, rule: restart }\n").is_err());
    }

    #[test]
    fn an_explanation_names_what_decides() {
        let rules = compile(&[RuleDoc::parse(RULES, "rules.yaml").unwrap()]).unwrap();
        let target = bare_target("t".parse().unwrap(), BTreeMap::new()).unwrap();
        let who = subject(&"a".parse().unwrap(), &[]).unwrap();
        let login = "root".parse().unwrap();
        let resource = Resource::Host { target: &target, login: &login };
        let (verdict, matched) = rules.explain(
            &who,
            resource,
            CommandInput::Line("systemctl restart x; sudo rm -rf /y"),
            &Judging::guard(SystemTime::UNIX_EPOCH),
        );
        let text = explanation(&verdict, &matched);
        assert!(text.starts_with("block\n"), "{text}");
        assert!(text.contains("  block rm-rf: rm -rf /y — decides\n"), "{text}");
        assert!(text.contains("  approve restart: systemctl restart x\n"), "{text}");
    }
}
