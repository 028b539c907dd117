//! Audit events, on both databases.

use super::*;

async fn paging_neither_skips_nor_repeats_while_rows_are_added(place: Place) {
    let store = place.open().await;
    let mut expected = Vec::new();
    for number in 0..10 {
        let session = session("alice", "web1");
        store.add_session(&session).await.unwrap();
        store.append_audit(at(number), &[failed(number.to_string())]).await.unwrap();
        expected.insert(0, session.id);
    }

    let (mut sessions, mut reasons) = (Vec::new(), Vec::new());
    let mut filter = SessionFilter { limit: 3, ..Default::default() };
    let mut audit = AuditFilter { limit: 3, ..Default::default() };
    loop {
        let page = store.sessions(&filter).await.unwrap();
        let events = store.audit(&audit).await.unwrap();
        if page.is_empty() && events.is_empty() {
            break;
        }
        filter.before = page.last().map(|session| session.id);
        audit.before = events.last().map(|record| record.seq);
        sessions.extend(page.into_iter().map(|session| session.id));
        reasons.extend(events.into_iter().map(|record| {
            let AuditEvent::LoginFailed { reason, .. } = record.event.clone() else { panic!("{record:?}") };
            reason
        }));
        store.add_session(&session("bob", "web1")).await.unwrap();
        store.append_audit(at(99), &[failed("later")]).await.unwrap();
    }
    assert_eq!(sessions, expected);
    assert_eq!(reasons, (0..10).rev().map(|number| number.to_string()).collect::<Vec<_>>());
}

async fn audit_events_are_filtered(place: Place) {
    let store = place.open().await;
    let row = session("alice", "web1");
    store.add_session(&row).await.unwrap();
    let user: UserName = "bob".parse().unwrap();
    let events = [
        failed("first"),
        AuditEvent::LoggedOut { user, source: "192.0.2.7:1".into() },
        AuditEvent::SessionEnded { session: row.id, end: SessionEnd::CutOff, output_bytes: 1 },
    ];
    store.append_audit(at(5), &events).await.unwrap();

    let list = async |filter: AuditFilter| {
        let found = store.audit(&AuditFilter { limit: 10, ..filter }).await.unwrap();
        found.into_iter().map(|record| record.seq).collect::<Vec<_>>()
    };
    assert_eq!(list(AuditFilter::default()).await, [3, 2, 1]);
    assert_eq!(list(AuditFilter { user: Some("bob".into()), ..Default::default() }).await, [2]);
    assert_eq!(list(AuditFilter { kind: Some("login_failed".into()), ..Default::default() }).await, [1]);
    assert_eq!(list(AuditFilter { session: Some(row.id), ..Default::default() }).await, [3]);
    assert_eq!(
        list(AuditFilter { user: Some("alice".into()), ..Default::default() }).await,
        [3],
        "the user of a session is found through its row"
    );
    let all = store.audit(&AuditFilter { limit: 10, ..Default::default() }).await.unwrap();
    let stored: Vec<_> = all.iter().rev().map(|record| record.event.clone()).collect();
    assert_eq!(stored, events);
    assert!(all.iter().all(|record| record.at == at(5) && record.v == crate::audit::AUDIT_VERSION));
}

async fn a_burst_of_audit_events_loses_none_and_keeps_each_tasks_order(place: Place) {
    const TASKS: usize = 50;
    const EVENTS: usize = 200;
    let store = place.open().await;
    let writers: Vec<_> = (0..TASKS)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in 0..EVENTS {
                    store.append_audit(at(0), &[failed(format!("{task} {number}"))]).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }

    let limit = u32::try_from(2 * TASKS * EVENTS).unwrap();
    let records = store.audit(&AuditFilter { limit, ..Default::default() }).await.unwrap();
    assert_eq!(records.len(), TASKS * EVENTS);
    let mut next = [0; TASKS];
    for (record, seq) in records.iter().rev().zip(1..) {
        assert_eq!(record.seq, seq, "no gap");
        let AuditEvent::LoginFailed { reason, .. } = &record.event else { panic!("{record:?}") };
        let (task, number) = reason.split_once(' ').unwrap();
        let task: usize = task.parse().unwrap();
        assert_eq!(number.parse(), Ok(next[task]), "in order within a task");
        next[task] += 1;
    }
}

