//! [`Role`]: a compiled role, and what each [`Grant`] of it is for.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use config::{
    GroupName, Login, RoleName,
    rules::{Approvers, ConsoleRight, LoginSelector, Obligations, PortRange, UserSelector},
};

use crate::{
    access::{Action, Resource, Site, Subject},
    capability::Capability,
    glob::Glob,
    kube::KubePort,
};

/// A compiled role.
#[derive(Debug, Clone)]
pub(super) struct Role {
    pub(super) name: RoleName,
    pub(super) groups: Vec<GroupName>,
    pub(super) users: Vec<UserSelector>,
    pub(super) grants: Vec<Grant>,
    pub(super) console: Vec<ConsoleRight>,
}

/// A compiled entry of `allow` or `request`.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) targets: Targets,
    pub(super) extent: Extent,
    pub(super) capabilities: BTreeSet<Capability>,
    pub(super) obligations: Obligations,
    pub(super) terms: Terms,
}

/// How far a grant goes: what is particular to the kind of its targets.
#[derive(Debug, Clone)]
pub(super) enum Extent {
    Clusters {
        /// The groups that the cluster sees; the subject's own where there are none.
        groups: Option<Vec<GroupName>>,
        /// To which ports connections may go; to every one where there are none.
        ports: Vec<PortRange>,
    },
    Hosts {
        /// As which accounts.
        logins: Vec<LoginSelector>,
    },
}

/// When a grant counts.
#[derive(Debug, Clone)]
pub(super) enum Terms {
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
    pub(super) names: Vec<Glob>,
    pub(super) labels: BTreeMap<String, String>,
}

impl Role {
    pub(super) fn has_member(&self, who: &Subject) -> bool {
        who.is_among(&self.users, &self.groups)
    }
}

impl Grant {
    /// Whether it is for this host or cluster.
    pub(super) fn is_on(&self, site: Site<'_>) -> bool {
        match (&self.extent, site) {
            (Extent::Clusters { .. }, Site::Cluster(_)) | (Extent::Hosts { .. }, Site::Host(_)) => {
                self.targets.select(site)
            }
            (Extent::Clusters { .. }, Site::Host(_)) | (Extent::Hosts { .. }, Site::Cluster(_)) => false,
        }
    }

    /// Whether it is for `what`, where it is on that host or cluster.
    pub(super) fn is_for(&self, who: &Subject, what: Resource<'_>) -> bool {
        match (&self.extent, what) {
            (Extent::Clusters { .. }, Resource::Cluster(_)) => true,
            (Extent::Hosts { logins }, Resource::Host { login, .. }) => who.may_be(login, logins),
            (Extent::Clusters { .. }, Resource::Host { .. }) | (Extent::Hosts { .. }, Resource::Cluster(_)) => false,
        }
    }

    /// Whether it allows `action`, whenever it counts.
    pub(super) fn allows(&self, action: Action<'_>) -> bool {
        let allows = |capability: &Capability| self.capabilities.contains(capability);
        match (action, &self.extent) {
            (Action::Open, _) => !self.capabilities.is_empty(),
            (Action::Request(request), Extent::Clusters { ports, .. }) => {
                allows(&request.capability()) && reaches(ports, request.port)
            }
            (Action::Request(_), Extent::Hosts { .. }) => false,
            (Action::Use(capabilities), _) => capabilities.iter().all(allows),
        }
    }

    /// The accounts that it is for, by name; `*` stands for any, and a cluster has none.
    pub(super) fn login_names(&self, who: &Subject) -> BTreeSet<String> {
        let name = |selector: &LoginSelector| match selector {
            LoginSelector::Any => Some("*".to_owned()),
            LoginSelector::Named(login) => Some(login.to_string()),
            LoginSelector::Own => who.name.as_str().parse::<Login>().ok().map(String::from),
        };
        match &self.extent {
            Extent::Clusters { .. } => BTreeSet::new(),
            Extent::Hosts { logins } => logins.iter().filter_map(name).collect(),
        }
    }

    /// The groups that a cluster is to see: the operator's word, or the user's own groups. `system:` groups are the
    /// cluster's own: that an issuer names a group so must not make anybody its administrator.
    pub(super) fn groups(&self, who: &Subject) -> BTreeSet<GroupName> {
        match &self.extent {
            Extent::Clusters { groups: Some(groups), .. } => groups.iter().cloned().collect(),
            Extent::Clusters { groups: None, .. } => {
                who.groups.iter().filter(|group| !group.as_str().starts_with("system:")).cloned().collect()
            }
            Extent::Hosts { .. } => BTreeSet::new(),
        }
    }

    /// Whether there is something by it to be reached without asking for access, or, in a cluster, where that is open.
    /// Access to a host is approved for one account: it shows nowhere but there.
    pub(super) fn stands(&self, who: &Subject, is_open: bool) -> bool {
        match self.extent {
            Extent::Clusters { .. } => is_open || !self.is_on_request(),
            // A grant for the subject's own name is none if no account can have that name.
            Extent::Hosts { .. } => !self.is_on_request() && !self.login_names(who).is_empty(),
        }
    }

    /// Whether access has to be asked for.
    pub(super) fn is_on_request(&self) -> bool {
        matches!(self.terms, Terms::Request { .. })
    }
}

impl Targets {
    pub(crate) fn select(&self, site: Site<'_>) -> bool {
        let (name, labels) = (site.name(), site.labels());
        let named = self.names.is_empty() || self.names.iter().any(|glob| glob.matches(name));
        named && self.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
    }
}

fn reaches(ports: &[PortRange], port: KubePort) -> bool {
    match port {
        _ if ports.is_empty() => true,
        KubePort::None => true,
        KubePort::Number(port) => ports.iter().any(|range| range.contains(port)),
        KubePort::Unknown => false,
    }
}
