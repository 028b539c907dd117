//! Who may vote, what votes come to, and what an approval goes on to cover.

use super::*;

const EXPIRES: u64 = 900;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn subject(id: &str, groups: &[&str]) -> Subject {
    Subject {
        issuer: "https://id.example.com".into(),
        id: id.into(),
        name: "somebody".parse().unwrap(),
        email: None,
        groups: groups.iter().map(|group| group.parse().unwrap()).collect(),
    }
}

fn person(id: &str) -> Person {
    Person { issuer: "https://id.example.com".into(), id: id.into() }
}

fn needed(count: usize) -> Needed {
    Needed {
        groups: vec!["sre".parse().unwrap(), "dba".parse().unwrap()],
        count,
        expires: Duration::from_secs(EXPIRES),
        reason_required: false,
    }
}

fn yes(id: &str, seconds: u64) -> Cast {
    Cast { by: person(id), entitled: true, approve: true, scope: Scope::Once, at: at(seconds) }
}

fn no(id: &str, seconds: u64) -> Cast {
    Cast { approve: false, ..yes(id, seconds) }
}

fn outcome(count: usize, votes: &[Cast], now: u64) -> Tally {
    tally(&person("alice"), &needed(count), votes, at(EXPIRES), at(now))
}

const APPROVED: Tally = Tally::Approved { reach: Reach::Once };

#[test]
fn votes_come_to_this() {
    let pending = |approvals| Tally::Pending { approvals };
    let outsider = Cast { entitled: false, ..yes("eve", 1) };
    for (count, votes, now, expected) in [
        (1, vec![], 0, pending(0)),
        (1, vec![yes("bob", 1)], 1, APPROVED),
        (2, vec![yes("bob", 1)], 1, pending(1)),
        (2, vec![yes("bob", 1), yes("carol", 2)], 2, APPROVED),
        // More than needed is enough.
        (2, vec![yes("bob", 1), yes("carol", 2), yes("dave", 3)], 3, APPROVED),
        // One person counts once, however often.
        (2, vec![yes("bob", 1), yes("bob", 2), yes("bob", 3)], 3, pending(1)),
        // One's own vote does not count, yes or no.
        (1, vec![yes("alice", 1)], 1, pending(0)),
        (2, vec![yes("alice", 1), yes("bob", 2)], 2, pending(1)),
        (1, vec![no("alice", 1)], 1, pending(0)),
        // Nor that of somebody outside the groups.
        (1, vec![outsider.clone()], 1, pending(0)),
        (1, vec![Cast { approve: false, ..outsider }, yes("bob", 2)], 2, APPROVED),
        // One no decides, unless it was decided before.
        (2, vec![yes("bob", 1), no("carol", 2)], 2, Tally::Denied),
        (2, vec![no("bob", 1), yes("carol", 2), yes("dave", 3)], 3, Tally::Denied),
        (1, vec![yes("bob", 1), no("carol", 2)], 2, APPROVED),
        // In time is before the last moment; what was decided in time stays decided.
        (1, vec![], EXPIRES - 1, pending(0)),
        (1, vec![], EXPIRES, Tally::Expired),
        (2, vec![yes("bob", 1)], EXPIRES, Tally::Expired),
        (1, vec![yes("bob", EXPIRES)], EXPIRES, Tally::Expired),
        (1, vec![yes("bob", EXPIRES - 1)], EXPIRES + 1000, APPROVED),
    ] {
        assert_eq!(outcome(count, &votes, now), expected, "{count} of {votes:?} at {now}");
    }
}

#[test]
fn the_same_identifier_of_another_issuer_is_another_person() {
    let other = Cast { by: Person { issuer: "https://other.example.com".into(), id: "bob".into() }, ..yes("bob", 2) };
    assert_eq!(outcome(2, &[yes("bob", 1), other], 2), APPROVED);
}