async fn one_row_that_cannot_be_read_does_not_take_its_page_along(place: Place) {
    let store = place.open().await;
    let rows = [session("alice", "web1"), session("alice", "web2"), session("alice", "web3")];
    for row in &rows {
        store.add_session(row).await.unwrap();
    }
    store.append_audit(at(0), &[failed("1"), failed("2"), failed("3")]).await.unwrap();
    for damage in [
        "UPDATE sessions SET kind = 'of a newer bastion' WHERE target = 'web2'",
        "UPDATE audit SET event = '{\"kind\":\"of a newer bastion\"}' WHERE seq = 2",
    ] {
        store.run(damage).await;
    }

    let listing = store.sessions(&SessionFilter { limit: 9, ..Default::default() }).await.unwrap();
    assert_eq!(listing.iter().map(|row| row.id).collect::<Vec<_>>(), [rows[2].id, rows[0].id]);
    assert_eq!(
        (listing.unreadable[0].table.as_str(), &listing.unreadable[0].id),
        ("sessions", &rows[1].id.to_string())
    );
    let events = store.audit(&AuditFilter { limit: 9, ..Default::default() }).await.unwrap();
    assert_eq!(events.iter().map(|record| record.seq).collect::<Vec<_>>(), [3, 2, 1]);
    let AuditEvent::UnreadableRow { table, id, reason } = &events[1].event else { panic!("{events:?}") };
    assert_eq!((table.as_str(), id.as_str()), ("audit", "2"));
    assert!(reason.contains("column event: unknown variant"), "{reason}");
}

async fn events_of_a_queue_are_taken_once(place: Place) {
    let store = place.open().await;
    let queued = |numbers: std::ops::RangeInclusive<u64>| -> Vec<QueuedEvent> {
        numbers.map(|number| QueuedEvent { number, at: at(5), event: failed(number.to_string()) }).collect()
    };
    store.append_queued("a", &queued(1..=3)).await.unwrap();
    store.append_queued("a", &queued(2..=4)).await.unwrap();
    store.append_queued("a", &queued(1..=4)).await.unwrap();
    store.append_queued("b", &queued(1..=1)).await.unwrap();
    let events = store.audit(&AuditFilter { limit: 9, ..Default::default() }).await.unwrap();
    let reasons: Vec<_> = events.iter().rev().map(|record| record.event.clone()).collect();
    assert_eq!(reasons, ["1", "2", "3", "4", "1"].map(failed));
    assert!(events.iter().rev().zip(1..).all(|(record, seq)| record.seq == seq && record.at == at(5)));
}

async fn the_event_of_an_end_completes_the_session(place: Place) {
    let store = place.open().await;
    let row = session("alice", "web1");
    let end = SessionEnd::Exited { status: 7 };
    store.start_session(&row, &[failed("x")]).await.unwrap();
    let event = AuditEvent::SessionEnded { session: row.id, end: end.clone(), output_bytes: 12 };
    store.append_queued("a", &[QueuedEvent { number: 1, at: at(9), event }]).await.unwrap();
    let ended = store.session(row.id).await.unwrap().unwrap();
    assert_eq!((ended.ended_at, ended.end, ended.output_bytes), (Some(at(9)), Some(end), 12));
    assert_eq!(store.audit(&AuditFilter { limit: 9, ..Default::default() }).await.unwrap().len(), 2);
}

async fn texts_of_a_peer_are_cut_on_every_way_into_the_audit_log(place: Place) {
    let store = place.open().await;
    let long = || failed("x".repeat(30_000));
    store.append_audit(at(0), &[long()]).await.unwrap();
    store.start_session(&session("alice", "web1"), &[long()]).await.unwrap();
    store.append_queued("a", &[QueuedEvent { number: 1, at: at(0), event: long() }]).await.unwrap();
    let events = store.audit(&AuditFilter { limit: 9, ..Default::default() }).await.unwrap();
    assert_eq!(events.len(), 3);
    for record in events {
        let AuditEvent::LoginFailed { reason, .. } = &record.event else { panic!("{record:?}") };
        assert!(reason.ends_with("[cut; 30000 bytes in all]") && reason.len() < 2_000, "{}", reason.len());
    }
}

async fn old_audit_events_are_removed_some_at_a_time(place: Place) {
    let store = place.open().await;
    let old: Vec<_> = (0..1_200).map(|number| failed(number.to_string())).collect();
    store.append_audit(at(0), &old).await.unwrap();
    store.append_audit(at(10), &[failed("new")]).await.unwrap();
    let mut removed = Vec::new();
    loop {
        removed.push(store.forget_audit(at(10)).await.unwrap());
        if removed.ends_with(&[0]) {
            break;
        }
    }
    assert_eq!(removed, [500, 500, 200, 0]);
    let left = store.audit(&AuditFilter { limit: 9, ..Default::default() }).await.unwrap();
    assert_eq!(left.iter().map(|record| record.seq).collect::<Vec<_>>(), [1_201]);
    store.append_audit(at(11), &[failed("next")]).await.unwrap();
    assert!(store.bytes().await.unwrap() > 100_000, "pages are used again, the file stays as large");
}

on_both![
    paging_neither_skips_nor_repeats_while_rows_are_added,
    audit_events_are_filtered,
    a_burst_of_audit_events_loses_none_and_keeps_each_tasks_order,
    one_row_that_cannot_be_read_does_not_take_its_page_along,
    events_of_a_queue_are_taken_once,
    the_event_of_an_end_completes_the_session,
    texts_of_a_peer_are_cut_on_every_way_into_the_audit_log,
    old_audit_events_are_removed_some_at_a_time,
];
