//! The rules as a table: who may do what where, and what others are told.

use std::{
    net::Ipv4Addr,
    path::Path,
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use config::{
    Target,
    rules::{KeptBinary, LoginSelector, Obligations, RecordingDuty, SessionMode},
    target::parse_targets,
};
use proptest::prelude::*;

use super::{grant::Extent, *};
use crate::{access::Approved, glob::Glob};

mod kinds;

const RULES: &str = r#"
roles:
  engineer:
    groups: [engineering]
    allow:
      - targets: { names: ["web*"] }
        logins: [demo]
        capabilities: [shell, pty]
      - targets: { names: ["web*"] }
        logins: [demo, root]
        capabilities: [exec, sftp]
        recording: best-effort
      - targets: { labels: { env: dev } }
        logins: ["{user}"]
        capabilities: [shell]
        recording: best-effort
  sre:
    groups: [sre]
    users: [dave]
    allow:
      - targets: { names: ["db*"], labels: { env: prod } }
        logins: ["*"]
        capabilities: [shell, exec, local-forward]
      - targets: { names: [web1] }
        logins: [demo]
        capabilities: [exec]
        keep_binary: true
  auditor:
    groups: [auditor]
    console: [sessions, audit]
  lead: { users: [bob], console: [sessions] }
"#;

const TARGETS: &str = "
- { name: web1, address: 'a:22', host_ca: 'KEY', labels: { env: prod } }
- { name: web2, address: 'a:22', host_ca: 'KEY', labels: { env: dev } }
- { name: db1, address: 'a:22', host_ca: 'KEY', labels: { env: prod, engine: pg } }
- { name: db2, address: 'a:22', host_ca: 'KEY', labels: { env: staging } }
- { name: lone, address: 'a:22', host_ca: 'KEY' }
";

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

fn targets() -> &'static [Target] {
    static PARSED: LazyLock<Vec<Target>> =
        LazyLock::new(|| parse_targets(&TARGETS.replace("KEY", KEY), Path::new(""), "targets.yaml").unwrap());
    &PARSED
}

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

fn decide(rules: &RuleSet, who: &Subject, target: &str, login: &str, action: Action<'_>) -> Decision {
    let target = targets().iter().find(|candidate| candidate.name.as_str() == target).unwrap();
    let context = Context { now: SystemTime::UNIX_EPOCH, source: Ipv4Addr::LOCALHOST.into(), approved: &[] };
    rules.decide(who, Resource::Host { target, login: &login.parse().unwrap() }, action, &context)
}

fn reachable<'a>(rules: &RuleSet, who: &Subject) -> Vec<Reachable<'a>> {
    let context = Context { now: SystemTime::UNIX_EPOCH, source: Ipv4Addr::LOCALHOST.into(), approved: &[] };
    rules.reachable(who, targets().iter().map(Site::Host), &context)
}

#[test]
fn who_is_meant_does_not_depend_on_what_people_call_themselves() {
    let rules = |user: &str| {
        let allow = "allow: [{ targets: { names: [web1] }, logins: [demo], capabilities: [exec] }]";
        rule_set(&format!("roles: {{ r: {{ users: [{user:?}], {allow} }} }}"))
    };
    let who = |id: &str, name: &str, email: Option<&str>| Subject {
        id: id.to_owned(),
        email: email.map(str::to_owned),
        ..subject(name, &[])
    };
    let alice = who("4711", "alice", Some("alice@example.com"));
    let renamed = who("4711", "alice.smith", Some("smith@example.com"));
    // Calls herself by the texts that stand in the rules; her issuer verified none of them.
    let mallory = |name: &str| who("666", name, None);
    let issuer = alice.issuer.clone();
    for (user, is_alice, is_renamed) in [
        ("alice", true, false),
        ("alice@example.com", true, false),
        ("#4711", true, true),
        (&format!("{issuer}#4711"), true, true),
        ("https://elsewhere.example#4711", false, false),
    ] {
        let rules = rules(user);
        let may = |who: &Subject| matches!(decide(&rules, who, "web1", "demo", Action::Open), Decision::Allow(_));
        assert_eq!((may(&alice), may(&renamed)), (is_alice, is_renamed), "{user}");
        for name in ["4711", "alice@example.com", "alice+4711"] {
            assert!(!may(&mallory(name)), "{name} is not {user}");
        }
    }
}

