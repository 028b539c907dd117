//! The answer of the rules: a permit with its obligations, or a denial with its reason.

use config::{
    Login, RoleName, RuleName, TargetName,
    rules::{Approvers, Obligations},
};

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

/// The proof that the rules allow something. Only [`RuleSet::decide`](crate::RuleSet::decide) makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    target: TargetName,
    login: Login,
    roles: Vec<RoleName>,
    obligations: Obligations,
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
    pub(crate) fn new(target: TargetName, login: Login, roles: Vec<RoleName>, obligations: Obligations) -> Self {
        Self { target, login, roles, obligations }
    }

    /// The permit of one session that needs both: the roles and the obligations of either.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        for role in &other.roles {
            if !self.roles.contains(role) {
                self.roles.push(role.clone());
            }
        }
        self.obligations = self.obligations.and(other.obligations);
        self
    }

    /// The target it is for.
    #[must_use]
    pub fn target(&self) -> &TargetName {
        &self.target
    }

    /// The account it is for.
    #[must_use]
    pub fn login(&self) -> &Login {
        &self.login
    }

    /// The roles that allow it, in the order of the rule files; never empty.
    #[must_use]
    pub fn roles(&self) -> &[RoleName] {
        &self.roles
    }

    /// What whoever acts on it must do.
    #[must_use]
    pub fn obligations(&self) -> Obligations {
        self.obligations
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
    pub(crate) fn exec_only(target: &TargetName, login: &Login) -> Self {
        Self::by_default(format!(
            "{target} is exec-only for you as {login}: there is no shell and no terminal. Give the command \
             (`ssh {target} COMMAND`, without -t), a script on standard input (`ssh {target} sh -s < SCRIPT`), \
             or use `bastion run {target} -- COMMAND`"
        ))
    }

    /// The same for a cluster.
    pub(crate) fn exec_only_cluster(cluster: &TargetName) -> Self {
        Self::by_default(format!(
            "{cluster} is exec-only for you: there is no terminal; give the command without -t, as in \
             `kubectl exec POD -- COMMAND`"
        ))
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
