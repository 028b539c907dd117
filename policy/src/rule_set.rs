//! [`RuleSet`]: the compiled rules, and every question that is put to them.
//!
//! Nothing is allowed unless a role of the subject allows it. A subject may do
//! what any of its roles allows, so a further role never takes anything away;
//! but the obligations of all the grants that apply add up, and the strictest mode
//! among them counts: `exec-only` in one of them rules shell and terminal out.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use config::{
    GroupName, Login, RoleName, RuleDoc, Target, TargetName,
    rules::{Approvers, ConsoleRight, LoginSelector, Obligations, SessionMode, UserSelector},
};

use crate::{
    access::{Action, ApprovedKind, Capability, Context, Resource, Subject},
    decision::{Decision, Denial, Hold, Permit},
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
    /// Who may approve where neither a rule nor an entry says so.
    approvers: Option<Approvers>,
}

/// What access can be asked for, and from whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessTerms {
    /// The role whose entry it is.
    pub role: RoleName,
    /// Who may approve it.
    pub approvers: Approvers,
    /// The longest time that can be asked for.
    pub max: Duration,
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
    /// Whose names are, and to release them.
    pub names: bool,
}

impl RuleSet {
    /// Compiles rule documents; the error is everything that is wrong with them.
    pub fn compile(documents: &[RuleDoc]) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let approvers = compile::default_approvers(documents, &mut errors);
        let roles = compile::roles(documents, approvers.as_ref(), &mut errors);
        let clusters = clusters::roles(documents, approvers.as_ref(), &mut errors);
        let (commands, requests) = compile_commands::rules(documents, &mut errors);
        if errors.is_empty() { Ok(Self { roles, commands, clusters, requests, approvers }) } else { Err(errors) }
    }

    /// Whether `who` may do `action` on `what`.
    ///
    /// An entry that needs an approval counts once a session there is approved, an entry of `request` while access
    /// is; where another entry allows the same without, no approval is asked for. To be connected needs no approval
    /// of a session: nothing runs by it.
    pub fn decide(&self, who: &Subject, what: &Resource<'_>, action: Action, context: &Context<'_>) -> Decision {
        match self.granted(who, what, action, context) {
            Decision::Allow(permit) => within_mode(permit, &[action]),
            other @ (Decision::Deny(_) | Decision::Hold(_)) => other,
        }
    }

    /// Whether `who` may use all these `capabilities` in one session on `what`. The obligations of the
    /// grants of each add up, so a terminal from one role does not soften the command from another.
    pub fn decide_session(
        &self,
        who: &Subject,
        what: &Resource<'_>,
        capabilities: &[Capability],
        context: &Context<'_>,
    ) -> Decision {
        let actions: Vec<Action> = capabilities.iter().copied().map(Action::Use).collect();
        let mut permit: Option<Permit> = None;
        let mut hold = None;
        for action in &actions {
            match self.granted(who, what, *action, context) {
                Decision::Allow(granted) => {
                    permit = Some(permit.map_or_else(|| granted.clone(), |others| others.and(&granted)));
                }
                Decision::Deny(denial) => return Decision::Deny(denial),
                Decision::Hold(needed) => hold = Some(needed),
            }
        }
        match (hold, permit) {
            (Some(hold), _) => Decision::Hold(hold),
            (None, Some(permit)) => within_mode(permit, &actions),
            (None, None) => Decision::Deny(Denial::by_default("nothing was asked for".to_owned())),
        }
    }

    /// What the roles of `who` grant, before the mode is looked at.
    fn granted(&self, who: &Subject, what: &Resource<'_>, action: Action, context: &Context<'_>) -> Decision {
        let Resource { target, login } = *what;
        let approved = |kind| context.approved.iter().any(|approved| approved.covers(kind, what, context.now));
        let (session, access) = (approved(ApprovedKind::Session), approved(ApprovedKind::Access));
        let mut roles: Vec<RoleName> = Vec::new();
        let mut obligations: Option<Obligations> = None;
        let mut hold: Option<Hold> = None;
        for (role, grant) in self.grants(who, target) {
            if !(grant.allows_login(who, login) && grant.allows(action)) {
                continue;
            }
            let counts = match &grant.terms {
                Terms::Free => true,
                Terms::Approval(approvers) => {
                    let counts = session || action == Action::OpenConnection;
                    if !counts && hold.is_none() {
                        hold = Some(Hold { role: role.name.clone(), approvers: approvers.clone() });
                    }
                    counts
                }
                Terms::Request { .. } => access,
            };
            if counts {
                if roles.last() != Some(&role.name) {
                    roles.push(role.name.clone());
                }
                obligations = Some(obligations.map_or(grant.obligations, |others| others.and(grant.obligations)));
            }
        }
        match (obligations, hold) {
            (Some(obligations), _) => {
                Decision::Allow(Permit::new(target.name.clone(), login.clone(), roles, obligations))
            }
            (None, Some(hold)) => Decision::Hold(hold),
            (None, None) => Decision::Deny(self.denial(who, what, action)),
        }
    }

    /// On which terms `who` may ask for access to `what`, if at all: those of the entry that gives the longest time.
    #[must_use]
    pub fn access_terms(&self, who: &Subject, what: &Resource<'_>) -> Option<AccessTerms> {
        let terms = self.grants(who, what.target).filter(|(_, grant)| grant.allows_login(who, what.login));
        let terms = terms.filter_map(|(role, grant)| match &grant.terms {
            Terms::Request { approvers, max } => {
                Some(AccessTerms { role: role.name.clone(), approvers: approvers.clone(), max: *max })
            }
            Terms::Approval(_) | Terms::Free => None,
        });
        // The first among equals.
        terms.reduce(|best, other| if other.max > best.max { other } else { best })
    }

    /// Those of `targets` that `who` can reach, in their order.
    pub fn reachable<'a>(&self, who: &Subject, targets: impl IntoIterator<Item = &'a Target>) -> Vec<Reachable<'a>> {
        let reach = |target| {
            let mut reachable = Reachable { target, logins: BTreeSet::new(), capabilities: BTreeSet::new() };
            for (_, grant) in self.standing_grants(who, target) {
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
                ConsoleRight::Names => rights.names = true,
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

    /// The grants that need no access to be asked for.
    fn standing_grants<'s>(
        &'s self,
        who: &'s Subject,
        target: &'s Target,
    ) -> impl Iterator<Item = (&'s Role, &'s Grant)> {
        self.grants(who, target).filter(|(_, grant)| !matches!(grant.terms, Terms::Request { .. }))
    }

    /// Says why nothing allows it. It names only what the subject may use.
    fn denial(&self, who: &Subject, what: &Resource<'_>, action: Action) -> Denial {
        let Resource { target, login } = *what;
        if self.access_terms(who, what).is_some() {
            return Denial::by_default(format!(
                "you have no access to {} as {login} now; ask for it with `bastion access request {} --login {login}`",
                target.name, target.name
            ));
        }
        let reachable = self.reachable(who, [target]);
        let Some(reachable) = reachable.first() else {
            return Denial::unknown_target(target.name.as_str());
        };
        let usable: BTreeSet<&str> = self
            .standing_grants(who, target)
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

/// The permit, unless its mode forbids one of the actions.
fn within_mode(permit: Permit, actions: &[Action]) -> Decision {
    let runs_interactively = |action: &Action| matches!(action, Action::Use(Capability::Pty | Capability::Shell));
    if permit.obligations().mode == SessionMode::ExecOnly && actions.iter().any(runs_interactively) {
        return Decision::Deny(Denial::exec_only(permit.target(), permit.login()));
    }
    Decision::Allow(permit)
}

/// A compiled role.
#[derive(Debug, Clone)]
struct Role {
    name: RoleName,
    groups: Vec<GroupName>,
    users: Vec<UserSelector>,
    grants: Vec<Grant>,
    console: Vec<ConsoleRight>,
}

/// A compiled entry of `allow` or `request`.
#[derive(Debug, Clone)]
struct Grant {
    targets: Targets,
    logins: Vec<LoginSelector>,
    capabilities: BTreeSet<Capability>,
    obligations: Obligations,
    terms: Terms,
}

/// When a grant counts.
#[derive(Debug, Clone)]
enum Terms {
    /// Once a session is approved.
    Approval(Approvers),
    /// Always.
    Free,
    /// While access is approved.
    Request { approvers: Approvers, max: Duration },
}

/// A compiled target selector. A part that is empty selects all.
#[derive(Debug, Clone)]
pub(crate) struct Targets {
    names: Vec<Glob>,
    labels: BTreeMap<String, String>,
}

impl Role {
    fn has_member(&self, who: &Subject) -> bool {
        who.is_among(&self.users, &self.groups)
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
