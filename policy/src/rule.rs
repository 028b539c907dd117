//! [`Rule`]: one compiled rule on commands or on requests, and how surely a command matches it.

use std::{borrow::Cow, time::SystemTime};

use config::{
    GroupName, RuleName,
    rules::{Approvers, CommandRule, LoginSelector, Protocol, RuleClass, RuleEffect, TimeWindow, UserSelector},
};
use jiff::Timestamp;
use regex::Regex;
use shell::{Atom, Command, Touched, Word, reads, writes};

use crate::{
    access::{Resource, Subject},
    rule_set::Targets,
};

pub(crate) mod flags;
pub(crate) mod pattern;

use flags::Flags;
use pattern::Pattern;

/// How surely something matches, in the order of certainty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Match {
    /// It does not, whatever the gaps are.
    No,
    /// Some values of the gaps match.
    Maybe,
    /// It does.
    Yes,
}

/// A compiled rule: on commands, unless it has another matcher.
#[derive(Debug, Clone)]
pub(crate) struct Rule<M = Matcher> {
    pub(crate) name: RuleName,
    pub(crate) effect: RuleEffect,
    pub(crate) message: Option<String>,
    pub(crate) approvers: Option<Approvers>,
    pub(crate) scope: Scope,
    pub(crate) matcher: M,
}

/// Where and for whom a rule applies.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    /// The members of these roles, as users and groups; all where none is named.
    pub(crate) roles: Option<Vec<Members>>,
    pub(crate) targets: Option<Targets>,
    pub(crate) logins: Vec<LoginSelector>,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) during: Option<TimeWindow>,
}

/// Who has a role.
#[derive(Debug, Clone)]
pub(crate) struct Members {
    pub(crate) users: Vec<UserSelector>,
    pub(crate) groups: Vec<GroupName>,
}

/// What a rule matches.
#[derive(Debug, Clone)]
pub(crate) struct Matcher {
    pub(crate) command: Option<CommandMatcher>,
    pub(crate) text: Option<Regex>,
    pub(crate) class: Option<RuleClass>,
}

/// What a command must look like.
#[derive(Debug, Clone, Default)]
pub(crate) struct CommandMatcher {
    pub(crate) program: Vec<Pattern>,
    pub(crate) subcommand: Vec<Pattern>,
    pub(crate) flags: Flags,
    pub(crate) args: Vec<Vec<Pattern>>,
    pub(crate) paths: Vec<Pattern>,
    pub(crate) reads: Vec<Pattern>,
    pub(crate) writes: Vec<Pattern>,
}

impl Match {
    pub(crate) fn of(certain: bool) -> Self {
        if certain { Self::Yes } else { Self::No }
    }
}

impl<M> Rule<M> {
    pub(crate) fn new(written: &CommandRule, scope: Scope, matcher: M) -> Self {
        let (name, effect) = (written.name.value.clone(), written.effect);
        Self { name, effect, message: written.message.clone(), approvers: written.approvers.clone(), scope, matcher }
    }

    /// Whether it is for what `who` does on `what`, at this time and over this protocol.
    pub(crate) fn applies(&self, who: &Subject, what: Resource<'_>, protocol: Protocol, now: SystemTime) -> bool {
        let scope = &self.scope;
        let is_login = match what {
            // It may be any account: what is forbidden for one is forbidden, what is allowed for one is not.
            Resource::Cluster(_) => scope.logins.contains(&LoginSelector::Any) || self.effect != RuleEffect::Allow,
            Resource::Host { login, .. } => who.may_be(login, &scope.logins),
        };
        scope.has_member(who)
            && scope.targets.as_ref().is_none_or(|targets| targets.select(what.site()))
            && (scope.logins.is_empty() || is_login)
            && scope.protocol.is_none_or(|known| known == protocol)
            && scope.is_during(now, self.effect)
    }
}

impl Scope {
    fn has_member(&self, who: &Subject) -> bool {
        let is_member = |role: &Members| who.is_among(&role.users, &role.groups);
        self.roles.as_ref().is_none_or(|roles| roles.iter().any(is_member))
    }

    /// Whether a rule with this effect applies at this time. One that no calendar has is in no window of a milder
    /// rule, and in each of a stricter one.
    fn is_during(&self, now: SystemTime, effect: RuleEffect) -> bool {
        self.during.as_ref().is_none_or(|window| {
            Timestamp::try_from(now).map_or(effect != RuleEffect::Allow, |now| window.contains(now))
        })
    }
}

impl Matcher {
    /// How surely `command` matches, of a rule that is about commands.
    pub(crate) fn command(&self, command: &Command, effect: RuleEffect) -> Match {
        let Some(matcher) = &self.command else { return Match::No };
        let matches = matcher.matches(command, effect);
        match &self.text {
            Some(regex) if matches != Match::No => matches.min(text_of(command, regex)),
            _ => matches,
        }
    }
}

impl Matcher {
    /// Whether a rule that allows `command` says so of all that its redirections touch: writing only where it names the
    /// files, and reading where it does, or where it names none.
    pub(crate) fn covers_redirects(&self, command: &Command) -> bool {
        let covers = |matcher: &CommandMatcher| {
            let only = |writes: bool| {
                let redirects =
                    command.redirects.iter().filter(|redirect| redirect.writes == writes).cloned().collect();
                Command { redirects, folder: command.folder.clone(), ..Command::default() }
            };
            let are_in = |files: Vec<Touched>, own: &[Pattern]| {
                let patterns = || own.iter().chain(&matcher.paths);
                files
                    .iter()
                    .all(|file| is_free(&file.path) || patterns().any(|glob| glob.matches(&file.path) == Match::Yes))
            };
            let may_read_any = matcher.reads.is_empty() && matcher.paths.is_empty();
            are_in(writes(&only(true)), &matcher.writes)
                && (may_read_any || are_in(reads(&only(false)), &matcher.reads))
        };
        self.command.as_ref().is_none_or(covers)
    }
}