#[test]
fn who_may_vote() {
    let alice = person("alice");
    let ask = |votes: &[Cast], who: &Subject| may_vote(&alice, &needed(2), votes, who);
    assert_eq!(ask(&[], &subject("bob", &["sre"])), Ok(()));
    assert_eq!(ask(&[], &subject("bob", &["x", "dba"])), Ok(()));
    assert_eq!(ask(&[], &subject("bob", &["engineering"])), Err(NoVote::NotEntitled));
    assert_eq!(ask(&[], &subject("bob", &[])), Err(NoVote::NotEntitled));
    // Under whatever name, and whatever groups.
    assert_eq!(ask(&[], &subject("alice", &["sre", "dba"])), Err(NoVote::Own));
    assert_eq!(ask(&[yes("bob", 1)], &subject("bob", &["sre"])), Err(NoVote::Again));
    assert_eq!(ask(&[yes("bob", 1)], &subject("bob", &["dba"])), Err(NoVote::Again), "by another group");
    assert_eq!(ask(&[yes("bob", 1)], &subject("carol", &["sre"])), Ok(()));
    // Issuers count their people each for themselves.
    for id in ["alice", "bob"] {
        let elsewhere = Subject { issuer: "https://other.example.com".into(), ..subject(id, &["sre"]) };
        assert_eq!(ask(&[yes("bob", 1)], &elsewhere), Ok(()), "{id}");
    }
}

#[test]
fn an_approval_goes_no_further_than_any_of_those_who_gave_it_said() {
    let hour = Duration::from_secs(3600);
    let reach = |scopes: &[Scope]| {
        let votes: Vec<Cast> =
            scopes.iter().zip(1..).map(|(scope, n)| Cast { scope: *scope, ..yes(&format!("p{n}"), n) }).collect();
        match outcome(scopes.len(), &votes, 100) {
            Tally::Approved { reach } => reach,
            other @ (Tally::Denied | Tally::Expired | Tally::Pending { .. }) => panic!("{other:?}"),
        }
    };
    let again = |in_session, lasting| Reach::Again { in_session, lasting };
    assert_eq!(reach(&[Scope::Once]), Reach::Once);
    assert_eq!(reach(&[Scope::Session, Scope::Once]), Reach::Once);
    assert_eq!(reach(&[Scope::Session]), again(true, None));
    assert_eq!(reach(&[Scope::For(hour)]), again(false, Some(hour)));
    assert_eq!(reach(&[Scope::For(hour * 2), Scope::For(hour)]), again(false, Some(hour)));
    assert_eq!(reach(&[Scope::For(hour), Scope::Session]), again(true, Some(hour)));
}

#[test]
fn an_approval_covers_the_same_person_place_rule_and_bytes_only() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (web1, db1): (TargetName, TargetName) = ("web1".parse().unwrap(), "db1".parse().unwrap());
    let (root, demo): (Login, Login) = ("root".parse().unwrap(), "demo".parse().unwrap());
    let (restart, other): (RuleName, RuleName) = ("restart".parse().unwrap(), "other".parse().unwrap());
    let (one, two) = (needed(1), needed(2));
    let fewer = Needed { groups: vec!["sre".parse().unwrap()], ..needed(1) };
    let earlier = ApprovalSubject {
        requester: &alice,
        target: &web1,
        login: &root,
        rule: Some(&restart),
        text: b"systemctl restart db",
        needed: &one,
    };
    assert!(covers(&earlier, &earlier));
    for now in [
        ApprovalSubject { requester: &bob, ..earlier },
        ApprovalSubject { target: &db1, ..earlier },
        ApprovalSubject { login: &demo, ..earlier },
        ApprovalSubject { rule: Some(&other), ..earlier },
        ApprovalSubject { rule: None, ..earlier },
        ApprovalSubject { text: b"systemctl restart db ", ..earlier },
        ApprovalSubject { text: b"", ..earlier },
        // The rule was changed since.
        ApprovalSubject { needed: &two, ..earlier },
        ApprovalSubject { needed: &fewer, ..earlier },
    ] {
        assert!(!covers(&earlier, &now), "{now:?}");
    }
    assert!(covers(&ApprovalSubject { needed: &two, ..earlier }, &earlier), "more people than are needed now said yes");
}

#[test]
fn an_approval_counts_in_its_session_and_until_its_time() {
    let in_session = Counts { session: Some(7), until: None };
    assert!(in_session.at(at(0), Some(&7)));
    assert!(!in_session.at(at(0), Some(&8)));
    assert!(!in_session.at(at(0), None));
    let for_a_time = Counts { session: None, until: Some(at(60)) };
    assert!(for_a_time.at(at(59), None) && for_a_time.at(at(59), Some(&8)));
    assert!(!for_a_time.at(at(60), None));
    let both = Counts { session: Some(7), until: Some(at(60)) };
    assert!(both.at(at(59), Some(&7)));
    assert!(!both.at(at(60), Some(&7)) && !both.at(at(59), Some(&8)));
    assert!(!Counts::<u8> { session: None, until: None }.at(at(0), None), "once is not again");
}
