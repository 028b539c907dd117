//! Why recording cannot start or go on.

use std::{io, path::PathBuf, sync::Arc};

use crate::SessionId;

/// Why a recording cannot start or go on, or cannot be read.
///
/// After one of these from a running recording nothing more is recorded; what was recorded is kept and uploaded. Whether
/// the session goes on is for the session's policy to say.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RecordError {
    /// The session has a recording already.
    #[error("a recording of session {0} exists already")]
    AlreadyStarted(SessionId),
    /// The object store holds something else under a key of this recording.
    #[error("the object store holds another object as {key}")]
    Conflict {
        /// The object's key.
        key: String,
    },
    /// The spool file is not the recording that was written.
    #[error("the recording's spool is damaged: {reason}")]
    Damaged {
        /// What is wrong with it.
        reason: String,
    },
    /// The recording was finished before.
    #[error("the recording is finished")]
    Finished,
    /// Nothing is known about a recording of this session.
    #[error("there is no recording of session {0}")]
    NotFound(SessionId),
    /// More was recorded than the spool's disk takes, without waiting for [`Recording::ready`](crate::Recording::ready).
    #[error("more events came than the spool could take")]
    Overrun,
    /// The spool folder could not be used.
    #[error("the recording's spool {path} cannot be used: {source}")]
    Spool {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// The recordings in the spool take all the room that the settings give them.
    #[error("the recording spool is full: {limit} bytes wait for the object store")]
    SpoolFull {
        /// The setting.
        limit: u64,
    },
    /// The disk of the spool is nearly full.
    #[error("the disk of the recording spool is nearly full: less than {floor} bytes are free")]
    DiskFull {
        /// How much is kept free.
        floor: u64,
    },
    /// The object store did not answer or refused.
    #[error("the object store of the recordings does not answer: {reason}")]
    Storage {
        /// What it said.
        reason: String,
    },
}

impl RecordError {
    pub(crate) fn spool(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Spool { path: path.into(), source: Arc::new(source) }
    }

    pub(crate) fn storage(error: &object_store::Error) -> Self {
        Self::Storage { reason: error.to_string() }
    }
}
