//! How a program ended: the `metav1.Status` on the error stream.
//!
//! ```json
//! {"metadata":{},"status":"Success"}
//! {"metadata":{},"status":"Failure","message":"…","reason":"NonZeroExitCode",
//!  "details":{"causes":[{"reason":"ExitCode","message":"7"}]}}
//! ```
//!
//! A program that could not be started, too, is a failure here and not in HTTP: without an exit code.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A status takes no more; what is longer is no status.
const MAX_STATUS_BYTES: usize = 64 * 1024;

const SUCCESS: &str = "Success";
const FAILURE: &str = "Failure";
const NON_ZERO_EXIT_CODE: &str = "NonZeroExitCode";
const EXIT_CODE: &str = "ExitCode";

/// How a remote command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandEnd {
    /// With this exit code.
    Code(u8),
    /// It did not run, or was lost: what kubectl prints.
    Failed(String),
}

/// Collects the status of a command, cut anywhere.
#[derive(Debug, Default)]
pub struct StatusReader {
    begun: Vec<u8>,
    text: Bytes,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Status {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    status: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    message: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    details: Option<StatusDetails>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Metadata {}

#[derive(Debug, Default, Serialize, Deserialize)]
struct StatusDetails {
    #[serde(default)]
    causes: Vec<Cause>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Cause {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
}

impl StatusReader {
    /// The end, once its status is complete.
    pub fn push(&mut self, bytes: &[u8]) -> Option<CommandEnd> {
        if self.begun.len() + bytes.len() > MAX_STATUS_BYTES {
            return None;
        }
        self.begun.extend_from_slice(bytes);
        let status: Status = serde_json::from_slice(&self.begun).ok()?;
        self.text = std::mem::take(&mut self.begun).into();
        Some(status.into())
    }

    /// The status that was complete last, as it was said.
    #[must_use]
    pub fn text(&self) -> &Bytes {
        &self.text
    }
}

impl CommandEnd {
    /// The status that says so.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let status = match self {
            Self::Code(0) => Status { status: SUCCESS.to_owned(), ..Status::default() },
            Self::Code(code) => Status {
                status: FAILURE.to_owned(),
                message: format!("command terminated with non-zero exit code: exit status {code}"),
                reason: NON_ZERO_EXIT_CODE.to_owned(),
                details: Some(StatusDetails {
                    causes: vec![Cause { reason: EXIT_CODE.to_owned(), message: code.to_string() }],
                }),
                ..Status::default()
            },
            Self::Failed(message) => Status {
                status: FAILURE.to_owned(),
                message: message.clone(),
                reason: "InternalError".to_owned(),
                code: Some(500),
                ..Status::default()
            },
        };
        serde_json::to_vec(&status).unwrap_or_default()
    }
}

/// Whether a text is the status of a command that did not run: what clients take neither for success nor for an exit
/// code.
#[must_use]
pub fn says_failed(text: &[u8]) -> bool {
    serde_json::from_slice::<Status>(text).is_ok_and(|status| matches!(status.into(), CommandEnd::Failed(_)))
}

impl From<Status> for CommandEnd {
    /// A failure without a readable exit code is never taken for success.
    fn from(status: Status) -> Self {
        if status.status == SUCCESS {
            return Self::Code(0);
        }
        let causes = status.details.unwrap_or_default().causes;
        let code = causes.iter().find(|cause| cause.reason == EXIT_CODE).and_then(|cause| cause.message.parse().ok());
        match code {
            Some(code) if code != 0 && status.reason == NON_ZERO_EXIT_CODE => Self::Code(code),
            Some(_) | None => Self::Failed(status.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the API server of 1.34 sent them.
    const EXIT_7: &str = r#"{"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code: exit status 7","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"7"}]}}"#;
    const NOT_FOUND: &str = r#"{"metadata":{},"status":"Failure","message":"Internal error occurred: no such file","reason":"InternalError","details":{"causes":[{"message":"no such file"}]},"code":500}"#;

    #[test]
    fn the_statuses_of_an_api_server_are_read_at_every_split() {
        for (text, end) in [
            (r#"{"metadata":{},"status":"Success"}"#, CommandEnd::Code(0)),
            (EXIT_7, CommandEnd::Code(7)),
            (NOT_FOUND, CommandEnd::Failed("Internal error occurred: no such file".to_owned())),
        ] {
            for cut in 1..text.len() {
                let mut reader = StatusReader::default();
                assert_eq!(reader.push(&text.as_bytes()[..cut]), None);
                assert_eq!(reader.push(&text.as_bytes()[cut..]), Some(end.clone()));
                assert_eq!(reader.text(), text);
            }
            assert_eq!(says_failed(text.as_bytes()), matches!(end, CommandEnd::Failed(_)));
        }
    }

    #[test]
    fn what_is_written_is_what_an_api_server_writes() {
        assert_eq!(CommandEnd::Code(0).encode(), br#"{"metadata":{},"status":"Success"}"#);
        assert_eq!(CommandEnd::Code(7).encode(), EXIT_7.as_bytes());
    }

    #[test]
    fn a_failure_is_never_success() {
        for text in [
            "{}",
            r#"{"status":"Failure","reason":"NonZeroExitCode"}"#,
            r#"{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"0"}]}}"#,
            r#"{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"256"}]}}"#,
            r#"{"status":"success"}"#,
        ] {
            let end = StatusReader::default().push(text.as_bytes());
            assert!(matches!(end, Some(CommandEnd::Failed(_))), "{text}: {end:?}");
        }
    }

    #[test]
    fn an_endless_status_is_not_kept() {
        let mut reader = StatusReader::default();
        for _ in 0..1000 {
            assert_eq!(reader.push(&[b'{'; 1024]), None);
        }
        assert!(reader.begun.len() <= MAX_STATUS_BYTES);
    }
}
