//! Recordings: session events to asciicast to object storage.
//!
//! The way of an event, in files:
//!
//! 1. [`event`]: what a session hands over; bytes are `Masked`.
//! 2. [`recording`]: takes the time and encodes it ([`asciicast::v3`], [`output`], [`utf8`]) into a buffer.
//! 3. `writer`: one thread moves the buffers of all recordings to their spool files, 50 ms later at most.
//! 4. `spool`: append-only local files; the truth until the object store has confirmed.
//! 5. `upload`: parts to the object store each second while the session runs.
//! 6. `seal`: at the end `session.cast` as a whole, then [`manifest`]; then parts and local copy go.
//! 7. [`recovery`]: at the next start, what a dead process left.
//! 8. [`read`]: the recording back, running or finished.
//!
//! What a crash loses: `kill -9` of the bastion, the events of the last 50 ms
//! (more only while the spool's disk is slower than the session); loss of the
//! machine or its disk, what the object store did not have yet: one second and
//! the time of an upload, while it answers.
//!
//! What nothing loses: a recording is removed from the spool only after the
//! object store confirmed `session.cast`, with the size that was sent, and its
//! manifest. Uploads are retried for ever.

pub mod asciicast;
pub mod clock;
pub mod error;
pub mod event;
pub mod id;
mod legible;
pub mod manifest;
pub mod output;
pub mod read;
pub mod recorder;
pub mod recording;
pub mod recovery;
mod seal;
mod spool;
pub mod storage;
mod upload;
pub mod utf8;
mod writer;

pub use asciicast::{Details, Header, v3::Mode};
pub use clock::{Clock, ManualClock, SystemClock};
pub use error::RecordError;
pub use event::{End, EventKind, ExitStatus};
pub use id::SessionId;
pub use manifest::Manifest;
pub use read::RecordingReader;
pub use recorder::{Notice, Recorder, RecorderSettings};
pub use recording::{Recording, Summary};
pub use recovery::{Recovered, Recovery};
pub use storage::{S3Settings, Storage, StorageSettings};
