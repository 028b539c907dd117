//! Why nothing allows it, in words for the user. They name only what the subject may use.

use std::collections::BTreeSet;

use config::{Cluster, Login, Target};

use super::RuleSet;
use crate::{
    access::{Action, Context, Resource, Subject},
    capability::Capability,
    decision::Denial,
    kube::KubePort,
};

impl RuleSet {
    pub(super) fn denial(
        &self,
        who: &Subject,
        what: Resource<'_>,
        action: Action<'_>,
        context: &Context<'_>,
    ) -> Denial {
        let usable = self.standing_grants(who, what.site(), context).filter(|grant| grant.is_for(who, what));
        let usable: BTreeSet<Capability> = usable.flat_map(|grant| grant.capabilities.iter().copied()).collect();
        match what {
            Resource::Cluster(cluster) => self.cluster_denial(who, cluster, action, &usable),
            Resource::Host { target, login } => self.host_denial(who, (target, login), action, &usable, context),
        }
    }

    fn cluster_denial(
        &self,
        who: &Subject,
        cluster: &Cluster,
        action: Action<'_>,
        usable: &BTreeSet<Capability>,
    ) -> Denial {
        let name = &cluster.name;
        let mut grants = self.grants(who, Resource::Cluster(cluster).site());
        if grants.any(|(_, grant)| grant.is_on_request() && grant.allows(action)) {
            return Denial::by_default(format!(
                "you have no access to {name} for this now; ask for it with `bastion access request {name} --for 1h \
                 --reason 'WHY' --wait`"
            ));
        }
        let Some(capability) = action.capability().filter(|_| !usable.is_empty()) else {
            return Denial::unknown_cluster(name.as_str());
        };
        Denial::by_default(match action.port() {
            _ if !usable.contains(&capability) => format!(
                "no role of yours allows \"{capability}\" on {name}; you may use: {}",
                Capability::listed(usable)
            ),
            KubePort::Number(port) => format!("no role of yours allows port {port} on {name}"),
            KubePort::None | KubePort::Unknown => {
                format!("your roles allow certain ports only on {name}; give the port as a number")
            }
        })
    }

    fn host_denial(
        &self,
        who: &Subject,
        (target, login): (&Target, &Login),
        action: Action<'_>,
        usable: &BTreeSet<Capability>,
        context: &Context<'_>,
    ) -> Denial {
        let what = Resource::Host { target, login };
        if self.terms(who, what).is_some() {
            return Denial::by_default(format!(
                "you have no access to {} as {login} now; ask for it with `bastion access request {} --login {login}`",
                target.name, target.name
            ));
        }
        let reachable = self.reachable(who, [what.site()], context);
        let Some(reachable) = reachable.first() else {
            return Denial::unknown_target(target.name.as_str());
        };
        let target = &target.name;
        Denial::by_default(match action.capability() {
            Some(capability) if !usable.is_empty() => format!(
                "no role of yours allows \"{capability}\" on {target} as {login}; you may use: {}",
                Capability::listed(usable)
            ),
            Some(_) | None => {
                let allowed = Vec::from_iter(reachable.logins.iter().map(String::as_str)).join(", ");
                format!("login \"{login}\" is not allowed on {target}; allowed: {allowed}")
            }
        })
    }
}
