//! Rules on requests and grants on clusters, as tables.

use std::{
    collections::BTreeSet,
    net::Ipv4Addr,
    time::{Duration, SystemTime},
};

use config::{Cluster, ClusterAccess, RuleDoc};

use super::*;
use crate::{
    access::{Action, Approved, ApprovedKind, Context, Site},
    capability::Capability,
    decision::Decision,
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
    KubeRequest::new(words[0], object)
}

/// A request that needs this capability and nothing else.
fn needing(capability: Capability) -> KubeRequest<'static> {
    let requests = [
        "get /pods x p",
        "get /pods/attach x p",
        "get /pods/exec x p",
        "get /nodes/proxy - n",
        "get /pods/portforward x p",
    ];
    requests.map(request).into_iter().find(|request| request.capability() == capability).unwrap()
}

fn decide(
    rules: &RuleSet,
    who: &Subject,
    cluster: &Cluster,
    request: KubeRequest<'_>,
    context: &Context<'_>,
) -> Decision {
    rules.decide(who, Resource::Cluster(cluster), Action::Request(request), context)
}

fn judge(rules: &RuleSet, who: &Subject, cluster: &Cluster, request: KubeRequest<'_>) -> Verdict {
    rules.judge_request(who, Resource::Cluster(cluster), &request, SystemTime::UNIX_EPOCH)
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
        let verdict = judge(&rules, who, &cluster(cluster_name, "dev"), request(asked));
        assert_eq!(verdict.rule.as_ref().map(RuleName::as_str), expected, "{} {cluster_name} {asked}", who.name);
    }
}

#[test]
fn a_verdict_says_what_the_user_needs() {
    let rules = rule_set(RULES);
    let judge = |asked| judge(&rules, &subject("alice", &[]), &cluster("dev1", "dev"), request(asked));
    let blocked = judge("delete /namespaces x x");
    assert_eq!((blocked.effect, blocked.message.as_str()), (RuleEffect::Block, "ask sre"));
    assert_eq!(blocked.because, "delete namespaces \"x\"");
    let held = judge("delete /pods prod-a p");
    assert_eq!(held.effect, RuleEffect::Approve);
    assert_eq!(held.message, "needs approval by rule prod-change: delete pods \"p\" in the namespace \"prod-a\"");
    assert!(held.approvers.is_some());
    assert_eq!(judge("get /pods x p").message, "");
}

#[test]
fn a_cluster_is_reached_by_what_a_role_allows_and_with_its_groups() {
    let rules = rule_set(RULES);
    let context = Context { now: SystemTime::UNIX_EPOCH, source: Ipv4Addr::LOCALHOST.into(), approved: &[] };
    let groups = |who: &Subject, cluster: &Cluster, capability| match decide(
        &rules,
        who,
        cluster,
        needing(capability),
        &context,
    ) {
        Decision::Allow(permit) => {
            Ok(permit.groups().unwrap().iter().map(ToString::to_string).collect::<BTreeSet<_>>())
        }
        Decision::Deny(denial) => Err(denial.reason),
        Decision::Hold(hold) => panic!("{hold:?}"),
    };
    let set = |groups: &[&str]| Ok(groups.iter().map(ToString::to_string).collect::<BTreeSet<_>>());
    let alice = subject("alice", &["engineering", "team-a", "system:masters"]);
    let bob = subject("bob", &["engineering", "sre"]);
    let (dev, prod, dev_prod) = (cluster("dev1", "dev"), cluster("p", "prod"), cluster("dev2", "prod"));
    // The issuer cannot name a group of the cluster's own.
    assert_eq!(groups(&alice, &dev, Capability::Api), set(&["engineering", "team-a"]));
    assert_eq!(groups(&alice, &prod, Capability::Api), set(&["view"]));
    assert_eq!(groups(&alice, &dev_prod, Capability::Api), set(&["engineering", "team-a", "view"]));
    // A grant counts for its own capabilities only.
    assert_eq!(groups(&bob, &dev, Capability::Api), set(&["engineering", "sre"]));
    assert_eq!(groups(&bob, &dev, Capability::Exec), set(&["engineering", "sre", "system:masters"]));
    assert_eq!(groups(&bob, &dev, Capability::PortForward), set(&["system:masters"]));
    assert_eq!(
        groups(&alice, &prod, Capability::Exec).unwrap_err(),
        "no role of yours allows \"exec\" on p; you may use: api"
    );
    let unreachable = groups(&alice, &cluster("other", "x"), Capability::Api).unwrap_err();
    assert_eq!(unreachable, crate::Denial::unknown_cluster("other").reason);
    assert!(groups(&bob, &dev, Capability::NodeProxy).is_err());
}