/// Whether a redirection there keeps nothing and reads nothing.
fn is_free(file: &Word) -> bool {
    matches!(file.known(), Some("/dev/null" | "/dev/stdin" | "/dev/stdout" | "/dev/stderr"))
}

/// Whether it is no more than redirections, none of which keeps anything.
pub(crate) fn only_discards(command: &Command) -> bool {
    let is_bare = command.argv.is_empty() && command.assignments.is_empty();
    is_bare && command.redirects.iter().all(|redirect| is_free(&redirect.file))
}

/// How surely the arguments or the input of `command` match `regex`.
fn text_of(command: &Command, regex: &Regex) -> Match {
    let words: Vec<String> =
        command.argv.iter().map(|word| word.known().map_or_else(|| word.to_string(), str::to_owned)).collect();
    // `-e'drop table x'` is an option with its value.
    let is_attached = words.iter().any(|word| {
        word.starts_with('-') && word.get(2..).is_some_and(|value| !word.starts_with("--") && regex.is_match(value))
    });
    let is_input = command.stdin.as_deref().is_some_and(|text| regex.is_match(text));
    match Match::of(regex.is_match(&words.join(" ")) || is_attached || is_input) {
        Match::No if command.runs_unknown_statements() => Match::Maybe,
        certain @ (Match::No | Match::Maybe | Match::Yes) => certain,
    }
}

impl CommandMatcher {
    /// Whether it looks at which files are read or written.
    pub(crate) fn is_about_files(&self) -> bool {
        !(self.reads.is_empty() && self.writes.is_empty() && self.paths.is_empty())
    }

    fn matches(&self, command: &Command, effect: RuleEffect) -> Match {
        if !self.program.is_empty() {
            let is_named =
                command.program().is_some_and(|name| self.program.iter().any(|glob| glob.matches_text(name)));
            if !is_named {
                return Match::No;
            }
        }
        let parts: [&dyn Fn() -> Match; 4] = [
            &|| self.flags.matches(&options_of(command), effect),
            &|| self.subcommand(command),
            &|| self.args(command),
            &|| self.touched(command),
        ];
        let mut matches = Match::Yes;
        for part in parts {
            // What does not match needs no further look.
            if matches != Match::No {
                matches = matches.min(part());
            }
        }
        matches
    }

    fn subcommand(&self, command: &Command) -> Match {
        if self.subcommand.is_empty() {
            return Match::Yes;
        }
        let candidates = self.flags.first_operands(command.arguments());
        candidates.into_iter().map(|word| any(&self.subcommand, word)).max().unwrap_or(Match::No)
    }

    fn args(&self, command: &Command) -> Match {
        let matches =
            |globs: &Vec<Pattern>| command.arguments().iter().map(|word| any(globs, word)).max().unwrap_or(Match::No);
        self.args.iter().map(matches).min().unwrap_or(Match::Yes)
    }

    fn touched(&self, command: &Command) -> Match {
        let of = |globs: &[Pattern], touched: &dyn Fn() -> Vec<Touched>, guess: bool| {
            if globs.is_empty() {
                return Match::Yes;
            }
            let matches = |file: &Touched| {
                let guess = guess && !file.is_certain;
                // Where reading is only guessed, a word of which nothing is known is no path, and one
                // whose end is not known is none that is named by its end.
                if guess && !file.path.has_text() {
                    return Match::No;
                }
                let is_open = matches!(file.path.atoms().last(), Some(Atom::Unknown { .. }));
                let begins_open = file.path.begins_unknown();
                let fits = |glob: &&Pattern| {
                    !guess || ((!is_open || glob.is_anchored()) && (!begins_open || glob.is_named_by(&file.path)))
                };
                // A value that has a blank in it makes more words, but none that is meant to be a file.
                let path = if guess { file.path.clone().joined() } else { file.path.clone() };
                let own = globs.iter().filter(fits).map(|glob| glob.matches(&path)).max();
                let begins_known = || {
                    let is_home = file.is_certain && file.path.atoms().first() == Some(&Atom::Home);
                    is_home || file.path.start().starts_with('/')
                };
                let child = (file.below && begins_known()).then(|| file.path.child());
                let below = child
                    .map(|child| globs.iter().filter(|glob| glob.is_anchored()).map(|glob| glob.matches(&child)).max());
                own.max(below.flatten()).unwrap_or(Match::No)
            };
            touched().iter().map(matches).max().unwrap_or(Match::No)
        };
        let both = || reads(command).into_iter().chain(writes(command)).collect();
        of(&self.writes, &|| writes(command), false).min(of(&self.reads, &|| reads(command), true)).min(of(
            &self.paths,
            &both,
            true,
        ))
    }
}

/// The arguments that may be options. `rm "$file"` has nothing else to remove, so if that were an option it would do
/// nothing.
fn options_of(command: &Command) -> Cow<'_, [Word]> {
    let arguments = command.arguments();
    let is_option = |word: &&Word| word.known().is_some_and(|text| text.starts_with('-') && text != "--");
    let mut others = arguments.iter().filter(|word| !is_option(word));
    match (command.program(), others.next(), others.next()) {
        (Some("rm"), Some(only), None) if only.known().is_none() && !only.splits() => {
            arguments.iter().filter(|word| *word != only).cloned().collect()
        }
        _ => Cow::Borrowed(arguments),
    }
}

fn any(globs: &[Pattern], word: &Word) -> Match {
    globs.iter().map(|glob| glob.matches(word)).max().unwrap_or(Match::No)
}
