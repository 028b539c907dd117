//! Rule documents as the operator wrote them. `policy` compiles them.
//!
//! Names are checked here; what the words mean (capabilities, globs, roles that
//! can never apply) is checked there, with the places that are kept here.

use std::{collections::BTreeMap, path::Path};

pub mod cases;
pub mod cluster;
pub mod command;
pub mod request;
pub mod window;

pub use cases::{CaseInput, RuleCase, RuleCases};
pub use cluster::ClusterAllow;
pub use command::{Approvers, CommandMatch, CommandRule, FlagMatch, Protocol, RuleClass, RuleEffect, RuleMatch};
pub use request::RequestMatch;
pub use window::TimeWindow;

use crate::{
    error::{ConfigErrors, Located, Location},
    name::{GroupName, Login, RoleName, UserName},
    reader::{self, Field, Read},
    target,
};

/// One rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleDoc {
    /// The file, as it was named to us.
    pub file: String,
    /// The roles, in the order of the file.
    pub roles: Vec<Role>,
    /// The rules on commands, in the order of the file.
    pub rules: Vec<CommandRule>,
}

/// Who may do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// The role's name and place.
    pub name: Located<RoleName>,
    /// Members of any of these groups have the role.
    pub groups: Vec<GroupName>,
    /// These users have the role.
    pub users: Vec<UserName>,
    /// What the role allows; any entry that matches is enough.
    pub allow: Vec<Allow>,
    /// The Kubernetes clusters that it allows; any entry that matches is enough.
    pub clusters: Vec<ClusterAllow>,
    /// What the role may see of others in the console and the API.
    pub console: Vec<ConsoleRight>,
}

/// One grant of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    /// Where it stands.
    pub at: Location,
    /// Its targets.
    pub targets: TargetSelector,
    /// The accounts on those targets.
    pub logins: Vec<LoginSelector>,
    /// The capabilities, as words.
    pub capabilities: Vec<Located<String>>,
    /// Whether sessions go on without a recording.
    pub recording: RecordingDuty,
    /// Whether binary output of sessions without a terminal is kept and not only counted.
    pub keep_binary: bool,
}

/// Which targets a grant is for. A part that is empty selects all; not both are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSelector {
    /// Where it stands.
    pub at: Location,
    /// Globs; the target's name must match one.
    pub names: Vec<Located<String>>,
    /// Labels; the target must have all.
    pub labels: BTreeMap<String, String>,
}

/// Which account on a target a grant is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoginSelector {
    /// `*`: every account.
    Any,
    /// This account.
    Named(Login),
    /// `{user}`: the account with the subject's own name.
    Own,
}

/// Whether a session may go on without a recording. Ordered by strictness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordingDuty {
    /// It goes on when recording fails.
    BestEffort,
    /// It does not start, or ends, when recording fails.
    Required,
}

/// What a role may see of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConsoleRight {
    /// The audit log.
    Audit,
    /// Everybody's sessions and recordings.
    Sessions,
}

impl RuleDoc {
    /// Reads the text of a rule file.
    pub fn parse(text: &str, file: &str) -> Result<Self, ConfigErrors> {
        reader::document(text, Path::new(""), file, |document| {
            document.table("a mapping with the key roles", |rules| {
                let roles = rules.required("roles", |roles| {
                    roles.entries("roles such as { engineer: { groups: [engineering], allow: […] } }", Role::read)
                });
                let commands = rules.present("rules", |rules| {
                    rules.list("a list of rules such as [{ name: …, effect: block, match: … }]", CommandRule::read)
                });
                let commands = commands.transpose()?.unwrap_or_default();
                Ok(Self { file: document.file().to_owned(), roles: roles?, rules: commands })
            })
        })
    }
}

