//! The examples load and are complete; what is wrong is said in full.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::Path, time::Duration};

use crate::{
    Config, Credential, RuleDoc, Storage,
    reader::tests::KEYS,
    rules::{ConsoleRight, LoginSelector, RecordingDuty},
    target::parse_targets,
};

const EXAMPLE: &str = include_str!("../bastion.example.yaml");
const EXAMPLE_RULES: &str = include_str!("../rules.example.yaml");
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

/// A folder with the files that the example names.
fn example_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["tls", "secrets"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    for name in ["tls/bastion.pem", "tls/bastion.key", "tls/internal-ca.pem", "tls/staging-ca.pem", "tls/lab.pem"] {
        fs::write(folder.path().join(name), "pem\n").unwrap();
    }
    for name in ["oidc", "switch1", "s3-id", "s3-key", "webhook", "prod.kubeconfig", "staging-token"] {
        fs::write(folder.path().join("secrets").join(name), format!("hidden-{name}\n")).unwrap();
    }
    let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n";
    fs::write(folder.path().join("secrets/db1"), key).unwrap();
    fs::write(folder.path().join("secrets/lab-key"), key).unwrap();
    fs::write(folder.path().join("revoked_keys"), "# none\n").unwrap();
    fs::write(folder.path().join("rules.example.yaml"), EXAMPLE_RULES).unwrap();
    folder
}

#[test]
fn the_example_loads() {
    let folder = example_folder();
    let path = folder.path().join("bastion.yaml");
    fs::write(&path, EXAMPLE).unwrap();
    let config = Config::load(&path).unwrap();

    assert_eq!(config.listen.ssh, SocketAddr::from(([0, 0, 0, 0], 2222)));
    assert_eq!(config.identity.certificate_lifetime, Duration::from_secs(600));
    assert_eq!(config.identity.oidc.client_secret.unwrap().expose(), "hidden-oidc");
    assert_eq!(config.targets[2].address.host.as_str(), "2001:db8::7");
    assert!(matches!(&config.targets[1].credential, Credential::PrivateKey(key) if key.expose().ends_with("-----\n")));
    let Storage::S3(s3) = &config.recording.storage else { panic!("{:?}", config.recording.storage) };
    assert_eq!((s3.bucket.as_str(), s3.prefix.as_str()), ("recordings", "bastion"));
    assert_eq!(config.recording.spool_limit, 10 << 30);

    let [engineer, operator, auditor] = config.rules[0].roles.as_slice() else { panic!("{:?}", config.rules) };
    assert_eq!(engineer.allow[0].obligations.recording, RecordingDuty::Required);
    assert_eq!(engineer.allow[0].logins[1], LoginSelector::Own);
    assert_eq!(operator.allow[0].logins, [LoginSelector::Any]);
    assert_eq!(auditor.console, [ConsoleRight::Sessions, ConsoleRight::Audit]);

    assert_eq!(config.approvals.webhook.unwrap().secret.expose(), "hidden-webhook");
    let default = &config.rules[0].approvals.as_ref().unwrap().value;
    assert_eq!((default.count, default.expires, default.reason_required), (1, Duration::from_secs(900), false));
    assert_eq!(engineer.allow[0].approval.as_ref().unwrap(), default, "what is left out has these defaults");
    let request = &engineer.request[0];
    assert_eq!((request.max, request.approvers.as_ref().unwrap().count), (Duration::from_secs(4 * 3600), 2));
    assert_eq!(request.allow.logins.len(), 1);
}

