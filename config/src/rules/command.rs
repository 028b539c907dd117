//! Rules on commands as the operator wrote them: which commands, whose, where and when; and what then.

use super::{Approvers, LoginSelector, RequestMatch, TargetSelector, TimeWindow, word};
use crate::{
    error::{Located, Location},
    name::{RoleName, RuleName},
    reader::{Field, Read},
    value,
};

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRule {
    /// The rule's name and place.
    pub name: Located<RuleName>,
    /// What happens to what it matches.
    pub effect: RuleEffect,
    /// What it matches.
    pub matches: RuleMatch,
    /// What the user reads; a text is made up where there is none.
    pub message: Option<String>,
    /// Only for these roles; for all where empty.
    pub roles: Vec<Located<RoleName>>,
    /// Only on these targets.
    pub targets: Option<TargetSelector>,
    /// Only with these logins; with all where empty.
    pub logins: Vec<LoginSelector>,
    /// Only over this protocol.
    pub protocol: Option<Protocol>,
    /// Only at these times.
    pub during: Option<TimeWindow>,
    /// Who may approve, for rules with that effect.
    pub approvers: Option<Approvers>,
}

/// What happens to a command. Ordered by strictness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleEffect {
    /// It goes on.
    Allow,
    /// It waits until somebody approves it.
    Approve,
    /// It does not go on.
    Block,
}

/// How a session is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// `kubectl exec` and `attach`.
    Kubernetes,
    /// SSH.
    Ssh,
}

impl Protocol {
    /// All protocols with their words in rules.
    pub const WORDS: [(&'static str, Self); 2] = [("ssh", Self::Ssh), ("kubernetes", Self::Kubernetes)];

    /// Its word in rules.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Ssh => "ssh",
        }
    }
}

/// What a rule matches; parts that are given must all match. Not all are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleMatch {
    /// Where it stands.
    pub at: Location,
    /// A parsed command.
    pub command: Option<CommandMatch>,
    /// A regular expression over the text.
    pub text: Option<Located<String>>,
    /// A class that is built in.
    pub class: Option<RuleClass>,
    /// A request to a Kubernetes API server.
    pub request: Option<RequestMatch>,
}

/// A class of commands that is built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleClass {
    /// What changes how lines are accepted or shown.
    GateTamper,
    /// What cannot be known before it runs.
    Opaque,
    /// A script, a program of one's own, or settings, by its name: what is in it stands elsewhere.
    Script,
}

/// What a command must look like. Parts that are empty match all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommandMatch {
    /// Where it stands.
    pub at: Location,
    /// Globs over the base name of the program; one must match.
    pub program: Vec<Located<String>>,
    /// The first operand must be one of these.
    pub subcommand: Vec<Located<String>>,
    /// Its options.
    pub flags: FlagMatch,
    /// For each item an argument must match one of its globs.
    pub args: Vec<Vec<Located<String>>>,
    /// Globs; an argument or redirection that is a path must match one.
    pub paths: Vec<Located<String>>,
    /// Globs; a file that is read must match one.
    pub reads: Vec<Located<String>>,
    /// Globs; a file that is written must match one.
    pub writes: Vec<Located<String>>,
}

/// Options of a command. Each item lists the names of one option: letters, words, or both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlagMatch {
    /// All of these.
    pub all: Vec<Vec<Located<String>>>,
    /// At least one of these.
    pub any: Vec<Vec<Located<String>>>,
    /// None of these.
    pub none: Vec<Vec<Located<String>>>,
    /// Options that take a value: what follows them is no option, argument or letter.
    pub takes_value: Vec<Located<String>>,
}