#[test]
fn a_subject_may_do_what_one_of_its_roles_allows_and_nothing_else() {
    use Action::{Open, Use};
    use Capability::{Exec, LocalForward, Pty, Sftp, Shell};

    let alice = subject("alice", &["engineering"]);
    let bob = subject("bob", &["engineering", "sre"]);
    let carol = subject("carol", &["auditor"]);
    let dave = subject("dave", &[]);
    let plus = subject("al+x@example.com", &["engineering"]);
    let nobody = subject("nobody", &[]);

    // (who, target, login, action, roles that allow it)
    let cases: [(&Subject, &str, &str, Action<'_>, &[&str]); 29] = [
        (&alice, "web1", "demo", Open, &["engineer"]),
        (&alice, "web1", "demo", Use(&[Shell]), &["engineer"]),
        (&alice, "web2", "demo", Use(&[Pty]), &["engineer"]),
        (&alice, "web1", "root", Open, &["engineer"]),
        (&alice, "web1", "root", Use(&[Exec]), &["engineer"]),
        (&alice, "web1", "root", Use(&[Shell]), &[]),
        (&alice, "web1", "demo", Use(&[LocalForward]), &[]),
        (&alice, "web1", "deploy", Open, &[]),
        (&alice, "web1", "alice", Open, &[]),
        // {user} is the subject's own name and nobody else's.
        (&alice, "web2", "alice", Use(&[Shell]), &["engineer"]),
        (&alice, "web2", "bob", Use(&[Shell]), &[]),
        (&alice, "web2", "alice", Use(&[Exec]), &[]),
        (&alice, "db1", "demo", Open, &[]),
        (&alice, "lone", "demo", Open, &[]),
        // Roles add up.
        (&bob, "web1", "demo", Use(&[Exec]), &["engineer", "sre"]),
        (&bob, "web1", "demo", Use(&[Shell]), &["engineer"]),
        (&bob, "db1", "postgres", Use(&[LocalForward]), &["sre"]),
        // A user is named instead of a group.
        (&dave, "db1", "root", Use(&[Shell]), &["sre"]),
        (&dave, "web1", "demo", Use(&[Exec]), &["sre"]),
        (&dave, "web1", "demo", Use(&[Shell]), &[]),
        // Names and labels must both match: db2 is not in production, web1 is no database.
        (&dave, "db2", "root", Use(&[Shell]), &[]),
        (&dave, "web1", "root", Use(&[Shell]), &[]),
        (&dave, "db1", "root", Use(&[Sftp]), &[]),
        // Seeing sessions is not having them.
        (&carol, "web1", "demo", Open, &[]),
        (&carol, "lone", "carol", Open, &[]),
        (&nobody, "web1", "demo", Open, &[]),
        (&nobody, "web2", "nobody", Use(&[Shell]), &[]),
        (&plus, "web1", "demo", Use(&[Shell]), &["engineer"]),
        (&plus, "web2", "al", Use(&[Shell]), &[]),
    ];
    let rules = rule_set(RULES);
    for (who, target, login, action, expected) in cases {
        let roles: Vec<String> = match decide(&rules, who, target, login, action) {
            Decision::Allow(permit) => {
                let target = targets().iter().find(|candidate| candidate.name.as_str() == target).unwrap();
                assert!(permit.is_for(Resource::Host { target, login: &login.parse().unwrap() }));
                permit.roles().iter().map(ToString::to_string).collect()
            }
            Decision::Deny(_) | Decision::Hold(_) => Vec::new(),
        };
        assert_eq!(roles, expected, "{} {login}@{target} {action:?}", who.name);
    }
}

#[test]
fn the_obligations_of_all_grants_that_apply_add_up() {
    let rules = rule_set(RULES);
    let obligations =
        |who: &Subject, target, login, capability| match decide(&rules, who, target, login, Action::Use(&[capability]))
        {
            Decision::Allow(permit) => (permit.obligations().recording, permit.obligations().keep_binary),
            other @ (Decision::Deny(_) | Decision::Hold(_)) => panic!("{other:?}"),
        };
    let alice = subject("alice", &["engineering"]);
    let bob = subject("bob", &["engineering", "sre"]);
    assert_eq!(
        obligations(&alice, "web1", "demo", Capability::Shell),
        (RecordingDuty::Required, KeptBinary::default())
    );
    assert_eq!(
        obligations(&alice, "web1", "demo", Capability::Exec),
        (RecordingDuty::BestEffort, KeptBinary::default())
    );
    assert_eq!(obligations(&bob, "web1", "demo", Capability::Exec), (RecordingDuty::Required, KeptBinary::All));
}

const MODES: &str = r#"
roles:
  agent:
    groups: [agents]
    allow:
      - { targets: { names: [web1, db1] }, logins: [demo], capabilities: [exec, shell, pty, sftp], mode: exec-only }
      - { targets: { names: [db2] }, logins: [demo], capabilities: [exec], mode: exec-only }
      - { targets: { names: [db2] }, logins: [demo], capabilities: [exec, shell, pty], mode: observe }
  person:
    groups: [people]
    allow:
      - { targets: { names: [web1, web2] }, logins: [demo], capabilities: [exec, shell, pty] }
      - { targets: { names: [web2] }, logins: [demo], capabilities: [exec], mode: strict }
"#;

/// The mode of a session with these capabilities; none where it is denied.
fn mode_of(groups: &[&str], target: &str, capabilities: &[Capability]) -> Option<SessionMode> {
    let target = targets().iter().find(|candidate| candidate.name.as_str() == target).unwrap();
    let context = Context { now: SystemTime::UNIX_EPOCH, source: Ipv4Addr::LOCALHOST.into(), approved: &[] };
    let login = "demo".parse().unwrap();
    let resource = Resource::Host { target, login: &login };
    match rule_set(MODES).decide(&subject("x", groups), resource, Action::Use(capabilities), &context) {
        Decision::Allow(permit) => Some(permit.obligations().mode),
        Decision::Hold(hold) => panic!("nothing needs an approval here: {hold:?}"),
        Decision::Deny(denial) => {
            assert!(denial.reason.contains("is exec-only for you as demo"), "{}", denial.reason);
            None
        }
    }
}

#[test]
fn exec_only_is_single_commands_without_a_terminal() {
    use Capability::{Exec, Pty, Sftp, Shell};
    use SessionMode::{ExecOnly, Guard, Observe, Strict};
    let (agent, person, both) = (&["agents"][..], &["people"][..], &["agents", "people"][..]);
    for (groups, target, capabilities, mode) in [
        (agent, "web1", &[Exec][..], Some(ExecOnly)),
        (agent, "web1", &[Sftp], Some(ExecOnly)),
        (agent, "web1", &[Shell], None),
        (agent, "web1", &[Pty], None),
        (agent, "web1", &[Pty, Exec], None),
        (agent, "web1", &[Exec, Pty], None),
        (agent, "web1", &[Pty, Shell], None),
        (person, "web1", &[Pty, Shell], Some(Guard)),
        (person, "web2", &[Pty, Shell], Some(Guard)),
        (person, "web2", &[Pty, Exec], Some(Strict)),
        (person, "web2", &[Exec, Pty], Some(Strict)),
        // The stricter of two roles counts …
        (both, "web1", &[Pty, Shell], None),
        (both, "web1", &[Exec], Some(ExecOnly)),
        // … where both allow it: a terminal from one grant does not soften the command from another.
        (agent, "db2", &[Exec], Some(ExecOnly)),
        (agent, "db2", &[Pty, Shell], Some(Observe)),
        (agent, "db2", &[Pty, Exec], None),
    ] {
        assert_eq!(mode_of(groups, target, capabilities), mode, "{groups:?} {target} {capabilities:?}");
    }
    let rules = rule_set(MODES);
    for capability in [Shell, Pty] {
        let decision = decide(&rules, &subject("x", agent), "web1", "demo", Action::Use(&[capability]));
        assert!(matches!(decision, Decision::Deny(_)), "{capability}");
    }
    let opens = decide(&rules, &subject("x", agent), "web1", "demo", Action::Open);
    assert!(matches!(opens, Decision::Allow(_)));
}

#[test]
fn a_denial_says_what_is_wrong_and_what_is_possible() {
    let alice = subject("alice", &["engineering"]);
    let rules = rule_set(RULES);
    let reason = |target, login, action| match decide(&rules, &alice, target, login, action) {
        other @ (Decision::Allow(_) | Decision::Hold(_)) => panic!("{other:?}"),
        Decision::Deny(denial) => denial.reason,
    };
    assert_eq!(
        reason("web1", "root", Action::Use(&[Capability::Shell])),
        "no role of yours allows \"shell\" on web1 as root; you may use: exec, sftp"
    );
    assert_eq!(
        reason("web2", "deploy", Action::Open),
        "login \"deploy\" is not allowed on web2; allowed: alice, demo, root"
    );
    assert_eq!(reason("web2", "deploy", Action::Use(&[Capability::Shell])), reason("web2", "deploy", Action::Open));
}

#[test]
fn an_unreachable_target_looks_like_one_that_does_not_exist() {
    let alice = subject("alice", &["engineering"]);
    let rules = rule_set(RULES);
    for action in [Action::Open, Action::Use(&[Capability::Shell])] {
        for target in ["db1", "lone"] {
            assert_eq!(
                decide(&rules, &alice, target, "root", action),
                Decision::Deny(Denial::unknown_target(target)),
                "{target} {action:?}"
            );
        }
    }
    assert_eq!(
        Denial::unknown_target("db1").reason,
        "unknown target \"db1\", or none of your roles reaches it; `bastion targets` lists those you can reach"
    );
}

#[test]
fn reachable_lists_what_decide_allows() {
    let rules = rule_set(RULES);
    let listed = |who: &Subject| -> Vec<String> {
        let line = |reachable: Reachable<'_>| {
            let logins = Vec::from_iter(reachable.logins).join(",");
            let capabilities = Vec::from_iter(reachable.capabilities.iter().map(|c| c.as_str())).join(",");
            format!("{} {logins} {capabilities}", reachable.site.name())
        };
        reachable(&rules, who).into_iter().map(line).collect()
    };
    assert_eq!(
        listed(&subject("alice", &["engineering"])),
        ["web1 demo,root exec,pty,sftp,shell", "web2 alice,demo,root exec,pty,sftp,shell"]
    );
    assert_eq!(listed(&subject("dave", &[])), ["web1 demo exec", "db1 * exec,local-forward,shell"]);
    assert_eq!(listed(&subject("carol", &["auditor"])), Vec::<String>::new());
}

