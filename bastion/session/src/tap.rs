//! Output side: what the target sends is masked, recorded, and only then shown; and so is what the bastion itself says
//! while a session runs.
//!
//! The recorder and the user's leg get the same [`Masked`] bytes; nothing else of the output leaves this file.

use std::future;

use bytes::{Bytes, BytesMut};
use mask::{Masked, Masker, WindowSize, visible};
use recorder::{EventKind, ExitStatus, RecordError, Recording};

use super::terminal::{Failure, OutputStream};

/// The tap of one session.
#[derive(Debug)]
pub struct Tap {
    stdout: Masker,
    stderr: Masker,
    drawn: Masker,
    recording: Option<Recording>,
    /// Whether the session may not go on without its recording.
    required: bool,
    output_bytes: u64,
}

impl Tap {
    /// A tap that records to `recording`. `None` is for a best-effort recording that could not start.
    #[must_use]
    pub fn new(recording: Option<Recording>, required: bool) -> Self {
        Self {
            stdout: Masker::new(),
            stderr: Masker::new(),
            drawn: Masker::new(),
            recording,
            required,
            output_bytes: 0,
        }
    }

    /// Masks and records output.
    ///
    /// # Errors
    ///
    /// When it had to be recorded and could not be: then it must not be shown.
    pub fn output(&mut self, stream: OutputStream, data: Bytes) -> Result<Masked, RecordError> {
        self.output_bytes += data.len() as u64;
        let masked = self.masker(stream).feed(data);
        self.record_output(stream, masked)
    }

    /// Masks and records what the bastion draws: the line that is edited in the mode strict.
    ///
    /// # Errors
    ///
    /// As [`Tap::output`].
    pub fn drawn(&mut self, data: Bytes) -> Result<Masked, RecordError> {
        let masked = self.drawn.feed(data);
        self.record_output(OutputStream::Stdout, masked)
    }

    /// Masks what the bastion itself says to the user, and records it if it can.
    pub fn said(&mut self, stream: OutputStream, words: Bytes) -> Bytes {
        let mut shown = BytesMut::with_capacity(words.len());
        for masked in masked_whole(words) {
            shown.extend_from_slice(masked.bytes());
            // Whoever waits for `failed` learns of it.
            let _ = self.record_output(stream, masked);
        }
        shown.freeze()
    }

    /// Ends the output: what the masker held back.
    ///
    /// # Errors
    ///
    /// As [`Tap::output`].
    pub fn end_of_output(&mut self, stream: OutputStream) -> Result<Masked, RecordError> {
        let masked = self.masker(stream).finish();
        self.record_output(stream, masked)
    }

    /// Masks what a target says of a program that did not run, and records its words as the output that they are.
    ///
    /// # Errors
    ///
    /// As [`Tap::output`].
    pub fn failure(&mut self, failure: Failure) -> Result<Failure, RecordError> {
        let Failure { words, stream, exact } = failure;
        self.output_bytes += words.len() as u64;
        let mut shown = BytesMut::with_capacity(words.len());
        for masked in masked_whole(words) {
            shown.extend_from_slice(self.record_output(stream, masked)?.bytes());
        }
        let exact = masked_whole(exact).iter().flat_map(|masked| masked.bytes().to_vec()).collect();
        Ok(Failure { words: shown.freeze(), stream, exact })
    }

    /// Records what the bastion itself tells the user, or a new size, or the exit status.
    ///
    /// # Errors
    ///
    /// When it had to be recorded and could not be.
    pub fn note(&mut self, event: Note) -> Result<(), RecordError> {
        self.record(match event {
            Note::Exit(status) => EventKind::Exit(status),
            Note::Marker(text) => EventKind::Marker(text),
            Note::Resize(size) => EventKind::Resize(size),
        })
    }

    /// Whether the recording takes more events now.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.recording.as_ref().is_none_or(Recording::has_room)
    }

    /// Waits until the recording takes more events, or has failed.
    pub async fn room(&self) {
        if let Some(recording) = &self.recording {
            // A failure is reported by `failed`, which waits beside this.
            let _ = recording.ready().await;
        }
    }

    /// Resolves when the recording cannot go on; never when there is none.
    pub async fn failed(&self) -> RecordError {
        match &self.recording {
            Some(recording) => recording.failed().await,
            None => future::pending().await,
        }
    }

    /// Goes on without the recording if that is allowed, and says whether it is.
    pub fn abandon_recording(&mut self) -> bool {
        if !self.required {
            self.recording = None;
        }
        !self.required
    }

    /// Bytes of output that the target sent so far.
    #[must_use]
    pub fn output_bytes(&self) -> u64 {
        self.output_bytes
    }

    /// Gives the recording up to be finished.
    pub fn into_recording(self) -> Option<Recording> {
        self.recording
    }

    fn masker(&mut self, stream: OutputStream) -> &mut Masker {
        match stream {
            OutputStream::Stderr => &mut self.stderr,
            OutputStream::Stdout => &mut self.stdout,
        }
    }

    fn record_output(&mut self, stream: OutputStream, masked: Masked) -> Result<Masked, RecordError> {
        if !masked.bytes().is_empty() {
            self.record(match stream {
                OutputStream::Stderr => EventKind::Stderr(masked.clone()),
                OutputStream::Stdout => EventKind::Output(masked.clone()),
            })?;
        }
        Ok(masked)
    }

    fn record(&mut self, event: EventKind) -> Result<(), RecordError> {
        match &mut self.recording {
            Some(recording) => recording.record(event),
            None => Ok(()),
        }
    }
}

/// What is a stream of its own.
fn masked_whole(text: Bytes) -> [Masked; 2] {
    let mut masker = Masker::new();
    let head = masker.feed(text);
    [head, masker.finish()]
}

/// A command line as it may be stored: masked, and readable.
pub(super) fn masked_text(command: Bytes) -> String {
    masked_whole(command).iter().map(|part| String::from_utf8_lossy(part.bytes()).into_owned()).collect()
}

/// A command line as people read it outside the terminal that it was typed into: masked, with everything named that
/// is not shown as what it is.
pub(super) fn shown(command: impl Into<Bytes>) -> String {
    visible(masked_text(command.into()).as_bytes())
}

/// What is recorded besides output.
#[derive(Debug)]
pub enum Note {
    /// How the program ended.
    Exit(ExitStatus),
    /// Words of the bastion: never session content.
    Marker(String),
    /// The terminal's new size.
    Resize(WindowSize),
}