impl CommandRule {
    pub(super) fn read(field: &Field<'_>) -> Read<Self> {
        field.table("a rule such as { name: rm-rf, effect: block, match: { command: { program: [rm] } } }", |rule| {
            let name =
                rule.required("name", |name| Ok(Located { value: name.name("a name such as rm-rf")?, at: name.at() }));
            let effects =
                [("block", RuleEffect::Block), ("approve", RuleEffect::Approve), ("allow", RuleEffect::Allow)];
            let effect = rule.required("effect", |effect| effect.choice(&effects));
            let matches = rule.required("match", RuleMatch::read);
            let message = rule.present("message", value::line("a message on one line")).transpose();
            let roles = rule.present("roles", |roles| {
                roles.list("a list of roles such as [engineer]", |role| {
                    Ok(Located { value: role.name("a role name")?, at: role.at() })
                })
            });
            let targets = rule.present("targets", TargetSelector::read).transpose();
            let logins = rule.present("logins", |logins| {
                logins.list(r#"a list of logins such as [root, "*"]"#, LoginSelector::read)
            });
            let protocol = rule.present("protocol", |protocol| protocol.choice(&Protocol::WORDS)).transpose();
            let during = rule.present("during", TimeWindow::read).transpose();
            let approvers = rule.present("approvers", Approvers::read).transpose();
            Ok(Self {
                name: name?,
                effect: effect?,
                matches: matches?,
                message: message?,
                roles: roles.transpose()?.unwrap_or_default(),
                targets: targets?,
                logins: logins.transpose()?.unwrap_or_default(),
                protocol: protocol?,
                during: during?,
                approvers: approvers?,
            })
        })
    }
}

impl RuleMatch {
    fn read(field: &Field<'_>) -> Read<Self> {
        const EXPECTED: &str = "{ command: { program: [rm] } }, { text: 'drop table' }, { class: opaque } or \
                                { request: { verbs: [delete] } }";
        if !field.is_table() {
            return Err(field.expected(EXPECTED));
        }
        field.table(EXPECTED, |matches| {
            let command = matches.present("command", CommandMatch::read).transpose();
            let text = matches.present("text", word).transpose();
            let classes =
                [("gate_tamper", RuleClass::GateTamper), ("opaque", RuleClass::Opaque), ("script", RuleClass::Script)];
            let class = matches.present("class", |class| class.choice(&classes)).transpose();
            let request = matches.present("request", RequestMatch::read).transpose();
            Ok(Self { at: field.at(), command: command?, text: text?, class: class?, request: request? })
        })
    }
}

impl CommandMatch {
    fn read(field: &Field<'_>) -> Read<Self> {
        field.table(
            "what a command looks like, such as { program: [rm], flags: { all: [[r, R, recursive]] } }",
            |command| {
                let words =
                    |key, expected: &'static str| command.present(key, |list| list.list(expected, word)).transpose();
                let program = words("program", "a list of program names such as [rm]");
                let subcommand = words("subcommand", "a list of words such as [restart, stop]");
                let flags = command.present("flags", FlagMatch::read).transpose();
                let args = command
                    .present("args", |args| args.list("a list such as [restart, [nginx, caddy]]", alternatives))
                    .transpose();
                let paths = words("paths", "a list of globs such as [/etc/**]");
                let reads = words("reads", "a list of globs such as [/etc/shadow]");
                let writes = words("writes", "a list of globs such as [/etc/**]");
                Ok(Self {
                    at: field.at(),
                    program: program?.unwrap_or_default(),
                    subcommand: subcommand?.unwrap_or_default(),
                    flags: flags?.unwrap_or_default(),
                    args: args?.unwrap_or_default(),
                    paths: paths?.unwrap_or_default(),
                    reads: reads?.unwrap_or_default(),
                    writes: writes?.unwrap_or_default(),
                })
            },
        )
    }
}

impl FlagMatch {
    fn read(field: &Field<'_>) -> Read<Self> {
        field.table("options such as { all: [[r, R, recursive], [f, force]] }", |flags| {
            let list = |key| {
                flags
                    .present(key, |list| list.list("a list such as [[r, R, recursive], force]", alternatives))
                    .transpose()
            };
            let (all, any, none) = (list("all"), list("any"), list("none"));
            let takes_value =
                flags.present("takes_value", |list| list.list("a list such as [n, namespace]", word)).transpose();
            Ok(Self {
                all: all?.unwrap_or_default(),
                any: any?.unwrap_or_default(),
                none: none?.unwrap_or_default(),
                takes_value: takes_value?.unwrap_or_default(),
            })
        })
    }
}

/// One word, or a list of words that stand for the same.
fn alternatives(field: &Field<'_>) -> Read<Vec<Located<String>>> {
    if matches!(field.value(), crate::yaml::Value::List(_)) {
        field.list("a list of words", word)
    } else {
        word(field).map(|only| vec![only])
    }
}