#[test]
fn a_name_that_no_account_can_have_makes_no_target_reachable() {
    let rules = rule_set(
        r#"roles: { own: { groups: [g], allow: [{ targets: { names: ["*"] }, logins: ["{user}"], capabilities: [shell] }] } }"#,
    );
    assert!(reachable(&rules, &subject("a@b", &["g"])).is_empty());
    assert_eq!(reachable(&rules, &subject("ab", &["g"])).len(), targets().len());
}

#[test]
fn console_rights_come_from_roles_only() {
    let rules = rule_set(RULES);
    let rights = |sessions, audit| ConsoleRights { sessions, audit, names: false };
    assert_eq!(rules.console(&subject("carol", &["auditor"])), rights(true, true));
    assert_eq!(rules.console(&subject("bob", &["engineering"])), rights(true, false));
    assert_eq!(rules.console(&subject("alice", &["engineering"])), rights(false, false));
}

#[test]
fn no_rules_allow_nothing() {
    let decision = decide(&RuleSet::default(), &subject("alice", &["x"]), "web1", "demo", Action::Open);
    assert_eq!(decision, Decision::Deny(Denial::unknown_target("web1")));
}

// === Properties over small worlds ===

fn a_role() -> impl Strategy<Value = Role> {
    let some = |words: &'static [&'static str]| prop::sample::subsequence(words, 0..=words.len());
    let login = prop_oneof![
        Just(LoginSelector::Any),
        Just(LoginSelector::Own),
        Just(LoginSelector::Named("demo".parse().unwrap())),
        Just(LoginSelector::Named("root".parse().unwrap())),
    ];
    let grant = (
        some(&["web*", "db1", "*"]),
        prop::option::of(prop::sample::select(&["prod", "dev"][..])),
        prop::collection::vec(login, 0..3),
        prop::sample::subsequence(&Capability::HOST[..], 0..4),
        any::<(bool, bool)>(),
    );
    let grants = grant.prop_map(|(names, env, logins, capabilities, (required, keep_binary))| Grant {
        targets: Targets {
            names: names.iter().map(|name| Glob::parse(name).unwrap()).collect(),
            labels: env.map(|env| ("env".to_owned(), env.to_owned())).into_iter().collect(),
        },
        extent: Extent::Hosts { logins },
        capabilities: capabilities.into_iter().collect(),
        terms: Terms::Free,
        obligations: Obligations {
            recording: if required { RecordingDuty::Required } else { RecordingDuty::BestEffort },
            keep_binary: if keep_binary { KeptBinary::All } else { KeptBinary::UpTo(0) },
            // An exec-only grant does take something away; the tables above say what.
            mode: SessionMode::Guard,
        },
    });
    (some(&["a", "b"]), some(&["alice"]), prop::collection::vec(grants, 0..3)).prop_map(|(groups, users, grants)| {
        Role {
            name: "role".parse().unwrap(),
            groups: groups.iter().map(|name| name.parse().unwrap()).collect(),
            users: users.iter().map(|name| name.parse().unwrap()).collect(),
            grants,
            console: Vec::new(),
        }
    })
}