const PORTS: &str = r#"
roles:
  db:
    groups: [db]
    allow: [{ clusters: { names: [dev] }, capabilities: [port-forward], ports: [5432, "8000-8002"] }]
  all:
    groups: [all]
    allow: [{ clusters: { names: [dev] }, capabilities: [port-forward] }]
rules:
  - { name: no-sshd, effect: block, match: { request: { ports: [22, 2222] } } }
"#;

#[test]
fn each_port_is_a_question_of_its_own() {
    let rules = rule_set(PORTS);
    let context = Context { now: SystemTime::UNIX_EPOCH, source: Ipv4Addr::LOCALHOST.into(), approved: &[] };
    let dev = cluster("dev", "dev");
    let connection = needing(Capability::PortForward);
    let proxied = |name| {
        let object = KubeObject { name, ..request("get /pods/proxy x p").object.unwrap() };
        KubeRequest::new("get", Some(object))
    };
    for (group, asked, allowed) in [
        ("db", connection, true),
        ("db", connection.to_port(5432), true),
        ("db", connection.to_port(8000), true),
        ("db", connection.to_port(8002), true),
        ("db", connection.to_port(7999), false),
        ("db", connection.to_port(8003), false),
        ("db", connection.to_port(22), false),
        ("all", connection, true),
        ("all", connection.to_port(1), true),
        ("all", connection.to_port(22), false),
        ("all", connection.to_port(2222), false),
        // HTTP through the API server names its port in the name; where it is not known, the stricter counts.
        ("db", proxied("p:5432"), true),
        ("db", proxied("https:p:5432"), true),
        ("db", proxied("p:22"), false),
        ("db", proxied("p"), false),
        ("db", proxied("p:http"), false),
        ("all", proxied("p:80"), true),
        ("all", proxied("p:2222"), false),
        ("all", proxied("p"), false),
        ("all", proxied("p:ssh"), false),
    ] {
        let who = subject("alice", &[group]);
        let granted = matches!(decide(&rules, &who, &dev, asked, &context), Decision::Allow(_));
        let verdict = judge(&rules, &who, &dev, asked);
        assert_eq!(granted && verdict.effect == RuleEffect::Allow, allowed, "{group} {asked} {:?}", asked.port);
    }
    let Decision::Deny(denial) = decide(&rules, &subject("alice", &["db"]), &dev, connection.to_port(22), &context)
    else {
        panic!("it is allowed");
    };
    assert_eq!(denial.reason, "no role of yours allows port 22 on dev");
}

#[test]
fn exec_only_rules_a_terminal_out() {
    let rules = rule_set(
        "roles: { a: { groups: [x], allow: [{ clusters: { names: [c] }, capabilities: [exec], mode: exec-only }] } }",
    );
    let context = Context { now: SystemTime::UNIX_EPOCH, source: Ipv4Addr::LOCALHOST.into(), approved: &[] };
    let (who, cluster) = (subject("alice", &["x"]), cluster("c", "x"));
    let Decision::Allow(permit) = decide(&rules, &who, &cluster, needing(Capability::Exec), &context) else {
        panic!("it is not allowed");
    };
    assert!(permit.terminal().unwrap_err().reason.contains("c is exec-only for you: there is no terminal"));
}

