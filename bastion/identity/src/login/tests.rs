//! Whole logins against the demo issuer, with a person who is a few HTTP requests.

use demo_peers::issuer::DemoIssuer;
use ledger::store::Store as _;
use policy::Subject;
use russh::keys::{Certificate, PrivateKey, ssh_key::private::Ed25519Keypair};

use super::*;
use crate::{
    oidc::{OidcError, OidcSettings},
    ssh_certificate::{self, TrustedCas},
    test_store::TestStore,
    token::random_bytes,
};

const CLI_CALLBACK: &str = "http://127.0.0.1:49152/callback";
const CONSOLE_CALLBACK: &str = "https://bastion.example.com:8443/login/callback";
const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

struct Fixture {
    issuer: DemoIssuer,
    store: TestStore,
    user_ca: Arc<UserCa>,
    service: LoginService,
    browser: reqwest::Client,
}

async fn fixture() -> Fixture {
    fixture_with(|_| {}).await
}

async fn fixture_with(change: impl FnOnce(&mut OidcSettings)) -> Fixture {
    let console_callback = Url::parse(CONSOLE_CALLBACK).unwrap();
    let issuer = DemoIssuer::start(console_callback.clone()).await.unwrap();
    let mut oidc = OidcSettings::new(issuer.url().parse().unwrap(), issuer.client_id());
    change(&mut oidc);
    let store = TestStore::new().await;
    let user_ca = Arc::new(UserCa::load_or_create(&store.folder().join("ca")).unwrap());
    let log = AuditLog::start(store.shared(), &store.folder().join("waiting")).unwrap();
    let service = service(oidc, store.shared(), log, &user_ca);
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    let browser = browser.tls_certs_only([]).build().unwrap();
    Fixture { issuer, store, user_ca, service, browser }
}

fn service(oidc: OidcSettings, store: Arc<dyn Store>, log: AuditLog, user_ca: &Arc<UserCa>) -> LoginService {
    let settings = LoginSettings {
        login_lifetime: Duration::from_secs(12 * 3600),
        certificate_lifetime: Duration::from_secs(600),
        console_callback: Url::parse(CONSOLE_CALLBACK).unwrap(),
    };
    let ended = EndedLogins::default();
    LoginService::new(OidcClient::new(oidc).unwrap(), store, log, Arc::clone(user_ca), settings, ended)
}

impl Fixture {
    /// What `bastion login --demo-user NAME` does with the page: gives the code and state of the redirect.
    async fn confirm(&self, page: &Url, person: &str) -> (String, String) {
        let answer = self.browser.get(format!("{page}&demo_user={person}")).send().await.unwrap();
        assert_eq!(answer.status(), 303, "{}", answer.text().await.unwrap());
        let back = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        let value = |name: &str| back.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        (value("state"), value("code"))
    }

    async fn log_in(&self, person: &str, now: Timestamp) -> NewLogin {
        let begun = self.service.begin_browser(CLI_CALLBACK, LoginKind::Cli, now).await.unwrap();
        let (state, code) = self.confirm(&begun.authorization_url, person).await;
        self.service.finish_browser(&state, &code, LoginKind::Cli, SOURCE, now).await.unwrap()
    }

    async fn login(&self, new: &NewLogin, now: Timestamp) -> Option<Login> {
        self.service.login_by_token(new.token.as_str(), now).await.unwrap()
    }

    async fn failures(&self) -> Vec<String> {
        let failed = |event| {
            let AuditEvent::LoginFailed { reason, source } = event else { return None };
            Some(format!("{reason} from {source}"))
        };
        self.store.audited().await.into_iter().filter_map(failed).collect()
    }
}

fn public_key() -> String {
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&random_bytes().unwrap()));
    key.public_key().to_openssh().unwrap()
}

#[tokio::test]
async fn a_browser_login_gives_a_token_that_is_this_person() {
    let (fixture, now) = (fixture().await, Timestamp::now());
    let new = fixture.log_in("bob", now).await;
    assert_eq!(new.record.expires_at, later(now, Duration::from_secs(12 * 3600)));
    let login = fixture.login(&new, now).await.unwrap();
    let Subject { issuer, id, name, email, groups } = login.subject();
    assert_eq!((issuer.as_str(), id.as_str(), name.as_str()), (fixture.issuer.url(), "demo-bob", "bob"));
    assert_eq!(email.as_deref(), Some("bob@example.com"));
    assert_eq!(groups.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["engineering", "sre"]);
    let events = fixture.store.audited().await;
    let [AuditEvent::NameBound { .. }, AuditEvent::LoggedIn { user, source, .. }] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!((user.as_str(), source.as_str()), ("bob", "192.0.2.7"));
}