/// Every question that the small world has, with the rules' answers.
fn answers(rules: &RuleSet, who: &Subject) -> Vec<(String, Action<'static>, Decision)> {
    let actions = [Action::Open].into_iter().chain(Capability::HOST.chunks(1).map(Action::Use));
    let mut answers = Vec::new();
    for action in actions {
        for (target, login) in [("web1", "demo"), ("web2", "alice"), ("db1", "root"), ("lone", "demo")] {
            answers.push((format!("{login}@{target}"), action, decide(rules, who, target, login, action)));
        }
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_further_role_takes_nothing_away_and_lifts_no_duty(
        roles in prop::collection::vec(a_role(), 0..3),
        further in a_role(),
        place in 0..3_usize,
    ) {
        let who = subject("alice", &["a"]);
        let mut more = roles.clone();
        more.insert(place.min(roles.len()), further);
        let before = answers(&RuleSet { roles, ..RuleSet::default() }, &who);
        let after = answers(&RuleSet { roles: more, ..RuleSet::default() }, &who);
        for ((question, action, before), (_, _, after)) in before.into_iter().zip(after) {
            let Decision::Allow(before) = before else { continue };
            let Decision::Allow(after) = after else { panic!("{question} {action:?} was taken away") };
            prop_assert_eq!(&after.obligations().clone().and(before.obligations()), after.obligations());
        }
    }

    #[test]
    fn a_subject_without_a_role_gets_no_permit(roles in prop::collection::vec(a_role(), 0..4)) {
        // The roles are for the groups a and b and for alice.
        let who = subject("mallory", &["c"]);
        for (question, action, decision) in answers(&RuleSet { roles, ..RuleSet::default() }, &who) {
            prop_assert!(matches!(decision, Decision::Deny(_)), "{question} {action:?}");
        }
    }

    #[test]
    fn a_connection_is_allowed_exactly_where_a_capability_is(roles in prop::collection::vec(a_role(), 0..4)) {
        let who = subject("alice", &["a"]);
        let answers = answers(&RuleSet { roles, ..RuleSet::default() }, &who);
        let allowed = |wanted: &str, opening: bool| {
            answers.iter().any(|(question, action, decision)| {
                question == wanted
                    && (*action == Action::Open) == opening
                    && matches!(decision, Decision::Allow(_))
            })
        };
        for (question, ..) in &answers {
            prop_assert_eq!(allowed(question, true), allowed(question, false), "{}", question);
        }
    }
}

const APPROVALS: &str = r#"
approvals: { groups: [sre] }
roles:
  engineer:
    groups: [engineering]
    allow:
      - { targets: { names: [web1] }, logins: [demo], capabilities: [shell, exec], approval: { groups: [lead], count: 2 } }
      - { targets: { names: [web1] }, logins: [demo], capabilities: [exec] }
    request:
      - { targets: { names: [db1] }, logins: [demo], capabilities: [shell], max: 2h }
      - { targets: { names: [db1] }, logins: [demo], capabilities: [exec], approvers: { groups: [dba] }, max: 4h }
"#;

fn decide_with(rules: &RuleSet, groups: &[&str], target: &str, action: Action<'_>, approved: &[Approved]) -> Decision {
    let target = targets().iter().find(|candidate| candidate.name.as_str() == target).unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(60);
    let context = Context { now, source: Ipv4Addr::LOCALHOST.into(), approved };
    let what = Resource::Host { target, login: &"demo".parse().unwrap() };
    rules.decide(&subject("alice", groups), what, action, &context)
}

fn approved(what: ApprovedKind, target: &str, login: &str, until: u64) -> Approved {
    let until = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(until));
    Approved { what, target: target.parse().unwrap(), login: login.parse().unwrap(), until }
}

