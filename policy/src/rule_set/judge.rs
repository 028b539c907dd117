//! Judges commands: each rule that applies looks at each command, and the strictest effect wins.
//!
//! Block beats approve beats allow. A rule that only may match, because a value is not known, makes
//! the command opaque; and an allow rule that surely matches a command answers for the program that
//! is not known in it (a script by its path), but for nothing else.

use config::{
    RuleName,
    rules::{Approvers, RuleClass, RuleEffect},
};
use shell::{Command, Live, LiveReader, Opaque, OpaqueKind, ParseContext, Parsed, Shell};

use super::RuleSet;
use crate::{
    access::{Resource, Subject},
    rule::{CommandMatcher, Match, Rule, only_discards},
    verdict::{CommandInput, Explained, Input, Judging, Verdict},
};

impl RuleSet {
    /// Judges `input`, which `who` wants to run on `what`.
    pub fn judge(&self, who: &Subject, what: Resource<'_>, input: CommandInput<'_>, judging: &Judging) -> Verdict {
        self.explain(who, what, input, judging).0
    }

    /// Judges `input`, and lists every rule that matched, the strictest first.
    pub fn explain(
        &self,
        who: &Subject,
        what: Resource<'_>,
        input: CommandInput<'_>,
        judging: &Judging,
    ) -> (Verdict, Vec<Explained>) {
        let rules: Vec<&Rule> =
            self.commands.iter().filter(|rule| rule.applies(who, what, judging.protocol, judging.now)).collect();
        let parsed = parse(input, judging);
        let texts = texts(input, &parsed);
        let mut findings = Vec::new();
        for rule in &rules {
            find(rule, &parsed, &texts, &mut findings);
        }
        // Without a rule that is stricter than allow there is nothing that could be evaded.
        let restricted = rules.iter().any(|rule| rule.effect != RuleEffect::Allow);
        if restricted {
            built_in(&rules, &parsed, judging, &mut findings);
        }
        let nothing_runs = parsed.commands.is_empty() && parsed.opaque.is_empty();
        if judging.default != RuleEffect::Allow && !nothing_runs {
            not_allowed(&rules, &parsed, judging, &mut findings);
        }
        let (mut verdict, explained) = decide(findings, &rules, &parsed, self.approvers.as_ref());
        let says_no_to_text = |rule: &&Rule| rule.effect != RuleEffect::Allow && rule.matcher.text.is_some();
        let is_text = parsed.stdin_is_text || !parsed.foreign_code.is_empty();
        verdict.stdin_is_code |= is_text && rules.iter().any(says_no_to_text);
        verdict.stdin_is_code |= !foreign_code_may_run(&rules, &parsed);
        let is_judged = restricted || judging.default != RuleEffect::Allow;
        verdict.stdin_is_code &= is_judged;
        if is_judged {
            verdict.input = input_of(&rules, &parsed, judging);
        }
        (verdict, explained)
    }

    /// Judges a session of SFTP: it may read and write any file, and which ones is not looked at. So only rules on
    /// files can be about it, and all that is known is that they may match.
    pub fn judge_sftp(&self, who: &Subject, what: Resource<'_>, judging: &Judging) -> Verdict {
        let applies = |rule: &&Rule| rule.restricts_files() && rule.applies(who, what, judging.protocol, judging.now);
        let rules: Vec<&Rule> = self.commands.iter().filter(applies).collect();
        let parsed = shell::argv(&["sftp-server".to_owned()], None, &judging.place);
        let mut findings = Vec::new();
        for rule in &rules {
            find(rule, &parsed, &[], &mut findings);
        }
        for finding in &mut findings {
            finding.because = "SFTP may touch files that it is about, and which ones is not looked at".to_owned();
        }
        let (mut verdict, _) = decide(findings, &rules, &parsed, self.approvers.as_ref());
        if let Some(rule) = verdict.rule.as_ref().filter(|_| verdict.effect == RuleEffect::Approve) {
            verdict.message = format!("needs approval by rule {rule}: {}", verdict.because);
        }
        Verdict { stdin_is_code: false, commands: vec!["sftp".to_owned()], ..verdict }
    }
}

/// Something that a rule matched.
#[derive(Debug)]
struct Finding {
    rule: Option<RuleName>,
    effect: RuleEffect,
    opaque: bool,
    because: String,
    advice: Advice,
}

/// What helps whoever reads that something is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Advice {
    /// Nothing but an approval, or another rule.
    Ask,
    /// To name what runs.
    NameIt,
    /// To say what the program is.
    Describe,
    /// To have the values in the text.
    WriteOut,
}