#[tokio::test]
async fn a_name_is_the_first_persons_and_others_go_by_their_own() {
    // A claim that is the same for all people of this issuer.
    let fixture = fixture_with(|oidc| oidc.username_claim = "aud".to_owned()).await;
    let now = Timestamp::now();
    let (alice, bob) = (fixture.log_in("alice", now).await, fixture.log_in("bob", now).await);
    let name = alice.record.subject.name.clone();
    assert_eq!((name.as_str(), &alice.claimed), (fixture.issuer.client_id(), &None));
    let bobs_name = bob.record.subject.name.clone();
    assert!(bobs_name.as_str().starts_with(&format!("{name}+")), "{bobs_name}");
    assert_eq!(bob.claimed, Some(name.clone()));
    assert_eq!(fixture.log_in("bob", now).await.record.subject.name, bobs_name, "it stays the same");
    let claims =
        |event: &AuditEvent| matches!(event, AuditEvent::LoggedIn { claimed: Some(claimed), .. } if *claimed == name);
    assert_eq!(fixture.store.audited().await.iter().filter(|event| claims(event)).count(), 2);

    // Whoever had it is out when it is released; then the next one has it.
    let (alices, bobs) = (fixture.login(&alice, now).await.unwrap(), fixture.login(&bob, now).await.unwrap());
    let followed = fixture.service.ended().follow(&alices);
    let released = fixture.service.release_name(&name, &bobs, SOURCE, now).await.unwrap().unwrap();
    assert_eq!(released.person.id, "demo-alice");
    assert!(followed.has_ended() && fixture.login(&alice, now).await.is_none());
    assert!(fixture.login(&bob, now).await.is_some());
    assert!(fixture.service.release_name(&name, &bobs, SOURCE, now).await.unwrap().is_none());
    assert_eq!(fixture.log_in("bob", now).await.record.subject.name, name);
}

