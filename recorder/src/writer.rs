//! The one thread that moves what was recorded to the spool.
//!
//! It sleeps without a timer while nothing is recorded. After the first event
//! it lingers a little, so that a person who types costs a few writes a second
//! and not one for each key; a buffer that fills up fast is written at once.

use std::{
    io::{self, Write as _},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::RecordError,
    event::End,
    recorder::Core,
    recording::{RecordingState, Tape},
    spool::RESERVE,
};

/// How long an event may wait in memory: after a `kill -9` it is lost.
pub(crate) const LINGER: Duration = Duration::from_millis(50);

/// The recordings that have something to write.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    work: Mutex<Work>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Work {
    /// Each recording stands here at most twice: once when its buffer is no longer empty, once when it is urgent.
    waiting: Vec<Arc<Tape>>,
    urgent: bool,
    stop: bool,
}

impl Writer {
    /// Starts the thread. It ends when [`Writer::stop`] was called and nothing waits any more.
    pub(crate) fn start(self: &Arc<Self>, core: Weak<Core>) -> io::Result<()> {
        let writer = Arc::clone(self);
        thread::Builder::new().name("recorder-spool".into()).spawn(move || writer.run(&core))?;
        Ok(())
    }

    pub(crate) fn push(&self, tape: &Arc<Tape>, urgent: bool) {
        let mut work = self.work();
        work.waiting.push(Arc::clone(tape));
        work.urgent |= urgent;
        // The thread waits only for the first of these: once it lingers, only for an urgent one.
        if urgent || work.waiting.len() == 1 {
            self.wake.notify_one();
        }
    }

    pub(crate) fn stop(&self) {
        self.work().stop = true;
        self.wake.notify_one();
    }

    fn run(&self, core: &Weak<Core>) {
        while let Some(waiting) = self.next() {
            let Some(core) = core.upgrade() else { return };
            for tape in waiting {
                write(&core, &tape);
            }
        }
    }

    fn next(&self) -> Option<Vec<Arc<Tape>>> {
        let mut work = self.work();
        while work.waiting.is_empty() {
            if work.stop {
                return None;
            }
            work = self.wake.wait(work).unwrap_or_else(PoisonError::into_inner);
        }
        let until = Instant::now() + LINGER;
        while !work.urgent && !work.stop {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else { break };
            work = self.wake.wait_timeout(work, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        work.urgent = false;
        Some(mem::take(&mut work.waiting))
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what one recording has in memory, and its end if it ended.
fn write(core: &Arc<Core>, tape: &Arc<Tape>) {
    let (mut lines, end) = {
        let mut state = tape.state();
        state.queued = false;
        state.urgent = false;
        if state.ended || (state.failure.is_some() && state.end.is_none()) {
            return;
        }
        (mem::take(&mut state.buffer), state.end.clone())
    };
    let written = append(core, tape, &lines);
    {
        let mut state = tape.state();
        match written {
            Ok(()) => state.written += lines.len() as u64,
            Err(error) => {
                // Kept for one more try at the end, when there may be room again.
                lines.append(&mut state.buffer);
                state.buffer = lines;
                tracing::error!(session.id = %tape.id, %error, "a recording cannot be written to the spool");
                state.failure.get_or_insert(error);
            }
        }
    }
    if let Some(end) = end {
        write_end(core, tape, end);
    }
    tape.tell();
    core.upload_if_needed(tape);
}

/// All or nothing: what a failed write left is cut off again, so that the file always ends at a whole line.
fn append(core: &Core, tape: &Tape, lines: &[u8]) -> Result<(), RecordError> {
    if lines.is_empty() {
        return Ok(());
    }
    let (written, reserved) = {
        let state = tape.state();
        (state.written, state.reserved)
    };
    let (space, length) = (&core.spool.space, lines.len() as u64);
    let end = written + length;
    if end <= reserved { space.take_reserved(length) } else { space.take(length) }?;
    let mut file = &tape.file;
    file.write_all(lines).map_err(|error| {
        space.give_back(length);
        cut(tape, written);
        RecordError::spool(core.spool.folder(tape.id), error)
    })?;
    if reserved < end + RESERVE / 2 {
        let further = core.spool.reserve(&tape.file, end);
        tape.state().reserved = reserved.max(further);
    }
    Ok(())
}

/// Ends the file where it is whole, and gives back what is reserved behind that.
fn cut(tape: &Tape, whole: u64) {
    tape.state().reserved = 0;
    if let Err(error) = tape.file.set_len(whole) {
        tracing::error!(session.id = %tape.id, %error, "half a line stays in the spool until the next start");
    }
}

fn write_end(core: &Core, tape: &Tape, end: End) {
    let (end, size) = {
        let mut state = tape.state();
        let size = state.written;
        let RecordingState { buffer, failure, end: kept, .. } = &mut *state;
        let end = match failure {
            // What came after the failure was refused.
            Some(failure) => End::CutOff { reason: format!("recording failed: {failure}") },
            None => end,
        };
        *buffer = Vec::new();
        *kept = Some(end.clone());
        (end, size)
    };
    cut(tape, size);
    if let Err(error) = core.spool.write_end(tape.id, &end, size) {
        // The end is known here as long as this process lives; after a crash the recording counts as cut off.
        tracing::error!(session.id = %tape.id, %error, "the end of a recording cannot be written to the spool");
    }
    tape.state().ended = true;
}