#[test]
fn a_session_that_needs_an_approval_is_held_until_it_is_there() {
    let rules = rule_set(APPROVALS);
    let ask = |action, approved: &[Approved]| decide_with(&rules, &["engineering"], "web1", action, approved);
    let shell = Action::Use(&[Capability::Shell]);
    let Decision::Hold(hold) = ask(shell, &[]) else { panic!("not held") };
    assert_eq!((hold.role.as_str(), hold.approvers.count, hold.approvers.groups[0].as_str()), ("engineer", 2, "lead"));

    assert!(matches!(ask(shell, &[approved(ApprovedKind::Session, "web1", "demo", 61)]), Decision::Allow(_)));
    for useless in [
        approved(ApprovedKind::Session, "web1", "demo", 60),
        approved(ApprovedKind::Session, "web2", "demo", 61),
        approved(ApprovedKind::Session, "web1", "root", 61),
        approved(ApprovedKind::Access, "web1", "demo", 61),
    ] {
        assert!(matches!(ask(shell, std::slice::from_ref(&useless)), Decision::Hold(_)), "{useless:?}");
    }
    assert!(matches!(ask(Action::Open, &[]), Decision::Allow(_)));
    assert!(
        matches!(ask(Action::Use(&[Capability::Exec]), &[]), Decision::Allow(_)),
        "another entry allows it without: a further entry takes nothing away"
    );
    assert!(matches!(ask(Action::Use(&[Capability::Sftp]), &[]), Decision::Deny(_)));
}

