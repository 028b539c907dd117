//! [`CommandError`]: how a command fails, what the person reads, and the exit code.

use std::io;
use std::process::ExitCode;

use super::shown::visible;

/// Why a command did not do what it was asked. Messages say what to do next.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A rule blocks it.
    #[error("blocked: {0}")]
    Blocked(String),
    /// Something on this machine, or inside the server, went wrong.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
    /// There is no login, or it ended.
    #[error("not logged in: {reason}; run \"bastion login{}\"", url.as_ref().map(|url| format!(" {url}")).unwrap_or_default())]
    NotLoggedIn {
        /// What is missing.
        reason: String,
        /// The server to log in to, where it is known.
        url: Option<String>,
    },
    /// The server understood and said no.
    #[error("{0}")]
    Refused(String),
    /// The server did not answer.
    #[error("cannot reach {server}: {reason}")]
    Unreachable {
        /// The address that was tried.
        server: String,
        /// What went wrong, and what to do about it.
        reason: String,
    },
    /// Nobody approved it in time.
    #[error("{0}")]
    Unapproved(String),
    /// The command line asks for something that makes no sense.
    #[error("{0}")]
    Usage(String),
}

impl CommandError {
    /// The exit code, as docs/agents.md has it.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Failed(_) | Self::Refused(_) => 1,
            Self::Usage(_) => 2,
            Self::NotLoggedIn { .. } => 3,
            Self::Unapproved(_) => 4,
            Self::Blocked(_) => 5,
            Self::Unreachable { .. } => 255,
        }
    }

    /// Tells the person on stderr, and gives the exit code. A reader who left early (`| head`)
    /// is told nothing: nobody would see it.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        if !self.is_closed_pipe() {
            eprintln!("bastion: {}", visible(&self.to_string()));
        }
        ExitCode::from(self.code())
    }

    fn is_closed_pipe(&self) -> bool {
        let Self::Failed(error) = self else { return false };
        error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_the_documented_table() {
        let not_logged_in = CommandError::NotLoggedIn { reason: "the login ended".into(), url: None };
        let unreachable = CommandError::Unreachable { server: "s".into(), reason: "r".into() };
        let table = [
            (CommandError::Failed(anyhow::anyhow!("x")), 1),
            (CommandError::Refused("x".into()), 1),
            (CommandError::Usage("x".into()), 2),
            (not_logged_in, 3),
            (CommandError::Unapproved("x".into()), 4),
            (CommandError::Blocked("x".into()), 5),
            (unreachable, 255),
        ];
        for (error, code) in table {
            assert_eq!(error.code(), code, "{error}");
        }
    }

    #[test]
    fn a_missing_login_says_the_command_to_type() {
        let error =
            CommandError::NotLoggedIn { reason: "the login ended".into(), url: Some("https://b.example".into()) };
        assert_eq!(error.to_string(), "not logged in: the login ended; run \"bastion login https://b.example\"");
    }
}
