//! Recordings: session events to asciicast to object storage.

pub mod id;

pub use id::SessionId;
