//! [`Act`]: what somebody asks other people to approve, part by part, and its one form as bytes.
//!
//! ```text
//! "bastion act 1\n"
//! kind  protocol  target  login        each: length (u64, big-endian), bytes
//! container  terminal                  each: 0, or 1 and length and bytes
//! standard input                       "none" or "live", or "given" and length and bytes
//! environment                          how many pairs, then name and value of each
//! words                                how many, then each
//! ```
//!
//! Every part says how long it is and where it belongs. So what is a command cannot be taken for its standard input,
//! two words cannot be taken for one, and two different acts never have the same bytes: [`Act::decode`] reads each
//! back as what it was.

use std::str;

use bytes::{BufMut as _, Bytes, BytesMut};
use config::{Login, TargetName, rules::Protocol};

/// What somebody asks other people to approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// What it is, and so what the words are.
    pub kind: ActKind,
    /// How it is asked for.
    pub protocol: Protocol,
    /// In which container of the pod, where that was said.
    pub container: Option<String>,
    /// What the terminal understands (`TERM`); none where there is no terminal, and for a line, which was typed into one.
    pub terminal: Option<String>,
    /// What it reads.
    pub stdin: Stdin,
    /// The environment variables that the target is asked to set.
    pub env: Vec<(String, String)>,
    /// What it is made of: one command string, the words of a program's call, a typed line, a method and a path.
    pub words: Vec<Bytes>,
}

/// What an act is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActKind {
    /// Access to a target for a time; it has no words.
    Access,
    /// A program with its arguments, without a shell in between: its words.
    Argv,
    /// What runs in a container already; it has no words.
    Attach,
    /// A command string for the login shell: one word.
    Exec,
    /// A line that was typed into a session: one word.
    Line,
    /// A request to a cluster's API: the method, the path with its query.
    Request,
    /// A session: the capabilities that it uses.
    Session,
    /// The login shell; it has no words.
    Shell,
    /// A subsystem: its name.
    Subsystem,
}

/// What an act reads on standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stdin {
    /// These bytes, which were read before, and then its end.
    Given(Bytes),
    /// Whatever is sent while it runs: nobody has seen that.
    Live,
    /// Nothing.
    None,
}

impl ActKind {
    /// All of them, in the order of their words.
    pub const ALL: [Self; 9] = [
        Self::Access,
        Self::Argv,
        Self::Attach,
        Self::Exec,
        Self::Line,
        Self::Request,
        Self::Session,
        Self::Shell,
        Self::Subsystem,
    ];

    /// The word for it, in the bytes and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Argv => "argv",
            Self::Attach => "attach",
            Self::Exec => "exec",
            Self::Line => "line",
            Self::Request => "request",
            Self::Session => "session",
            Self::Shell => "shell",
            Self::Subsystem => "subsystem",
        }
    }
}

impl Act {
    /// An act without a terminal, input or environment.
    #[must_use]
    pub fn of(kind: ActKind, protocol: Protocol, words: impl IntoIterator<Item = impl Into<Bytes>>) -> Self {
        Self {
            kind,
            protocol,
            container: None,
            terminal: None,
            stdin: Stdin::None,
            env: Vec::new(),
            words: words.into_iter().map(Into::into).collect(),
        }
    }

    /// Its bytes, on this target, as this account. What was approved is compared by them.
    #[must_use]
    pub fn encode(&self, target: &TargetName, login: &Login) -> Bytes {
        let mut bytes = BytesMut::from(MAGIC);
        put(&mut bytes, self.kind.as_str().as_bytes());
        put(&mut bytes, self.protocol.as_str().as_bytes());
        put(&mut bytes, target.as_str().as_bytes());
        put(&mut bytes, login.as_str().as_bytes());
        for part in [&self.container, &self.terminal] {
            bytes.put_u8(part.is_some().into());
            if let Some(part) = part {
                put(&mut bytes, part.as_bytes());
            }
        }
        match &self.stdin {
            Stdin::None => put(&mut bytes, b"none"),
            Stdin::Live => put(&mut bytes, b"live"),
            Stdin::Given(given) => {
                put(&mut bytes, b"given");
                put(&mut bytes, given);
            }
        }
        put_count(&mut bytes, self.env.len());
        for (name, value) in &self.env {
            put(&mut bytes, name.as_bytes());
            put(&mut bytes, value.as_bytes());
        }
        put_count(&mut bytes, self.words.len());
        for word in &self.words {
            put(&mut bytes, word);
        }
        bytes.freeze()
    }

    /// The act that these are the bytes of, with its target and account; nothing for any other bytes.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<(Self, TargetName, Login)> {
        let mut rest = Rest(bytes.strip_prefix(MAGIC)?);
        let kind = rest.text()?;
        let kind = ActKind::ALL.into_iter().find(|known| known.as_str() == kind)?;
        let protocol = rest.text()?;
        let (_, protocol) = Protocol::WORDS.into_iter().find(|(word, _)| *word == protocol)?;
        let (target, login) = (rest.text()?.parse().ok()?, rest.text()?.parse().ok()?);
        let (container, terminal) = (rest.optional_text()?, rest.optional_text()?);
        let stdin = match rest.text()? {
            "none" => Stdin::None,
            "live" => Stdin::Live,
            "given" => Stdin::Given(Bytes::copy_from_slice(rest.part()?)),
            _ => return None,
        };
        let pairs = rest.count()?;
        let env = (0..pairs).map(|_| Some((rest.text()?.to_owned(), rest.text()?.to_owned())));
        let env = env.collect::<Option<_>>()?;
        let words = rest.count()?;
        let words = (0..words).map(|_| rest.part().map(Bytes::copy_from_slice)).collect::<Option<_>>()?;
        rest.0.is_empty().then_some((Self { kind, protocol, container, terminal, stdin, env, words }, target, login))
    }
}

