use super::*;

/// One event of each kind, with every field filled.
pub(super) fn every_kind() -> Vec<AuditEvent> {
    let user: UserName = "alice".parse().unwrap();
    let target: TargetName = "web1".parse().unwrap();
    let login: Login = "deploy".parse().unwrap();
    let session: SessionId = "0199aaaa-0000-7000-8000-000000000001".parse().unwrap();
    let expires_at = Timestamp::from_second(1_700_000_000).unwrap();
    let source = || "192.0.2.7:50000".to_owned();
    let port = PortEvent {
        user: user.clone(),
        cluster: "prod".parse().unwrap(),
        namespace: "shop".into(),
        pod: "web".into(),
        port: 5432,
        source: source(),
    };
    let approval: ApprovalId = "0199aaaa-0000-7000-8000-000000000002".parse().unwrap();
    let bob = || "bob".parse::<UserName>().unwrap();
    let command = CommandEvent {
        session: Some(session),
        user: user.clone(),
        target: target.clone(),
        login: login.clone(),
        command: "rm -rf /".into(),
        rule: Some("rm_rf".parse().unwrap()),
        reason: "no".into(),
        opaque: false,
        source: source(),
    };
    vec![
        AuditEvent::AccessEnded { approval, user: user.clone(), target: target.clone(), login: login.clone() },
        AuditEvent::AccessGranted {
            approval,
            user: user.clone(),
            target: target.clone(),
            login: login.clone(),
            until: expires_at,
            by: vec![bob()],
        },
        AuditEvent::AccessRefused {
            user: user.clone(),
            what: "audit".into(),
            reason: "no role".into(),
            source: source(),
        },
        AuditEvent::ApprovalDecided {
            approval,
            user: user.clone(),
            session: Some(session),
            state: ApprovalState::Approved,
            by: vec![bob()],
            scope: Some(ScopeWord::For),
            until: Some(expires_at),
            reason: Some("ok".into()),
        },
        AuditEvent::ApprovalRequested {
            approval,
            what: ApprovalKind::Command,
            session: Some(session),
            user: user.clone(),
            target: target.clone(),
            login: login.clone(),
            command: Some("reboot".into()),
            rule: Some("reboot".parse().unwrap()),
            reason: Some("ticket 7".into()),
            groups: vec!["sre".parse().unwrap()],
            count: 2,
            expires_at,
            source: source(),
        },
        AuditEvent::ApprovalVoted {
            approval,
            user: bob(),
            session: None,
            requester: user.clone(),
            approve: true,
            scope: ScopeWord::Once,
            comment: Some("go".into()),
        },
        AuditEvent::CertificateIssued {
            user: user.clone(),
            serial: 7,
            fingerprint: "SHA256:abc".into(),
            expires_at,
            source: source(),
        },
        AuditEvent::ChannelOpened {
            user: user.clone(),
            target: target.clone(),
            login: login.clone(),
            what: "local-forward".into(),
            endpoint: Some("db:5432".into()),
            source: source(),
        },
        AuditEvent::ChannelRefused {
            user: user.clone(),
            target: Some(target.clone()),
            login: Some(login.clone()),
            what: "shell".into(),
            code: Some(api::refusal::ReasonCode::NotAllowed),
            rule: Some("engineer".into()),
            reason: "not allowed".into(),
            source: source(),
        },
        AuditEvent::CommandBlocked(command.clone()),
        AuditEvent::CommandHeld(CommandHeldEvent {
            command: CommandEvent {
                session: None,
                command: "$CMD".into(),
                rule: None,
                reason: "unknown".into(),
                opaque: true,
                ..command.clone()
            },
            approval: Some("0199aaaa-0000-7000-8000-000000000002".parse().unwrap()),
        }),
        AuditEvent::CommandObserved(CommandObservedEvent {
            command: CommandEvent { session: None, ..command },
            effect: WouldHave::Block,
        }),
        AuditEvent::ConnectionAuthenticated { user: user.clone(), serial: 7, source: source() },
        AuditEvent::ConnectionRefused { key_id: Some("bob".into()), reason: "expired".into(), source: source() },
        AuditEvent::GateTripped {
            session,
            user: user.clone(),
            target: target.clone(),
            login: login.clone(),
            command: "ls".into(),
            reason: "no Enter".into(),
            source: source(),
        },
        AuditEvent::KubeRequest(Box::new(KubeRequestEvent {
            user: user.clone(),
            cluster: "prod".parse().unwrap(),
            verb: "delete".into(),
            group: "apps".into(),
            resource: "deployments".into(),
            subresource: "scale".into(),
            namespace: "shop".into(),
            name: "web".into(),
            path: None,
            status: Some(403),
            latency_ms: 3,
            bytes_in: 1,
            bytes_out: 2,
            rule: Some("no-delete".into()),
            refused: Some("ask sre".into()),
            code: Some(api::refusal::ReasonCode::RequestBlocked),
            ended: None,
            source: source(),
        })),
        AuditEvent::LoginFailed { reason: "nonce".into(), source: source() },
        AuditEvent::LoggedIn {
            user: user.clone(),
            issuer: "https://issuer".into(),
            subject: "42".into(),
            claimed: Some("bob".parse().unwrap()),
            expires_at,
            source: source(),
        },
        AuditEvent::LoggedOut { user: user.clone(), source: source() },
        AuditEvent::NameBound {
            user: user.clone(),
            issuer: "https://issuer".into(),
            subject: "42".into(),
            source: source(),
        },
        AuditEvent::NameReleased {
            user: user.clone(),
            name: bob(),
            issuer: "https://issuer".into(),
            subject: "43".into(),
            source: source(),
        },
        AuditEvent::PortClosed(Box::new(PortClosedEvent {
            port: port.clone(),
            duration_ms: 5,
            bytes_in: 3,
            bytes_out: 4,
            reason: None,
        })),
        AuditEvent::PortOpened(Box::new(port.clone())),
        AuditEvent::PortRefused(Box::new(PortRefusedEvent {
            port,
            rule: Some("no-sshd".into()),
            reason: "not this one".into(),
            code: Some(api::refusal::ReasonCode::RequestBlocked),
        })),
        AuditEvent::RecordingFailed { session, reason: "disk full".into(), terminated: true },
        AuditEvent::RecordingViewed { user: user.clone(), session, source: source() },
        AuditEvent::RefusalsSummed {
            refused: "channel_refused".into(),
            user: Some(user.clone()),
            count: 400,
            from: expires_at,
            until: expires_at,
            reason: "no".into(),
            source: source(),
        },
        AuditEvent::RevokedKeysRejected { file: "revoked_keys".into(), error: "line 1".into() },
        AuditEvent::RevokedKeysReloaded { file: "revoked_keys".into(), keys: 2 },
        AuditEvent::RulesRejected { file: "rules.yaml".into(), errors: vec!["rules.yaml:1:1: no".into()] },
        AuditEvent::RulesReloaded { files: vec!["rules.yaml".into()], roles: 2, rules: 1, sha256: "ab".into() },
        AuditEvent::SessionEnded { session, end: SessionEnd::Exited { status: 7 }, output_bytes: 12 },
        AuditEvent::SessionStarted {
            session,
            user: user.clone(),
            target: target.clone(),
            login,
            what: SessionKind::Exec,
            command: Some("id".into()),
            source: source(),
        },
        AuditEvent::StoreRecovered {
            from: expires_at,
            until: expires_at,
            delayed: 3,
            lost: 0,
            reason: "disk full".into(),
        },
        AuditEvent::TargetUnavailable { user, target, reason: "refused".into() },
        AuditEvent::UnreadableRow { table: "audit".into(), id: "7".into(), reason: "column event".into() },
    ]
}

