use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use api::info::SshAddress;

use super::*;

fn info() -> BastionInfo {
    BastionInfo {
        name: "bastion".into(),
        version: "0.1.0".into(),
        ssh: SshAddress { host: "bastion.example.com".into(), port: 2222 },
        names: vec!["bastion.example.com".into()],
        host_ca: String::new(),
        kube: None,
        issuer: String::new(),
    }
}

fn target(name: &str, logins: &[&str]) -> TargetHost {
    let logins = logins.iter().map(|login| (*login).to_owned()).collect();
    TargetHost::of(&TargetItem {
        name: name.into(),
        kind: Default::default(),
        labels: Default::default(),
        logins,
        capabilities: vec![],
    })
    .unwrap()
}

fn render(home: &str, program: &str, info: &BastionInfo, targets: Vec<TargetHost>) -> Result<String, CommandError> {
    let home = BastionHome::at(Path::new(home)).unwrap();
    Block { home: &home, program: Path::new(program), user: "alice", info, targets }.render()
}

#[test]
fn the_block_is_the_golden_one() {
    let targets = vec![target("demo", &["demo"]), target("web1", &["root", "alice"])];
    let text = render("/home/alice/.bastion", "/usr/bin/bastion", &info(), targets).unwrap();
    assert_eq!(text, include_str!("golden_ssh_config"));
}

#[test]
fn paths_are_escaped_or_refused_by_name() {
    let table = [
        ("/home/a b/.bastion", Some("/home/a b/.bastion")),
        ("/home/100%/.bastion", Some("/home/100%%/.bastion")),
        ("/home/%d/x", Some("/home/%%d/x")),
        ("/home/$a/x", Some("/home/$a/x")),
        ("/home/ä/#x", Some("/home/ä/#x")),
        ("/home/${HOME}/x", None),
        ("/home/\"/x", None),
        ("/home/o'brien/x", None),
        ("/home/a\\b/x", None),
        ("/home/a\nHost */x", None),
    ];
    for (path, expected) in table {
        match (carried(Path::new(path)), expected) {
            (Ok(text), Some(expected)) => assert_eq!(text, expected),
            (Err(error), None) => assert!(error.to_string().contains("BASTION_HOME"), "{error}"),
            (result, _) => panic!("{path}: {result:?}"),
        }
    }
}

#[test]
fn nothing_from_the_server_adds_a_line() {
    let item = TargetItem {
        kind: Default::default(),
        name: "x\n  ProxyCommand evil".into(),
        labels: Default::default(),
        logins: vec![],
        capabilities: vec![],
    };
    assert!(TargetHost::of(&item).is_none());
    let mut item = TargetItem { name: "x".into(), ..item };
    item.logins = vec!["root\n  ProxyCommand evil".into()];
    assert!(TargetHost::of(&item).unwrap().login.is_none());
    for host in ["", "-oProxyCommand=evil", "a b", "a\nb", "%h", "a\"b"] {
        let mut bad = info();
        bad.ssh.host = host.into();
        assert!(render("/h", "/b", &bad, vec![]).is_err(), "{host:?}");
        let mut bad = info();
        bad.names = vec![host.into()];
        assert!(render("/h", "/b", &bad, vec![]).is_err(), "{host:?}");
    }
}

#[test]
fn a_target_may_be_called_bastion() {
    let text = render("/h", "/b", &info(), vec![target("bastion", &[])]).unwrap();
    assert!(text.contains("Host bastion-jump\n  HostName bastion.example.com"), "{text}");
    assert!(text.contains("ProxyJump bastion-jump"), "{text}");
}

#[test]
fn an_address_that_the_host_certificate_lacks_gets_an_alias() {
    let mut info = info();
    info.ssh.host = "10.0.0.1".into();
    let text = render("/h", "/b", &info, vec![]).unwrap();
    assert!(text.contains("HostName 10.0.0.1\n  Port 2222\n  HostKeyAlias bastion.example.com"), "{text}");
}

/// The stock client reads back what was meant, and runs the renewal with the right paths.
#[test]
fn the_stock_client_reads_paths_with_blanks_and_percent_signs() {
    if Command::new("ssh").arg("-V").output().is_err() {
        eprintln!("skipped: there is no ssh on this machine");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("a b 100%h $x #y (z)");
    fs::create_dir(&home).unwrap();
    let program = home.join("bas tion");
    fs::write(&program, "#!/bin/sh\nprintf '%s\\n' \"$BASTION_HOME\" \"$@\" >\"$BASTION_HOME/ran\"\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let path = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let text = render(&path(&home), &path(&program), &info(), vec![target("demo", &["demo"])]).unwrap();
    let file = folder.path().join("cfg");
    fs::write(&file, text).unwrap();

    let settings = |host: &str| {
        let output = Command::new("ssh").arg("-G").arg("-F").arg(&file).arg(host).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let demo = settings("demo");
    let ran = fs::read_to_string(home.join("ran")).unwrap();
    assert_eq!(ran, format!("{}\nlogin\n--renew\n", home.display()));
    // `ssh -G` shows these before `%%` is expanded to `%`.
    let escaped = path(&home).replace('%', "%%");
    for expected in [
        "user demo".to_owned(),
        "hostname demo".to_owned(),
        "hostkeyalias demo".to_owned(),
        "proxyjump bastion".to_owned(),
        "identitiesonly yes".to_owned(),
        "stricthostkeychecking true".to_owned(),
        format!("identityfile {escaped}/id_ed25519"),
        format!("certificatefile {escaped}/id_ed25519-cert.pub"),
    ] {
        assert!(demo.lines().any(|line| line == expected), "{expected} is not in\n{demo}");
    }
    assert!(demo.contains("ciphers aes128-gcm@openssh.com,"), "{demo}");
    assert!(
        demo.lines().any(|line| line.starts_with("userknownhostsfile ") && line.ends_with("/known_hosts")),
        "{demo}"
    );

    fs::remove_file(home.join("ran")).unwrap();
    let bastion = settings("bastion");
    assert!(home.join("ran").exists(), "the bastion's own host renews too");
    for expected in ["user alice", "hostname bastion.example.com", "port 2222", "stricthostkeychecking true"] {
        assert!(bastion.lines().any(|line| line == expected), "{expected} is not in\n{bastion}");
    }
}