#[test]
fn what_needs_an_approval_counts_while_there_is_one() {
    let rules = rule_set(
        r#"
roles:
  dev:
    groups: [dev]
    allow:
      - { clusters: { names: [a] }, capabilities: [api] }
      - { clusters: { names: [a] }, capabilities: [exec], approval: { groups: [sre] } }
    request:
      - { clusters: { names: [b] }, capabilities: [api, exec], groups: [admins], approvers: { groups: [sre] }, max: 2h }
      - { targets: { names: [web1] }, logins: [root], capabilities: [shell], approvers: { groups: [sre] } }
"#,
    );
    let alice = subject("alice", &["dev"]);
    let (a, b, c) = (cluster("a", "x"), cluster("b", "x"), cluster("c", "x"));
    let now = SystemTime::UNIX_EPOCH;
    let approved = |what, target: &str, login: &str, seconds| Approved {
        what,
        target: target.parse().unwrap(),
        login: login.parse().unwrap(),
        until: Some(now + Duration::from_secs(seconds)),
    };
    let asked = |cluster: &Cluster, capability, approved: &[Approved]| {
        let context = Context { now, source: Ipv4Addr::LOCALHOST.into(), approved };
        match decide(&rules, &alice, cluster, needing(capability), &context) {
            Decision::Allow(permit) => format!("allowed {:?}", permit.groups().unwrap().first().unwrap().as_str()),
            Decision::Deny(denial) => denial.reason,
            Decision::Hold(hold) => format!("held by {}", hold.role),
        }
    };
    use Capability::{Api, Attach, Exec};
    assert_eq!(asked(&a, Api, &[]), "allowed \"dev\"");
    assert_eq!(asked(&a, Exec, &[]), "held by dev");
    assert_eq!(asked(&a, Exec, &[approved(ApprovedKind::Session, "a", "p.x", 1)]), "allowed \"dev\"");
    assert_eq!(asked(&a, Exec, &[approved(ApprovedKind::Access, "a", "api", 1)]), "held by dev");
    assert_eq!(asked(&a, Exec, &[approved(ApprovedKind::Session, "b", "p.x", 1)]), "held by dev");
    assert_eq!(asked(&a, Exec, &[approved(ApprovedKind::Session, "a", "p.x", 0)]), "held by dev");

    for not_yet in [
        &[][..],
        &[approved(ApprovedKind::Access, "a", "api", 1)],
        &[approved(ApprovedKind::Access, "b", "root", 1)],
        &[approved(ApprovedKind::Session, "b", "api", 1)],
        &[approved(ApprovedKind::Access, "b", "api", 0)],
    ] {
        assert!(asked(&b, Exec, not_yet).contains("`bastion access request b --for 1h"), "{not_yet:?}");
    }
    let open = [approved(ApprovedKind::Access, "b", "api", 1)];
    assert_eq!(asked(&b, Exec, &open), "allowed \"admins\"");
    assert_eq!(asked(&b, Attach, &[]), crate::Denial::unknown_cluster("b").reason);
    assert!(asked(&b, Attach, &open).contains("no role of yours allows \"attach\" on b"));

    assert_eq!(rules.terms(&alice, Resource::Cluster(&b)).unwrap().max, Duration::from_secs(7200));
    assert!(rules.terms(&alice, Resource::Cluster(&a)).is_none());
    assert!(rules.terms(&subject("bob", &[]), Resource::Cluster(&b)).is_none());
    assert_eq!([&a, &b, &c].map(|cluster| rules.knows(&alice, Site::Cluster(cluster))), [true, true, false]);
    // What has to be asked for is known, but nothing may be done there yet.
    for (approved, expected) in [(&[][..], [true, false]), (&open, [true, true])] {
        let context = Context { now, source: Ipv4Addr::LOCALHOST.into(), approved };
        let known = rules.reachable(&alice, [&a, &b, &c].map(Site::Cluster), &context);
        assert_eq!(known.iter().map(|known| known.site.name()).collect::<Vec<_>>(), [&a.name, &b.name]);
        assert_eq!([&known[0], &known[1]].map(|known| !known.capabilities.is_empty()), expected);
    }
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
        (
            "{ name: r, effect: approve, approvers: { groups: [x] }, match: { request: { ports: [22] } } }",
            "have the connection approved",
        ),
        ("{ name: r, effect: block, protocol: ssh, match: { request: { verbs: [get] } } }", "over SSH"),
    ] {
        assert!(errors(rule).contains(expected), "{rule}: {}", errors(rule));
    }
    for (entry, expected) in [
        ("allow: [{ clusters: { names: [a] }, capabilities: [api, exec], approval: { groups: [x] } }]", "one by one"),
        ("allow: [{ clusters: { names: [a] }, capabilities: [exec], ports: [22] }]", "does not allow"),
        ("request: [{ clusters: { names: [a] }, capabilities: [exec] }]", "nobody could approve"),
    ] {
        let text = format!("roles: {{ a: {{ groups: [x], {entry} }} }}");
        let compiled = RuleSet::compile(&[RuleDoc::parse(&text, "r.yaml").unwrap()]).unwrap_err();
        assert!(compiled[0].to_string().contains(expected), "{entry}: {}", compiled[0]);
    }
    for (ports, expected) in
        [("[0]", "1 to 65535"), ("[65536]", "1 to 65535"), ("[\"9-8\"]", "range"), ("[]", "no port")]
    {
        let text = format!(
            "roles: {{ a: {{ groups: [x], allow: [{{ clusters: {{ names: [a] }}, capabilities: [port-forward], ports: {ports} }}] }} }}"
        );
        let errors = RuleDoc::parse(&text, "r.yaml").unwrap_err();
        assert!(errors.to_string().contains(expected), "{ports}: {errors}");
    }
    let role = "roles: { a: { groups: [x], allow: [{ clusters: { names: [a] }, capabilities: [shell, exce] }] } }";
    let compiled = RuleSet::compile(&[RuleDoc::parse(role, "r.yaml").unwrap()]).unwrap_err();
    let text: Vec<_> = compiled.iter().map(ToString::to_string).collect();
    assert!(text[0].contains("on clusters there are: api, attach, exec, node-proxy, port-forward"), "{text:?}");
    assert!(text[1].contains("did you mean \"exec\"?"), "{text:?}");
}
