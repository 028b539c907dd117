//! Input side: what the user sends passes here before the target gets it. The
//! enforcement point (PEP) for rules on commands; `policy` decides.
//!
//! [`judge_request`] judges the request that starts a session: a command is
//! parsed and judged before the target hears of it, and a shell that would read
//! commands from its standard input is refused where rules restrict commands.
//!
//! **Limit:** what is typed into a terminal passes [`Gate`] unjudged for now. A
//! role that must not type what a rule blocks gets no `pty`.

use std::{fmt, str, time::SystemTime};

use bytes::Bytes;
use config::{RuleName, rules::RuleEffect};
use policy::{CommandInput, Judging, Resource, RuleSet, Subject};

use super::{line_gate::LineGate, tap::masked_text};

/// What starts a session.
#[derive(Debug, Clone, Copy)]
pub enum Request<'a> {
    /// A command string for the login shell.
    Exec(&'a [u8]),
    /// The login shell, on a terminal or reading commands from standard input.
    Shell {
        /// Whether it has a terminal.
        terminal: bool,
    },
    /// A subsystem: no commands at all.
    Subsystem,
}

/// As it may stand in the audit log.
impl fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exec(command) => write!(f, "exec of {:?}", masked_text(Bytes::copy_from_slice(command))),
            Self::Shell { .. } => f.write_str("shell"),
            Self::Subsystem => f.write_str("subsystem"),
        }
    }
}

/// Why a request may not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// The rule that decided; none for what is built in.
    pub rule: Option<RuleName>,
    /// Why, in words for the user.
    pub reason: String,
}

/// Judges the request that starts a session.
///
/// # Errors
///
/// When a rule blocks it, when it needs an approval, or when it cannot be known what would run.
pub fn judge_request(
    rules: &RuleSet,
    who: &Subject,
    what: &Resource<'_>,
    request: Request<'_>,
    now: SystemTime,
) -> Result<(), Blocked> {
    let judging = Judging::guard(now);
    let line = match request {
        Request::Subsystem | Request::Shell { terminal: true } => return Ok(()),
        // The login shell without a terminal reads commands from its input, as `sh -s` does.
        Request::Shell { terminal: false } => "sh -s",
        Request::Exec(command) => match str::from_utf8(command) {
            Ok(command) => command,
            // What is not text cannot be read; a command string that nobody can read is judged as one.
            Err(_) => UNREADABLE,
        },
    };
    let verdict = rules.judge(who, what, CommandInput::Line(line), &judging);
    let reason = match verdict.effect {
        RuleEffect::Allow if !verdict.stdin_is_code => return Ok(()),
        RuleEffect::Allow => STDIN_IS_CODE.to_owned(),
        RuleEffect::Block => verdict.message,
        RuleEffect::Approve => format!("{} ({NO_APPROVALS})", verdict.message),
    };
    Err(Blocked { rule: verdict.rule, reason })
}

/// Stands for a command that is not UTF-8: a command word that is not known.
const UNREADABLE: &str = "\"$UNREADABLE\"";

/// What a user reads whose commands would come on standard input.
const STDIN_IS_CODE: &str = "the commands would come on standard input, where they cannot be judged before they run; \
     give them as arguments";

/// What a user reads whose command needs an approval.
const NO_APPROVALS: &str = "approvals are not available in this version, so it is refused";

/// The gate of one running session.
#[derive(Debug)]
pub enum Gate {
    /// Input of a program without a terminal: the request that started it was judged whole.
    Open,
    /// What is typed into a terminal is judged line by line.
    Lines(Box<LineGate>),
}

impl Gate {
    /// Whether more input may be read from the user.
    #[must_use]
    pub fn has_room(&self) -> bool {
        match self {
            Self::Lines(gate) => gate.has_room(),
            Self::Open => true,
        }
    }
}

#[cfg(test)]
mod tests {
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

    fn judged(rules: &str, request: Request<'_>) -> Result<(), Blocked> {
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
        let what = Resource { target: &targets[0], login: &login };
        judge_request(&rules, &who, &what, request, SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn a_blocked_command_is_refused_in_any_spelling_and_wrapping() {
        for command in
            ["rm -rf /srv", "ls; rm --force -R /srv", "sudo r'm' -fr /srv", "sh -c 'rm -r -f /srv'", "echo $(rm -rf /)"]
        {
            let blocked = judged(RULES, Request::Exec(command.as_bytes())).unwrap_err();
            assert_eq!(blocked.rule.as_ref().map(RuleName::as_str), Some("rm_rf"), "{command}: {blocked:?}");
            assert!(blocked.reason.contains("deleting whole trees"), "{blocked:?}");
        }
    }

    #[test]
    fn what_no_rule_is_about_runs() {
        for command in ["ls -l /srv", "rm -r build", "systemctl status db", "git-upload-pack 'x.git'"] {
            assert_eq!(judged(RULES, Request::Exec(command.as_bytes())), Ok(()), "{command}");
        }
        assert_eq!(judged(RULES, Request::Subsystem), Ok(()));
        assert_eq!(judged(RULES, Request::Shell { terminal: true }), Ok(()));
    }

    #[test]
    fn what_needs_an_approval_is_refused_and_says_so() {
        let blocked = judged(RULES, Request::Exec(b"systemctl restart db")).unwrap_err();
        assert_eq!(blocked.rule.as_ref().map(RuleName::as_str), Some("svc"));
        assert!(blocked.reason.contains("approvals are not available"), "{blocked:?}");
    }

    #[test]
    fn what_cannot_be_known_is_refused_where_a_rule_could_apply() {
        for command in [&b"$CMD"[..], b"echo cm0gLXJmIC8K | base64 -d | sh", b"rm \xff -rf /", b"bash -s"] {
            assert!(judged(RULES, Request::Exec(command)).is_err(), "{}", String::from_utf8_lossy(command));
        }
        assert!(judged(RULES, Request::Shell { terminal: false }).is_err());
    }

    #[test]
    fn without_rules_on_commands_everything_that_a_role_allows_runs() {
        let (roles, _) = RULES.split_once("rules:").unwrap();
        for command in [&b"$CMD"[..], b"rm -rf /", b"bash -s", b"\xff"] {
            assert_eq!(judged(roles, Request::Exec(command)), Ok(()));
        }
        assert_eq!(judged(roles, Request::Shell { terminal: false }), Ok(()));
    }
}
