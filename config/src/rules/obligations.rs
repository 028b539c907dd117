//! How strictly a session is watched: the keys `recording`, `keep_binary` and `mode` of an entry in `allow` or `request`.

use std::fmt;

use crate::{
    reader::{Field, Read, Table},
    value,
    yaml::Value,
};

/// What whoever acts on a permit must do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obligations {
    /// Whether the session may go on without a recording.
    pub recording: RecordingDuty,
    /// How much binary output of a session without a terminal is kept.
    pub keep_binary: KeptBinary,
    /// How much the gate lets the session do.
    pub mode: SessionMode,
}

/// Whether a session may go on without a recording. Ordered by strictness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordingDuty {
    /// It goes on when recording fails.
    BestEffort,
    /// It does not start, or ends, when recording fails.
    Required,
}

/// How much binary output of each stream without a terminal is kept; the rest is only counted and hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeptBinary {
    /// At most so many bytes.
    UpTo(u64),
    /// All of it.
    All,
}

impl Default for KeptBinary {
    /// What a program prints by mistake, or to be seen by nobody; not a file.
    fn default() -> Self {
        Self::UpTo(1 << 20)
    }
}

impl KeptBinary {
    fn read(field: &Field<'_>) -> Read<Self> {
        match field.value() {
            Value::Boolean(true) => Ok(Self::All),
            Value::Boolean(false) => Ok(Self::UpTo(0)),
            Value::Text(_) => value::size(field).map(Self::UpTo),
            Value::Absent | Value::Fraction(_) | Value::Integer(_) | Value::List(_) | Value::Null | Value::Table(_) => {
                Err(field.expected("true, false, or a size such as 1MiB"))
            }
        }
    }
}

/// How much the gate lets a session do. Ordered by strictness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SessionMode {
    /// Nothing is blocked or held; what would have been is noted.
    Observe,
    /// What no rule is about runs.
    #[default]
    Guard,
    /// Only what an `allow` rule is about runs, and the bastion owns the line.
    Strict,
    /// Single commands and scripts on standard input: no shell, no terminal.
    ExecOnly,
}

impl Obligations {
    /// The obligations of two grants that both apply: whatever either asks for.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        Self {
            recording: self.recording.max(other.recording),
            keep_binary: self.keep_binary.max(other.keep_binary),
            mode: self.mode.max(other.mode),
        }
    }

    pub(super) fn read_keys(allow: &Table<'_, '_>) -> Self {
        let duties = [("required", RecordingDuty::Required), ("best-effort", RecordingDuty::BestEffort)];
        Self {
            recording: allow.or("recording", RecordingDuty::Required, |duty| duty.choice(&duties)),
            keep_binary: allow.or("keep_binary", KeptBinary::default(), KeptBinary::read),
            mode: allow.or("mode", SessionMode::default(), |mode| mode.choice(&SessionMode::WORDS)),
        }
    }
}

impl SessionMode {
    /// All modes with their words in rules, the mildest first.
    pub const WORDS: [(&'static str, Self); 4] =
        [("observe", Self::Observe), ("guard", Self::Guard), ("strict", Self::Strict), ("exec-only", Self::ExecOnly)];

    /// Its word in rules.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Guard => "guard",
            Self::Strict => "strict",
            Self::ExecOnly => "exec-only",
        }
    }
}

impl fmt::Display for SessionMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn obligations_combine_to_the_stricter() {
        use RecordingDuty::{BestEffort, Required};
        let none = KeptBinary::UpTo(0);
        let of = |recording, keep_binary| Obligations { recording, keep_binary, mode: SessionMode::Guard };
        assert_eq!(of(BestEffort, none).and(&of(Required, none)), of(Required, none));
        assert_eq!(of(Required, none).and(&of(BestEffort, KeptBinary::All)), of(Required, KeptBinary::All));
        assert_eq!(of(BestEffort, KeptBinary::UpTo(7)).and(&of(BestEffort, none)), of(BestEffort, KeptBinary::UpTo(7)));
        for (index, (_, milder)) in SessionMode::WORDS.into_iter().enumerate() {
            for (_, stricter) in SessionMode::WORDS.into_iter().skip(index) {
                let mode = |mode| Obligations { mode, ..of(Required, none) };
                assert_eq!(mode(milder).and(&mode(stricter)).mode, stricter);
                assert_eq!(mode(stricter).and(&mode(milder)).mode, stricter);
            }
        }
    }
}
