//! Rule documents as the operator wrote them. `policy` compiles them.
//!
//! Names are checked here; what the words mean (capabilities, globs, roles that
//! can never apply) is checked there, with the places that are kept here.

use std::{collections::BTreeMap, path::Path, time::Duration};

pub mod approvers;
pub mod cases;
pub mod cluster;
pub mod command;
pub mod obligations;
pub mod port;
pub mod request;
pub mod user;
pub mod window;

pub use approvers::Approvers;
pub use cases::{CaseInput, RuleCase, RuleCases};
pub use cluster::{ClusterAllow, ClusterRequest};
pub use command::{CommandMatch, CommandRule, FlagMatch, Protocol, RuleClass, RuleEffect, RuleMatch};
pub use obligations::{KeptBinary, Obligations, RecordingDuty, SessionMode};
pub use port::PortRange;
pub use request::RequestMatch;
pub use user::{UserSelector, UserSelectorError};
pub use window::TimeWindow;

use crate::{
    error::{ConfigErrors, Located, Location},
    name::{GroupName, Login, RoleName},
    reader::{self, Field, Read, Table},
    target, value,
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
    /// Who may approve where neither a rule nor an entry says so.
    pub approvals: Option<Located<Approvers>>,
}

/// Who may do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// The role's name and place.
    pub name: Located<RoleName>,
    /// Members of any of these groups have the role.
    pub groups: Vec<GroupName>,
    /// These users have the role.
    pub users: Vec<UserSelector>,
    /// What the role allows; any entry that matches is enough.
    pub allow: Vec<Allow>,
    /// What the role may ask for, for a time.
    pub request: Vec<Request>,
    /// The Kubernetes clusters that it allows; any entry that matches is enough.
    pub clusters: Vec<ClusterAllow>,
    /// The access to Kubernetes clusters that the role may ask for, for a time.
    pub cluster_requests: Vec<ClusterRequest>,
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
    /// How its sessions are watched.
    pub obligations: Obligations,
    /// Whose approval each session needs before it starts; none where it needs no approval.
    pub approval: Option<Approvers>,
}

/// Access that a role may ask for (just-in-time access).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is allowed once it is approved.
    pub allow: Allow,
    /// Who may approve it, where the entry says so.
    pub approvers: Option<Approvers>,
    /// The longest time that can be asked for.
    pub max: Duration,
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

/// What a role may see of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConsoleRight {
    /// The audit log.
    Audit,
    /// Whose names are, and to release them.
    Names,
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
                let approvals = rules.present("approvals", |approvals| {
                    Ok(Located { value: Approvers::read(approvals)?, at: approvals.at() })
                });
                let (commands, approvals) = (commands.transpose(), approvals.transpose());
                Ok(Self {
                    file: document.file().to_owned(),
                    roles: roles?,
                    rules: commands?.unwrap_or_default(),
                    approvals: approvals?,
                })
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
            let (clusters, allow) = apart(entries);
            let requests = role.or("request", Vec::new(), |request| {
                request
                    .list("a list such as [{ targets: …, logins: …, capabilities: …, max: 8h }]", Entry::read_request)
            });
            let (cluster_requests, request) = apart(requests);
            Ok(Self {
                groups: role.or("groups", Vec::new(), |groups| {
                    groups.list("a list of groups such as [engineering]", |group| group.name("a group name"))
                }),
                users: role.or("users", Vec::new(), |users| {
                    users.list(r##"a list of users such as [alice, bob@example.com, "#SUBJECT"]"##, user::read)
                }),
                allow,
                clusters,
                request,
                cluster_requests,
                console: role.or("console", Vec::new(), |console| {
                    console.list("a list such as [sessions, audit]", |right| {
                        right.choice(&[
                            ("sessions", ConsoleRight::Sessions),
                            ("audit", ConsoleRight::Audit),
                            ("names", ConsoleRight::Names),
                        ])
                    })
                }),
                name: Located { value: name?, at: key.at },
            })
        })
    }
}

/// One entry of `allow` or `request`: for Kubernetes clusters, or for SSH hosts.
enum Entry<C, T> {
    Clusters(C),
    Targets(T),
}

impl Entry<ClusterAllow, Allow> {
    fn read(field: &Field<'_>) -> Read<Self> {
        if field.has("clusters") {
            ClusterAllow::read(field).map(Self::Clusters)
        } else {
            Allow::read(field).map(Self::Targets)
        }
    }
}

impl Entry<ClusterRequest, Request> {
    fn read_request(field: &Field<'_>) -> Read<Self> {
        if field.has("clusters") {
            ClusterRequest::read(field).map(Self::Clusters)
        } else {
            Request::read(field).map(Self::Targets)
        }
    }
}

/// Those for clusters, and those for hosts, each in their order.
fn apart<C, T>(entries: Vec<Entry<C, T>>) -> (Vec<C>, Vec<T>) {
    let (mut clusters, mut targets) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry {
            Entry::Clusters(entry) => clusters.push(entry),
            Entry::Targets(entry) => targets.push(entry),
        }
    }
    (clusters, targets)
}

impl Allow {
    fn read(field: &Field<'_>) -> Read<Self> {
        field.table("a mapping with the keys targets, logins and capabilities", |allow| {
            let approval = allow.present("approval", Approvers::read).transpose();
            let grant = Self::read_keys(field, allow);
            Ok(Self { approval: approval?, ..grant? })
        })
    }

    /// Reads what `allow` and `request` have in common.
    fn read_keys(field: &Field<'_>, allow: &Table<'_, '_>) -> Read<Self> {
        let targets = allow.required("targets", TargetSelector::read);
        let logins = allow.required("logins", |logins| {
            logins.list(r#"a list of logins such as [deploy, "{user}"]"#, LoginSelector::read)
        });
        let capabilities = allow.required("capabilities", |capabilities| {
            capabilities.list("a list of capabilities such as [shell, pty]", word)
        });
        Ok(Self {
            at: field.at(),
            obligations: Obligations::read_keys(allow),
            targets: targets?,
            logins: logins?,
            capabilities: capabilities?,
            approval: None,
        })
    }
}

impl Request {
    fn read(field: &Field<'_>) -> Read<Self> {
        field.table("a mapping with the keys targets, logins, capabilities and max", |request| {
            let approvers = request.present("approvers", Approvers::read).transpose();
            let max = request.present("max", value::duration(ACCESS)).transpose();
            let allow = Allow::read_keys(field, request);
            Ok(Self { allow: allow?, approvers: approvers?, max: max?.unwrap_or(DEFAULT_ACCESS) })
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

/// A working day.
const DEFAULT_ACCESS: Duration = Duration::from_secs(8 * 60 * 60);

/// Who needs access for longer than a month needs a role.
const ACCESS: std::ops::RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(30 * 24 * 60 * 60);
