//! Who may use which Kubernetes cluster, for what, and as whom the cluster sees them.

use std::collections::BTreeSet;

use config::{
    Cluster, GroupName, Located, Location, Login, RoleName, RuleDoc,
    rules::{self, Approvers, Obligations, PortRange, UserSelector},
    suggestion,
};

use super::{AccessTerms, RuleSet, Targets, Terms, compile::target_globs};
use crate::{
    access::{ApprovedKind, Context, Subject},
    decision::{Denial, Hold},
    error::{CompileError, CompileReason, Named},
    kube::{CLUSTER_LOGIN, ClusterDecision, ClusterPermit, KubeCapability, KubePort, KubeRequest, ReachableCluster},
};

/// A compiled role, as far as clusters are concerned.
#[derive(Debug, Clone)]
pub(super) struct ClusterRole {
    name: RoleName,
    groups: Vec<GroupName>,
    users: Vec<UserSelector>,
    grants: Vec<ClusterGrant>,
}

/// A compiled entry of `allow`.
#[derive(Debug, Clone)]
struct ClusterGrant {
    clusters: Targets,
    groups: Option<Vec<GroupName>>,
    capabilities: BTreeSet<KubeCapability>,
    /// To which ports connections may go; to every one where there are none.
    ports: Vec<PortRange>,
    obligations: Obligations,
    terms: Terms,
}

impl RuleSet {
    /// Whether `who` may send `request` to `cluster`, as far as roles say it; `place` is where what other people
    /// approved for it counts. Where several grants allow it, the cluster sees the groups of all of them, and their
    /// obligations add up. A grant that needs an approval counts once there is one.
    pub fn decide_cluster(
        &self,
        who: &Subject,
        cluster: &Cluster,
        request: &KubeRequest<'_>,
        context: &Context<'_>,
    ) -> ClusterDecision {
        let capability = request.capability();
        let access = approved_access(cluster, context);
        let session = approved(ApprovedKind::Session, cluster, context, |_| true);
        let mut permit: Option<ClusterPermit> = None;
        let mut hold = None;
        for (role, grant) in self.cluster_grants(who, cluster) {
            if !grant.allows(capability, request.port) {
                continue;
            }
            match &grant.terms {
                Terms::Free => {}
                Terms::Approval(_) if session => {}
                Terms::Approval(approvers) => {
                    hold.get_or_insert_with(|| Hold { role: role.name.clone(), approvers: approvers.clone() });
                    continue;
                }
                Terms::Request { .. } if access => {}
                Terms::Request { .. } => continue,
            }
            let permit = permit.get_or_insert_with(|| ClusterPermit {
                cluster: cluster.name.clone(),
                capability,
                groups: BTreeSet::new(),
                roles: Vec::new(),
                obligations: grant.obligations,
            });
            permit.obligations = permit.obligations.and(grant.obligations);
            permit.groups.extend(grant.impersonated(who));
            if permit.roles.last() != Some(&role.name) {
                permit.roles.push(role.name.clone());
            }
        }
        match (permit, hold) {
            (Some(permit), _) => ClusterDecision::Allow(permit),
            (None, Some(hold)) => ClusterDecision::Hold(hold),
            (None, None) => ClusterDecision::Deny(self.cluster_denial(who, cluster, request, context)),
        }
    }

    /// On which terms `who` may ask for access to `cluster`, if at all: those of the entry that gives the longest
    /// time.
    #[must_use]
    pub fn cluster_access_terms(&self, who: &Subject, cluster: &Cluster) -> Option<AccessTerms> {
        let terms = self.cluster_grants(who, cluster).filter_map(|(role, grant)| match &grant.terms {
            Terms::Request { approvers, max } => {
                Some(AccessTerms { role: role.name.clone(), approvers: approvers.clone(), max: *max })
            }
            Terms::Approval(_) | Terms::Free => None,
        });
        // The first among equals.
        terms.reduce(|best, other| if other.max > best.max { other } else { best })
    }

    /// Whether `who` may know of `cluster`: by what they may do there, or may ask for.
    #[must_use]
    pub fn knows_cluster(&self, who: &Subject, cluster: &Cluster) -> bool {
        self.cluster_grants(who, cluster).next().is_some()
    }

    /// Those of `clusters` that `who` may know of, in their order, with what they may do there now: nothing where they
    /// may only ask for access.
    pub fn known_clusters<'a>(
        &self,
        who: &Subject,
        clusters: impl IntoIterator<Item = &'a Cluster>,
        context: &Context<'_>,
    ) -> Vec<ReachableCluster<'a>> {
        let reach = |cluster| {
            let grants = self.cluster_grants(who, cluster);
            let is_open = approved_access(cluster, context);
            let standing = grants.filter(|(_, grant)| is_open || !matches!(grant.terms, Terms::Request { .. }));
            let capabilities: BTreeSet<_> =
                standing.flat_map(|(_, grant)| grant.capabilities.iter().copied()).collect();
            self.knows_cluster(who, cluster).then_some(ReachableCluster { cluster, capabilities })
        };
        clusters.into_iter().filter_map(reach).collect()
    }

    fn cluster_grants<'s>(
        &'s self,
        who: &'s Subject,
        cluster: &'s Cluster,
    ) -> impl Iterator<Item = (&'s ClusterRole, &'s ClusterGrant)> {
        self.clusters
            .iter()
            .filter(move |role| who.is_among(&role.users, &role.groups))
            .flat_map(|role| role.grants.iter().map(move |grant| (role, grant)))
            .filter(|(_, grant)| grant.clusters.selects(&cluster.name, &cluster.labels))
    }

    /// Says why nothing allows it. It names only what the subject may use.
    fn cluster_denial(
        &self,
        who: &Subject,
        cluster: &Cluster,
        request: &KubeRequest<'_>,
        context: &Context<'_>,
    ) -> Denial {
        let (name, capability) = (&cluster.name, request.capability());
        let may_ask = |(_, grant): (&ClusterRole, &ClusterGrant)| {
            matches!(grant.terms, Terms::Request { .. }) && grant.allows(capability, request.port)
        };
        if self.cluster_grants(who, cluster).any(may_ask) {
            return Denial::by_default(format!(
                "you have no access to {name} for this now; ask for it with `bastion access request {name} --for 1h \
                 --reason 'WHY' --wait`"
            ));
        }
        let reachable = self.known_clusters(who, [cluster], context);
        let Some(reachable) = reachable.first().filter(|reachable| !reachable.capabilities.is_empty()) else {
            return Denial::unknown_cluster(cluster.name.as_str());
        };
        if reachable.capabilities.contains(&capability) {
            return Denial::by_default(match request.port {
                KubePort::Number(port) => format!("no role of yours allows port {port} on {name}"),
                KubePort::None | KubePort::Unknown => {
                    format!("your roles allow certain ports only on {name}; give the port as a number")
                }
            });
        }
        let usable: Vec<_> = reachable.capabilities.iter().map(|capability| capability.as_str()).collect();
        Denial::by_default(format!(
            "no role of yours allows \"{capability}\" on {name}; you may use: {}",
            usable.join(", ")
        ))
    }
}