#[test]
fn the_examples_show_every_key() {
    let folder = example_folder();
    Config::parse(EXAMPLE, folder.path(), "bastion.yaml").unwrap();
    let mut shown = BTreeMap::new();
    for (key, present) in KEYS.take() {
        // What holds for one item of a list, or for one role, holds for all.
        let parts = key.split('.').map(|part| part.split('[').next().unwrap());
        let roles = ["engineer", "operator", "auditor"];
        let key = parts.map(|part| if roles.contains(&part) { "ROLE" } else { part }).collect::<Vec<_>>().join(".");
        // Approvers look the same wherever they stand, and so does what a role may have or ask for.
        let key = key.replace("ROLE.allow.approval.", "ROLE.request.approvers.");
        let key = key.replace("roles.ROLE.request.approvers.", "rules.approvers.");
        let key = key.replace("ROLE.request.targets.", "ROLE.allow.targets.");
        let key = key.replace("ROLE.request.clusters.", "ROLE.allow.clusters.");
        let key = key.replace("ROLE.request.ports", "ROLE.allow.ports");
        *shown.entry(key).or_insert(false) |= present;
    }
    assert!(shown.len() > 50, "the readers were not observed: {shown:?}");
    let missing: Vec<_> = shown.iter().filter(|(_, present)| !**present).collect();
    assert!(missing.is_empty(), "not in the examples: {missing:?}");
}

#[test]
fn the_example_shows_the_defaults() {
    let folder = example_folder();
    let example = Config::parse(EXAMPLE, folder.path(), "bastion.yaml").unwrap();
    let minimal = Config::parse(MINIMAL, folder.path(), "bastion.yaml").unwrap();
    assert_eq!(example.data_dir, minimal.data_dir);
    assert_eq!(example.listen, minimal.listen);
    assert_eq!(example.sessions.end_with_login, minimal.sessions.end_with_login);
    assert_eq!(example.sessions.warning, minimal.sessions.warning);
    assert_eq!((minimal.sessions.idle_timeout, minimal.sessions.max_duration), (None, None));
    assert_eq!(example.store.to_string(), minimal.store.to_string());
    assert_eq!(example.telemetry, minimal.telemetry);
    assert_eq!(example.identity.oidc.scopes, minimal.identity.oidc.scopes);
    assert_eq!(example.identity.oidc.username_claim, minimal.identity.oidc.username_claim);
    assert_eq!(example.identity.oidc.groups_claim, minimal.identity.oidc.groups_claim);
    assert_eq!(example.identity.login_lifetime, minimal.identity.login_lifetime);
    assert_eq!(example.identity.certificate_lifetime, minimal.identity.certificate_lifetime);
    assert_eq!(example.recording.spool, minimal.recording.spool);
    assert_eq!(example.recording.spool_limit, minimal.recording.spool_limit);
    assert_eq!(example.recording.upload_interval, minimal.recording.upload_interval);
    assert_eq!(minimal.web.url.as_str(), "https://localhost:8443/");
    assert_eq!(minimal.names[0].as_str(), "localhost");
}

const MINIMAL: &str = "\
identity: { oidc: { issuer: 'https://id.example.com', client_id: bastion } }
targets: []
recording: { storage: 'file:///srv/recordings' }
rules: []
";

#[test]
fn each_cluster_has_a_name_in_tls_where_the_bastion_ends_it() {
    let name = |kube: &str, cluster: &str| {
        let text = format!("{MINIMAL}kube: {kube}\n");
        let kube = Config::parse(&text, Path::new("/nonexistent"), "bastion.yaml").unwrap().kube;
        kube.server_name(&cluster.parse().unwrap())
    };
    for (kube, expected) in [
        ("{ url: 'https://b.example:6443' }", Some("prod.kube.b.example")),
        ("{ url: 'https://127.0.0.1:6443' }", Some("prod.kube.bastion.internal")),
        ("{ url: 'https://[::1]:6443/' }", Some("prod.kube.bastion.internal")),
        ("{ url: 'https://b.example:6443', domain: K.Example }", Some("prod.k.example")),
        // Something stands before the bastion.
        ("{ url: 'https://b.example/kube' }", None),
        ("{ url: 'https://b.example/kube', domain: k.example }", Some("prod.k.example")),
    ] {
        assert_eq!(name(kube, "prod").as_deref(), expected, "{kube}");
    }
    // A name of the bastion's own would be one of a cluster.
    let text = format!("{MINIMAL}names: [b.example, ssh.kube.b.example]\n");
    assert_eq!(Config::parse(&text, Path::new("/nonexistent"), "bastion.yaml").unwrap().kube.domain, None);
    for no_label in ["Prod", "a.b", "a_b", "-a", "a-", &"a".repeat(64)] {
        assert_eq!(name("{ url: 'https://b.example' }", no_label), None, "{no_label}");
    }
}