impl Advice {
    fn text(self) -> &'static str {
        match self {
            Self::Ask => "",
            Self::NameIt => "; write out what it runs, in place of a variable, a substitution or a script for a shell",
            Self::Describe => "; if the program only reads these words, a rule that allows it says so",
            Self::WriteOut => "; write the values out, and it is judged by them",
        }
    }
}

impl Rule {
    /// Whether it says no to what is done with some files.
    fn restricts_files(&self) -> bool {
        let is_about_files = self.matcher.command.as_ref().is_some_and(CommandMatcher::is_about_files);
        is_about_files && self.effect != RuleEffect::Allow
    }
}

fn parse(input: CommandInput<'_>, judging: &Judging) -> Parsed {
    match input {
        CommandInput::Argv(words, stdin) => shell::argv(words, stdin, &judging.place),
        CommandInput::Line(text) => shell::parse(text, &judging.place),
        CommandInput::LineIn { line, folder, shell, earlier } => {
            let shell = if shell == Shell::Unknown { judging.place.shell } else { shell };
            let (folder, earlier) = (folder.clone(), earlier.clone());
            shell::parse(line, &ParseContext { shell, folder, earlier, ..judging.place.clone() })
        }
        CommandInput::Script(text, stdin) => shell::parse_with_stdin(text, Some(stdin), &judging.place),
        CommandInput::Text(_) => Parsed::default(),
    }
}

/// The texts that rules on text look at.
fn texts(input: CommandInput<'_>, parsed: &Parsed) -> Vec<String> {
    let mut texts = match input {
        CommandInput::Argv(words, stdin) => {
            words.iter().cloned().chain([words.join(" ")]).chain(stdin.map(str::to_owned)).collect()
        }
        CommandInput::Line(text) | CommandInput::LineIn { line: text, .. } | CommandInput::Text(text) => {
            vec![text.to_owned()]
        }
        CommandInput::Script(text, stdin) => vec![text.to_owned(), stdin.to_owned()],
    };
    texts.extend(parsed.code.iter().cloned());
    // Without quotes a word reads as the program will get it.
    texts.extend(parsed.commands.iter().map(|command| {
        command
            .argv
            .iter()
            .map(|word| word.known().map_or_else(|| word.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(" ")
    }));
    texts
}

fn find(rule: &Rule, parsed: &Parsed, texts: &[String], findings: &mut Vec<Finding>) {
    let mut push = |advice, because: String| {
        // Who must approve a command that may match need not approve what is sure to be blocked.
        let opaque = advice != Advice::Ask;
        let effect = if opaque { RuleEffect::Approve } else { rule.effect };
        findings.push(Finding { rule: Some(rule.name.clone()), effect, opaque, because, advice });
    };
    if rule.matcher.command.is_some() {
        for command in &parsed.commands {
            match rule.matcher.command(command, rule.effect) {
                Match::Yes => push(Advice::Ask, shown(command)),
                Match::Maybe if rule.effect != RuleEffect::Allow => {
                    push(
                        Advice::WriteOut,
                        format!("{} may match, depending on values that are not known", shown(command)),
                    );
                }
                Match::Maybe | Match::No => {}
            }
        }
        for command in parsed.guesses.iter().filter(|_| rule.effect != RuleEffect::Allow) {
            if rule.matcher.command(command, rule.effect) != Match::No {
                push(
                    Advice::Describe,
                    format!(
                        "{} may run, because it stands in arguments of a program that is not known",
                        shown(command)
                    ),
                );
            }
        }
    } else if let Some(regex) = &rule.matcher.text {
        // A rule that allows by text would allow whatever else stands beside it.
        let matches = |text: &String| regex.is_match(text);
        let matched = if rule.effect == RuleEffect::Allow {
            texts.first().filter(|text| matches(text))
        } else {
            texts.iter().find(|text| matches(text))
        };
        if let Some(text) = matched {
            push(Advice::Ask, format!("the text {:?}", excerpt(text)));
        }
    }
}

/// Whether a rule surely allows the command.
fn is_allowed(rules: &[&Rule], command: &Command) -> bool {
    rules
        .iter()
        .any(|rule| rule.effect == RuleEffect::Allow && rule.matcher.command(command, rule.effect) == Match::Yes)
}

/// Whether a rule allows the command with what its redirections touch.
fn is_allowed_with_redirects(rules: &[&Rule], command: &Command) -> bool {
    let allows =
        |rule: &&&Rule| rule.effect == RuleEffect::Allow && rule.matcher.command(command, rule.effect) == Match::Yes;
    rules.iter().filter(allows).any(|rule| rule.matcher.covers_redirects(command))
}

/// The strictest rule about this class.
fn strictest_of<'r>(rules: &[&'r Rule], class: RuleClass) -> Option<&'r Rule> {
    rules.iter().copied().filter(|rule| rule.matcher.class == Some(class)).max_by_key(|rule| rule.effect)
}

