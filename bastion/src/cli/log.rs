//! The log of a server, on stderr. Logging never waits for who reads it.
//!
//! Lines go through a bounded queue to a thread of their own. When nobody reads (a pipe that is full, a disk that
//! hangs) the queue fills, and what comes then is counted and dropped; the count is logged as soon as lines go out
//! again. At the end of the process what is queued has a moment to go out.

use std::{
    collections::VecDeque,
    io::{self, IsTerminal as _, Write},
    mem, panic,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use config::{LogFormat, Telemetry};
use tracing::{Dispatch, dispatcher};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// Logs to stderr from now on. What is queued when this is dropped has [`FLUSH_LIMIT`] to go out.
#[must_use]
pub(super) struct Log(Arc<LineQueue>);

/// Lines on their way to a writer.
#[derive(Debug, Default)]
struct LineQueue {
    state: Mutex<QueueState>,
    /// There are lines, or the end is near.
    filled: Condvar,
    /// All lines are written.
    drained: Condvar,
}

#[derive(Debug, Default)]
struct QueueState {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Lines that found no room, or could not be written.
    dropped: u64,
    /// A line is being written.
    writing: bool,
}

/// Puts each line into the queue.
#[derive(Clone)]
struct LineSink(Arc<LineQueue>);

impl Log {
    /// Logs as the settings say. stdout is for answers.
    pub(super) fn to_stderr(telemetry: &Telemetry) -> io::Result<Self> {
        let queue = Arc::new(LineQueue::default());
        // The writer's own lines do not go through the queue.
        let own = dispatch(telemetry, io::stderr);
        let lines = Arc::clone(&queue);
        thread::Builder::new().name("log".to_owned()).spawn(move || {
            dispatcher::with_default(&own, || lines.write_to(&mut io::stderr()));
        })?;
        // Fails only when a log is set up already, as in tests.
        let _ = dispatcher::set_global_default(dispatch(telemetry, LineSink(Arc::clone(&queue))));
        // The usual hook writes to stderr itself, and would wait for its reader.
        panic::set_hook(Box::new(|panic| tracing::error!(%panic, "panic")));
        Ok(Self(queue))
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let state = self.0.lock();
        let _ = self.0.drained.wait_timeout_while(state, FLUSH_LIMIT, |state| !state.lines.is_empty() || state.writing);
    }
}

fn dispatch<W>(telemetry: &Telemetry, writer: W) -> Dispatch
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&telemetry.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(io::stderr().is_terminal()).with_writer(writer);
    match telemetry.format {
        LogFormat::Json => log.json().into(),
        LogFormat::Text => log.into(),
    }
}

impl LineQueue {
    fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.bytes + line.len() > MAX_BYTES {
            state.dropped += 1;
            return;
        }
        state.bytes += line.len();
        state.lines.push_back(line.to_owned());
        drop(state);
        self.filled.notify_one();
    }

    /// Writes lines for ever.
    fn write_to(&self, writer: &mut impl Write) {
        loop {
            let line = self.next();
            let written = writer.write_all(&line).and_then(|()| writer.flush());
            let mut state = self.lock();
            if written.is_err() {
                state.dropped += 1;
                continue;
            }
            let dropped = mem::take(&mut state.dropped);
            drop(state);
            if dropped > 0 {
                tracing::error!(dropped, "log lines were dropped, because they were not read in time");
            }
        }
    }

    /// The next line, once there is one.
    fn next(&self) -> Vec<u8> {
        let mut state = self.lock();
        state.writing = false;
        loop {
            if let Some(line) = state.lines.pop_front() {
                state.bytes -= line.len();
                state.writing = true;
                return line;
            }
            self.drained.notify_all();
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for LineSink {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LineSink {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Lines that wait to be written: some three thousand.
const MAX_BYTES: usize = 512 * 1024;

/// How long the end of the process waits for lines to be written.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Takes a write each time it is let, and shows what was written.
    struct Pipe {
        let_in: mpsc::Receiver<()>,
        written: mpsc::Sender<String>,
    }

    impl Write for Pipe {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.let_in.recv().map_err(io::Error::other)?;
            self.written.send(String::from_utf8_lossy(line).into_owned()).map_err(io::Error::other)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_nobody_reads_is_counted_and_not_waited_for() {
        let queue = Arc::new(LineQueue::default());
        let (let_in, gate) = mpsc::channel();
        let (written, shown) = mpsc::channel();
        let mut pipe = Pipe { let_in: gate, written };
        let lines = Arc::clone(&queue);
        let (said, report) = mpsc::sync_channel(100);
        let own = tracing_subscriber::fmt().json().with_writer(move || Report(said.clone())).finish();
        thread::spawn(move || dispatcher::with_default(&own.into(), || lines.write_to(&mut pipe)));

        // More than the queue holds, while nothing is read: none of these waits.
        let line = [b'x'; 1024];
        let pushed = 3 * MAX_BYTES / line.len();
        for _ in 0..pushed {
            queue.push(&line);
        }
        assert!(queue.lock().bytes <= MAX_BYTES);
        let dropped = usize::try_from(queue.lock().dropped).unwrap();
        assert!(dropped >= pushed / 2, "{dropped}");

        // It is read again: first the count, then what was kept, and nothing is lost any more.
        let_in.send(()).unwrap();
        let report = report.recv_timeout(SOON).unwrap();
        assert!(report.contains(&format!("\"dropped\":{dropped}")), "{report}");
        for _ in dropped..pushed {
            let_in.send(()).unwrap();
            assert_eq!(shown.recv_timeout(SOON).unwrap().len(), line.len());
        }
        queue.push(b"last");
        assert_eq!(shown.recv_timeout(SOON).unwrap(), "last");
    }

    const SOON: Duration = Duration::from_secs(20);

    struct Report(mpsc::SyncSender<String>);

    impl Write for Report {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.send(String::from_utf8_lossy(line).into_owned()).map_err(io::Error::other)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
