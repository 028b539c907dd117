//! Hosts and clusters in one table: what each action is answered with on each kind of resource.

use config::{Cluster, ClusterAccess};

use super::*;
use crate::kube::{KubeObject, KubeRequest};

/// The host and the cluster have one name: only their kind tells them apart.
const BOTH: &str = "
roles:
  hosts:
    groups: [hosts]
    allow: [{ targets: { names: [web1] }, logins: [demo], capabilities: [exec, shell] }]
  clusters:
    groups: [clusters]
    allow: [{ clusters: { names: [web1] }, groups: [view], capabilities: [api, exec, port-forward], ports: [5432] }]
";

fn cluster(name: &str) -> Cluster {
    Cluster { name: name.parse().unwrap(), labels: [].into(), access: ClusterAccess::InCluster }
}

fn to_pod(verb: &'static str, subresource: &'static str) -> KubeRequest<'static> {
    KubeRequest::new(verb, Some(KubeObject { group: "", resource: "pods", subresource, namespace: "x", name: "p" }))
}

#[test]
fn each_action_is_allowed_on_the_kind_of_resource_that_a_role_names() {
    use Action::{Open, Request, Use};
    use Capability::{Api, Exec, PortForward, Shell};

    let forward = to_pod("create", "portforward");
    // (action, to whom of hosts it is allowed, to whom of clusters)
    let table = [
        (Open, true, true),
        (Use(&[Exec]), true, true),
        (Use(&[Shell]), true, false),
        (Use(&[Exec, Shell]), true, false),
        (Use(&[Api]), false, true),
        (Use(&[Api, PortForward]), false, true),
        (Use(&[Api, Shell]), false, false),
        (Use(&[]), false, false),
        (Request(to_pod("get", "")), false, true),
        (Request(to_pod("create", "exec")), false, true),
        (Request(to_pod("create", "attach")), false, false),
        (Request(forward), false, true),
        (Request(forward.to_port(5432)), false, true),
        (Request(forward.to_port(22)), false, false),
    ];
    let rules = rule_set(BOTH);
    let (demo, root) = ("demo".parse().unwrap(), "root".parse().unwrap());
    let (host, other_host) = (&targets()[0], &targets()[1]);
    let (one, other) = (cluster("web1"), cluster("web2"));
    // The first two are those that the roles are for.
    let resources = [
        Resource::Host { target: host, login: &demo },
        Resource::Cluster(&one),
        Resource::Host { target: host, login: &root },
        Resource::Host { target: other_host, login: &demo },
        Resource::Cluster(&other),
    ];
    let context = Context { now: SystemTime::UNIX_EPOCH, source: Ipv4Addr::LOCALHOST.into(), approved: &[] };
    for groups in [&[][..], &["hosts"], &["clusters"], &["hosts", "clusters"]] {
        for (action, on_host, on_cluster) in table {
            let expected =
                [on_host && groups.contains(&"hosts"), on_cluster && groups.contains(&"clusters"), false, false, false];
            let who = subject("alice", groups);
            for (place, what) in resources.into_iter().enumerate() {
                let permit = match rules.decide(&who, what, action, &context) {
                    Decision::Allow(permit) => Some(permit),
                    Decision::Deny(_) => None,
                    Decision::Hold(hold) => panic!("nothing needs an approval here: {hold:?}"),
                };
                assert_eq!(permit.is_some(), expected[place], "{groups:?} {action:?} {what:?}");
                let Some(permit) = permit else { continue };
                let is_for = resources.map(|resource| permit.is_for(resource));
                assert!(is_for.iter().enumerate().all(|(other, is_for)| *is_for == (other == place)), "{permit:?}");
                assert_eq!(permit.groups().is_some(), matches!(what, Resource::Cluster(_)));
            }
        }
    }
}

#[test]
fn one_list_has_hosts_and_clusters() {
    let rules = rule_set(BOTH);
    let one = cluster("web1");
    let context = Context { now: SystemTime::UNIX_EPOCH, source: Ipv4Addr::LOCALHOST.into(), approved: &[] };
    let sites = [Site::Cluster(&one), Site::Host(&targets()[0]), Site::Host(&targets()[1])];
    let listed = |groups: &[&str]| -> Vec<String> {
        let line = |reachable: Reachable<'_>| {
            let kind = if matches!(reachable.site, Site::Cluster(_)) { "cluster" } else { "host" };
            let logins = Vec::from_iter(reachable.logins).join(",");
            format!("{kind} {} [{logins}] {}", reachable.site.name(), Capability::listed(&reachable.capabilities))
        };
        rules.reachable(&subject("alice", groups), sites, &context).into_iter().map(line).collect()
    };
    assert_eq!(
        listed(&["hosts", "clusters"]),
        ["cluster web1 [] api, exec, port-forward", "host web1 [demo] exec, shell"]
    );
    assert_eq!(listed(&["hosts"]), ["host web1 [demo] exec, shell"]);
    assert_eq!(listed(&["clusters"]), ["cluster web1 [] api, exec, port-forward"]);
}
