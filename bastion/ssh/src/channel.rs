//! What the requests on one session channel amount to: pty-req and env are collected; it ends at shell,
//! exec or subsystem (RFC 4254 §6.2–6.5). Each but the last is answered here, in their order; a terminal is
//! promised when the target has given it.

use bytes::Bytes;
use policy::{
    Capability, Protocol,
    approval::{Act, ActKind, Stdin},
};
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, server};
use session::{request::Request, terminal::Pixels};
use ssh_client::message::wants_reply;

use super::{
    ahead::Ahead,
    target_leg::{Program, PtyRequest},
    user_leg::window_size,
};

/// Most environment variables that a channel may set; clients send a handful.
const MAX_ENV: usize = 64;

/// Longest value of an environment variable, in bytes.
const MAX_ENV_VALUE_BYTES: usize = 4096;

/// Most refused variables that the audit log names for one channel.
const MAX_REFUSED_ENV: usize = 8;

/// The longest name of a refused variable in the audit log, in characters.
const MAX_ENV_NAME_CHARS: usize = 64;

/// The longest name of a terminal type, in bytes; terminfo's own have at most 40.
const MAX_TERM_BYTES: usize = 64;

/// Whether a user may set this environment variable, for the target or for the bastion itself. `BASH_ENV`,
/// `LD_PRELOAD` and their like are code.
#[must_use]
pub fn env_accepted(name: &str, value: &str) -> bool {
    env_allowed(name, value) || (OwnVariables::NAMES.contains(&name) && value.len() <= MAX_ENV_VALUE_BYTES)
}

/// Whether the target gets this environment variable. A name is one as shells have them, and a value one line: what
/// is neither would be read as something else by whoever writes them down.
fn env_allowed(name: &str, value: &str) -> bool {
    let is_known =
        matches!(name, "LANG" | "TERM" | "COLORTERM") || name.strip_prefix("LC_").is_some_and(|rest| !rest.is_empty());
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let sets_encoding = matches!(name, "LANG" | "LC_ALL" | "LC_CTYPE");
    is_known
        && is_name
        && value.len() <= MAX_ENV_VALUE_BYTES
        && !value.contains(['\0', '\n', '\r', NOT_UTF8])
        && (!sets_encoding || is_plain_locale(value))
}

/// Whether ASCII is ASCII in the encoding of this locale (`language_TERRITORY.encoding@modifier`, or the path of its
/// files). In Shift JIS, GBK and Big5 a backslash or a brace may be half a letter, and a shell reads a command as
/// another than the one that was judged.
fn is_plain_locale(locale: &str) -> bool {
    const PLAIN: [&str; 7] = ["utf8", "ascii", "ansix341968", "iso8859", "koi8", "euc", "gb2312"];
    let (name, encoding) = locale.split_once('.').unwrap_or((locale, ""));
    let encoding = encoding.split('@').next().unwrap_or_default();
    let encoding: String =
        encoding.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    let is_plain = if encoding.is_empty() {
        // These are in Big5; "japanese" and the like are names for more than one encoding.
        !["zh_TW", "zh_HK"].iter().any(|other| name.starts_with(other))
            && (name.contains('_') || ["", "C", "POSIX"].contains(&name))
    } else {
        PLAIN.iter().any(|plain| encoding.starts_with(plain))
    };
    is_plain && !locale.contains('/')
}

