//! The flows of the command line against a fake of the API.

pub(crate) mod fake_api;

use std::os::unix::fs::MetadataExt as _;
use std::{fs, path::Path};

use clap::Parser;
use jiff::{Timestamp, ToSpan as _};

use self::fake_api::FakeApi;
use super::home::KeyPlace;
use super::login::{LoginOptions, log_in};
use super::*;

/// The command line of these commands.
#[derive(Debug, Parser)]
#[command(name = "bastion")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

pub(crate) struct Person {
    _folder: tempfile::TempDir,
    pub(crate) home: BastionHome,
}

impl Person {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = BastionHome::at(&folder.path().join("home")).unwrap();
        Self { _folder: folder, home }
    }

    pub(crate) async fn log_in(&self, api: &FakeApi) -> Result<(), CommandError> {
        // The test must not touch the agent of whoever runs it.
        let options = LoginOptions {
            url: Some(api.url()),
            demo_user: Some("alice".into()),
            no_agent: true,
            ..LoginOptions::default()
        };
        log_in(&self.home, &options).await
    }

    fn certificate(&self) -> russh::keys::Certificate {
        russh::keys::Certificate::from_openssh(fs::read_to_string(self.home.certificate()).unwrap().trim()).unwrap()
    }

    fn renew(&self) -> Result<(), CommandError> {
        login::run(&self.home, &LoginOptions { renew: true, ..LoginOptions::default() })
    }

    /// Renewing is a blocking command with a runtime of its own.
    async fn renew_beside(&self) -> Result<(), CommandError> {
        let home = self.home.clone();
        let renew = move || login::run(&home, &LoginOptions { renew: true, ..LoginOptions::default() });
        tokio::task::spawn_blocking(renew).await.unwrap()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[tokio::test]
async fn a_login_leaves_a_key_a_certificate_and_a_trusted_ca() {
    let (api, person) = (FakeApi::start().await, Person::new());
    person.log_in(&api).await.unwrap();
    let login = person.home.saved_login().unwrap().unwrap();
    assert_eq!((login.user.name.as_str(), login.key), ("alice", KeyPlace::File));
    assert_eq!(mode(person.home.folder()), 0o700);
    assert_eq!(mode(&person.home.login()), 0o600);
    assert_eq!(mode(&person.home.private_key()), 0o600);
    let key = russh::keys::PrivateKey::read_openssh_file(person.home.private_key()).unwrap();
    assert_eq!(key.comment().as_str_lossy(), "bastion alice");
    assert_eq!(person.certificate().public_key(), key.public_key().key_data());
    let known_hosts = fs::read_to_string(person.home.known_hosts()).unwrap();
    assert!(known_hosts.starts_with("@cert-authority * ssh-ed25519 AAAA"), "{known_hosts}");
    assert_eq!(known_hosts.lines().count(), 1);
}

#[tokio::test]
async fn a_young_certificate_needs_no_server_and_an_old_one_is_renewed_for_the_same_key() {
    let (api, person) = (FakeApi::start().await, Person::new());
    person.log_in(&api).await.unwrap();
    let first = person.certificate();
    person.renew_beside().await.unwrap();
    assert_eq!(api.issued(), 1);

    api.age_certificate(&person.home);
    person.renew_beside().await.unwrap();
    let second = person.certificate();
    assert_eq!(api.issued(), 2);
    assert_ne!(first.serial(), second.serial());
    assert_eq!(first.public_key(), second.public_key());
}

#[tokio::test]
async fn renewals_at_the_same_moment_ask_once_and_leave_whole_files() {
    let (api, person) = (FakeApi::start().await, Person::new());
    person.log_in(&api).await.unwrap();
    api.age_certificate(&person.home);
    let renewals = (0..8).map(|_| person.renew_beside());
    for result in futures_util::future::join_all(renewals).await {
        result.unwrap();
    }
    assert_eq!(api.issued(), 2);
    person.certificate();
}

#[tokio::test]
async fn a_lost_key_is_replaced_with_its_certificate() {
    let (api, person) = (FakeApi::start().await, Person::new());
    person.log_in(&api).await.unwrap();
    let first = person.certificate();
    fs::remove_file(person.home.private_key()).unwrap();
    person.renew_beside().await.unwrap();
    assert_ne!(first.public_key(), person.certificate().public_key());
    assert!(person.home.private_key().exists());
}

#[tokio::test]
async fn a_login_that_the_server_ended_is_exit_code_3_and_says_what_to_type() {
    let (api, person) = (FakeApi::start().await, Person::new());
    person.log_in(&api).await.unwrap();
    api.age_certificate(&person.home);
    api.end_logins();
    let error = person.renew_beside().await.unwrap_err();
    assert_eq!(error.code(), 3);
    assert!(error.to_string().contains(&format!("bastion login {}", api.url())), "{error}");
}

#[test]
fn a_login_that_is_over_or_absent_needs_no_server_to_say_so() {
    let person = Person::new();
    assert_eq!(person.renew().unwrap_err().code(), 3);
    assert!(!person.home.folder().exists(), "looking must not write");

    drop(person.home.lock().unwrap());
    let ended = Timestamp::now() - 1.second();
    let login = serde_json::json!({
        "server": "https://192.0.2.1/", "token": "t", "user": {"name": "alice"}, "expires_at": ended, "key": "file",
    });
    fs::write(person.home.login(), login.to_string()).unwrap();
    let error = person.renew().unwrap_err();
    assert_eq!(error.code(), 3);
    assert!(error.to_string().contains("bastion login https://192.0.2.1"), "{error}");
}

#[tokio::test]
async fn with_the_web_front_down_a_certificate_that_still_holds_will_do() {
    let (api, person) = (FakeApi::start().await, Person::new());
    person.log_in(&api).await.unwrap();
    api.age_certificate(&person.home);
    api.stop().await;
    person.renew_beside().await.unwrap();
    fs::remove_file(person.home.certificate()).unwrap();
    assert_eq!(person.renew_beside().await.unwrap_err().code(), 255);
}

#[tokio::test]
async fn the_device_flow_polls_until_it_is_confirmed() {
    let (api, person) = (FakeApi::start().await, Person::new());
    let options = LoginOptions { url: Some(api.url()), device: true, no_agent: true, ..LoginOptions::default() };
    log_in(&person.home, &options).await.unwrap();
    assert_eq!(api.polls(), 2);
    assert_eq!(person.home.saved_login().unwrap().unwrap().user.name, "alice");
}

#[tokio::test]
async fn a_refusal_shows_the_servers_own_words() {
    let (api, person) = (FakeApi::start().await, Person::new());
    let options = LoginOptions {
        url: Some(api.url()),
        demo_user: Some("mallory".into()),
        no_agent: true,
        ..LoginOptions::default()
    };
    let error = log_in(&person.home, &options).await.unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), (1, "the issuer refused the login: unknown user"));
    assert!(!person.home.login().exists());
}

#[tokio::test]
async fn listings_follow_the_cursor_up_to_the_limit() {
    let (api, person) = (FakeApi::start().await, Person::new());
    person.log_in(&api).await.unwrap();
    let client = person.home.client().unwrap();
    let arguments = Arguments::try_parse_from(["bastion", "sessions", "ls", "--limit", "5", "--user", "alice"]);
    let Command::Sessions(sessions::SessionsCommand::Ls(options)) = arguments.unwrap().command else { panic!() };
    assert_eq!(sessions::list(&client, &options).await.unwrap().len(), 5);
    assert_eq!(api.session_queries(), ["limit=5&user=alice", "cursor=3&limit=2&user=alice"]);
}

#[tokio::test]
async fn logging_out_ends_the_login_there_and_here() {
    let (api, person) = (FakeApi::start().await, Person::new());
    person.log_in(&api).await.unwrap();
    whoami::logout(&person.home).await.unwrap();
    assert!(api.logins_ended());
    for path in [person.home.login(), person.home.private_key(), person.home.certificate()] {
        assert!(!path.exists(), "{}", path.display());
    }
    let options = whoami::WhoamiOptions { output: Default::default() };
    assert_eq!(whoami::run(&person.home, &options).await.unwrap_err().code(), 3);
}
