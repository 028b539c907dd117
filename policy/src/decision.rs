//! The answer of the rules: a permit with its obligations, or a denial with its reason.

use std::collections::BTreeSet;

use config::{
    GroupName, Login, RoleName, RuleName, TargetName,
    rules::{Approvers, Obligations, SessionMode},
};

use crate::access::Resource;

/// The answer of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// It may be done, under the permit's obligations.
    Allow(Permit),
    /// It may not be done.
    Deny(Denial),
    /// It may be done once other people have approved it: then the question is put anew, with
    /// what they approved in [`Context::approved`](crate::Context::approved).
    Hold(Hold),
}

/// What has to be approved, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The role whose entry asks for it.
    pub role: RoleName,
    /// Whose approval it needs.
    pub approvers: Approvers,
}

/// The proof that the rules allow something. Only [`RuleSet::decide`](crate::RuleSet::decide) makes one:
///
/// ```compile_fail,E0624
/// let forge = policy::Permit::new;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    target: TargetName,
    identity: Identity,
    roles: Vec<RoleName>,
    obligations: Obligations,
}

/// As whom the target sees the subject; it says of which kind the target is, too.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Identity {
    Cluster { groups: BTreeSet<GroupName> },
    Host { login: Login },
}

/// Why something may not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The reason in words for the user's terminal: what is wrong and what to do.
    pub reason: String,
    /// The rule that decided; none where nothing allowed it (default deny).
    pub rule: Option<RuleName>,
}

impl Permit {
    /// What one grant of `role` allows on `what`; `groups` are those that a cluster is to see.
    pub(crate) fn new(
        what: Resource<'_>,
        role: RoleName,
        groups: BTreeSet<GroupName>,
        obligations: Obligations,
    ) -> Self {
        let identity = match what {
            Resource::Cluster(_) => Identity::Cluster { groups },
            Resource::Host { login, .. } => Identity::Host { login: login.clone() },
        };
        Self { target: what.site().name().clone(), identity, roles: vec![role], obligations }
    }

    /// The permit of what needs both, on the same resource: the roles, the groups and the obligations of either.
    pub(crate) fn and(mut self, other: Self) -> Self {
        for role in other.roles {
            if !self.roles.contains(&role) {
                self.roles.push(role);
            }
        }
        if let (Identity::Cluster { groups }, Identity::Cluster { groups: others }) =
            (&mut self.identity, other.identity)
        {
            groups.extend(others);
        }
        self.obligations = self.obligations.and(&other.obligations);
        self
    }

    /// Whether it is for `what`: one for a host is none for a cluster, nor for another account.
    #[must_use]
    pub fn is_for(&self, what: Resource<'_>) -> bool {
        let is_as = match (&self.identity, what) {
            (Identity::Cluster { .. }, Resource::Cluster(_)) => true,
            (Identity::Host { login }, Resource::Host { login: other, .. }) => login == other,
            (Identity::Cluster { .. }, Resource::Host { .. }) | (Identity::Host { .. }, Resource::Cluster(_)) => false,
        };
        is_as && self.target == *what.site().name()
    }

    /// The groups that the cluster is to see the user with; none on a host.
    #[must_use]
    pub fn groups(&self) -> Option<&BTreeSet<GroupName>> {
        match &self.identity {
            Identity::Cluster { groups } => Some(groups),
            Identity::Host { .. } => None,
        }
    }

    /// The roles that allow it, in the order of the rule files; never empty.
    #[must_use]
    pub fn roles(&self) -> &[RoleName] {
        &self.roles
    }

    /// What whoever acts on it must do.
    #[must_use]
    pub fn obligations(&self) -> &Obligations {
        &self.obligations
    }

    /// Whether somebody may type into what it is for.
    ///
    /// # Errors
    ///
    /// Where the mode rules that out.
    pub fn terminal(&self) -> Result<(), Denial> {
        if self.obligations.mode == SessionMode::ExecOnly { Err(Denial::exec_only(self)) } else { Ok(()) }
    }
}

impl Denial {
    /// The denial for a target that does not exist. It is the same, word for word, for
    /// one that the subject cannot reach: nobody learns from it which targets there are.
    #[must_use]
    pub fn unknown_target(name: &str) -> Self {
        Self::by_default(format!(
            "unknown target {name:?}, or none of your roles reaches it; `bastion targets` lists those you can reach"
        ))
    }

    /// The denial of a shell or terminal where the mode is `exec-only`.
    fn exec_only(permit: &Permit) -> Self {
        let target = &permit.target;
        Self::by_default(match &permit.identity {
            Identity::Cluster { .. } => format!(
                "{target} is exec-only for you: there is no terminal; give the command without -t, as in \
                 `kubectl exec POD -- COMMAND`"
            ),
            Identity::Host { login } => format!(
                "{target} is exec-only for you as {login}: there is no shell and no terminal. Give the command \
                 (`ssh {target} COMMAND`, without -t), a script on standard input (`ssh {target} sh -s < SCRIPT`), \
                 or use `bastion run {target} -- COMMAND`"
            ),
        })
    }

    /// The same as [`Denial::unknown_target`] for a Kubernetes cluster.
    #[must_use]
    pub fn unknown_cluster(name: &str) -> Self {
        Self::by_default(format!(
            "unknown cluster {name:?}, or none of your roles reaches it; `bastion kubeconfig` names those you can reach"
        ))
    }

    pub(crate) fn by_default(reason: String) -> Self {
        Self { reason, rule: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_target_name_cannot_write_to_the_terminal() {
        assert!(!Denial::unknown_target("a\x1b[2J\r\nb").reason.contains(char::is_control));
    }
}