/// What auditors have stored: a change here breaks what reads it.
const GOLDEN: &str = r#"{"kind":"access_ended","approval":"0199aaaa-0000-7000-8000-000000000002","user":"alice","target":"web1","login":"deploy"}
{"kind":"access_granted","approval":"0199aaaa-0000-7000-8000-000000000002","user":"alice","target":"web1","login":"deploy","until":"2023-11-14T22:13:20Z","by":["bob"]}
{"kind":"access_refused","user":"alice","what":"audit","reason":"no role","source":"192.0.2.7:50000"}
{"kind":"approval_decided","approval":"0199aaaa-0000-7000-8000-000000000002","user":"alice","session":"0199aaaa-0000-7000-8000-000000000001","state":"approved","by":["bob"],"scope":"for","until":"2023-11-14T22:13:20Z","reason":"ok"}
{"kind":"approval_requested","approval":"0199aaaa-0000-7000-8000-000000000002","what":"command","session":"0199aaaa-0000-7000-8000-000000000001","user":"alice","target":"web1","login":"deploy","command":"reboot","rule":"reboot","reason":"ticket 7","groups":["sre"],"count":2,"expires_at":"2023-11-14T22:13:20Z","source":"192.0.2.7:50000"}
{"kind":"approval_voted","approval":"0199aaaa-0000-7000-8000-000000000002","user":"bob","session":null,"requester":"alice","approve":true,"scope":"once","comment":"go"}
{"kind":"certificate_issued","user":"alice","serial":7,"fingerprint":"SHA256:abc","expires_at":"2023-11-14T22:13:20Z","source":"192.0.2.7:50000"}
{"kind":"channel_opened","user":"alice","target":"web1","login":"deploy","what":"local-forward","endpoint":"db:5432","source":"192.0.2.7:50000"}
{"kind":"channel_refused","user":"alice","target":"web1","login":"deploy","what":"shell","rule":"engineer","code":"not_allowed","reason":"not allowed","source":"192.0.2.7:50000"}
{"kind":"command_blocked","session":"0199aaaa-0000-7000-8000-000000000001","user":"alice","target":"web1","login":"deploy","command":"rm -rf /","rule":"rm_rf","reason":"no","opaque":false,"source":"192.0.2.7:50000"}
{"kind":"command_held","session":null,"user":"alice","target":"web1","login":"deploy","command":"$CMD","rule":null,"reason":"unknown","opaque":true,"source":"192.0.2.7:50000","approval":"0199aaaa-0000-7000-8000-000000000002"}
{"kind":"command_observed","session":null,"user":"alice","target":"web1","login":"deploy","command":"rm -rf /","rule":"rm_rf","reason":"no","opaque":false,"source":"192.0.2.7:50000","effect":"block"}
{"kind":"connection_authenticated","user":"alice","serial":7,"source":"192.0.2.7:50000"}
{"kind":"connection_refused","key_id":"bob","reason":"expired","source":"192.0.2.7:50000"}
{"kind":"gate_tripped","session":"0199aaaa-0000-7000-8000-000000000001","user":"alice","target":"web1","login":"deploy","command":"ls","reason":"no Enter","source":"192.0.2.7:50000"}
{"kind":"kube_request","user":"alice","cluster":"prod","verb":"delete","group":"apps","resource":"deployments","subresource":"scale","namespace":"shop","name":"web","path":null,"status":403,"latency_ms":3,"bytes_in":1,"bytes_out":2,"rule":"no-delete","refused":"ask sre","code":"request_blocked","ended":null,"source":"192.0.2.7:50000"}
{"kind":"login_failed","reason":"nonce","source":"192.0.2.7:50000"}
{"kind":"logged_in","user":"alice","issuer":"https://issuer","subject":"42","claimed":"bob","expires_at":"2023-11-14T22:13:20Z","source":"192.0.2.7:50000"}
{"kind":"logged_out","user":"alice","source":"192.0.2.7:50000"}
{"kind":"name_bound","user":"alice","issuer":"https://issuer","subject":"42","source":"192.0.2.7:50000"}
{"kind":"name_released","user":"alice","name":"bob","issuer":"https://issuer","subject":"43","source":"192.0.2.7:50000"}
{"kind":"port_closed","user":"alice","cluster":"prod","namespace":"shop","pod":"web","port":5432,"source":"192.0.2.7:50000","duration_ms":5,"bytes_in":3,"bytes_out":4,"reason":null}
{"kind":"port_opened","user":"alice","cluster":"prod","namespace":"shop","pod":"web","port":5432,"source":"192.0.2.7:50000"}
{"kind":"port_refused","user":"alice","cluster":"prod","namespace":"shop","pod":"web","port":5432,"source":"192.0.2.7:50000","rule":"no-sshd","reason":"not this one","code":"request_blocked"}
{"kind":"recording_failed","session":"0199aaaa-0000-7000-8000-000000000001","reason":"disk full","terminated":true}
{"kind":"recording_viewed","user":"alice","session":"0199aaaa-0000-7000-8000-000000000001","source":"192.0.2.7:50000"}
{"kind":"refusals_summed","refused":"channel_refused","user":"alice","count":400,"from":"2023-11-14T22:13:20Z","until":"2023-11-14T22:13:20Z","reason":"no","source":"192.0.2.7:50000"}
{"kind":"revoked_keys_rejected","file":"revoked_keys","error":"line 1"}
{"kind":"revoked_keys_reloaded","file":"revoked_keys","keys":2}
{"kind":"rules_rejected","file":"rules.yaml","errors":["rules.yaml:1:1: no"]}
{"kind":"rules_reloaded","files":["rules.yaml"],"roles":2,"rules":1,"sha256":"ab"}
{"kind":"session_ended","session":"0199aaaa-0000-7000-8000-000000000001","end":{"how":"exited","status":7},"output_bytes":12}
{"kind":"session_started","session":"0199aaaa-0000-7000-8000-000000000001","user":"alice","target":"web1","login":"deploy","what":"exec","command":"id","source":"192.0.2.7:50000"}
{"kind":"store_recovered","from":"2023-11-14T22:13:20Z","until":"2023-11-14T22:13:20Z","delayed":3,"lost":0,"reason":"disk full"}
{"kind":"target_unavailable","user":"alice","target":"web1","reason":"refused"}
{"kind":"unreadable_row","table":"audit","id":"7","reason":"column event"}
"#;