/// The rule about what cannot be known of this kind. Where scripts do not go on by themselves, they are as unknown as
/// all else; where they do, a rule that allows or holds what is hidden says nothing about them.
fn rule_on<'r>(rules: &[&'r Rule], kind: OpaqueKind, judging: &Judging) -> Option<&'r Rule> {
    let of_all = || strictest_of(rules, RuleClass::Opaque);
    match kind {
        OpaqueKind::Doubtful | OpaqueKind::Hidden => of_all(),
        OpaqueKind::Script => strictest_of(rules, RuleClass::Script).or_else(|| {
            of_all().filter(|rule| rule.effect == RuleEffect::Block || judging.script != RuleEffect::Allow)
        }),
    }
}

/// Whether a rule allows what cannot be known. Without one it is held or blocked, as the mode says.
fn unknown_may_run(rules: &[&Rule]) -> bool {
    strictest_of(rules, RuleClass::Opaque).is_some_and(|rule| rule.effect == RuleEffect::Allow)
}

/// Whether all interpreters that read code of languages which nobody reads here may run it. What is in it does not
/// matter then, and it may be long: Ansible sends each of its modules to Python in this way.
fn foreign_code_may_run(rules: &[&Rule], parsed: &Parsed) -> bool {
    let is_allowed = |index: &usize| parsed.commands.get(*index).is_some_and(|command| is_allowed(rules, command));
    unknown_may_run(rules) || parsed.foreign_code.iter().all(is_allowed)
}

/// What is to be done with the input of the programs that may do anything with it. A rule that allows a program
/// allows what is sent to it.
fn input_of(rules: &[&Rule], parsed: &Parsed, judging: &Judging) -> Input {
    let command = |reader: &LiveReader| parsed.commands.get(reader.command?);
    let unknown_may_run = unknown_may_run(rules);
    let may_run = |reader: &LiveReader| {
        (reader.is_foreign && unknown_may_run) || command(reader).is_some_and(|command| is_allowed(rules, command))
    };
    let readers = parsed.live.iter().filter(|reader| !may_run(reader));
    // Of equals the first.
    let strictest = readers.reduce(|one, other| if other.live > one.live { other } else { one });
    let Some(reader) = strictest else {
        let is_shells = parsed.stdin_is_commands && !parsed.stdin_is_text && parsed.foreign_code.is_empty();
        return if is_shells { Input::Commands } else { Input::Data };
    };
    let program = command(reader).and_then(Command::program).map_or_else(|| "a program".to_owned(), excerpt);
    match (reader.live, judging.opaque) {
        (Live::Changed, _) => Input::Refused {
            reason: format!(
                "{program} may run what comes on standard input, and another program changes it before, so it cannot be \
                 judged; send it to a file first"
            ),
        },
        (Live::AsSent, RuleEffect::Block) => Input::Refused {
            reason: format!(
                "{program} is not known to read standard input as data, and may run it; give it what it needs as \
                 arguments or in a file, keep standard input empty (`ssh -n`), or ask for a rule that allows {program}"
            ),
        },
        (Live::AsSent, RuleEffect::Allow | RuleEffect::Approve) => Input::Judged { program },
    }
}

/// What cannot be known, and what changes how lines are accepted.
fn built_in(rules: &[&Rule], parsed: &Parsed, judging: &Judging, findings: &mut Vec<Finding>) {
    for opaque in unknown(parsed, judging) {
        let command = opaque.command.and_then(|index| parsed.commands.get(index));
        let is_allowed = command.is_some_and(|command| is_allowed(rules, command));
        let because = match command {
            Some(command) => format!("{}: {}", shown(command), opaque.why),
            None => opaque.why.clone(),
        };
        let (rule, effect) = match rule_on(rules, opaque.kind, judging) {
            Some(rule) => (Some(rule.name.clone()), rule.effect),
            None => (None, if opaque.kind == OpaqueKind::Script { judging.script } else { judging.opaque }),
        };
        let effect = if is_allowed { RuleEffect::Allow } else { effect };
        let advice = if opaque.kind == OpaqueKind::Hidden { Advice::NameIt } else { Advice::Ask };
        findings.push(Finding { rule, effect, opaque: true, because, advice });
    }
    for tampering in &parsed.tampering {
        let (rule, effect) = match strictest_of(rules, RuleClass::GateTamper) {
            Some(rule) => (Some(rule.name.clone()), rule.effect),
            None => (None, RuleEffect::Approve),
        };
        let because = format!("{} changes how lines are accepted or shown", tampering.what);
        findings.push(Finding { rule, effect, opaque: false, because, advice: Advice::Ask });
    }
}

