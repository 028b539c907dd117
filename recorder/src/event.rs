//! What a session hands to its recording.

use mask::{Masked, WindowSize};
use serde::{Deserialize, Serialize};

/// One thing that happened in a session. The recording takes the time itself.
///
/// Session bytes are [`Masked`], so unmasked bytes cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// Bytes that the target wrote to standard output (code `o`).
    Output(Masked),
    /// Bytes that the target wrote to standard error (code `o`, marked as stderr).
    Stderr(Masked),
    /// What the user typed (code `i`). Not recorded unless the policy asks for it.
    Input(Masked),
    /// The terminal's new size (code `r`).
    Resize(WindowSize),
    /// A label on the time line (code `m`): a command, a decision, a note. Never session bytes.
    Marker(String),
    /// The program ended (code `x`). Written at the end of the recording, because output may still follow.
    Exit(ExitStatus),
}

/// How a program ended (RFC 4254 §6.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitStatus {
    /// `exit-status`.
    Code(u32),
    /// `exit-signal`: the signal's name without `SIG`.
    Signal(String),
}

impl ExitStatus {
    /// The status as a shell shows it in `$?`: 128 + n for a signal, 128 for one without a known number.
    #[must_use]
    pub fn shell_code(&self) -> u32 {
        match self {
            Self::Code(code) => *code,
            Self::Signal(name) => 128 + signal_number(name),
        }
    }
}

/// Why a recording ends; stands in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum End {
    /// The bastion stopped, or stopped recording, before the session ended; what followed is not in the recording.
    CutOff {
        /// What is known about it.
        reason: String,
    },
    /// The user's or the target's connection went away first.
    Disconnected {
        /// Which one, in words.
        reason: String,
    },
    /// The program ended by itself with this status.
    Exited {
        /// Its exit status.
        status: u32,
    },
    /// The program was ended by a signal.
    Signalled {
        /// The signal's name without `SIG` (RFC 4254 §6.10).
        signal: String,
    },
    /// The bastion ended the session.
    Terminated {
        /// Why.
        reason: String,
    },
}

impl From<&ExitStatus> for End {
    fn from(status: &ExitStatus) -> Self {
        match status {
            ExitStatus::Code(status) => Self::Exited { status: *status },
            ExitStatus::Signal(signal) => Self::Signalled { signal: signal.clone() },
        }
    }
}

/// The signals that RFC 4254 §6.10 names, with their POSIX or Linux numbers.
fn signal_number(name: &str) -> u32 {
    match name {
        "HUP" => 1,
        "INT" => 2,
        "QUIT" => 3,
        "ILL" => 4,
        "ABRT" => 6,
        "FPE" => 8,
        "KILL" => 9,
        "USR1" => 10,
        "SEGV" => 11,
        "USR2" => 12,
        "PIPE" => 13,
        "ALRM" => 14,
        "TERM" => 15,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_becomes_the_status_that_a_shell_shows() {
        assert_eq!(ExitStatus::Code(3).shell_code(), 3);
        assert_eq!(ExitStatus::Signal("TERM".into()).shell_code(), 143);
        assert_eq!(ExitStatus::Signal("XYZ@example.com".into()).shell_code(), 128);
    }
}
