//! Rules on requests and grants on clusters, as tables.

use std::{collections::BTreeSet, net::Ipv4Addr, time::SystemTime};

use config::{ClusterAccess, RuleDoc};

use super::*;
use crate::{
    access::Context,
    kube::{ClusterDecision, KubeCapability},
};

const RULES: &str = r#"
roles:
  engineer:
    groups: [engineering]
    allow:
      - clusters: { names: ["dev*"] }
        capabilities: [api, exec]
      - clusters: { labels: { env: prod } }
        groups: [view]
        capabilities: [api]
  sre:
    groups: [sre]
    allow:
      - clusters: { names: ["*"] }
        groups: ["system:masters"]
        capabilities: [exec, port-forward]
        recording: best-effort
rules:
  - { name: no-ns-delete, effect: block, message: ask sre, match: { request: { verbs: [delete, deletecollection], resources: [namespaces] } } }
  - { name: prod-change, effect: approve, approvers: { groups: [sre] }, match: { request: { verbs: [create, update, patch, delete], namespaces: ["prod-*"] } } }
  - { name: secrets, effect: block, match: { request: { resources: [secrets], namespaces: [vault], names: [root] } } }
  - { name: no-exec, effect: block, match: { request: { resources: [pods], subresources: [exec], namespaces: [prod-db] } } }
  - { name: reading, effect: allow, match: { request: { verbs: [get, list, watch] } } }
  - { name: only-dev2, effect: block, targets: { names: [dev2] }, match: { request: { groups: [apps] } } }
  - { name: no-writing-scale, effect: block, roles: [sre], match: { request: { subresources: [""], resources: [deployments], verbs: [patch] } } }
"#;

fn rule_set(text: &str) -> RuleSet {
    RuleSet::compile(&[RuleDoc::parse(text, "rules.yaml").unwrap()]).unwrap()
}

fn subject(name: &str, groups: &[&str]) -> Subject {
    Subject {
        issuer: "https://id.example.com".to_owned(),
        id: format!("id of {name}"),
        name: name.parse().unwrap(),
        email: None,
        groups: groups.iter().map(|group| group.parse().unwrap()).collect(),
    }
}

fn cluster(name: &str, env: &str) -> Cluster {
    Cluster {
        name: name.parse().unwrap(),
        labels: [("env".to_owned(), env.to_owned())].into(),
        access: ClusterAccess::InCluster,
    }
}

