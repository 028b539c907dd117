//! [`RuleSet`]: the compiled rules, and every question that is put to them.
//!
//! Nothing is allowed unless a role of the subject allows it. A subject may do
//! what any of its roles allows, so a further role never takes anything away;
//! but the obligations of all the grants that apply add up, and the strictest mode
//! among them counts: `exec-only` in one of them rules shell and terminal out.

use std::{collections::BTreeSet, time::Duration};

use config::{
    RoleName, RuleDoc,
    rules::{Approvers, ConsoleRight},
};

use crate::{
    access::{Action, ApprovedKind, Context, Resource, Site, Subject},
    capability::Capability,
    decision::{Decision, Denial, Hold, Permit},
    error::CompileError,
    rule::Rule,
};

mod compile;
mod compile_commands;
mod denial;
mod grant;
mod judge;
mod requests;

use grant::{Grant, Role, Terms};
use requests::RequestMatcher;

pub(crate) use grant::Targets;

/// The compiled rules. The empty set (`default`) allows nothing.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    roles: Vec<Role>,
    commands: Vec<Rule>,
    requests: Vec<Rule<RequestMatcher>>,
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

/// A host or a cluster that a subject can reach, and what it may do there.
#[derive(Debug, Clone)]
pub struct Reachable<'a> {
    /// The host or cluster.
    pub site: Site<'a>,
    /// The accounts; `*` stands for any, and a cluster has none.
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
        let (commands, requests) = compile_commands::rules(documents, &mut errors);
        if errors.is_empty() { Ok(Self { roles, commands, requests, approvers }) } else { Err(errors) }
    }

    /// Whether `who` may do `action` on `what`, as far as roles say it.
    ///
    /// An entry that needs an approval counts once a session there is approved, an entry of `request` while access
    /// is; where another entry allows the same without, no approval is asked for. To be connected needs no approval
    /// of a session: nothing runs by it.
    ///
    /// The obligations of the grants of each capability add up, so a terminal from one role does not soften the command
    /// from another; and a cluster sees the groups of all of them.
    pub fn decide(&self, who: &Subject, what: Resource<'_>, action: Action<'_>, context: &Context<'_>) -> Decision {
        let (mut permit, mut hold) = (None, None);
        for part in action.parts() {
            match self.granted(who, what, part, context) {
                Decision::Allow(granted) => permit = Some(both(permit, granted)),
                Decision::Deny(denial) => return Decision::Deny(denial),
                Decision::Hold(needed) => hold = Some(needed),
            }
        }
        match (hold, permit) {
            (Some(hold), _) => Decision::Hold(hold),
            (None, Some(permit)) => match permit.terminal() {
                Err(denial) if action.is_interactive() => Decision::Deny(denial),
                Err(_) | Ok(()) => Decision::Allow(permit),
            },
            (None, None) => Decision::Deny(Denial::by_default("nothing was asked for".to_owned())),
        }
    }

    /// What the roles of `who` grant, before the mode is looked at.
    fn granted(&self, who: &Subject, what: Resource<'_>, part: Action<'_>, context: &Context<'_>) -> Decision {
        let (session, access) = (context.has(ApprovedKind::Session, what), context.has(ApprovedKind::Access, what));
        let (mut permit, mut hold) = (None, None);
        for (role, grant) in self.grants(who, what.site()) {
            if !(grant.is_for(who, what) && grant.allows(part)) {
                continue;
            }
            let counts = match &grant.terms {
                Terms::Free => true,
                Terms::Approval(approvers) => {
                    let counts = session || part == Action::Open;
                    if !counts && hold.is_none() {
                        hold = Some(Hold { role: role.name.clone(), approvers: approvers.clone() });
                    }
                    counts
                }
                Terms::Request { .. } => access,
            };
            if counts {
                let granted = Permit::new(what, role.name.clone(), grant.groups(who), grant.obligations.clone());
                permit = Some(both(permit, granted));
            }
        }
        match (permit, hold) {
            (Some(permit), _) => Decision::Allow(permit),
            (None, Some(hold)) => Decision::Hold(hold),
            (None, None) => Decision::Deny(self.denial(who, what, part, context)),
        }
    }

    /// On which terms `who` may ask for access to `what`, if at all: those of the entry that gives the longest time.
    #[must_use]
    pub fn terms(&self, who: &Subject, what: Resource<'_>) -> Option<AccessTerms> {
        let grants = self.grants(who, what.site()).filter(|(_, grant)| grant.is_for(who, what));
        let terms = grants.filter_map(|(role, grant)| match &grant.terms {
            Terms::Request { approvers, max } => {
                Some(AccessTerms { role: role.name.clone(), approvers: approvers.clone(), max: *max })
            }
            Terms::Approval(_) | Terms::Free => None,
        });
        // The first among equals.
        terms.reduce(|best, other| if other.max > best.max { other } else { best })
    }

    /// Whether `who` may know of `site`: of a host by what they may do there; of a cluster also by what they may ask
    /// for.
    #[must_use]
    pub fn knows(&self, who: &Subject, site: Site<'_>) -> bool {
        self.grants(who, site).any(|(_, grant)| grant.stands(who, true))
    }

    /// Those of `sites` that `who` may know of, in their order, with what they may do there now: nothing in a cluster
    /// where they may only ask for access.
    pub fn reachable<'a>(
        &self,
        who: &Subject,
        sites: impl IntoIterator<Item = Site<'a>>,
        context: &Context<'_>,
    ) -> Vec<Reachable<'a>> {
        let reach = |site| {
            let mut reachable = Reachable { site, logins: BTreeSet::new(), capabilities: BTreeSet::new() };
            for grant in self.standing_grants(who, site, context) {
                reachable.logins.extend(grant.login_names(who));
                reachable.capabilities.extend(&grant.capabilities);
            }
            reachable
        };
        sites.into_iter().filter(|site| self.knows(who, *site)).map(reach).collect()
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

    /// The grants of the roles of `who` that are on `site`, with their roles.
    fn grants<'s>(&'s self, who: &'s Subject, site: Site<'s>) -> impl Iterator<Item = (&'s Role, &'s Grant)> {
        let roles = self.roles.iter().filter(move |role| role.has_member(who));
        roles
            .flat_map(|role| role.grants.iter().map(move |grant| (role, grant)))
            .filter(move |(_, grant)| grant.is_on(site))
    }

    /// The grants on `site` by which `who` may do something there now, if only with an approval for each session.
    fn standing_grants<'s>(
        &'s self,
        who: &'s Subject,
        site: Site<'s>,
        context: &Context<'_>,
    ) -> impl Iterator<Item = &'s Grant> {
        let is_open = match site {
            Site::Cluster(cluster) => context.has(ApprovedKind::Access, Resource::Cluster(cluster)),
            Site::Host(_) => false,
        };
        self.grants(who, site).map(|(_, grant)| grant).filter(move |grant| grant.stands(who, is_open))
    }
}

fn both(permit: Option<Permit>, granted: Permit) -> Permit {
    match permit {
        Some(permit) => permit.and(granted),
        None => granted,
    }
}

#[cfg(test)]
mod tests;