#[test]
fn the_json_form_of_every_kind_is_stable() {
    let lines: String = every_kind().iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect();
    assert_eq!(lines, GOLDEN);
}

#[test]
fn what_was_stored_can_be_read() {
    let read: Vec<AuditEvent> = GOLDEN.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, every_kind());
    // From before there were codes.
    let old = GOLDEN.replace(r#""code":"not_allowed","#, "").replace(r#""code":"request_blocked","#, "");
    assert!(old.lines().all(|line| serde_json::from_str::<AuditEvent>(line).is_ok()));
}

#[test]
fn a_record_carries_the_version_beside_the_event() {
    let event = AuditEvent::LoginFailed { reason: "nonce".into(), source: "192.0.2.7:1".into() };
    let mut record = AuditRecord { seq: 3, at: Timestamp::UNIX_EPOCH, v: AUDIT_VERSION, person: None, event };
    assert_eq!(
        serde_json::to_string(&record).unwrap(),
        r#"{"seq":3,"at":"1970-01-01T00:00:00Z","v":1,"kind":"login_failed","reason":"nonce","source":"192.0.2.7:1"}"#
    );
    record.person = Some(SubjectId { issuer: "https://issuer".into(), subject: "42".into() });
    let text = serde_json::to_string(&record).unwrap();
    assert!(text.contains(r#""v":1,"person":{"issuer":"https://issuer","subject":"42"},"kind""#), "{text}");
}

#[test]
fn the_columns_to_search_by_agree_with_the_json_form() {
    for event in every_kind() {
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["kind"], event.kind());
        assert_eq!(json.get("user").and_then(|user| user.as_str()), event.user().map(UserName::as_str));
        let session = event.session().map(|id| id.to_string());
        assert_eq!(json.get("session").and_then(|id| id.as_str()), session.as_deref());
    }
}
