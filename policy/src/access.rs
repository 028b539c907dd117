//! One question to the rules: who (subject) wants what (action) on what (resource), and when and from where (context).
//!
//! The words are those of NIST SP 800-162. Another kind of resource is a variant of [`Site`], [`Resource`] and
//! [`Access`], and each match on them then says what is missing.
//!
//! What is not asked here: a command is judged by what would run ([`RuleSet::judge`](crate::RuleSet::judge)); a port of
//! a pod is part of the request that opens a connection to it ([`KubeRequest::to_port`]). There is no action for
//! endpoints behind a host and none for single files: nothing would ask for them yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    slice,
    time::SystemTime,
};

use config::{
    Cluster, GroupName, Login, Target, TargetName, UserName,
    rules::{LoginSelector, Protocol, UserSelector},
};

use crate::{
    capability::Capability,
    kube::{CLUSTER_LOGIN, KubePort, KubeRequest, OwnedKubeRequest},
};

/// Who asks: a person or robot whose login the bastion verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The issuer's URL (`iss`).
    pub issuer: String,
    /// The issuer's identifier of the subject (`sub`).
    pub id: String,
    /// The name in certificates, recordings and audit events. No two people have the same one at a bastion.
    pub name: UserName,
    /// The e-mail address, only where the issuer says that it is verified.
    pub email: Option<String>,
    /// The groups that the issuer's groups claim named.
    pub groups: BTreeSet<GroupName>,
}

/// What has a name and labels, by which rules select it.
#[derive(Debug, Clone, Copy)]
pub enum Site<'a> {
    /// A Kubernetes cluster.
    Cluster(&'a Cluster),
    /// A host.
    Host(&'a Target),
}

/// What it is wanted on.
#[derive(Debug, Clone, Copy)]
pub enum Resource<'a> {
    /// A Kubernetes cluster. As which account something runs in its pods is not known: the container says so.
    Cluster(&'a Cluster),
    /// An account of a host.
    Host {
        /// The host.
        target: &'a Target,
        /// The account there.
        login: &'a Login,
    },
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action<'a> {
    /// To be connected at all; allowed where any capability is.
    Open,
    /// To send this to the API server of a cluster.
    Request(KubeRequest<'a>),
    /// To use all of these in one session.
    Use(&'a [Capability]),
}

/// A resource and an action: what a permit was asked for, kept to be asked again.
#[derive(Debug, Clone)]
pub enum Access {
    /// To a cluster.
    Cluster {
        /// The cluster.
        cluster: Box<Cluster>,
        /// The request.
        request: OwnedKubeRequest,
    },
    /// To a host.
    Host {
        /// The host.
        target: Box<Target>,
        /// The account there.
        login: Login,
        /// What the session uses.
        capabilities: Vec<Capability>,
    },
}

/// The circumstances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context<'a> {
    /// When it is wanted.
    pub now: SystemTime,
    /// From where.
    pub source: IpAddr,
    /// What other people have approved for this subject.
    pub approved: &'a [Approved],
}

/// What other people have approved for a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// Whether it is one session, or access that the subject has no standing right to.
    pub what: ApprovedKind,
    /// On which target.
    pub target: TargetName,
    /// As which account.
    pub login: Login,
    /// Until then; without a time for as long as the one session or connection lasts that waited for it.
    pub until: Option<SystemTime>,
}

/// What was approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovedKind {
    /// Access for a time: what an entry of `request` is for.
    Access,
    /// A session: what an entry of `allow` with `approval` waits for.
    Session,
}

impl Subject {
    /// Whether one of `users` or of `groups` is this subject.
    pub(crate) fn is_among(&self, users: &[UserSelector], groups: &[GroupName]) -> bool {
        let is_meant = |user: &UserSelector| match user {
            UserSelector::Email(email) => self.email.as_ref() == Some(email),
            UserSelector::Name(name) => self.name == *name,
            UserSelector::Subject { issuer, id } => {
                self.id == *id && issuer.as_ref().is_none_or(|issuer| self.issuer == *issuer)
            }
        };
        users.iter().any(is_meant) || groups.iter().any(|group| self.groups.contains(group))
    }

