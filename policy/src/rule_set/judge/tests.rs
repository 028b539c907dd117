//! Which rules apply to whom, where and when; which one decides; and what is refused at load.

use std::{path::Path, time::SystemTime};

use config::{
    RuleDoc, Target,
    rules::{Protocol, SessionMode},
    target::parse_targets,
};

use jiff::Timestamp;

use super::*;

const ROLES: &str = "
roles:
  engineer: { groups: [engineering], console: [audit] }
  sre: { groups: [sre], console: [audit] }
";

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

fn compile(rules: &str) -> Result<RuleSet, Vec<String>> {
    let document =
        RuleDoc::parse(&format!("{ROLES}rules:\n{rules}"), "rules.yaml").map_err(|errors| vec![errors.to_string()])?;
    RuleSet::compile(&[document]).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

fn target(name: &str, env: &str) -> Target {
    let text = format!("- {{ name: {name}, address: 'a:22', host_ca: '{KEY}', labels: {{ env: {env} }} }}");
    parse_targets(&text, Path::new(""), "targets.yaml").unwrap().remove(0)
}

fn subject(groups: &[&str]) -> Subject {
    Subject {
        issuer: "https://id.example.com".to_owned(),
        id: "1".to_owned(),
        name: "alice".parse().unwrap(),
        email: None,
        groups: groups.iter().map(|group| group.parse().unwrap()).collect(),
    }
}

/// The verdict on a line that an engineer runs as `demo` on `web1` in production.
fn judge(rules: &RuleSet, line: &str) -> Verdict {
    judge_as(
        rules,
        &subject(&["engineering"]),
        &target("web1", "prod"),
        "demo",
        line,
        &Judging::guard(SystemTime::UNIX_EPOCH),
    )
}

fn judge_as(rules: &RuleSet, who: &Subject, target: &Target, login: &str, line: &str, judging: &Judging) -> Verdict {
    rules.judge(who, Resource::Host { target, login: &login.parse().unwrap() }, CommandInput::Line(line), judging)
}

fn outcome(verdict: &Verdict) -> (RuleEffect, Option<&str>) {
    (verdict.effect, verdict.rule.as_ref().map(RuleName::as_str))
}

use RuleEffect::{Allow, Approve, Block};

#[test]
fn without_rules_everything_goes_on() {
    let rules = compile("  []").unwrap();
    for line in ["rm -rf /", "$CMD", "curl x | sh", "echo '", "PS1=x"] {
        assert_eq!(outcome(&judge(&rules, line)), (Allow, None), "{line}");
    }
}

#[test]
fn the_strictest_rule_decides_over_all_commands_of_a_line() {
    let rules = compile(
        "  - { name: a, effect: allow, match: { command: { program: [rm] } } }
  - { name: b, effect: approve, match: { command: { program: [ls, rm] } } }
  - { name: c, effect: block, match: { command: { program: [rm] } }, message: no }",
    )
    .unwrap();
    assert_eq!(outcome(&judge(&rules, "rm x")), (Block, Some("c")));
    assert_eq!(judge(&rules, "rm x").message, "no");
    assert_eq!(outcome(&judge(&rules, "ls")), (Approve, Some("b")));
    assert_eq!(outcome(&judge(&rules, "ls; echo; rm x")), (Block, Some("c")));
    assert_eq!(outcome(&judge(&rules, "id")), (Allow, None));
}

#[test]
fn a_rule_applies_where_its_scope_says() {
    let scoped = |scope: &str| {
        compile(&format!("  - {{ name: a, effect: block, match: {{ command: {{ program: [rm] }} }}, {scope} }}"))
            .unwrap()
    };
    let (web, db) = (target("web1", "prod"), target("db1", "dev"));
    let (engineer, sre) = (subject(&["engineering"]), subject(&["sre"]));
    let monday = "2026-01-05T12:00:00Z".parse::<Timestamp>().unwrap().into();
    let ssh = Judging::guard(monday);
    let kubernetes = Judging { protocol: Protocol::Kubernetes, ..ssh.clone() };
    for (scope, who, target, login, judging, expected) in [
        ("roles: [sre]", &engineer, &web, "demo", &ssh, Allow),
        ("roles: [sre]", &sre, &web, "demo", &ssh, Block),
        ("targets: { names: ['web*'] }", &sre, &web, "demo", &ssh, Block),
        ("targets: { names: ['web*'] }", &sre, &db, "demo", &ssh, Allow),
        ("targets: { labels: { env: prod } }", &sre, &web, "demo", &ssh, Block),
        ("targets: { labels: { env: prod } }", &sre, &db, "demo", &ssh, Allow),
        ("logins: [root]", &sre, &web, "demo", &ssh, Allow),
        ("logins: [root]", &sre, &web, "root", &ssh, Block),
        ("logins: ['{user}']", &sre, &web, "alice", &ssh, Block),
        ("protocol: kubernetes", &sre, &web, "demo", &ssh, Allow),
        ("protocol: kubernetes", &sre, &web, "demo", &kubernetes, Block),
        ("during: { days: [mon], from: '09:00', to: '17:00' }", &sre, &web, "demo", &ssh, Block),
        ("during: { days: [tue] }", &sre, &web, "demo", &ssh, Allow),
        ("during: { days: [sun], from: '22:00', to: '12:30' }", &sre, &web, "demo", &ssh, Block),
    ] {
        let verdict = judge_as(&scoped(scope), who, target, login, "rm x", judging);
        assert_eq!(verdict.effect, expected, "{scope}");
    }
}

#[test]
fn what_cannot_be_known_is_held_unless_a_rule_says_otherwise() {
    let block = "  - { name: a, effect: block, match: { command: { program: [rm] } } }\n";
    let verdict = judge(&compile(block).unwrap(), "$CMD");
    assert_eq!((outcome(&verdict), verdict.opaque), ((Approve, None), true));
    let with = |effect: &str| {
        compile(&format!("{block}  - {{ name: o, effect: {effect}, match: {{ class: opaque }} }}")).unwrap()
    };
    assert_eq!(outcome(&judge(&with("block"), "./x.sh")), (Block, Some("o")));
    assert_eq!(outcome(&judge(&with("approve"), "./x.sh")), (Allow, None));
    assert_eq!(outcome(&judge(&with("allow"), "$CMD")), (Allow, Some("o")));
    let exec_only = Judging::of(SessionMode::ExecOnly, Protocol::Ssh, SystemTime::UNIX_EPOCH);
    let verdict = judge_as(&compile(block).unwrap(), &subject(&[]), &target("a", "b"), "demo", "$CMD", &exec_only);
    assert_eq!(verdict.effect, Block);
}

#[test]
fn a_hold_says_what_helps() {
    let rules = compile("  - { name: a, effect: block, match: { command: { program: [rm], flags: { any: [[r]] } } } }")
        .unwrap();
    for (line, expected) in [
        ("$CMD x", "write out what it runs"),
        ("bash x.sh", "write out what it runs"),
        ("rm $X", "write the values out"),
        ("some-wrapper rm -r x", "a rule that allows it says so"),
    ] {
        let message = judge(&rules, line).message;
        assert!(message.contains(expected), "{line}: {message}");
    }
}

#[test]
fn an_allow_rule_answers_for_its_script_and_nothing_else() {
    let rules = compile(
        "  - { name: a, effect: block, match: { command: { program: [rm] } } }
  - { name: o, effect: approve, match: { class: script } }
  - { name: s, effect: allow, match: { command: { program: [deploy.sh], args: [--dry-run] } } }",
    )
    .unwrap();
    assert_eq!(judge(&rules, "./deploy.sh --dry-run").effect, Allow);
    assert_eq!(judge(&rules, "./deploy.sh").effect, Approve);
    assert_eq!(judge(&rules, "./deploy.sh --dry-run; ./other.sh").effect, Approve);
    assert_eq!(judge(&rules, "./deploy.sh --dry-run; rm x").effect, Block);
    assert_eq!(judge(&rules, "$X ./deploy.sh --dry-run").effect, Approve);
}

#[test]
fn where_only_what_is_allowed_may_run_the_rest_is_blocked() {
    let rules =
        compile("  - { name: a, effect: allow, match: { command: { program: [ls, cat], args: [] } } }").unwrap();
    let strict = Judging::of(SessionMode::Strict, Protocol::Ssh, SystemTime::UNIX_EPOCH);
    let effect = |line: &str| judge_as(&rules, &subject(&[]), &target("a", "b"), "demo", line, &strict).effect;
    assert_eq!(effect("ls -la | cat"), Allow);
    assert_eq!(effect("ls; id"), Block);
    assert_eq!(effect("ls $(id)"), Block);
    assert_eq!(effect("$X"), Block);
    assert_eq!(effect("ls 'unclosed"), Block);
}

#[test]
fn a_rule_on_text_sees_what_quotes_hide() {
    let rules = compile("  - { name: t, effect: block, match: { text: '(?i)drop\\s+table' } }").unwrap();
    assert_eq!(judge(&rules, "psql -c 'DROP   TABLE x'").effect, Block);
    assert_eq!(judge(&rules, "echo DR''OP table").effect, Block);
    assert_eq!(judge(&rules, "echo drop a table").effect, Allow);
    let verdict = rules.judge(
        &subject(&[]),
        Resource::Host { target: &target("a", "b"), login: &"demo".parse().unwrap() },
        CommandInput::Text("drop table users;"),
        &Judging::guard(SystemTime::UNIX_EPOCH),
    );
    assert_eq!(outcome(&verdict), (Block, Some("t")));
}

#[test]
fn standard_input_that_is_code_must_be_judged_too() {
    let rules = compile("  - { name: a, effect: block, match: { command: { program: [rm] } } }").unwrap();
    let verdict = judge(&rules, "sudo bash -s");
    assert_eq!((verdict.effect, verdict.stdin_is_code), (Approve, true));
    let target = target("a", "b");
    let judged = |stdin: &str| {
        let resource = Resource::Host { target: &target, login: &"demo".parse().unwrap() };
        rules.judge(
            &subject(&[]),
            resource,
            CommandInput::Script("sudo bash -s", stdin),
            &Judging::guard(SystemTime::UNIX_EPOCH),
        )
    };
    assert_eq!(
        (judged("rm \\\nx\n").effect, judged("ls\n").effect, judged("ls\n").stdin_is_code),
        (Block, Allow, false)
    );
}

#[test]
fn rules_that_can_never_fire_are_refused_with_their_place() {
    for (rule, expected) in [
        (
            "match: {}",
            "rules.yaml:6:38: rules.a: this rule can never fire: matches nothing; give command, text or class",
        ),
        ("match: { command: {} }", "says nothing about the command"),
        ("match: { text: '' }", "the regular expression is empty"),
        ("match: { text: '(' }", "the regular expression cannot be used: unclosed group"),
        ("match: { text: 'a{1000}{1000}' }", "the regular expression cannot be used"),
        ("match: { command: { program: [/bin/rm] } }", "the program \"/bin/rm\" matches nothing"),
        ("match: { command: { program: [''] } }", "the program \"\" matches nothing"),
        ("match: { command: { writes: [etc/passwd] } }", "paths are absolute"),
        ("match: { command: { writes: [/etc/../x] } }", "it has \".\", \"..\" or \"//\" in it"),
        ("match: { command: { program: [rm], flags: { all: [[f]], none: [[f]] } } }", "both required and excluded"),
        ("match: { command: { program: [rm], flags: { all: [[]] } } }", "an empty list matches nothing"),
        ("match: { class: opaque, text: x }", "class stands alone"),
        ("match: { text: x }, roles: [enginer]", "there is no role enginer; did you mean \"engineer\"?"),
        ("match: { text: x }, roles: [nobody]", "there is no role nobody; it is defined nowhere"),
        ("match: { text: x }, targets: { names: ['a b'] }", "the target name \"a b\" matches nothing"),
        ("match: { text: x }, approvers: { groups: [sre] }", "approvers are for rules with effect: approve"),
        ("match: { text: x }, effects: allow", "unknown key; did you mean `effect`?"),
        ("match: { text: x }, during: { days: [someday] }", "expected mon or tue"),
        ("match: { text: x }, during: { time_zone: Mars/Base }", "expected a time zone such as Europe/Berlin"),
        ("match: { text: x }, during: { from: '25:00' }", "expected a time such as 17:30"),
    ] {
        let errors = compile(&format!("  - {{ name: a, effect: block, {rule} }}")).unwrap_err().join("\n");
        assert!(errors.contains(expected), "{rule}: {errors}");
        assert!(errors.contains("rules.yaml:6:"), "{errors}");
    }
    let nobody =
        compile("  - { name: a, effect: approve, match: { text: x }, approvers: { groups: [] } }").unwrap_err();
    assert!(nobody.join("").contains("nobody could approve"), "{nobody:?}");
    let twice = compile(
        "  - { name: a, effect: block, match: { text: x } }\n  - { name: a, effect: block, match: { text: y } }",
    )
    .unwrap_err();
    assert!(twice.join("").contains("already a rule of this name at rules.yaml:6:"), "{twice:?}");
}

#[test]
fn the_mode_says_what_happens_to_what_no_rule_is_about() {
    use SessionMode::{ExecOnly, Guard, Observe, Strict};
    let rules = compile("  - { name: b, effect: block, match: { command: { program: [rm] } } }").unwrap();
    for (mode, unmatched, opaque) in
        [(Observe, Allow, Approve), (Guard, Allow, Approve), (Strict, Block, Block), (ExecOnly, Allow, Block)]
    {
        let judging = Judging::of(mode, Protocol::Ssh, SystemTime::UNIX_EPOCH);
        for (line, effect) in [("true", unmatched), ("\"$CMD\"", opaque), ("rm -rf /x", Block)] {
            let verdict = judge_as(&rules, &subject(&[]), &target("a", "b"), "demo", line, &judging);
            assert_eq!(verdict.effect, effect, "{mode}: {line}");
        }
    }
}

#[test]
fn what_needs_an_approval_says_who_may_give_it() {
    let rules = |default: &str| {
        let text = format!(
            "{ROLES}rules:
  - {{ name: own, effect: approve, match: {{ command: {{ program: [own] }} }}, approvers: {{ groups: [dba], count: 2 }} }}
  - {{ name: other, effect: approve, match: {{ command: {{ program: [other] }} }} }}
  - {{ name: never, effect: block, match: {{ command: {{ program: [never], args: [x] }} }} }}
{default}"
        );
        RuleSet::compile(&[RuleDoc::parse(&text, "rules.yaml").unwrap()]).unwrap()
    };
    let with_default = rules("approvals: { groups: [sre], count: 1 }\n");
    for (line, group) in [
        ("own", Some("dba")),
        ("other", Some("sre")),
        ("$CMD", Some("sre")),
        ("never $X", Some("sre")),
        ("hash -p x ls", Some("sre")),
        ("ls", None),
        ("never x", None),
    ] {
        let approvers = judge(&with_default, line).approvers;
        assert_eq!(approvers.as_ref().map(|approvers| approvers.groups[0].as_str()), group, "{line}");
    }
    let without = rules("");
    assert!(judge(&without, "own").approvers.is_some());
    let nobody = judge(&without, "other");
    assert_eq!((nobody.effect, nobody.approvers), (Approve, None), "nobody can approve it");
}

#[test]
fn what_is_too_dense_is_never_allowed_and_what_begins_it_is_judged() {
    let rules = compile(
        "  - { name: any, effect: allow, match: { command: { program: ['*'] } } }
  - { name: secret, effect: block, match: { command: { reads: [/etc/shadow] } } }
  - { name: rm, effect: block, match: { command: { program: [rm] } } }",
    )
    .unwrap();
    let separators = ":".repeat(4000);
    let words = "a ".repeat(20_000);
    let commands = "a;".repeat(9000);
    for (line, rule) in [
        (format!("cat {separators}"), None),
        (format!("cat {separators} /etc/shadow"), Some("secret")),
        (commands.clone(), None),
        (format!("rm x; {commands}"), Some("rm")),
        (format!("if rm x; then {commands}"), Some("rm")),
        (words.clone(), None),
        (format!("rm x; {words}"), Some("rm")),
    ] {
        let verdict = judge(&rules, &line);
        let expected = if rule.is_some() { Block } else { Approve };
        let start: String = line.chars().take(30).collect();
        assert_eq!(outcome(&verdict), (expected, rule), "{start}");
    }
}

const FILES: &str = "  - { name: etc, effect: block, match: { command: { writes: ['/etc/**'] } } }
  - { name: keys, effect: block, match: { command: { reads: ['/home/*/.ssh/**'] } } }
  - { name: dd, effect: approve, match: { command: { program: [dd], paths: ['/dev/**'] } } }";

#[test]
fn the_far_end_of_a_copy_reads_or_writes_what_it_says() {
    let rules = compile(FILES).unwrap();
    for (line, expected) in [
        ("scp -t /etc/", (Block, Some("etc"))),
        ("scp -rt /etc", (Block, Some("etc"))),
        ("scp -p -t -- /etc/passwd", (Block, Some("etc"))),
        ("scp -r -t /", (Approve, Some("etc"))),
        ("scp -t /srv", (Allow, None)),
        ("scp -t -d .", (Allow, None)),
        // What is sent is not written, and what is written is not read.
        ("scp -f /etc/hosts", (Allow, None)),
        ("scp -t .ssh/authorized_keys", (Allow, None)),
        ("scp -f /home/a/.ssh/id", (Block, Some("keys"))),
        ("scp -r -f /home/a", (Approve, Some("keys"))),
        ("scp -f .ssh/id", (Approve, Some("keys"))),
        ("scp -f ./.ssh/id", (Approve, Some("keys"))),
        ("scp -r -f .", (Approve, Some("keys"))),
        ("scp -f notes", (Allow, None)),
        ("scp -r -f /srv/x", (Allow, None)),
        ("scp -f \"$X\"", (Approve, Some("keys"))),
        ("rsync --server -vlogDtpre.iLsfxC . /etc/cron.d/", (Block, Some("etc"))),
        ("rsync --server --sender -vlogDtpre.iLsfxC . /etc/", (Allow, None)),
        ("rsync --server --sender -vlogDtpre.iLsfxC . .ssh/", (Approve, Some("keys"))),
        ("rsync --server --backup-dir=/etc/x -vlogDtpre.iLsfxC . /srv/", (Block, Some("etc"))),
        ("rsync --server -vlogDtpre.iLsfxC . /srv/", (Allow, None)),
        // Their paths come on standard input.
        ("rsync --server -svlogDtpre.iLfxC .", (Approve, Some("etc"))),
        ("rsync --server --sender -svlogDtpre.iLfxC", (Approve, Some("keys"))),
        ("sftp-server -R", (Approve, Some("etc"))),
    ] {
        assert_eq!(outcome(&judge(&rules, line)), expected, "{line}");
    }
}

#[test]
fn sftp_needs_an_approval_where_a_rule_is_about_files() {
    let (target, login) = (target("web1", "prod"), "demo".parse().unwrap());
    let sftp = |rules: &str, groups: &[&str]| {
        let judging = Judging::guard(SystemTime::UNIX_EPOCH);
        let what = Resource::Host { target: &target, login: &login };
        compile(rules).unwrap().judge_sftp(&subject(groups), what, &judging)
    };
    let rule = |matches: &str| format!("  - {{ name: r, effect: block, match: {{ {matches} }} }}");
    for (matches, expected) in [
        ("command: { writes: ['/etc/**'] }", Approve),
        ("command: { reads: ['**/.env'] }", Approve),
        ("command: { paths: ['/dev/*'] }", Approve),
        // It may touch every file.
        ("command: { writes: ['**'] }", Block),
        ("command: { reads: ['/**'] }", Block),
        // These are about other programs, and about commands.
        ("command: { program: [dd], paths: ['/dev/**'] }", Allow),
        ("command: { program: [rm] }", Allow),
        ("command: { writes: ['/etc/**'] }, text: secret", Allow),
        ("text: etc", Allow),
        ("class: opaque", Allow),
    ] {
        let verdict = sftp(&rule(matches), &["engineering"]);
        assert_eq!(verdict.effect, expected, "{matches}: {verdict:?}");
        assert_eq!(verdict.message.contains("SFTP"), expected != Allow, "{verdict:?}");
    }
    let scoped = "  - { name: r, effect: approve, roles: [sre], match: { command: { writes: ['/etc/**'] } } }";
    assert_eq!(outcome(&sftp(scoped, &["engineering"])), (Allow, None));
    assert_eq!(outcome(&sftp(scoped, &["sre"])), (Approve, Some("r")));
    let allowing = "  - { name: r, effect: allow, match: { command: { writes: ['/srv/**'] } } }";
    assert_eq!(outcome(&sftp(allowing, &["engineering"])), (Allow, None));
}

#[test]
fn in_strict_an_allow_rule_covers_only_the_redirections_that_it_names() {
    let rules = compile(
        "  - { name: any, effect: allow, match: { command: { program: [echo, cat, grep] } } }
  - { name: notes, effect: allow, match: { command: { program: [echo], writes: [/tmp/**] } } }
  - { name: logs, effect: allow, match: { command: { program: [wc], reads: [/var/log/**] } } }",
    )
    .unwrap();
    let strict = Judging::of(SessionMode::Strict, Protocol::Ssh, SystemTime::UNIX_EPOCH);
    let guard = Judging::guard(SystemTime::UNIX_EPOCH);
    let effect = |line: &str, judging: &Judging| {
        judge_as(&rules, &subject(&["engineering"]), &target("web1", "prod"), "demo", line, judging).effect
    };
    for (line, expected) in [
        ("echo x", Allow),
        ("echo x 2>&1", Allow),
        ("echo x > /dev/null 2>&1", Allow),
        ("cat x 2> /dev/null | grep y", Allow),
        ("{ echo a; echo b; } > /dev/null", Allow),
        ("cat < x", Allow),
        ("cat <<< x", Allow),
        ("echo x > /tmp/x", Allow),
        ("echo x > /tmp/x 2> /tmp/y", Allow),
        ("wc -l /var/log/x", Allow),
        ("wc -l < /var/log/x", Allow),
        ("echo x >> ~/.ssh/authorized_keys", Block),
        ("echo x > /tmp/../etc/x", Block),
        ("echo x > /tmp/x 2> /etc/x", Block),
        ("echo x &> /etc/x", Block),
        ("echo x > \"$f\"", Block),
        ("cat x > /tmp/x", Block),
        ("cat <> /etc/x", Block),
        ("{ echo a; echo b; } > /etc/x", Block),
        ("wc -l /var/log/x < /etc/shadow", Block),
    ] {
        assert_eq!(effect(line, &strict), expected, "{line}");
        assert_eq!(effect(line, &guard), Allow, "{line}");
    }
}

#[test]
fn what_is_doubtful_counts_where_only_what_is_known_may_run() {
    let rules = compile("  - { name: a, effect: block, match: { command: { program: [rm] } } }").unwrap();
    for (line, expected) in [
        ("PYTHONPATH=/srv/x tool", Block),
        ("LD_LIBRARY_PATH=$PWD tool", Block),
        ("LD_LIBRARY_PATH=/opt/x/lib tool", Allow),
        ("CFLAGS=\"$CFLAGS -O2\" tool", Block),
    ] {
        for (mode, expected) in [(SessionMode::Guard, Allow), (SessionMode::ExecOnly, expected)] {
            let judging = Judging::of(mode, Protocol::Ssh, SystemTime::UNIX_EPOCH);
            let verdict = judge_as(&rules, &subject(&["engineering"]), &target("web1", "prod"), "demo", line, &judging);
            assert_eq!(verdict.effect, expected, "{mode}: {line}");
        }
    }
}