impl Role {
    fn read(key: &Located<&str>, field: &Field<'_>) -> Read<Self> {
        let name = key.value.parse().map_err(|error: crate::NameError| field.refused(error.to_string()));
        field.table("a role such as { groups: [engineering], allow: […] }", |role| {
            let entries = role.or("allow", Vec::new(), |allow| {
                allow.list("a list such as [{ targets: …, logins: …, capabilities: … }]", Entry::read)
            });
            let (mut allow, mut clusters) = (Vec::new(), Vec::new());
            for entry in entries {
                match entry {
                    Entry::Clusters(entry) => clusters.push(entry),
                    Entry::Targets(entry) => allow.push(entry),
                }
            }
            Ok(Self {
                groups: role.or("groups", Vec::new(), |groups| {
                    groups.list("a list of groups such as [engineering]", |group| group.name("a group name"))
                }),
                users: role.or("users", Vec::new(), |users| {
                    users.list("a list of user names such as [alice]", |user| user.name("a user name"))
                }),
                allow,
                clusters,
                console: role.or("console", Vec::new(), |console| {
                    console.list("a list such as [sessions, audit]", |right| {
                        right.choice(&[("sessions", ConsoleRight::Sessions), ("audit", ConsoleRight::Audit)])
                    })
                }),
                name: Located { value: name?, at: key.at },
            })
        })
    }
}

/// One entry of `allow`: for SSH hosts, or for Kubernetes clusters.
enum Entry {
    Clusters(ClusterAllow),
    Targets(Allow),
}

impl Entry {
    fn read(field: &Field<'_>) -> Read<Self> {
        if field.has("clusters") {
            ClusterAllow::read(field).map(Self::Clusters)
        } else {
            Allow::read(field).map(Self::Targets)
        }
    }
}

impl Allow {
    fn read(field: &Field<'_>) -> Read<Self> {
        field.table("a mapping with the keys targets, logins and capabilities", |allow| {
            let targets = allow.required("targets", TargetSelector::read);
            let logins = allow.required("logins", |logins| {
                logins.list(r#"a list of logins such as [deploy, "{user}"]"#, LoginSelector::read)
            });
            let capabilities = allow.required("capabilities", |capabilities| {
                capabilities.list("a list of capabilities such as [shell, pty]", word)
            });
            let duties = [("required", RecordingDuty::Required), ("best-effort", RecordingDuty::BestEffort)];
            Ok(Self {
                at: field.at(),
                recording: allow.or("recording", RecordingDuty::Required, |f| f.choice(&duties)),
                keep_binary: allow.or("keep_binary", false, Field::boolean),
                targets: targets?,
                logins: logins?,
                capabilities: capabilities?,
            })
        })
    }
}

impl TargetSelector {
    pub(crate) fn read(field: &Field<'_>) -> Read<Self> {
        const EXPECTED: &str = r#"{ names: ["web*"] } or { labels: { env: dev } }, or both"#;
        if !field.is_table() {
            return Err(field.expected(EXPECTED));
        }
        field.table(EXPECTED, |selector| {
            let names = selector.present("names", |names| names.list(r#"a list of names such as ["web*"]"#, word));
            let labels = selector.present("labels", target::labels);
            let (names, labels) = (names.transpose()?.unwrap_or_default(), labels.transpose()?.unwrap_or_default());
            if names.is_empty() && labels.is_empty() {
                return Err(
                    field.refused(format!(r#"selects nothing; expected {EXPECTED} (all targets: names: ["*"])"#))
                );
            }
            Ok(Self { at: field.at(), names, labels })
        })
    }
}

impl LoginSelector {
    pub(crate) fn read(field: &Field<'_>) -> Read<Self> {
        match field.text(r#"a login such as deploy, "*" or "{user}""#)? {
            "*" => Ok(Self::Any),
            "{user}" => Ok(Self::Own),
            _ => field.name("a login").map(Self::Named),
        }
    }
}

pub(crate) fn word(field: &Field<'_>) -> Read<Located<String>> {
    Ok(Located { value: field.text("a word")?.to_owned(), at: field.at() })
}
