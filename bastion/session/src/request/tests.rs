//! What starts a session and what does not, by mode.

use std::{collections::BTreeSet, path::Path};

use config::{Login, RuleDoc, target::parse_targets};

use super::*;

const RULES: &str = "
roles:
  engineer:
    users: [alice]
    allow:
      - { targets: { names: [web1] }, logins: [root], capabilities: [exec] }
rules:
  - name: rm_rf
    effect: block
    match: { command: { program: [rm], flags: { all: [[r, R, recursive], [f, force]] } } }
    message: deleting whole trees is not allowed
  - name: svc
    effect: approve
    match: { command: { program: [systemctl], args: [restart] } }
";

fn judged_in(mode: SessionMode, rules: &str, request: (Request<'_>, Option<&[u8]>)) -> Judgement {
    let rules = RuleSet::compile(&[RuleDoc::parse(rules, "rules.yaml").unwrap()]).unwrap();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";
    let targets = format!("- {{ name: web1, address: \"192.0.2.1:22\", host_keys: [\"{key}\"] }}");
    let targets = parse_targets(&targets, Path::new("."), "targets.yaml").unwrap();
    let login: Login = "root".parse().unwrap();
    let who = Subject {
        issuer: "https://issuer.example".into(),
        id: "1".into(),
        name: "alice".parse().unwrap(),
        email: None,
        groups: BTreeSet::new(),
    };
    let what = Resource::Host { target: &targets[0], login: &login };
    let (request, stdin) = request;
    judge_start(&rules, &who, what, mode, (request, stdin.into()), SystemTime::UNIX_EPOCH)
}

fn judged(rules: &str, request: Request<'_>) -> Judgement {
    judged_in(SessionMode::Guard, rules, (request, None))
}

fn exec(command: &str) -> Request<'_> {
    Request::Exec { command: command.as_bytes(), terminal: false }
}

/// In one word, with the rule.
fn outcome(verdict: &Judgement) -> (&'static str, Option<&str>) {
    let of = |verdict: &'_ Verdict| verdict.rule.clone();
    let (word, rule) = match verdict {
        Judgement::Allow { observed: None, .. } => ("allow", None),
        Judgement::Allow { observed: Some(verdict), .. } => ("observed", of(verdict)),
        Judgement::Block(blocked) => ("block", blocked.rule.clone()),
        Judgement::Hold(verdict) => ("hold", of(verdict)),
        Judgement::NeedsStdin { .. } => ("stdin", None),
    };
    let names = ["etc", "rm_rf", "svc"];
    (word, rule.map(|rule| names.into_iter().find(|name| *name == rule.as_str()).expect("a rule of these tests")))
}

#[test]
fn a_blocked_command_is_refused_in_any_spelling_and_wrapping() {
    for command in
        ["rm -rf /srv", "ls; rm --force -R /srv", "sudo r'm' -fr /srv", "sh -c 'rm -r -f /srv'", "echo $(rm -rf /)"]
    {
        let verdict = judged(RULES, exec(command));
        let Judgement::Block(blocked) = &verdict else { panic!("{command}: {verdict:?}") };
        assert_eq!(blocked.rule.as_ref().map(RuleName::as_str), Some("rm_rf"));
        assert_eq!(blocked.reason, "blocked by rule rm_rf: deleting whole trees is not allowed");
        assert!(!blocked.opaque && !blocked.commands.is_empty(), "{blocked:?}");
    }
}

#[test]
fn what_no_rule_is_about_runs() {
    for command in ["ls -l /srv", "rm -r build", "systemctl status db", "git-upload-pack 'x.git'"] {
        assert_eq!(outcome(&judged(RULES, exec(command))), ("allow", None), "{command}");
    }
    for request in [Request::Subsystem, Request::Shell { terminal: true }] {
        assert_eq!(outcome(&judged(RULES, request)), ("allow", None));
    }
}

#[test]
fn sftp_is_held_where_a_rule_is_about_files() {
    let files = "  - { name: etc, effect: block, match: { command: { writes: [/etc/**] } } }\n";
    let (held, request) = (format!("{RULES}{files}"), Request::Subsystem);
    assert_eq!(outcome(&judged(&held, request)), ("hold", Some("etc")));
    assert_eq!(outcome(&judged_in(SessionMode::ExecOnly, &held, (request, None))), ("hold", Some("etc")));
    assert_eq!(outcome(&judged_in(SessionMode::Observe, &held, (request, None))), ("observed", Some("etc")));
    let blocked = format!("{RULES}{}", files.replace("/etc/**", "'**'"));
    assert_eq!(outcome(&judged(&blocked, request)), ("block", Some("etc")));
}

#[test]
fn what_needs_an_approval_is_held() {
    assert_eq!(outcome(&judged(RULES, exec("systemctl restart db"))), ("hold", Some("svc")));
}

