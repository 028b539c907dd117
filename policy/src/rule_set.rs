//! [`RuleSet`]: the compiled rules, and every question that is put to them.
//!
//! Nothing is allowed unless a role of the subject allows it. A subject may do
//! what any of its roles allows, so a further role never takes anything away;
//! but the obligations of all the grants that apply add up.

use std::collections::{BTreeMap, BTreeSet};

use config::{
    GroupName, Login, RoleName, RuleDoc, Target, TargetName, UserName,
    rules::{ConsoleRight, LoginSelector},
};

use crate::{
    access::{Action, Capability, Context, Resource, Subject},
    decision::{Decision, Denial, Obligations, Permit},
    error::CompileError,
    glob::Glob,
    rule::Rule,
};

mod clusters;
mod compile;
mod compile_commands;
mod judge;
mod requests;

/// The compiled rules. The empty set (`default`) allows nothing.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    roles: Vec<Role>,
    commands: Vec<Rule>,
    clusters: Vec<clusters::ClusterRole>,
    requests: Vec<requests::RequestRule>,
}

/// A target that a subject can reach, and what it may do there.
#[derive(Debug, Clone)]
pub struct Reachable<'a> {
    /// The target.
    pub target: &'a Target,
    /// The accounts; `*` stands for any.
    pub logins: BTreeSet<String>,
    /// What is allowed with at least one of the accounts.
    pub capabilities: BTreeSet<Capability>,
}

/// What a subject may see of others in the console and the API. Everybody may see their own sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConsoleRights {
    /// Everybody's sessions and recordings.
    pub sessions: bool,
    /// The audit log.
    pub audit: bool,
}

impl RuleSet {
    /// Compiles rule documents; the error is everything that is wrong with them.
    pub fn compile(documents: &[RuleDoc]) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let roles = compile::roles(documents, &mut errors);
        let clusters = clusters::roles(documents, &mut errors);
        let (commands, requests) = compile_commands::rules(documents, &mut errors);
        if errors.is_empty() { Ok(Self { roles, commands, clusters, requests }) } else { Err(errors) }
    }

    /// Whether `who` may do `action` on `what`.
    pub fn decide(&self, who: &Subject, what: &Resource<'_>, action: Action, _context: &Context) -> Decision {
        let Resource { target, login } = *what;
        let mut roles: Vec<RoleName> = Vec::new();
        let mut obligations: Option<Obligations> = None;
        for (role, grant) in self.grants(who, target) {
            if grant.allows_login(who, login) && grant.allows(action) {
                if roles.last() != Some(&role.name) {
                    roles.push(role.name.clone());
                }
                obligations = Some(obligations.map_or(grant.obligations, |others| others.and(grant.obligations)));
            }
        }
        match obligations {
            Some(obligations) => Decision::Allow(Permit::new(target.name.clone(), login.clone(), roles, obligations)),
            None => Decision::Deny(self.denial(who, what, action)),
        }
    }

    /// Those of `targets` that `who` can reach, in their order.
    pub fn reachable<'a>(&self, who: &Subject, targets: impl IntoIterator<Item = &'a Target>) -> Vec<Reachable<'a>> {
        let reach = |target| {
            let mut reachable = Reachable { target, logins: BTreeSet::new(), capabilities: BTreeSet::new() };
            for (_, grant) in self.grants(who, target) {
                let logins = grant.login_names(who);
                // A grant for the subject's own name is none if no account can have that name.
                if !logins.is_empty() {
                    reachable.capabilities.extend(&grant.capabilities);
                }
                reachable.logins.extend(logins);
            }
            (!reachable.logins.is_empty()).then_some(reachable)
        };
        targets.into_iter().filter_map(reach).collect()
    }

    /// What `who` may see of others.
    #[must_use]
    pub fn console(&self, who: &Subject) -> ConsoleRights {
        let mut rights = ConsoleRights::default();
        for right in self.roles.iter().filter(|role| role.has_member(who)).flat_map(|role| &role.console) {
            match right {
                ConsoleRight::Audit => rights.audit = true,
                ConsoleRight::Sessions => rights.sessions = true,
            }
        }
        rights
    }

    /// The grants of the roles of `who` that are for `target`, with their roles.
    fn grants<'s>(&'s self, who: &'s Subject, target: &'s Target) -> impl Iterator<Item = (&'s Role, &'s Grant)> {
        let roles = self.roles.iter().filter(move |role| role.has_member(who));
        roles
            .flat_map(|role| role.grants.iter().map(move |grant| (role, grant)))
            .filter(move |(_, grant)| grant.targets.matches(target))
    }

    /// Says why nothing allows it. It names only what the subject may use.
    fn denial(&self, who: &Subject, what: &Resource<'_>, action: Action) -> Denial {
        let Resource { target, login } = *what;
        let reachable = self.reachable(who, [target]);
        let Some(reachable) = reachable.first() else {
            return Denial::unknown_target(target.name.as_str());
        };
        let usable: BTreeSet<&str> = self
            .grants(who, target)
            .filter(|(_, grant)| grant.allows_login(who, login))
            .flat_map(|(_, grant)| grant.capabilities.iter().map(|capability| capability.as_str()))
            .collect();
        let target = &target.name;
        Denial::by_default(match action {
            Action::Use(capability) if !usable.is_empty() => {
                let usable = Vec::from_iter(usable).join(", ");
                format!("no role of yours allows \"{capability}\" on {target} as {login}; you may use: {usable}")
            }
            Action::OpenConnection | Action::Use(_) => {
                let allowed = Vec::from_iter(reachable.logins.iter().map(String::as_str)).join(", ");
                format!("login \"{login}\" is not allowed on {target}; allowed: {allowed}")
            }
        })
    }
}