/// `MINIMAL` with the line that starts with `key` replaced, or the line appended.
fn with(key: &str, line: &str) -> String {
    let mut lines: Vec<&str> = MINIMAL.lines().filter(|line| !line.starts_with(&format!("{key}:"))).collect();
    lines.insert(0, line);
    lines.join("\n")
}

fn errors(text: &str) -> String {
    let folder = Path::new("/nonexistent");
    Config::parse(text, folder, "bastion.yaml").map_or_else(|errors| errors.to_string(), |_| "no error".to_owned())
}

#[test]
fn each_slip_is_named_with_its_place_and_a_way_out() {
    let target = |rest: &str| format!("targets: [{{ name: web1, address: 'a:22', host_keys: ['{KEY}'], {rest} }}]");
    let cases = [
        // (key, line, golden)
        (
            "listen",
            "listen: { login_grace_tiem: 30s }",
            "1:11: listen.login_grace_tiem: unknown key; did you mean `login_grace_time`?",
        ),
        (
            "colour",
            "colour: blue",
            "1:1: colour: unknown key; known here: data_dir, keys_dir, names, listen, web, kube, identity, targets, clusters, sessions, recording, store, instances, audit, telemetry, approvals, revoked_keys, rules",
        ),
        (
            "listen",
            "listen: { ssh: 2222 }",
            "1:16: listen.ssh: expected ADDRESS:PORT such as 0.0.0.0:2222 or [::]:2222 (in quotes), found the number 2222",
        ),
        ("listen", "listen: [1]", "1:9: listen: expected a mapping such as { ssh: 0.0.0.0:2222 }, found a list"),
        (
            "listen",
            "listen: { max_channels: many }",
            "1:25: listen.max_channels: expected a number from 1 to 1000, found \"many\"",
        ),
        (
            "listen",
            "listen: { max_channels: 0 }",
            "1:25: listen.max_channels: expected a number from 1 to 1000, found the number 0",
        ),
        (
            "listen",
            "listen: { login_grace_time: 30 }",
            "1:29: listen.login_grace_time: expected a duration such as 30s, 10m or 12h (in quotes), found the number 30",
        ),
        (
            "listen",
            "listen: { login_grace_time: soon }",
            "1:29: listen.login_grace_time: expected a duration such as 30s, 10m or 12h, found \"soon\"",
        ),
        (
            "listen",
            "listen: { login_grace_time: 1h }",
            "1:29: listen.login_grace_time: expected a duration from 1s to 10m, found \"1h\"",
        ),
        (
            "kube",
            "kube: { url: 'https://b.example', domain: 127.0.0.1 }",
            "1:43: kube.domain: expected a domain such as kube.bastion.example.com, found \"127.0.0.1\"",
        ),
        (
            "kube",
            "kube: { url: 'https://b.example', domain: example }",
            "1:7: kube: b.example is the bastion itself, and would be a cluster below the domain example; choose another domain",
        ),
        ("names", "names: [a b]", "1:9: names[0]: expected a host name or address, found \"a b\""),
        (
            "names",
            "names: []",
            "1:8: names: empty; expected the bastion's own host names such as [bastion.example.com]",
        ),
        (
            "web",
            "web: { url: 'http://bastion.example.com' }",
            "1:13: web.url: plain http is accepted on the loopback interface only; use https",
        ),
        (
            "web",
            "web: { tls: { certificate: a.pem } }",
            "1:13: web.tls.key: missing; expected a path\n\
          1:28: web.tls.certificate: cannot read /nonexistent/a.pem: No such file or directory (os error 2)",
        ),
        (
            "identity",
            "identity: { oidc: { issuer: id.example.com } }",
            "1:19: identity.oidc.client_id: missing; expected the bastion's client id at the issuer\n\
          1:29: identity.oidc.issuer: expected a URL such as https://id.example.com, found \"id.example.com\"",
        ),
        (
            "identity",
            "identity: { oidc: { issuer: 'https://a', client_id: b, client_secret: hunter2 } }",
            "1:71: identity.oidc.client_secret: a secret must not stand in this file; write a reference such as file:/run/secrets/NAME or env:NAME",
        ),
        (
            "identity",
            "identity: { oidc: { issuer: 'https://a', client_id: b, client_secret: 'env:BASTION_NOT_SET' } }",
            "1:71: identity.oidc.client_secret: the environment variable \"BASTION_NOT_SET\" is not set",
        ),
        (
            "identity",
            "identity: { oidc: { issuer: 'https://a', client_id: b, scopes: [email] } }",
            "1:64: identity.oidc.scopes: the scope openid is missing; without it the issuer sends no ID token",
        ),
        (
            "targets",
            "targets: [{ name: web 1, address: 10.0.0.5 }]",
            "1:11: targets[0].host_keys: missing; expected the host's public keys such as [\"ssh-ed25519 AAAA…\"] (ssh-keyscan shows them), or host_ca\n\
          1:19: targets[0].name: a target name must not contain ' '; allowed are letters, digits, '.', '-' and '_'\n\
          1:35: targets[0].address: expected HOST:PORT such as 10.0.0.5:22, found \"10.0.0.5\"",
        ),
        (
            "targets",
            &target("credential: hunter2"),
            "1:151: targets[0].credential: expected certificate, { private_key: file:PATH } or { password: env:NAME }",
        ),
        (
            "targets",
            &target("credential: { password: 12345 }"),
            "1:163: targets[0].credential.password: a secret must not stand in this file; write a reference such as file:/run/secrets/NAME or env:NAME",
        ),
        (
            "targets",
            &target("credential: { private_key: 'file:k' }"),
            "1:166: targets[0].credential.private_key: cannot read /nonexistent/k: No such file or directory (os error 2)",
        ),
        ("targets", &target("name: web2"), "1:139: targets[0].name: this key was already given on line 1"),
        (
            "targets",
            "targets: [{ name: a, address: 'a:22', host_ca: ssh-ed25519 AAAA }]",
            "1:48: targets[0].host_ca: expected a whole SSH public key such as \"ssh-ed25519 AAAA…\", found \"ssh-ed25519 AAAA\"",
        ),
        (
            "recording",
            "recording: {}",
            "1:12: recording.storage: missing; expected file:///FOLDER or s3://BUCKET/PREFIX",
        ),
        (
            "recording",
            "recording: { storage: /srv }",
            "1:23: recording.storage: expected file:///FOLDER or s3://BUCKET/PREFIX, found \"/srv\"",
        ),
        (
            "recording",
            "recording: { storage: 's3://b', s3: { endpoint: 'http://s3.example.com', access_key_id: 'env:PATH' } }",
            "1:37: recording.s3: access_key_id and secret_access_key are only of use together\n\
          1:49: recording.s3.endpoint: recordings would cross the network without TLS; use https or set allow_http: true",
        ),
        (
            "recording",
            "recording: { storage: 'file:///r', spool_limit: 10 gigs }",
            "1:49: recording.spool_limit: expected a size such as 512MiB or 10GiB, found \"10 gigs\"",
        ),
        (
            "store",
            "store: postgres://db",
            "1:8: store: the user must be a name of letters, digits, '_', '-' and '.'; \
             expected postgres://USER@HOST:PORT/DATABASE such as postgres://bastion@db.example.com:5432/bastion",
        ),
        (
            "store",
            "store: { url: 'postgres://bastion:p4ss@db/bastion', password: 'env:PATH' }",
            "1:15: store.url: a password must not stand in the URL; give a reference beside it: \
             {url: postgres://USER@HOST:PORT/DATABASE, password: file:/run/secrets/NAME or env:NAME}",
        ),
        (
            "store",
            "store: { url: 'postgres://bastion@db/bastion', password: p4ss }",
            "1:58: store.password: a secret must not stand in this file; write a reference such as \
             file:/run/secrets/NAME or env:NAME",
        ),
        (
            "store",
            "store: postgres://bastion@db/bastion?sslrootcert=/nonexistent/ca.pem",
            "1:8: store: cannot read /nonexistent/ca.pem: No such file or directory (os error 2)",
        ),
        (
            "store",
            "store: { url: 'sqlite:///a.db', password: 'env:PATH' }",
            "1:43: store.password: a SQLite file has no password",
        ),
        ("telemetry", "telemetry: { format: xml }", "1:22: telemetry.format: expected text or json, found \"xml\""),
        (
            "rules",
            "rules: [rules.yaml]",
            "1:9: rules[0]: cannot read /nonexistent/rules.yaml: No such file or directory (os error 2)",
        ),
    ];
    let mut wrong = Vec::new();
    for (key, line, golden) in cases {
        let golden: Vec<String> = golden.lines().map(|line| format!("bastion.yaml:{line}")).collect();
        let found = errors(&with(key, line));
        if found != golden.join("\n") {
            wrong.push(format!("{line}\n  expected {}\n  found    {found}", golden.join("\n           ")));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_recording_folder_takes_no_bucket_settings_and_a_bucket_no_port() {
    assert_eq!(
        errors(&with("recording", "recording: { storage: 'file:///r', s3: { region: eu-1 } }")),
        "bastion.yaml:1:40: recording.s3: only of use with storage: s3://…"
    );
    assert_eq!(
        errors(&with("recording", "recording: { storage: 's3://bucket:9000/x' }")),
        "bastion.yaml:1:23: recording.storage: expected file:///FOLDER or s3://BUCKET/PREFIX, found \"s3://bucket:9000/x\""
    );
}

#[test]
fn what_a_secret_refers_to_must_be_of_use() {
    let folder = example_folder();
    fs::write(folder.path().join("empty"), "\n").unwrap();
    fs::write(folder.path().join("public"), format!("{KEY}\n")).unwrap();
    let found = |credential: &str| {
        let line = format!("targets: [{{ name: a, address: 'a:22', host_ca: {KEY}, credential: {credential} }}]");
        let text = with("targets", &line);
        let errors = Config::parse(&text, folder.path(), "bastion.yaml").unwrap_err().to_string();
        errors.replace(&folder.path().display().to_string(), "D")
    };
    for (credential, golden) in [
        ("{ password: 'file:empty' }", "credential.password: \"file:empty\" is empty"),
        ("{ password: 'file:' }", "credential.password: expected a path, found \"file:\""),
        (
            "{ private_key: 'file:public' }",
            "credential.private_key: cannot read D/public: it holds no private key in PEM or OpenSSH form",
        ),
        (
            "{ private_key: 'file:secrets/db1', password: 'file:secrets/oidc' }",
            "credential: private_key and password exclude each other",
        ),
    ] {
        let found = found(credential);
        assert!(found.ends_with(&format!(": targets[0].{golden}")), "{found}");
    }
    assert!(
        errors(&with("targets", "targets: [{ name: a, address: 'a:22', host_keys: [] }]")).contains("trusts no host")
    );
}

#[test]
fn the_issuer_is_kept_as_written_and_may_be_plain_http_on_loopback() {
    for issuer in ["https://id.example.com", "https://id.example.com/", "http://127.0.0.1:8080", "http://[::1]:1/a"] {
        let line = format!("identity: {{ oidc: {{ issuer: '{issuer}', client_id: b }} }}");
        let config = Config::parse(&with("identity", &line), Path::new(""), "bastion.yaml").unwrap();
        assert_eq!(config.identity.oidc.issuer, issuer);
    }
}

#[test]
fn the_web_url_and_the_names_default_to_each_other() {
    let parse = |line| Config::parse(&with("names", line), Path::new(""), "bastion.yaml").unwrap();
    let named = parse("names: [b.example.com]\nlisten: { web: '[::1]:9000' }");
    assert_eq!(named.web.url.as_str(), "https://b.example.com:9000/");
    let addressed = parse("web: { url: 'https://[::1]:9000' }");
    assert_eq!(addressed.names[0].as_str(), "::1");
}

#[test]
fn all_errors_of_a_file_are_reported_at_once_in_the_order_of_lines() {
    let text = format!(
        "listen:\n  web: here\n  ssh: there\ntargets:\n  - {{ name: a, address: 'a:22', host_keys: ['{KEY}'] }}\n  - {{ name: a, address: 'a:22', host_keys: ['{KEY}'] }}\nrecording:\n  storage: 's3://b'\n  spoool: x\n"
    );
    assert_eq!(
        errors(&text),
        "bastion.yaml:1:1: identity.oidc.issuer: missing; expected a URL such as https://id.example.com\n\
         bastion.yaml:1:1: identity.oidc.client_id: missing; expected the bastion's client id at the issuer\n\
         bastion.yaml:1:1: rules: missing; expected a list of rule files such as [rules.yaml]\n\
         bastion.yaml:2:8: listen.web: expected ADDRESS:PORT such as 0.0.0.0:2222 or [::]:2222, found \"here\"\n\
         bastion.yaml:3:8: listen.ssh: expected ADDRESS:PORT such as 0.0.0.0:2222 or [::]:2222, found \"there\"\n\
         bastion.yaml:6:13: targets[1].name: the target name \"a\" is already used on line 5\n\
         bastion.yaml:9:3: recording.spoool: unknown key; did you mean `spool`?"
    );
}

#[test]
fn errors_in_rule_files_come_with_those_of_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bastion.yaml");
    fs::write(folder.path().join("rules.yaml"), "roles: { engineer: { group: [a] } }\n").unwrap();
    fs::write(&path, with("rules", "rules: [rules.yaml]\nstore: x")).unwrap();
    let found = Config::load(&path).unwrap_err().to_string().replace(&folder.path().display().to_string(), "D");
    assert_eq!(
        found,
        "D/bastion.yaml:2:8: store: expected sqlite:///PATH such as sqlite:///var/lib/bastion/bastion.db, \
         or postgres://USER@HOST:PORT/DATABASE, found \"x\"\n\
         D/rules.yaml:1:22: roles.engineer.group: unknown key; did you mean `groups`?"
    );
}

#[test]
fn a_missing_settings_file_is_named() {
    let found = Config::load(Path::new("/nonexistent/bastion.yaml")).unwrap_err().to_string();
    assert_eq!(
        found,
        "/nonexistent/bastion.yaml: cannot read /nonexistent/bastion.yaml: No such file or directory (os error 2)"
    );
}

#[test]
fn slips_in_rules_are_named_with_their_place() {
    let cases = [
        ("", "1:1: roles: missing; expected roles such as { engineer: { groups: [engineering], allow: […] } }"),
        (
            "roles: { a b: { groups: [x] } }",
            "1:15: roles.\"a b\": a role name must not contain ' '; allowed are letters, digits, '.', '-' and '_'",
        ),
        ("roles:\n  a: { groups: [x] }\n  a: { groups: [y] }", "3:3: roles.a: this key was already given on line 2"),
        (
            "roles: { a: { allow: [{ targets: {}, logins: [root], capabilities: [shell] }] } }",
            "1:34: roles.a.allow[0].targets: selects nothing; expected { names: [\"web*\"] } or { labels: { env: dev } }, or both (all targets: names: [\"*\"])",
        ),
        (
            "roles: { a: { allow: [{ targets: { names: [x] }, logins: ['a b'], capabilities: shell, recording: no }] } }",
            "1:59: roles.a.allow[0].logins[0]: a login must not contain ' '; allowed are letters, digits, '.', '-', '_' and '$'\n\
          1:81: roles.a.allow[0].capabilities: expected a list of capabilities such as [shell, pty], found \"shell\"\n\
          1:99: roles.a.allow[0].recording: expected required or best-effort, found \"no\"",
        ),
        (
            "roles: { a: { allow: [{ targets: { labels: { env: 1 } } }] } }",
            "1:23: roles.a.allow[0].logins: missing; expected a list of logins such as [deploy, \"{user}\"]\n\
          1:23: roles.a.allow[0].capabilities: missing; expected a list of capabilities such as [shell, pty]\n\
          1:51: roles.a.allow[0].targets.labels.env: expected a label value such as prod (in quotes), found the number 1",
        ),
        (
            "roles: { a: { console: [session] } }",
            "1:25: roles.a.console[0]: expected sessions or audit or names, found \"session\"",
        ),
        (
            "roles: { a: { request: [{ targets: { names: [x] }, logins: [a], capabilities: [shell], max: 999h, aprovers: {} }] } }",
            "1:93: roles.a.request[0].max: expected a duration from 1m to 720h, found \"999h\"\n\
          1:99: roles.a.request[0].aprovers: unknown key; did you mean `approvers`?",
        ),
        (
            "roles: { a: { allow: [{ targets: { names: [x] }, logins: [a], capabilities: [shell], approval: { count: 0, expires: 1s } }] } }",
            "1:96: roles.a.allow[0].approval.groups: missing; expected a list of groups such as [sre]\n\
          1:105: roles.a.allow[0].approval.count: expected a number from 1 to 10, found the number 0\n\
          1:117: roles.a.allow[0].approval.expires: expected a duration from 10s to 24h, found \"1s\"",
        ),
        (
            "roles: {}\napprovals: { groups: [], reason: yes }",
            "2:22: approvals.groups: nobody could approve; name groups such as [sre]\n\
          2:34: approvals.reason: expected required or optional, found \"yes\"",
        ),
    ];
    for (text, golden) in cases {
        let golden: Vec<String> = golden.lines().map(|line| format!("rules.yaml:{line}")).collect();
        let found = RuleDoc::parse(text, "rules.yaml").unwrap_err().to_string();
        assert_eq!(found, golden.join("\n"), "{text}");
    }
}

#[test]
fn text_that_is_not_yaml_is_refused_with_its_place() {
    let found = errors("listen:\n  ssh: [1\nnames: x\n");
    assert!(found.starts_with("bastion.yaml:3:"), "{found}");
    assert!(found.contains(": not valid YAML: "), "{found}");
    assert_eq!(found.lines().count(), 1, "{found}");
}

#[test]
fn a_file_of_aliases_to_aliases_is_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..10 {
        let items = vec![format!("*a{}", n - 1); 10].join(", ");
        text.push_str(&format!("a{n}: &a{n} [{items}]\n"));
    }
    let found = errors(&text);
    assert!(found.contains("not valid YAML"), "{found}");
    assert!(errors(&"[".repeat(10_000)).contains("not valid YAML"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    #[test]
    fn a_damaged_file_is_read_or_refused_with_reasons(from in 0..EXAMPLE.len(), length in 0..40_usize, noise in ".{0,6}") {
        let mut text = EXAMPLE.as_bytes().to_vec();
        let to = (from + length).min(text.len());
        text.splice(from..to, noise.into_bytes());
        let text = String::from_utf8_lossy(&text);
        if let Err(errors) = Config::parse(&text, Path::new("/nonexistent"), "bastion.yaml") {
            assert!(errors.iter().count() > 0, "{text}");
            assert!(errors.iter().all(|error| !error.to_string().contains(char::is_control)), "{errors}");
        }
    }
}

#[test]
fn a_file_of_targets_has_the_form_of_the_section() {
    let text = format!("- {{ name: demo, address: '127.0.0.1:2022', host_keys: ['{KEY} comment'] }}\n");
    let targets = parse_targets(&text, Path::new(""), "targets.yaml").unwrap();
    assert_eq!(targets[0].name.as_str(), "demo");
    assert_eq!(targets[0].trust.keys[0].as_str(), KEY);
    let error = parse_targets("targets: []\n", Path::new(""), "targets.yaml").unwrap_err().to_string();
    assert!(error.starts_with("targets.yaml:1:1: expected a list of targets"), "{error}");
}

#[test]
fn neither_debug_nor_errors_show_a_secret() {
    let folder = example_folder();
    let config = Config::parse(EXAMPLE, folder.path(), "bastion.yaml").unwrap();
    let debug = format!("{config:?}");
    for shown in ["hidden", "PRIVATE KEY"] {
        assert!(!debug.contains(shown), "{debug}");
    }
    for line in [
        "identity: { oidc: { issuer: 'https://a', client_id: b, client_secret: hunter2 } }",
        "identity: { oidc: { issuer: 'https://a', client_id: b, client_secret: [hunter2] } }",
    ] {
        assert!(!errors(&with("identity", line)).contains("hunter2"));
    }
}
