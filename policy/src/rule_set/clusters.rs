//! Who may use which Kubernetes cluster, for what, and as whom the cluster sees them.

use std::collections::BTreeSet;

use config::{Cluster, GroupName, Located, Location, RoleName, RuleDoc, UserName, rules, suggestion};

use super::{RuleSet, Targets, compile::target_globs};
use crate::{
    access::{Context, Subject},
    decision::{Denial, Obligations},
    error::{CompileError, CompileReason, Named},
    kube::{ClusterDecision, ClusterPermit, KubeCapability, ReachableCluster},
};

/// A compiled role, as far as clusters are concerned.
#[derive(Debug, Clone)]
pub(super) struct ClusterRole {
    name: RoleName,
    groups: Vec<GroupName>,
    users: Vec<UserName>,
    grants: Vec<ClusterGrant>,
}

/// A compiled entry of `allow`.
#[derive(Debug, Clone)]
struct ClusterGrant {
    clusters: Targets,
    groups: Option<Vec<GroupName>>,
    capabilities: BTreeSet<KubeCapability>,
    obligations: Obligations,
}

impl RuleSet {
    /// Whether `who` may use `cluster` for `capability`. Where several grants say so, the cluster sees the groups of
    /// all of them, and their obligations add up.
    pub fn decide_cluster(
        &self,
        who: &Subject,
        cluster: &Cluster,
        capability: KubeCapability,
        _context: &Context<'_>,
    ) -> ClusterDecision {
        let mut permit: Option<ClusterPermit> = None;
        for (role, grant) in self.cluster_grants(who, cluster) {
            if !grant.capabilities.contains(&capability) {
                continue;
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
        match permit {
            Some(permit) => ClusterDecision::Allow(permit),
            None => ClusterDecision::Deny(self.cluster_denial(who, cluster, capability)),
        }
    }

    /// Those of `clusters` that `who` can reach, in their order.
    pub fn reachable_clusters<'a>(
        &self,
        who: &Subject,
        clusters: impl IntoIterator<Item = &'a Cluster>,
    ) -> Vec<ReachableCluster<'a>> {
        let reach = |cluster| {
            let grants = self.cluster_grants(who, cluster);
            let capabilities: BTreeSet<_> = grants.flat_map(|(_, grant)| grant.capabilities.iter().copied()).collect();
            (!capabilities.is_empty()).then_some(ReachableCluster { cluster, capabilities })
        };
        clusters.into_iter().filter_map(reach).collect()
    }

    fn cluster_grants<'s>(
        &'s self,
        who: &'s Subject,
        cluster: &'s Cluster,
    ) -> impl Iterator<Item = (&'s ClusterRole, &'s ClusterGrant)> {
        let is_member = |role: &&ClusterRole| {
            role.users.contains(&who.name) || role.groups.iter().any(|group| who.groups.contains(group))
        };
        self.clusters
            .iter()
            .filter(is_member)
            .flat_map(|role| role.grants.iter().map(move |grant| (role, grant)))
            .filter(|(_, grant)| grant.clusters.selects(&cluster.name, &cluster.labels))
    }

    /// Says why nothing allows it. It names only what the subject may use.
    fn cluster_denial(&self, who: &Subject, cluster: &Cluster, capability: KubeCapability) -> Denial {
        let reachable = self.reachable_clusters(who, [cluster]);
        let Some(reachable) = reachable.first() else {
            return Denial::unknown_cluster(cluster.name.as_str());
        };
        let usable: Vec<_> = reachable.capabilities.iter().map(|capability| capability.as_str()).collect();
        Denial::by_default(format!(
            "no role of yours allows \"{capability}\" on {}; you may use: {}",
            cluster.name,
            usable.join(", ")
        ))
    }
}

impl ClusterGrant {
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
pub(super) fn roles(documents: &[RuleDoc], errors: &mut Vec<CompileError>) -> Vec<ClusterRole> {
    let mut roles = Vec::new();
    for document in documents {
        for written in document.roles.iter().filter(|role| !role.clusters.is_empty()) {
            let mut report = |at: Location, reason: CompileReason| {
                let (file, of) = (document.file.clone(), Named::Role(written.name.value.clone()));
                errors.push(CompileError { file, at, of, reason });
            };
            roles.push(ClusterRole {
                name: written.name.value.clone(),
                groups: written.groups.clone(),
                users: written.users.clone(),
                grants: written.clusters.iter().map(|allow| grant(allow, &mut report)).collect(),
            });
        }
    }
    roles
}

fn grant(written: &rules::ClusterAllow, report: &mut impl FnMut(Location, CompileReason)) -> ClusterGrant {
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
    ClusterGrant {
        clusters: Targets { names, labels: written.clusters.labels.clone() },
        groups: written.groups.clone(),
        capabilities,
        obligations: Obligations { recording: written.recording, keep_binary: written.keep_binary, mode: written.mode },
    }
}

fn unknown_capability(word: &str) -> CompileReason {
    let hint = match suggestion::nearest(word, KubeCapability::ALL.map(KubeCapability::as_str)) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("on clusters there are: {}", KubeCapability::ALL.map(KubeCapability::as_str).join(", ")),
    };
    CompileReason::UnknownCapability { word: word.to_owned(), hint }
}