fn approved_access(cluster: &Cluster, context: &Context<'_>) -> bool {
    approved(ApprovedKind::Access, cluster, context, |login| login.as_str() == CLUSTER_LOGIN)
}

/// Whether other people have approved something of this kind that counts now.
fn approved(what: ApprovedKind, cluster: &Cluster, context: &Context<'_>, place: impl Fn(&Login) -> bool) -> bool {
    context.approved.iter().any(|approved| {
        approved.what == what
            && approved.target == cluster.name
            && place(&approved.login)
            && approved.counts_at(context.now)
    })
}

impl ClusterGrant {
    fn allows(&self, capability: KubeCapability, port: KubePort) -> bool {
        let goes_to = match port {
            _ if self.ports.is_empty() => true,
            KubePort::None => true,
            KubePort::Number(port) => self.ports.iter().any(|range| range.contains(port)),
            KubePort::Unknown => false,
        };
        self.capabilities.contains(&capability) && goes_to
    }

    /// The operator's word, or the user's own groups. `system:` groups are the cluster's own: that an issuer names
    /// a group so must not make anybody its administrator.
    fn impersonated(&self, who: &Subject) -> Vec<GroupName> {
        match &self.groups {
            Some(groups) => groups.clone(),
            None => who.groups.iter().filter(|group| !group.as_str().starts_with("system:")).cloned().collect(),
        }
    }
}

/// Compiles what the roles of all documents say of clusters; `errors` gets everything that is wrong with it.
pub(super) fn roles(
    documents: &[RuleDoc],
    default_approvers: Option<&Approvers>,
    errors: &mut Vec<CompileError>,
) -> Vec<ClusterRole> {
    let mut roles = Vec::new();
    for document in documents {
        for written in &document.roles {
            let mut report = |at: Location, reason: CompileReason| {
                let (file, of) = (document.file.clone(), Named::Role(written.name.value.clone()));
                errors.push(CompileError { file, at, of, reason });
            };
            let terms = |allow: &rules::ClusterAllow| allow.approval.clone().map_or(Terms::Free, Terms::Approval);
            let mut grants: Vec<_> =
                written.clusters.iter().map(|allow| grant(allow, terms(allow), &mut report)).collect();
            for request in &written.cluster_requests {
                let Some(approvers) = request.approvers.as_ref().or(default_approvers) else {
                    report(request.allow.at, CompileReason::NoApprovers);
                    continue;
                };
                let terms = Terms::Request { approvers: approvers.clone(), max: request.max };
                grants.push(grant(&request.allow, terms, &mut report));
            }
            if !grants.is_empty() {
                let (groups, users) = (written.groups.clone(), written.users.clone());
                roles.push(ClusterRole { name: written.name.value.clone(), groups, users, grants });
            }
        }
    }
    roles
}

fn grant(
    written: &rules::ClusterAllow,
    terms: Terms,
    report: &mut impl FnMut(Location, CompileReason),
) -> ClusterGrant {
    if written.capabilities.is_empty() {
        report(written.at, CompileReason::NoKubeCapabilities);
    }
    let names = target_globs(&written.clusters, &mut *report);
    let mut capabilities = BTreeSet::new();
    for Located { value, at } in &written.capabilities {
        match value.parse::<KubeCapability>() {
            Ok(capability) => {
                capabilities.insert(capability);
            }
            Err(_) => report(*at, unknown_capability(value)),
        }
    }
    if matches!(terms, Terms::Approval(_)) && capabilities.contains(&KubeCapability::Api) {
        report(written.at, CompileReason::ApprovalOfApi);
    }
    if written.ports.is_some() && !capabilities.contains(&KubeCapability::PortForward) {
        report(written.at, CompileReason::PortsOfNothing);
    }
    ClusterGrant {
        clusters: Targets { names, labels: written.clusters.labels.clone() },
        groups: written.groups.clone(),
        capabilities,
        ports: written.ports.clone().unwrap_or_default(),
        terms,
        obligations: written.obligations,
    }
}

fn unknown_capability(word: &str) -> CompileReason {
    let hint = match suggestion::nearest(word, KubeCapability::ALL.map(KubeCapability::as_str)) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("on clusters there are: {}", KubeCapability::ALL.map(KubeCapability::as_str).join(", ")),
    };
    CompileReason::UnknownCapability { word: word.to_owned(), hint }
}