#[test]
fn what_cannot_be_known_is_held_where_a_rule_could_apply_and_blocked_in_exec_only() {
    for command in [&b"$CMD"[..], b"echo cm0gLXJmIC8K | base64 -d | sh", b"r\xffm -rf /", b"r\0m -rf /"] {
        let request = (Request::Exec { command, terminal: false }, None);
        let shown = String::from_utf8_lossy(command);
        assert_eq!(outcome(&judged_in(SessionMode::Guard, RULES, request)).0, "hold", "{shown}");
        for mode in [SessionMode::Strict, SessionMode::ExecOnly] {
            assert_eq!(outcome(&judged_in(mode, RULES, request)).0, "block", "{mode}: {shown}");
        }
    }
}

#[test]
fn of_a_name_that_is_no_text_only_the_name_is_unknown() {
    for (command, expected) in [
        (&b"cat 'caf\xe9-\xd4\xc5\xd3\xd4.txt' > \xe9"[..], ("allow", None)),
        (b"rm \xff -rf /", ("block", Some("rm_rf"))),
        // The second line ends no here-document.
        (b"cat <<E\xfe\nE\xff\ncat <<'Z'\nE\xfe\nrm -rf /srv\nZ\n", ("block", Some("rm_rf"))),
        // In some encodings the backslash is half a letter, and what follows runs.
        (b"echo \"\x95\\\"; rm -rf /srv; \"", ("hold", None)),
    ] {
        let verdict = judged(RULES, Request::Exec { command, terminal: false });
        assert_eq!(outcome(&verdict), expected, "{}", String::from_utf8_lossy(command));
    }
    let scripts = [(&b"cat caf\xe9\n"[..], ("allow", None)), (b"rm -rf caf\xe9\n", ("block", Some("rm_rf")))];
    for (script, expected) in scripts {
        let request = (Request::Shell { terminal: false }, Some(script));
        assert_eq!(outcome(&judged_in(SessionMode::Guard, RULES, request)), expected);
    }
}

#[test]
fn a_script_on_standard_input_is_judged_whole() {
    let shell = Request::Shell { terminal: false };
    for request in [shell, exec("bash -s"), exec("sh"), exec("env X=1 sudo bash")] {
        for mode in [SessionMode::Guard, SessionMode::ExecOnly] {
            assert_eq!(outcome(&judged_in(mode, RULES, (request, None))), ("stdin", None), "{mode}: {request:?}");
        }
        for (script, expected) in [
            (&b"ls\nrm -rf \\\n/srv/data\n"[..], ("block", Some("rm_rf"))),
            (b"cd /\nsystemctl restart db\n", ("hold", Some("svc"))),
            (b"for f in a b; do echo $f; done\n", ("allow", None)),
            (b"", ("allow", None)),
            (b"\xff\n", ("hold", None)),
            (b"r\0m -rf /srv\n", ("hold", None)),
        ] {
            let verdict = judged_in(SessionMode::Guard, RULES, (request, Some(script)));
            assert_eq!(outcome(&verdict), expected, "{request:?} < {:?}", String::from_utf8_lossy(script));
        }
    }
    // What is blocked whatever comes is not read at all.
    assert_eq!(outcome(&judged(RULES, exec("rm -rf /; bash -s"))), ("block", Some("rm_rf")));
    // What only reads it as data runs at once.
    assert_eq!(outcome(&judged(RULES, exec("cat > /tmp/x"))), ("allow", None));
    // On a terminal nothing ends: there each line is judged.
    assert_eq!(outcome(&judged(RULES, Request::Exec { command: b"bash", terminal: true })), ("allow", None));
}

#[test]
fn in_the_mode_observe_nothing_is_refused_and_nothing_waits() {
    let observe = |request, stdin| outcome(&judged_in(SessionMode::Observe, RULES, (request, stdin))).0;
    assert_eq!(observe(exec("rm -rf /srv"), None), "observed");
    assert_eq!(observe(exec("systemctl restart db"), None), "observed");
    assert_eq!(observe(exec("$CMD"), None), "observed");
    assert_eq!(observe(exec("bash -s"), None), "allow");
    assert_eq!(observe(Request::Shell { terminal: false }, None), "allow");
    assert_eq!(observe(exec("ls"), None), "allow");
}

#[test]
fn in_the_mode_strict_only_what_is_allowed_runs() {
    let rules = format!("{RULES}  - {{ name: ls, effect: allow, match: {{ command: {{ program: [ls] }} }} }}\n");
    let strict = |command| outcome(&judged_in(SessionMode::Strict, &rules, (exec(command), None))).0;
    assert_eq!((strict("ls /srv"), strict("cat /srv/x"), strict("ls; id")), ("allow", "block", "block"));
}

#[test]
fn without_rules_on_commands_everything_that_a_role_allows_runs() {
    let (roles, _) = RULES.split_once("rules:").unwrap();
    for command in [&b"$CMD"[..], b"rm -rf /", b"bash -s", b"\xff"] {
        assert_eq!(outcome(&judged(roles, Request::Exec { command, terminal: false })), ("allow", None));
    }
    assert_eq!(outcome(&judged(roles, Request::Shell { terminal: false })), ("allow", None));
}