#[tokio::test]
async fn a_login_ends_by_itself_and_by_logout() {
    let (fixture, now) = (fixture().await, Timestamp::now());
    let new = fixture.log_in("alice", now).await;
    let end = new.record.expires_at;
    assert!(fixture.login(&new, end.checked_sub(SignedDuration::from_millis(1)).unwrap()).await.is_some());
    assert!(fixture.login(&new, end).await.is_none());
    let login = fixture.login(&new, now).await.unwrap();
    let other = fixture.log_in("alice", now).await;
    let other = fixture.login(&other, now).await.unwrap();
    let ended = fixture.service.ended();
    let (mut follows, follows_other) = (ended.follow(&login), ended.follow(&other));
    assert!(!follows.has_ended());
    fixture.service.logout(&login, SOURCE, now).await.unwrap();
    // What follows it knows, also what began to follow late.
    tokio::time::timeout(Duration::from_secs(20), follows.logged_out()).await.unwrap();
    assert!(follows.has_ended() && ended.follow(&login).has_ended() && !follows_other.has_ended());
    assert!(fixture.login(&new, now).await.is_none());
    assert!(matches!(fixture.store.audited().await.last(), Some(AuditEvent::LoggedOut { .. })));
    for token in ["", "x", new.record.subject.name.as_str()] {
        assert!(fixture.service.login_by_token(token, now).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_login_is_finished_once() {
    let (fixture, now) = (fixture().await, Timestamp::now());
    let begun = fixture.service.begin_browser(CLI_CALLBACK, LoginKind::Cli, now).await.unwrap();
    let (state, code) = fixture.confirm(&begun.authorization_url, "alice").await;
    assert_eq!(state, begun.state.as_str());
    fixture.service.finish_browser(&state, &code, LoginKind::Cli, SOURCE, now).await.unwrap();
    let again = fixture.service.finish_browser(&state, &code, LoginKind::Cli, SOURCE, now).await.unwrap_err();
    assert!(matches!(again, LoginError::UnknownFlow));
}

#[tokio::test]
async fn a_failure_uses_the_state_up_and_is_audited() {
    let (fixture, now) = (fixture().await, Timestamp::now());
    let begun = fixture.service.begin_browser(CLI_CALLBACK, LoginKind::Cli, now).await.unwrap();
    let (state, code) = fixture.confirm(&begun.authorization_url, "alice").await;
    let refused = fixture.service.finish_browser(&state, "wrong", LoginKind::Cli, SOURCE, now).await.unwrap_err();
    assert!(matches!(&refused, LoginError::Oidc(OidcError::Refused(_))), "{refused}");
    assert_eq!(refused.outcome(), Outcome::Refused);
    assert_eq!(
        fixture.failures().await,
        ["the issuer refused: invalid_grant; try again or tell the operator from 192.0.2.7"]
    );
    let again = fixture.service.finish_browser(&state, &code, LoginKind::Cli, SOURCE, now).await.unwrap_err();
    assert!(matches!(again, LoginError::UnknownFlow));
}

#[tokio::test]
async fn a_code_of_another_login_is_refused() {
    let (fixture, now) = (fixture().await, Timestamp::now());
    let mine = fixture.service.begin_browser(CLI_CALLBACK, LoginKind::Cli, now).await.unwrap();
    let theirs = fixture.service.begin_browser(CLI_CALLBACK, LoginKind::Cli, now).await.unwrap();
    let (_, code) = fixture.confirm(&theirs.authorization_url, "bob").await;
    let refused = fixture.service.finish_browser(mine.state.as_str(), &code, LoginKind::Cli, SOURCE, now).await;
    assert!(matches!(refused, Err(LoginError::Oidc(OidcError::Refused(_)))));
}

#[tokio::test]
async fn a_login_begun_for_the_cli_is_not_finished_in_the_console() {
    let (fixture, now) = (fixture().await, Timestamp::now());
    for (callback, begun_as, finished_as) in
        [(CLI_CALLBACK, LoginKind::Cli, LoginKind::Web), (CONSOLE_CALLBACK, LoginKind::Web, LoginKind::Cli)]
    {
        let begun = fixture.service.begin_browser(callback, begun_as, now).await.unwrap();
        let (state, code) = fixture.confirm(&begun.authorization_url, "alice").await;
        let refused = fixture.service.finish_browser(&state, &code, finished_as, SOURCE, now).await;
        assert!(matches!(refused, Err(LoginError::UnknownFlow)));
    }
    let begun = fixture.service.begin_browser(CONSOLE_CALLBACK, LoginKind::Web, now).await.unwrap();
    let (state, code) = fixture.confirm(&begun.authorization_url, "alice").await;
    let new = fixture.service.finish_browser(&state, &code, LoginKind::Web, SOURCE, now).await.unwrap();
    assert_eq!(new.record.kind, LoginKind::Web);
}

#[tokio::test]
async fn a_login_that_took_too_long_is_void() {
    let (fixture, now) = (fixture().await, Timestamp::now());
    let begun = fixture.service.begin_browser(CLI_CALLBACK, LoginKind::Cli, now).await.unwrap();
    let (state, code) = fixture.confirm(&begun.authorization_url, "alice").await;
    let late = later(now, FLOW_LIFETIME);
    let refused = fixture.service.finish_browser(&state, &code, LoginKind::Cli, SOURCE, late).await;
    assert!(matches!(refused, Err(LoginError::UnknownFlow)));
}

#[tokio::test]
async fn logins_come_back_to_known_places_only() {
    let (fixture, now) = (fixture().await, Timestamp::now());
    for (callback, kind) in [
        ("https://evil.example/callback", LoginKind::Cli),
        (CLI_CALLBACK, LoginKind::Web),
        (CONSOLE_CALLBACK, LoginKind::Cli),
    ] {
        let refused = fixture.service.begin_browser(callback, kind, now).await;
        assert!(matches!(refused, Err(LoginError::RedirectUri(_))), "{callback}");
    }
}

#[tokio::test]
async fn an_error_of_the_issuer_is_told_and_audited() {
    let (fixture, now) = (fixture().await, Timestamp::now());
    let begun = fixture.service.begin_browser(CONSOLE_CALLBACK, LoginKind::Web, now).await.unwrap();
    let (state, service) = (begun.state.as_str(), &fixture.service);
    let told = service.fail_browser(state, "access_denied", "not\u{1b}[2J today", LoginKind::Web, SOURCE, now).await;
    assert_eq!(told.to_string(), "the issuer refused the login: access_denied: not[2J today");
    assert_eq!(fixture.failures().await.len(), 1);
    let again = service.fail_browser(state, "access_denied", "", LoginKind::Web, SOURCE, now).await;
    assert!(matches!(again, LoginError::UnknownFlow));
    assert_eq!(fixture.failures().await.len(), 1, "whoever makes states up fills no audit log");
}

#[tokio::test]
async fn a_token_whose_user_name_cannot_be_used_logs_nobody_in() {
    let fixture = fixture_with(|oidc| oidc.username_claim = "given_name".to_owned()).await;
    let now = Timestamp::now();
    let begun = fixture.service.begin_browser(CLI_CALLBACK, LoginKind::Cli, now).await.unwrap();
    let (state, code) = fixture.confirm(&begun.authorization_url, "alice").await;
    let refused = fixture.service.finish_browser(&state, &code, LoginKind::Cli, SOURCE, now).await.unwrap_err();
    assert!(refused.to_string().contains("identity.oidc.username_claim"), "{refused}");
    assert_eq!(fixture.failures().await.len(), 1);
}

#[tokio::test]
async fn a_token_of_another_time_logs_nobody_in() {
    let (fixture, now) = (fixture().await, Timestamp::now());
    let yesterday = now.checked_sub(SignedDuration::from_hours(24)).unwrap();
    let begun = fixture.service.begin_browser(CLI_CALLBACK, LoginKind::Cli, yesterday).await.unwrap();
    let (state, code) = fixture.confirm(&begun.authorization_url, "alice").await;
    let refused = fixture.service.finish_browser(&state, &code, LoginKind::Cli, SOURCE, yesterday).await.unwrap_err();
    assert!(matches!(refused, LoginError::Oidc(OidcError::IdToken(_))), "{refused}");
}

#[tokio::test]
async fn an_issuer_that_is_gone_is_unavailable_and_said_so() {
    let Fixture { issuer, service, .. } = fixture().await;
    let address = issuer.url().to_owned();
    issuer.stop().await;
    let error = service.begin_browser(CLI_CALLBACK, LoginKind::Cli, Timestamp::now()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unavailable);
    assert!(error.to_string().starts_with(&format!("the issuer {address} did not answer: ")), "{error}");
}

#[tokio::test]
async fn without_the_store_nobody_logs_in() {
    let (fixture, now) = (fixture().await, Timestamp::now());
    let new = fixture.log_in("alice", now).await;
    fixture.store.take_down().await;
    let error = fixture.service.login_by_token(new.token.as_str(), now).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unavailable);
    let error = fixture.service.begin_browser(CLI_CALLBACK, LoginKind::Cli, now).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unavailable);
}

// === device flow ===

#[tokio::test]
async fn a_device_login_waits_until_the_person_confirms() {
    let (fixture, now) = (fixture().await, Timestamp::now());
    let begun = fixture.service.begin_device(now).await.unwrap();
    let id = begun.device_id.as_str();
    for _ in 0..2 {
        let polled = fixture.service.poll_device(id, SOURCE, now).await.unwrap();
        assert!(matches!(polled, DevicePoll::Pending { interval } if interval == begun.interval));
    }
    let page = begun.verification_uri_complete.unwrap();
    assert!(page.contains(&begun.user_code));
    let answer = fixture.browser.get(format!("{page}&demo_user=carol")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let DevicePoll::Done(new) = fixture.service.poll_device(id, SOURCE, now).await.unwrap() else { panic!("not done") };
    assert_eq!(fixture.login(&new, now).await.unwrap().subject().name.as_str(), "carol");
    let again = fixture.service.poll_device(id, SOURCE, now).await;
    assert!(matches!(again, Err(LoginError::UnknownFlow)));
}

#[tokio::test]
async fn a_device_login_is_known_by_its_identifier_and_for_its_time_only() {
    let (fixture, now) = (fixture().await, Timestamp::now());
    let begun = fixture.service.begin_device(now).await.unwrap();
    for (id, at) in [("made up", now), (begun.user_code.as_str(), now), (begun.device_id.as_str(), begun.expires_at)] {
        assert!(matches!(fixture.service.poll_device(id, SOURCE, at).await, Err(LoginError::UnknownFlow)), "{id}");
    }
    let as_state = fixture.service.finish_browser(begun.device_id.as_str(), "c", LoginKind::Cli, SOURCE, now).await;
    assert!(matches!(as_state, Err(LoginError::UnknownFlow)), "a device identifier is no state");
    let browser = fixture.service.begin_browser(CLI_CALLBACK, LoginKind::Cli, now).await.unwrap();
    let as_device = fixture.service.poll_device(browser.state.as_str(), SOURCE, now).await;
    assert!(matches!(as_device, Err(LoginError::UnknownFlow)), "a state is no device identifier");
}

/// An issuer whose token endpoint gives these answers, one a request.
async fn scripted_device_issuer(answers: &[&str]) -> (LoginService, TestStore) {
    use axum::{Json, Router, http::StatusCode, routing::any};
    use serde_json::json;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let own = url.clone();
    let answers: Vec<_> = answers.iter().map(|error| (*error).to_owned()).collect();
    let answers = Arc::new(std::sync::Mutex::new(answers.into_iter()));
    let refuse = move || async move {
        let error = answers.lock().unwrap().next();
        match error.as_deref() {
            Some("down") | None => (StatusCode::BAD_GATEWAY, Json(json!({}))),
            Some(error) => (StatusCode::BAD_REQUEST, Json(json!({"error": error}))),
        }
    };
    let begin = || async {
        Json(
            json!({"device_code": "d c", "user_code": "U\u{7}C", "verification_uri": "http://127.0.0.1/d", "expires_in": 9000}),
        )
    };
    let describe = move || async move {
        let endpoint = |name: &str| format!("{own}/{name}");
        Json(json!({"issuer": own, "authorization_endpoint": own, "jwks_uri": own, "token_endpoint": endpoint("token"),
            "device_authorization_endpoint": endpoint("device")}))
    };
    let router = Router::new().route("/token", any(refuse)).route("/device", any(begin)).fallback(describe);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let store = TestStore::new().await;
    let user_ca = Arc::new(UserCa::load_or_create(&store.folder().join("ca")).unwrap());
    let settings = LoginSettings {
        login_lifetime: Duration::from_secs(1),
        certificate_lifetime: Duration::from_secs(1),
        console_callback: Url::parse(CONSOLE_CALLBACK).unwrap(),
    };
    let oidc = OidcClient::new(OidcSettings::new(url.parse().unwrap(), "bastion")).unwrap();
    let log = AuditLog::start(store.shared(), &store.folder().join("waiting")).unwrap();
    (LoginService::new(oidc, store.shared(), log, user_ca, settings, EndedLogins::default()), store)
}

#[tokio::test]
async fn polling_gets_slower_when_the_issuer_asks_and_stays_so() {
    let answers = ["authorization_pending", "slow_down", "down", "authorization_pending", "slow_down", "access_denied"];
    let (service, store) = scripted_device_issuer(&answers).await;
    let now = Timestamp::now();
    let begun = service.begin_device(now).await.unwrap();
    assert_eq!((begun.interval, begun.user_code.as_str()), (Duration::from_secs(5), "UC"));
    assert_eq!(begun.expires_at, later(now, Duration::from_secs(1800)), "nobody types a code for hours");
    let mut waits = Vec::new();
    let denied = loop {
        match service.poll_device(begun.device_id.as_str(), SOURCE, now).await {
            Ok(DevicePoll::Pending { interval }) => waits.push(interval.as_secs()),
            Ok(DevicePoll::Done(_)) => panic!("nobody confirmed"),
            Err(error) if error.outcome() == Outcome::Unavailable => waits.push(0),
            Err(error) => break error,
        }
    };
    assert_eq!(waits, [5, 10, 0, 10, 15]);
    assert!(matches!(denied, LoginError::Oidc(OidcError::AccessDenied(_))));
    let again = service.poll_device(begun.device_id.as_str(), SOURCE, now).await;
    assert!(matches!(again, Err(LoginError::UnknownFlow)), "a denied login is over");
    assert!(matches!(store.audited().await.as_slice(), [AuditEvent::LoginFailed { .. }]));
}

#[tokio::test]
async fn an_expired_device_code_says_what_to_do() {
    let (service, _store) = scripted_device_issuer(&["expired_token"]).await;
    let begun = service.begin_device(Timestamp::now()).await.unwrap();
    let error = service.poll_device(begun.device_id.as_str(), SOURCE, Timestamp::now()).await.map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "the code was not confirmed in time; run \"bastion login\" again");
}

// === certificates ===

#[tokio::test]
async fn a_certificate_is_good_for_ssh_and_is_the_person_of_the_login() {
    let (fixture, now) = (fixture().await, Timestamp::now());
    let new = fixture.log_in("bob", now).await;
    let login = fixture.login(&new, now).await.unwrap();
    let issued = fixture.service.issue_ssh_certificate(&login, &public_key(), SOURCE, now).await.unwrap();
    let certificate = Certificate::from_openssh(&issued.certificate).unwrap();
    assert_eq!((certificate.serial(), certificate.key_id()), (issued.serial, "bob"));
    let cas = TrustedCas::new([fixture.user_ca.fingerprint()]);
    let verified = ssh_certificate::verify(&certificate, SOURCE, now, &cas).unwrap();
    let authenticated = ssh_certificate::authenticate(&*fixture.store, &verified, now).await.unwrap();
    assert_eq!(authenticated.subject(), login.subject());
    let events = fixture.store.audited().await;
    let Some(AuditEvent::CertificateIssued { user, serial, expires_at, .. }) = events.last() else {
        panic!("{events:?}")
    };
    assert_eq!((user.as_str(), *serial, *expires_at), ("bob", issued.serial, issued.expires_at));
}

#[tokio::test]
async fn a_certificate_never_outlives_its_login() {
    let (fixture, now) = (fixture().await, Timestamp::now());
    let new = fixture.log_in("alice", now).await;
    let login = fixture.login(&new, now).await.unwrap();
    let key = public_key();
    let issue = async |at| fixture.service.issue_ssh_certificate(&login, &key, SOURCE, at).await;
    let usual = issue(now).await.unwrap();
    assert_eq!(usual.expires_at.as_second(), now.as_second() + 600);
    let near_the_end = login.expires_at().checked_sub(SignedDuration::from_secs(60)).unwrap();
    let short = issue(near_the_end).await.unwrap();
    assert_eq!(short.expires_at.as_second(), login.expires_at().as_second());
    let valid_before = Certificate::from_openssh(&short.certificate).unwrap().valid_before();
    assert_eq!(i64::try_from(valid_before).unwrap(), login.expires_at().as_second());
    assert!(matches!(issue(login.expires_at()).await, Err(LoginError::Ended)));
}

#[tokio::test]
async fn a_key_that_could_not_log_in_gets_no_certificate_and_no_record() {
    let (fixture, now) = (fixture().await, Timestamp::now());
    let new = fixture.log_in("alice", now).await;
    let login = fixture.login(&new, now).await.unwrap();
    let before = fixture.store.audited().await.len();
    for key in ["", "ssh-ed25519", "not a key at all", "ssh-ed25519 AAAA\nssh-ed25519 BBBB"] {
        let refused = fixture.service.issue_ssh_certificate(&login, key, SOURCE, now).await.unwrap_err();
        assert!(matches!(refused, LoginError::PublicKey(_)));
        assert_eq!(refused.outcome(), Outcome::Refused);
    }
    assert_eq!(fixture.store.audited().await.len(), before);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_written_down_is_not_handed_out() {
    let (fixture, now) = (fixture().await, Timestamp::now());
    let new = fixture.log_in("alice", now).await;
    let login = fixture.login(&new, now).await.unwrap();
    fixture.store.take_down().await;
    let refused = fixture.service.issue_ssh_certificate(&login, &public_key(), SOURCE, now).await;
    assert!(matches!(refused, Err(LoginError::Store(_))));
}

// === what the store keeps ===

#[tokio::test]
async fn the_database_gives_neither_verifier_nor_device_code_away() {
    let (fixture, now) = (fixture().await, Timestamp::now());
    let store = TestStore::new().await;
    let oidc = OidcSettings::new(fixture.issuer.url().parse().unwrap(), fixture.issuer.client_id());
    let log = AuditLog::start(store.shared(), &store.folder().join("waiting")).unwrap();
    let service = service(oidc, store.shared(), log, &fixture.user_ca);
    let browser = service.begin_browser(CLI_CALLBACK, LoginKind::Cli, now).await.unwrap();
    let device = service.begin_device(now).await.unwrap();

    let files = std::fs::read_dir(store.folder()).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
    let dump = files.collect::<Vec<_>>().concat();
    let is_in_dump = |text: &str| dump.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(is_in_dump(CLI_CALLBACK), "what is no secret is found in it");
    for held in [&browser.state, &device.device_id] {
        assert!(!is_in_dump(held.as_str()), "what the client holds is kept as a hash only");
        let flow = store.take_login_flow(held.hash(), now).await.unwrap().unwrap();
        let secret = sealed::open(held.as_str(), &flow.secret).unwrap();
        // A device login keeps its interval before the code.
        let secret = secret.rsplit(' ').next().unwrap();
        assert!(secret.len() >= 20 && !is_in_dump(secret), "{secret} stands in the database");
    }
}