/// A compiled role.
#[derive(Debug, Clone)]
struct Role {
    name: RoleName,
    groups: Vec<GroupName>,
    users: Vec<UserName>,
    grants: Vec<Grant>,
    console: Vec<ConsoleRight>,
}

/// A compiled entry of `allow`.
#[derive(Debug, Clone)]
struct Grant {
    targets: Targets,
    logins: Vec<LoginSelector>,
    capabilities: BTreeSet<Capability>,
    obligations: Obligations,
}

/// A compiled target selector. A part that is empty selects all.
#[derive(Debug, Clone)]
pub(crate) struct Targets {
    names: Vec<Glob>,
    labels: BTreeMap<String, String>,
}

impl Role {
    fn has_member(&self, who: &Subject) -> bool {
        self.users.contains(&who.name) || self.groups.iter().any(|group| who.groups.contains(group))
    }
}

impl Grant {
    fn allows_login(&self, who: &Subject, login: &Login) -> bool {
        self.logins.iter().any(|selector| match selector {
            LoginSelector::Any => true,
            LoginSelector::Named(named) => named == login,
            LoginSelector::Own => who.name.as_str() == login.as_str(),
        })
    }

    fn allows(&self, action: Action) -> bool {
        match action {
            Action::OpenConnection => !self.capabilities.is_empty(),
            Action::Use(capability) => self.capabilities.contains(&capability),
        }
    }

    fn login_names(&self, who: &Subject) -> BTreeSet<String> {
        let name = |selector: &LoginSelector| match selector {
            LoginSelector::Any => Some("*".to_owned()),
            LoginSelector::Named(login) => Some(login.to_string()),
            LoginSelector::Own => who.name.as_str().parse::<Login>().ok().map(String::from),
        };
        self.logins.iter().filter_map(name).collect()
    }
}

impl Targets {
    fn matches(&self, target: &Target) -> bool {
        self.selects(&target.name, &target.labels)
    }

    /// The same for whatever has a name and labels.
    fn selects(&self, name: &TargetName, labels: &BTreeMap<String, String>) -> bool {
        let named = self.names.is_empty() || self.names.iter().any(|glob| glob.matches(name));
        named && self.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
    }
}

#[cfg(test)]
mod tests;