#[test]
fn the_audit_log_shows_a_request_without_control_characters_and_bounded() {
    let request = Request::Exec { command: b"bash -s", terminal: false };
    assert_eq!(request.shown(Some(b"ls\n\x1b[2J")), "bash -s, input: ls⟨LF⟩⟨ESC⟩[2J");
    assert_eq!(Request::Shell { terminal: false }.shown(None), "shell");
    let long = vec![b'x'; 100_000];
    assert!(Request::Exec { command: &long, terminal: false }.shown(None).chars().count() <= MAX_SHOWN_CHARS + 1);
}

/// How programs open a shell: k9s, Rancher, Lens, Portainer and people.
const OPENERS: [&str; 10] = [
    "bash || sh",
    "command -v bash >/dev/null && exec bash || exec sh",
    "if test -x /bin/bash; then exec /bin/bash -il; fi; exec sh",
    "cd /tmp && exec sh",
    "stty rows 40 cols 120; exec sh",
    "stty -ixon erase ^H; exec bash",
    "clear; (bash || ash || sh)",
    "TERM=xterm-256color; export TERM; [ -x /bin/bash ] && ([ -x /usr/bin/script ] && /usr/bin/script -q -c \"/bin/bash\" /dev/null || exec /bin/bash) || exec /bin/sh",
    "[ -x /bin/bash ] && ([ -x /usr/bin/script ] && script -q -c /bin/bash /dev/null || exec /bin/bash) || exec /bin/sh",
    "exec zsh",
];

#[test]
fn a_shell_that_a_program_opens_in_a_terminal_is_one_in_which_lines_are_judged() {
    for opener in OPENERS {
        let words = ["sh", "-c", opener].map(str::to_owned);
        let requests = [
            Request::Exec { command: opener.as_bytes(), terminal: true },
            Request::Argv { words: &words, terminal: true },
        ];
        for request in requests {
            assert_eq!(outcome(&judged(RULES, request)), ("allow", None), "{request:?}");
        }
        // Without a terminal nobody would judge what comes, so it is read first.
        let request = Request::Exec { command: opener.as_bytes(), terminal: false };
        assert_ne!(outcome(&judged(RULES, request)).0, "allow", "{opener}");
        // What stands beside it is judged as ever.
        let danger = format!("rm -rf /srv; {opener}");
        let request = Request::Exec { command: danger.as_bytes(), terminal: true };
        assert_eq!(outcome(&judged(RULES, request)), ("block", Some("rm_rf")), "{danger}");
    }
}

#[test]
fn what_changes_how_lines_are_accepted_matters_where_lines_are_typed() {
    let exec = |command: &'static str, terminal| Request::Exec { command: command.as_bytes(), terminal };
    // No shell reads what is typed there, or nothing is typed.
    for request in [
        exec("stty -echo; cat", true),
        exec("stty raw -echo; cat", true),
        exec("stty -F /dev/ttyUSB0 9600 raw", false),
        exec("trap 'echo done' EXIT; make", false),
        exec("set -o posix; ls", false),
    ] {
        assert_eq!(outcome(&judged(RULES, request)), ("allow", None), "{request:?}");
    }
    // The shell that reads lines next would take them in another way.
    for request in [exec("stty eol x; exec bash", true), exec("stty erase x; sh", true), exec("stty raw; bash", true)] {
        assert_eq!(outcome(&judged(RULES, request)).0, "hold", "{request:?}");
    }
}

#[test]
fn a_program_that_may_run_its_input_starts_at_once_and_says_what_is_to_be_done_with_it() {
    let input = |mode, request| {
        let verdict = judged_in(mode, RULES, (request, None));
        let Judgement::Allow { observed: None, input } = verdict else { panic!("{request:?}: {verdict:?}") };
        input
    };
    let words = ["m4".to_owned()];
    let attach = Request::Attach { terminal: false, stdin: true };
    for request in [exec("m4"), exec("cat | sqlite3 x"), Request::Argv { words: &words, terminal: false }, attach] {
        for mode in [SessionMode::Guard, SessionMode::Observe] {
            assert!(matches!(input(mode, request), Input::Judged { .. }), "{mode}: {request:?}");
        }
        assert!(matches!(input(SessionMode::ExecOnly, request), Input::Refused { .. }), "{request:?}");
    }
    assert!(matches!(input(SessionMode::Guard, exec("base64 -d | m4")), Input::Refused { .. }));
    // What is typed at a terminal is judged as it is typed.
    let typed = Request::Exec { command: b"m4", terminal: true };
    for request in [exec("tar xf -"), exec("ls"), typed, Request::Attach { terminal: false, stdin: false }] {
        assert_eq!(input(SessionMode::Guard, request), Input::Data, "{request:?}");
    }
}