    /// Whether `login` is one of `logins`.
    pub(crate) fn may_be(&self, login: &Login, logins: &[LoginSelector]) -> bool {
        logins.iter().any(|selector| match selector {
            LoginSelector::Any => true,
            LoginSelector::Named(named) => named == login,
            LoginSelector::Own => self.name.as_str() == login.as_str(),
        })
    }
}

impl<'a> Site<'a> {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'a TargetName {
        match self {
            Self::Cluster(cluster) => &cluster.name,
            Self::Host(target) => &target.name,
        }
    }

    /// Its labels.
    #[must_use]
    pub fn labels(self) -> &'a BTreeMap<String, String> {
        match self {
            Self::Cluster(cluster) => &cluster.labels,
            Self::Host(target) => &target.labels,
        }
    }
}

impl<'a> Resource<'a> {
    /// What rules select it by.
    #[must_use]
    pub fn site(self) -> Site<'a> {
        match self {
            Self::Cluster(cluster) => Site::Cluster(cluster),
            Self::Host { target, .. } => Site::Host(target),
        }
    }

    /// How it is spoken to.
    #[must_use]
    pub fn protocol(self) -> Protocol {
        match self {
            Self::Cluster(_) => Protocol::Kubernetes,
            Self::Host { .. } => Protocol::Ssh,
        }
    }
}

impl<'a> Action<'a> {
    /// What grants allow one by one: each part may come from another grant.
    pub(crate) fn parts(self) -> impl Iterator<Item = Self> {
        let (whole, capabilities) = match self {
            Self::Open | Self::Request(_) => (Some(self), &[][..]),
            Self::Use(capabilities) => (None, capabilities),
        };
        whole.into_iter().chain(capabilities.iter().map(|one| Self::Use(slice::from_ref(one))))
    }

    /// The capability that it needs, if it needs a certain one.
    pub(crate) fn capability(self) -> Option<Capability> {
        match self {
            Self::Open => None,
            Self::Request(request) => Some(request.capability()),
            Self::Use(capabilities) => capabilities.first().copied(),
        }
    }

    /// The port that it goes to.
    pub(crate) fn port(self) -> KubePort {
        match self {
            Self::Open | Self::Use(_) => KubePort::None,
            Self::Request(request) => request.port,
        }
    }

    /// Whether somebody types into it.
    pub(crate) fn is_interactive(self) -> bool {
        match self {
            Self::Open | Self::Request(_) => false,
            Self::Use(capabilities) => {
                capabilities.iter().any(|one| matches!(one, Capability::Pty | Capability::Shell))
            }
        }
    }
}

impl Access {
    /// On what.
    #[must_use]
    pub fn resource(&self) -> Resource<'_> {
        match self {
            Self::Cluster { cluster, .. } => Resource::Cluster(cluster),
            Self::Host { target, login, .. } => Resource::Host { target, login },
        }
    }

    /// What.
    #[must_use]
    pub fn action(&self) -> Action<'_> {
        match self {
            Self::Cluster { request, .. } => Action::Request(request.get()),
            Self::Host { capabilities, .. } => Action::Use(capabilities),
        }
    }
}

impl Context<'_> {
    /// Whether other people have approved `kind` on `what`, and it still counts.
    pub(crate) fn has(&self, kind: ApprovedKind, what: Resource<'_>) -> bool {
        self.approved.iter().any(|approved| approved.covers(kind, what, self.now))
    }
}

impl Approved {
    /// Whether it is `what`, on `resource`, and still counts at `now`. In a cluster a session is approved for a pod, and
    /// counts for the connection that waited for it.
    fn covers(&self, what: ApprovedKind, resource: Resource<'_>, now: SystemTime) -> bool {
        let is_there = match (resource, what) {
            (Resource::Cluster(_), ApprovedKind::Access) => self.login.as_str() == CLUSTER_LOGIN,
            (Resource::Cluster(_), ApprovedKind::Session) => true,
            (Resource::Host { login, .. }, ApprovedKind::Access | ApprovedKind::Session) => self.login == *login,
        };
        let counts = self.until.is_none_or(|until| now < until);
        self.what == what && self.target == *resource.site().name() && is_there && counts
    }
}