/// What cannot be known. Where that is blocked nobody is trusted to mean well, and what is doubtful counts too.
fn unknown<'p>(parsed: &'p Parsed, judging: &Judging) -> impl Iterator<Item = &'p Opaque> {
    let counts = judging.opaque == RuleEffect::Block;
    parsed.opaque.iter().filter(move |opaque| counts || opaque.kind != OpaqueKind::Doubtful)
}

/// Where only what is allowed may run: the commands that no rule allows.
fn not_allowed(rules: &[&Rule], parsed: &Parsed, judging: &Judging, findings: &mut Vec<Finding>) {
    let by_text = findings.iter().any(|finding| {
        finding.effect == RuleEffect::Allow
            && !finding.opaque
            && rules.iter().any(|rule| {
                Some(&rule.name) == finding.rule.as_ref()
                    && rule.matcher.command.is_none()
                    && rule.matcher.text.is_some()
            })
    });
    for command in parsed.commands.iter().filter(|command| !by_text && !only_discards(command)) {
        if !is_allowed_with_redirects(rules, command) {
            findings.push(Finding {
                rule: None,
                effect: judging.default,
                opaque: false,
                because: format!("no rule allows {}", shown(command)),
                advice: Advice::Ask,
            });
        }
    }
    if unknown(parsed, judging).next().is_some() && !by_text {
        findings.push(Finding {
            rule: None,
            effect: judging.default,
            opaque: true,
            because: "no rule allows what cannot be known".to_owned(),
            advice: Advice::NameIt,
        });
    }
}

fn decide(
    mut findings: Vec<Finding>,
    rules: &[&Rule],
    parsed: &Parsed,
    default_approvers: Option<&Approvers>,
) -> (Verdict, Vec<Explained>) {
    // Among equals a rule that surely matched says more than one that may have; then the order of the files.
    findings.sort_by(|a, b| {
        b.effect.cmp(&a.effect).then(a.opaque.cmp(&b.opaque)).then(a.rule.is_none().cmp(&b.rule.is_none()))
    });
    let decisive = findings.first();
    let effect = decisive.map_or(RuleEffect::Allow, |finding| finding.effect);
    let name = decisive.and_then(|finding| finding.rule.clone());
    let rule = rules.iter().find(|rule| Some(&rule.name) == name.as_ref());
    let because = decisive.map(|finding| finding.because.clone()).unwrap_or_default();
    let verdict = Verdict {
        effect,
        opaque: decisive.is_some_and(|finding| finding.opaque),
        message: message(effect, rule.copied(), decisive),
        because,
        commands: parsed.commands.iter().map(shown).collect(),
        stdin_is_code: parsed.stdin_is_code,
        input: Input::Data,
        approvers: match effect {
            RuleEffect::Approve => rule.and_then(|rule| rule.approvers.as_ref()).or(default_approvers).cloned(),
            RuleEffect::Allow | RuleEffect::Block => None,
        },
        rule: name,
    };
    let explained = findings.into_iter().enumerate().map(|(index, finding)| Explained {
        rule: finding.rule,
        effect: finding.effect,
        because: finding.because,
        opaque: finding.opaque,
        decides: index == 0,
    });
    let explained = explained.collect();
    (verdict, explained)
}

fn message(effect: RuleEffect, rule: Option<&Rule>, finding: Option<&Finding>) -> String {
    let Some(finding) = finding.filter(|_| effect != RuleEffect::Allow) else { return String::new() };
    if let Some(message) = rule.filter(|_| !finding.opaque).and_then(|rule| rule.message.clone()) {
        return message;
    }
    let by = rule.map(|rule| format!(" by rule {}", rule.name)).unwrap_or_default();
    match effect {
        // [`Verdict::refusal`] names the rule.
        RuleEffect::Block => format!("{}{}", finding.because, finding.advice.text()),
        RuleEffect::Approve | RuleEffect::Allow if finding.opaque => {
            let advice = finding.advice.text();
            format!("needs approval{by}: it cannot be known what would run ({}){advice}", finding.because)
        }
        RuleEffect::Approve | RuleEffect::Allow => format!("needs approval{by}: {}", finding.because),
    }
}

/// A command for people: short, and without control characters.
fn shown(command: &Command) -> String {
    excerpt(&command.to_string())
}

fn excerpt(text: &str) -> String {
    let mut short = String::new();
    for character in text.chars().take(MAX_SHOWN_CHARS) {
        if character.is_control() { short.extend(character.escape_default()) } else { short.push(character) }
    }
    if text.chars().nth(MAX_SHOWN_CHARS).is_some() {
        short.push('…');
    }
    short
}

/// The longest command that messages repeat, in characters.
const MAX_SHOWN_CHARS: usize = 200;

#[cfg(test)]
mod tests;