/// Whether this can be the name of a terminal type. It is empty where a client has none.
#[must_use]
pub fn term_accepted(term: &str) -> bool {
    term.len() <= MAX_TERM_BYTES && term.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What stands for bytes that are not UTF-8.
const NOT_UTF8: char = char::REPLACEMENT_CHARACTER;

/// What the channel's requests amount to.
#[derive(Debug)]
pub(super) struct ChannelRequests {
    pub(super) pty: Option<PtyRequest>,
    pub(super) env: Vec<(String, String)>,
    pub(super) own: OwnVariables,
    /// The names of variables that were not let through, for the audit log.
    pub(super) refused_env: Vec<String>,
    pub(super) program: Program,
    /// Whether the request for the program is to be answered.
    pub(super) owed: bool,
}

/// Variables for the bastion itself; the target never sees them.
#[derive(Debug, Default)]
pub(super) struct OwnVariables {
    pub(super) reason: Option<String>,
    pub(super) events: bool,
}

impl OwnVariables {
    /// Why the user wants it, for those who approve.
    const REASON: &str = "BASTION_REASON";
    /// Whether the user's side reads events.
    const EVENTS: &str = "BASTION_EVENTS";
    const NAMES: [&str; 2] = [Self::REASON, Self::EVENTS];

    /// Takes a variable, if it is one of the bastion's.
    fn take(&mut self, name: &str, value: &str) -> bool {
        match name {
            Self::REASON => self.reason = Some(value.to_owned()).filter(|reason| !reason.is_empty()),
            Self::EVENTS => self.events = value == "1",
            _ => return false,
        }
        true
    }
}

impl ChannelRequests {
    /// What the rules must allow; what runs comes last.
    pub(super) fn capabilities(&self) -> Vec<Capability> {
        let program = match &self.program {
            Program::Shell => Capability::Shell,
            Program::Exec(_) => Capability::Exec,
            Program::Subsystem(_) => Capability::Sftp,
        };
        self.pty.iter().map(|_| Capability::Pty).chain([program]).collect()
    }

    /// Whether it has a terminal.
    pub(super) fn has_terminal(&self) -> bool {
        self.pty.is_some()
    }

    /// Why the user wants it, for those who approve.
    pub(super) fn reason(&self) -> Option<String> {
        self.own.reason.clone()
    }

    /// Whether the user's side reads events.
    pub(super) fn events(&self) -> bool {
        self.own.events
    }

    /// Exactly what will run, for those who approve it; `stdin` is all of its standard input, where that was read.
    pub(super) fn act(&self, stdin: Option<&Bytes>) -> Act {
        let (kind, words) = match &self.program {
            Program::Exec(command) => (ActKind::Exec, vec![Bytes::copy_from_slice(command)]),
            Program::Shell => (ActKind::Shell, Vec::new()),
            Program::Subsystem(name) => (ActKind::Subsystem, vec![Bytes::copy_from_slice(name.as_bytes())]),
        };
        Act {
            terminal: self.pty.as_ref().map(|pty| pty.term.clone()),
            stdin: stdin.map_or(Stdin::Live, |stdin| Stdin::Given(stdin.clone())),
            env: self.env.clone(),
            ..Act::of(kind, Protocol::Ssh, words)
        }
    }

    /// What the rules on commands look at.
    pub(super) fn request(&self) -> Request<'_> {
        match &self.program {
            Program::Shell => Request::Shell { terminal: self.pty.is_some() },
            Program::Exec(command) => Request::Exec { command, terminal: self.pty.is_some() },
            Program::Subsystem(_) => Request::Subsystem,
        }
    }
}