/// `verb group/resource/subresource namespace name`, with `-` for what is not there.
fn request(text: &'static str) -> KubeRequest<'static> {
    let words: Vec<_> = text.split(' ').map(|word| if word == "-" { "" } else { word }).collect();
    let object = words.get(1).map(|what| {
        let parts: Vec<_> = what.split('/').collect();
        KubeObject {
            group: parts[0],
            resource: parts[1],
            subresource: parts.get(2).copied().unwrap_or_default(),
            namespace: words[2],
            name: words[3],
        }
    });
    KubeRequest { verb: words[0], object }
}

#[test]
fn the_strictest_rule_that_matches_decides() {
    let rules = rule_set(RULES);
    let (alice, bob) = (subject("alice", &["engineering"]), subject("bob", &["sre"]));
    for (who, cluster_name, asked, expected) in [
        (&alice, "dev1", "delete /namespaces x x", Some("no-ns-delete")),
        (&alice, "dev1", "deletecollection /namespaces - -", Some("no-ns-delete")),
        (&alice, "dev1", "get /namespaces x x", Some("reading")),
        (&alice, "dev1", "delete /pods x p", None),
        (&alice, "dev1", "delete /pods prod-a p", Some("prod-change")),
        // It is in a namespace of that name itself.
        (&alice, "dev1", "patch /namespaces prod-a prod-a", Some("prod-change")),
        // Block beats approve.
        (&alice, "dev1", "delete /namespaces prod-a prod-a", Some("no-ns-delete")),
        // deletecollection is a verb of its own.
        (&alice, "dev1", "deletecollection /pods prod-a -", None),
        // Lists and watches contain what is forbidden by name.
        (&alice, "dev1", "get /secrets vault root", Some("secrets")),
        (&alice, "dev1", "get /secrets vault other", Some("reading")),
        (&alice, "dev1", "list /secrets vault -", Some("secrets")),
        (&alice, "dev1", "watch /secrets - -", Some("secrets")),
        (&alice, "dev1", "list /secrets default -", Some("reading")),
        // What lies in no namespace is in no namespace of a rule.
        (&alice, "dev1", "create /nodes - -", None),
        (&alice, "dev1", "delete /nodes - n1", None),
        (&alice, "dev1", "update rbac.authorization.k8s.io/clusterroles - admin", None),
        // A connection, by whichever method.
        (&alice, "dev1", "get /pods/exec prod-db p", Some("no-exec")),
        (&alice, "dev1", "create /pods/exec prod-db p", Some("no-exec")),
        (&alice, "dev1", "get /pods/exec other p", None),
        (&alice, "dev1", "create /pods/exec other p", None),
        (&alice, "dev1", "get /pods/attach prod-a p", Some("prod-change")),
        (&alice, "dev1", "create /pods/attach prod-a p", Some("prod-change")),
        (&alice, "dev1", "delete /services/proxy prod-a s", Some("prod-change")),
        // On one cluster only.
        (&alice, "dev2", "get apps/deployments x d", Some("only-dev2")),
        (&alice, "dev1", "get apps/deployments x d", Some("reading")),
        // For one role only, and not for the subresource.
        (&bob, "dev1", "patch apps/deployments x d", Some("no-writing-scale")),
        (&bob, "dev1", "patch apps/deployments/scale x d", None),
        (&alice, "dev1", "patch apps/deployments x d", None),
        // Paths that are no objects.
        (&alice, "dev1", "get", Some("reading")),
        (&alice, "dev1", "post", None),
    ] {
        let verdict = rules.judge_request(who, &cluster(cluster_name, "dev"), &request(asked), SystemTime::UNIX_EPOCH);
        assert_eq!(verdict.rule.as_ref().map(RuleName::as_str), expected, "{} {cluster_name} {asked}", who.name);
    }
}

#[test]
fn a_verdict_says_what_the_user_needs() {
    let rules = rule_set(RULES);
    let judge = |asked| {
        rules.judge_request(&subject("alice", &[]), &cluster("dev1", "dev"), &request(asked), SystemTime::UNIX_EPOCH)
    };
    let blocked = judge("delete /namespaces x x");
    assert_eq!((blocked.effect, blocked.message.as_str()), (RuleEffect::Block, "ask sre"));
    assert_eq!(blocked.because, "delete namespaces \"x\"");
    let held = judge("delete /pods prod-a p");
    assert_eq!(held.effect, RuleEffect::Approve);
    assert_eq!(held.message, "needs approval by the rule prod-change: delete pods \"p\" in the namespace \"prod-a\"");
    assert!(held.approvers.is_some());
    assert_eq!(judge("get /pods x p").message, "");
}

#[test]
fn a_cluster_is_reached_by_what_a_role_allows_and_with_its_groups() {
    let rules = rule_set(RULES);
    let context = Context { now: SystemTime::UNIX_EPOCH, source: Ipv4Addr::LOCALHOST.into(), approved: &[] };
    let groups = |who: &Subject, cluster: &Cluster, capability| match rules
        .decide_cluster(who, cluster, capability, &context)
    {
        ClusterDecision::Allow(permit) => Ok(permit.groups().iter().map(ToString::to_string).collect::<BTreeSet<_>>()),
        ClusterDecision::Deny(denial) => Err(denial.reason),
    };
    let set = |groups: &[&str]| Ok(groups.iter().map(ToString::to_string).collect::<BTreeSet<_>>());
    let alice = subject("alice", &["engineering", "team-a", "system:masters"]);
    let bob = subject("bob", &["engineering", "sre"]);
    let (dev, prod, dev_prod) = (cluster("dev1", "dev"), cluster("p", "prod"), cluster("dev2", "prod"));
    // The issuer cannot name a group of the cluster's own.
    assert_eq!(groups(&alice, &dev, KubeCapability::Api), set(&["engineering", "team-a"]));
    assert_eq!(groups(&alice, &prod, KubeCapability::Api), set(&["view"]));
    assert_eq!(groups(&alice, &dev_prod, KubeCapability::Api), set(&["engineering", "team-a", "view"]));
    // A grant counts for its own capabilities only.
    assert_eq!(groups(&bob, &dev, KubeCapability::Api), set(&["engineering", "sre"]));
    assert_eq!(groups(&bob, &dev, KubeCapability::Exec), set(&["engineering", "sre", "system:masters"]));
    assert_eq!(groups(&bob, &dev, KubeCapability::PortForward), set(&["system:masters"]));
    assert_eq!(
        groups(&alice, &prod, KubeCapability::Exec).unwrap_err(),
        "no role of yours allows \"exec\" on p; you may use: api"
    );
    let unreachable = groups(&alice, &cluster("other", "x"), KubeCapability::Api).unwrap_err();
    assert_eq!(unreachable, crate::Denial::unknown_cluster("other").reason);
    assert!(groups(&bob, &dev, KubeCapability::NodeProxy).is_err());
}

#[test]
fn rules_that_can_never_fire_are_refused() {
    let errors = |rule: &str| {
        let text = format!("roles: {{ a: {{ groups: [x], console: [audit] }} }}\nrules: [{rule}]");
        let compiled = RuleSet::compile(&[RuleDoc::parse(&text, "r.yaml").unwrap()]);
        compiled.map_or_else(|errors| errors.iter().map(ToString::to_string).collect(), |_| Vec::new()).join("\n")
    };
    for (rule, expected) in [
        ("{ name: r, effect: block, match: { request: {} } }", "says nothing about the request"),
        ("{ name: r, effect: block, match: { request: { resources: [pods/exec] } } }", "subresources: [exec]"),
        ("{ name: r, effect: block, match: { request: { verbs: [DELETE] } } }", "lower case"),
        ("{ name: r, effect: block, match: { request: { verbs: [get] }, text: x } }", "request stands alone"),
        ("{ name: r, effect: block, logins: [root], match: { request: { verbs: [get] } } }", "has no login"),
        ("{ name: r, effect: block, protocol: ssh, match: { request: { verbs: [get] } } }", "over SSH"),
    ] {
        assert!(errors(rule).contains(expected), "{rule}: {}", errors(rule));
    }
    let role = "roles: { a: { groups: [x], allow: [{ clusters: { names: [a] }, capabilities: [shell, exce] }] } }";
    let compiled = RuleSet::compile(&[RuleDoc::parse(role, "r.yaml").unwrap()]).unwrap_err();
    let text: Vec<_> = compiled.iter().map(ToString::to_string).collect();
    assert!(text[0].contains("on clusters there are: api, attach, exec, node-proxy, port-forward"), "{text:?}");
    assert!(text[1].contains("did you mean \"exec\"?"), "{text:?}");
}