fn put(bytes: &mut BytesMut, part: &[u8]) {
    put_count(bytes, part.len());
    bytes.put_slice(part);
}

fn put_count(bytes: &mut BytesMut, count: usize) {
    // A `usize` has at most 64 bits on every machine that there is.
    bytes.put_u64(u64::try_from(count).unwrap_or(u64::MAX));
}

/// What was not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    /// A number that what follows can bear out: each counted thing has at least one byte.
    fn count(&mut self) -> Option<usize> {
        let (count, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        usize::try_from(u64::from_be_bytes(*count)).ok().filter(|count| *count <= rest.len())
    }

    fn part(&mut self) -> Option<&'a [u8]> {
        let length = self.count()?;
        let (part, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(part)
    }

    fn text(&mut self) -> Option<&'a str> {
        str::from_utf8(self.part()?).ok()
    }

    /// A text that may be missing; the outer `None` is an error.
    fn optional_text(&mut self) -> Option<Option<String>> {
        let (flag, rest) = self.0.split_first()?;
        self.0 = rest;
        match flag {
            0 => Some(None),
            1 => Some(Some(self.text()?.to_owned())),
            _ => None,
        }
    }
}

/// What the bytes begin with; a changed form gets another number.
const MAGIC: &[u8] = b"bastion act 1\n";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exec(command: &'static [u8], stdin: Stdin) -> Act {
        Act { stdin, ..Act::of(ActKind::Exec, Protocol::Ssh, [command]) }
    }

    fn bytes(act: &Act) -> Bytes {
        act.encode(&"web1".parse().unwrap(), &"root".parse().unwrap())
    }

    #[test]
    fn what_is_command_and_what_is_standard_input_cannot_be_confused() {
        let given = |text: &'static [u8]| Stdin::Given(Bytes::from_static(text));
        let shell = Act { stdin: given(b"sh -s x\nid\n"), ..Act::of(ActKind::Shell, Protocol::Ssh, [&b""[..]; 0]) };
        let argv = |words: &[&'static str]| Act::of(ActKind::Argv, Protocol::Kubernetes, words.to_vec());
        let acts = [
            exec(b"sh -s x\nid\n", Stdin::None),
            exec(b"sh -s x\nid\n", Stdin::Live),
            exec(b"sh -s x\nid\n", given(b"")),
            exec(b"sh -s x", given(b"id\n")),
            exec(b"sh -s x\n", given(b"id\n")),
            shell,
            Act { terminal: Some("xterm".into()), ..exec(b"sh -s x\nid\n", Stdin::Live) },
            Act { env: vec![("LANG".into(), "C".into())], ..exec(b"sh -s x\nid\n", Stdin::Live) },
            Act::of(ActKind::Line, Protocol::Ssh, [&b"sh -s x\nid\n"[..]]),
            argv(&["sh", "-c", "a b"]),
            argv(&["sh", "-c", "a", "b"]),
            argv(&["sh -c a b"]),
            argv(&["sh", "-c", "'a b'"]),
            Act { container: Some("sidecar".into()), ..argv(&["sh", "-c", "a b"]) },
        ];
        for (index, act) in acts.iter().enumerate() {
            for other in &acts[..index] {
                assert_ne!(bytes(act), bytes(other), "{act:?} {other:?}");
            }
        }
    }

    #[test]
    fn other_bytes_are_no_act() {
        let good = bytes(&exec(b"id", Stdin::Live));
        assert!(Act::decode(&good).is_some());
        for length in 0..good.len() {
            assert_eq!(Act::decode(&good[..length]), None, "{length}");
        }
        assert_eq!(Act::decode(&[&good[..], b"x"].concat()), None);
        assert_eq!(Act::decode(b"systemctl restart db"), None);
        let huge = [MAGIC, &u64::MAX.to_be_bytes(), b"exec"].concat();
        assert_eq!(Act::decode(&huge), None);
    }

    fn act() -> impl Strategy<Value = (Act, String, String)> {
        let text = || "[a-c \n'=]{0,3}";
        let word = || prop::collection::vec(prop::sample::select(b"ab \n\0\xff".to_vec()), 0..4).prop_map(Bytes::from);
        let stdin = prop_oneof![Just(Stdin::None), Just(Stdin::Live), word().prop_map(Stdin::Given)];
        let protocol = prop::sample::select(vec![Protocol::Ssh, Protocol::Kubernetes]);
        let what = (prop::sample::select(ActKind::ALL.to_vec()), protocol, stdin);
        let place = (prop::option::of(text()), prop::option::of(text()), "[ab]{1,2}", "[ab]{1,2}");
        let lists = (prop::collection::vec((text(), text()), 0..3), prop::collection::vec(word(), 0..4));
        (what, place, lists).prop_map(
            |((kind, protocol, stdin), (container, terminal, target, login), (env, words))| {
                (Act { kind, protocol, container, terminal, stdin, env, words }, target, login)
            },
        )
    }

    proptest! {
        #[test]
        fn two_different_acts_never_have_the_same_bytes(one in act(), other in act()) {
            let encoded = |(act, target, login): &(Act, String, String)| {
                act.encode(&target.parse().unwrap(), &login.parse().unwrap())
            };
            prop_assert_eq!(one == other, encoded(&one) == encoded(&other));
            let (act, target, login) = Act::decode(&encoded(&one)).unwrap();
            prop_assert_eq!((act, target.to_string(), login.to_string()), one);
        }
    }
}