#[test]
fn approved_access_counts_where_the_rules_still_let_one_ask_for_it_and_until_it_ends() {
    let rules = rule_set(APPROVALS);
    let shell = Action::Use(&[Capability::Shell]);
    let access = [approved(ApprovedKind::Access, "db1", "demo", 61)];
    assert!(matches!(decide_with(&rules, &["engineering"], "db1", shell, &access), Decision::Allow(_)));
    assert!(matches!(decide_with(&rules, &["engineering"], "db1", Action::Open, &access), Decision::Allow(_)));
    // What the entry does not name, and other people, are not let in by it.
    for (groups, target, action) in [
        (&["engineering"][..], "db1", Action::Use(&[Capability::Sftp])),
        (&["engineering"], "db2", shell),
        (&["sre"], "db1", shell),
    ] {
        assert!(matches!(decide_with(&rules, groups, target, action, &access), Decision::Deny(_)), "{target}");
    }
    for useless in [
        approved(ApprovedKind::Access, "db1", "demo", 60),
        approved(ApprovedKind::Access, "db2", "demo", 61),
        approved(ApprovedKind::Access, "db1", "root", 61),
        approved(ApprovedKind::Session, "db1", "demo", 61),
    ] {
        let decision = decide_with(&rules, &["engineering"], "db1", shell, std::slice::from_ref(&useless));
        let Decision::Deny(denial) = decision else { panic!("{useless:?}") };
        assert!(denial.reason.contains("bastion access request db1 --login demo"), "{}", denial.reason);
    }
}

#[test]
fn access_is_asked_for_on_the_terms_of_the_entry_that_gives_the_longest_time() {
    let rules = rule_set(APPROVALS);
    let terms = |groups: &[&str], target: &str, login: &str| {
        let target = targets().iter().find(|candidate| candidate.name.as_str() == target).unwrap();
        rules.terms(&subject("alice", groups), Resource::Host { target, login: &login.parse().unwrap() })
    };
    let best = terms(&["engineering"], "db1", "demo").unwrap();
    assert_eq!((best.approvers.groups[0].as_str(), best.max), ("dba", Duration::from_secs(4 * 3600)));
    assert!(terms(&["engineering"], "db1", "root").is_none());
    assert!(terms(&["engineering"], "web1", "demo").is_none());
    assert!(terms(&["sre"], "db1", "demo").is_none());
    assert!(
        reachable(&rules, &subject("alice", &["engineering"]))
            .iter()
            .all(|reachable| reachable.site.name().as_str() != "db1")
    );
}