/// Reads requests until one starts a program; `None` if the channel closes first.
pub(super) async fn collect(
    channel: &mut ChannelReadHalf,
    user: &ChannelWriteHalf<server::Msg>,
    ahead: &mut Ahead,
) -> Option<ChannelRequests> {
    let mut pty: Option<PtyRequest> = None;
    let mut env = Vec::new();
    let mut own = OwnVariables::default();
    let mut refused_env: Vec<String> = Vec::new();
    loop {
        let message = channel.wait().await?;
        let owed = wants_reply(&message);
        #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is not exhaustive and mixes both directions")]
        let granted = match message {
            ChannelMsg::RequestPty { term, col_width, row_height, pix_width, pix_height, terminal_modes, .. }
                if pty.is_none() && term_accepted(&term) =>
            {
                let size = window_size(col_width, row_height);
                let pixels = Pixels { width: pix_width, height: pix_height };
                let asked = PtyRequest { term, size, pixels, modes: terminal_modes };
                let granted = ahead.request_terminal(&asked).await;
                pty = granted.then_some(asked);
                granted
            }
            ChannelMsg::WindowChange { col_width, row_height, pix_width, pix_height } => {
                if let Some(pty) = &mut pty {
                    pty.size = window_size(col_width, row_height);
                    pty.pixels = Pixels { width: pix_width, height: pix_height };
                }
                continue;
            }
            ChannelMsg::SetEnv { variable_name, variable_value, .. } => {
                let accepted = env_accepted(&variable_name, &variable_value);
                if accepted && own.take(&variable_name, &variable_value) {
                    true
                } else if accepted && env.len() < MAX_ENV {
                    env.push((variable_name, variable_value));
                    true
                } else {
                    if refused_env.len() < MAX_REFUSED_ENV {
                        refused_env.push(variable_name.escape_debug().take(MAX_ENV_NAME_CHARS).collect());
                    }
                    false
                }
            }
            ChannelMsg::RequestShell { .. } => {
                return Some(ChannelRequests { pty, env, own, refused_env, program: Program::Shell, owed });
            }
            ChannelMsg::Exec { command, .. } => {
                return Some(ChannelRequests { pty, env, own, refused_env, program: Program::Exec(command), owed });
            }
            ChannelMsg::RequestSubsystem { name, .. } => {
                return Some(ChannelRequests { pty, env, own, refused_env, program: Program::Subsystem(name), owed });
            }
            ChannelMsg::Close => return None,
            // Data before the program is asked for has no reader (RFC 4254 §6.5).
            ChannelMsg::Data { .. } => return None,
            _ => false,
        };
        if owed {
            user.reply(granted).await.ok()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bastions_own_variables_are_taken_and_not_passed_on() {
        let mut own = OwnVariables::default();
        assert!(own.take("BASTION_REASON", "ticket 7") && own.take("BASTION_EVENTS", "1"));
        assert_eq!((own.reason.as_deref(), own.events), (Some("ticket 7"), true));
        assert!(!own.take("BASTION_OTHER", "1"));
        for name in ["BASTION_REASON", "BASTION_EVENTS"] {
            assert!(env_accepted(name, "1") && !env_allowed(name, "1"), "{name}");
        }
        assert!(!env_accepted("BASTION_OTHER", "1"));
    }

    #[test]
    fn only_locale_and_terminal_variables_pass() {
        for name in ["LANG", "LC_ALL", "LC_CTYPE", "TERM", "COLORTERM", "LC_MY_OWN_2"] {
            assert!(env_allowed(name, "C.UTF-8"), "{name}");
        }
        for name in ["BASH_ENV", "ENV", "LD_PRELOAD", "LD_LIBRARY_PATH", "PROMPT_COMMAND", "PS1", "LC_", "lang", "PATH"]
        {
            assert!(!env_allowed(name, "x"), "{name}");
        }
    }

    #[test]
    fn what_is_approved_says_which_part_is_what() {
        let asked = |terminal: Option<&str>, env: &[(&str, &str)]| ChannelRequests {
            pty: terminal.map(|term| PtyRequest {
                term: term.to_owned(),
                size: mask::WindowSize::DEFAULT,
                pixels: Pixels::default(),
                modes: Vec::new(),
            }),
            env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            own: OwnVariables::default(),
            refused_env: Vec::new(),
            program: Program::Exec(b"sh -s".to_vec()),
            owed: true,
        };
        let input = Bytes::from_static(b"id\n");
        let acts = [
            asked(None, &[]).act(None),
            asked(None, &[]).act(Some(&Bytes::new())),
            asked(None, &[]).act(Some(&input)),
            asked(Some("xterm"), &[]).act(None),
            asked(None, &[("LANG", "C")]).act(None),
        ];
        let encoded = acts.map(|act| act.encode(&"web1".parse().unwrap(), &"root".parse().unwrap()));
        assert_eq!(encoded.iter().collect::<std::collections::BTreeSet<_>>().len(), encoded.len());
    }

    #[test]
    fn no_locale_passes_in_which_a_shell_reads_other_characters() {
        for locale in ["", "C", "POSIX", "C.UTF-8", "en_US.utf8", "de_DE.ISO-8859-15@euro", "de_DE", "ja_JP.eucJP"] {
            assert!(env_allowed("LC_ALL", locale), "{locale}");
        }
        for locale in
            ["ja_JP.SJIS", "zh_CN.GBK", "zh_CN.gb18030", "zh_TW", "zh_HK.BIG5-HKSCS", "japanese.sjis", "japanese"]
        {
            for name in ["LANG", "LC_ALL", "LC_CTYPE"] {
                assert!(!env_allowed(name, locale), "{name}={locale}");
            }
        }
        assert!(!env_allowed("LC_ALL", "../../tmp/own.utf8"));
        assert!(env_allowed("LC_MY_OWN", "/tmp/own"));
    }

    #[test]
    fn names_and_values_that_could_be_read_as_something_else_do_not_pass() {
        for name in ["LC_A\nLD_PRELOAD", "LC_A;id", "LC_A=x", "LC_\u{fffd}", "LC_a b", "LC_A\0", "LC_é"] {
            assert!(!env_accepted(name, "C"), "{name:?}");
        }
        let long = "x".repeat(MAX_ENV_VALUE_BYTES + 1);
        for value in ["a\nb", "a\rb", "a\0b", "caf\u{fffd}", long.as_str()] {
            assert!(!env_accepted("LC_A", value), "{value:?}");
        }
        assert!(env_accepted("LC_A", "a;b $(c) 'd' é") && env_accepted("BASTION_REASON", "ticket 7\nand 8"));
        assert!(!env_accepted("BASTION_REASON", &long));
        for term in ["", "xterm-256color", "screen.xterm-256color", "rxvt+pcfkeys"] {
            assert!(term_accepted(term), "{term:?}");
        }
        for term in ["xterm\n", "x term", "xt\u{fffd}rm", "\x1b[2J", long.as_str()] {
            assert!(!term_accepted(term), "{term:?}");
        }
    }
}
