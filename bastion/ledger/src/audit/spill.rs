//! [`Spill`]: events that the store has not taken yet, in a file: one JSON object a line, in order, behind a first
//! line with the name of their queue. A crash can cut the last line off; that event is lost and the file is not.
//! Lines that the store has taken stay until all of them are; the store knows by their numbers (and the queue's
//! name) what it has.

use std::{
    io::{self, BufRead as _, BufReader, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::queued::QueuedEvent;

/// Events on disk.
#[derive(Debug)]
pub(super) struct Spill {
    file: std::fs::File,
    queue: String,
    /// Where the last whole line ends.
    end: u64,
    /// Where the first line begins that the store has not taken.
    head: u64,
    /// How many lines there are from there on.
    waiting: u64,
    /// The number of the last event that was ever put in.
    last: u64,
    /// When the first event of those that wait happened.
    since: Option<Timestamp>,
}

/// The first line.
#[derive(Serialize, Deserialize)]
struct Heading {
    queue: String,
}

/// Events from the head of the file.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) events: Vec<QueuedEvent>,
    /// Lines, readable or not.
    lines: u64,
    /// Where they end.
    end: u64,
}

impl Spill {
    /// Opens the file at `path`, or makes it. What an earlier run left in it waits.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = std::fs::OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        let mut spill = Self { file, queue: String::new(), end: 0, head: 0, waiting: 0, last: 0, since: None };
        spill.read_left_over()?;
        if spill.queue.is_empty() {
            spill.queue = Uuid::now_v7().to_string();
        }
        Ok(spill)
    }

    fn read_left_over(&mut self) -> io::Result<()> {
        let mut reader = BufReader::new(&self.file);
        let mut line = Vec::new();
        let mut end = 0;
        while reader.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
            end += length(&line);
            if self.queue.is_empty() {
                let Ok(Heading { queue }) = serde_json::from_slice(&line) else { break };
                self.queue = queue;
                self.head = end;
            } else {
                if let Ok(event) = serde_json::from_slice::<QueuedEvent>(&line) {
                    self.last = self.last.max(event.number);
                    self.since.get_or_insert(event.at);
                }
                self.waiting += 1;
            }
            self.end = end;
            line.clear();
        }
        if self.waiting == 0 {
            self.queue.clear();
            (self.head, self.end) = (0, 0);
        }
        self.file.set_len(self.end)
    }

    /// The name of the queue.
    pub(super) fn queue(&self) -> &str {
        &self.queue
    }

    /// The number of the last event that was ever put in.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// How many events wait here.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting
    }

    /// When the first of them happened, of those that an earlier run left.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// How large it is.
    pub(super) fn bytes(&self) -> u64 {
        self.end
    }

    /// Puts events in, all or none.
    pub(super) fn append<'e>(&mut self, events: impl Iterator<Item = &'e QueuedEvent>) -> io::Result<()> {
        let mut lines = Vec::new();
        let (mut count, mut last) = (0, self.last);
        if self.end == 0 {
            put_line(&mut lines, &Heading { queue: self.queue.clone() })?;
        }
        let heading = length(&lines);
        for event in events {
            put_line(&mut lines, event)?;
            (count, last) = (count + 1, last.max(event.number));
        }
        if let Err(error) = self.file.write_all(&lines) {
            // Half a line must not stand before the next one.
            self.file.set_len(self.end)?;
            return Err(error);
        }
        if self.end == 0 {
            self.head = heading;
        }
        self.end += length(&lines);
        self.waiting += count;
        self.last = last;
        Ok(())
    }

    /// At most `most` events from the head. They stay until [`Self::taken`].
    pub(super) fn head(&self, most: usize) -> io::Result<Batch> {
        let mut file = &self.file;
        file.seek(io::SeekFrom::Start(self.head))?;
        let mut reader = BufReader::new(file);
        let mut batch = Batch { events: Vec::new(), lines: 0, end: self.head };
        let mut line = Vec::new();
        while batch.events.len() < most && batch.end < self.end {
            line.clear();
            reader.read_until(b'\n', &mut line)?;
            if line.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match serde_json::from_slice(&line) {
                Ok(event) => batch.events.push(event),
                Err(error) => tracing::error!(%error, at = batch.end, "a line of the waiting audit events is damaged"),
            }
            batch.lines += 1;
            batch.end += length(&line);
        }
        Ok(batch)
    }

    /// The store has taken a batch.
    pub(super) fn taken(&mut self, batch: &Batch) -> io::Result<()> {
        self.head = batch.end;
        self.waiting = self.waiting.saturating_sub(batch.lines);
        if self.head >= self.end {
            self.file.set_len(0)?;
            (self.head, self.end, self.waiting, self.since) = (0, 0, 0, None);
        }
        Ok(())
    }
}

fn put_line(lines: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *lines, value)?;
    lines.push(b'\n');
    Ok(())
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::AuditEvent;

    fn event(number: u64) -> QueuedEvent {
        let at = Timestamp::from_second(i64::try_from(number).unwrap()).unwrap();
        QueuedEvent { number, at, event: AuditEvent::LoginFailed { reason: number.to_string(), source: "x".into() } }
    }

    fn numbers(batch: &Batch) -> Vec<u64> {
        batch.events.iter().map(|event| event.number).collect()
    }

    #[test]
    fn events_come_out_in_order_and_the_file_is_empty_then() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("waiting");
        let mut spill = Spill::open(&path).unwrap();
        spill.append([1, 2, 3].map(event).iter()).unwrap();
        let first = spill.head(2).unwrap();
        assert_eq!(numbers(&first), [1, 2]);
        assert_eq!(numbers(&spill.head(2).unwrap()), [1, 2], "until they are taken");
        spill.taken(&first).unwrap();
        spill.append([event(4)].iter()).unwrap();
        let rest = spill.head(9).unwrap();
        assert_eq!((numbers(&rest), spill.waiting()), (vec![3, 4], 2));
        spill.taken(&rest).unwrap();
        assert_eq!((spill.waiting(), std::fs::metadata(&path).unwrap().len()), (0, 0));
        spill.append([event(5)].iter()).unwrap();
        assert_eq!(numbers(&spill.head(9).unwrap()), [5]);
    }

    #[test]
    fn what_a_crash_left_is_there_without_the_line_that_it_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("waiting");
        let mut spill = Spill::open(&path).unwrap();
        spill.append([7, 8].map(event).iter()).unwrap();
        let queue = spill.queue().to_owned();
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let mut spill = Spill::open(&path).unwrap();
            let left = numbers(&spill.head(9).unwrap());
            assert!([7, 8].starts_with(&left), "{left:?}");
            spill.append([event(9)].iter()).unwrap();
            let all = Spill::open(&path).unwrap();
            assert_eq!(numbers(&all.head(9).unwrap()), [left.as_slice(), &[9]].concat(), "cut at {cut}");
        }
        std::fs::write(&path, &whole).unwrap();
        let spill = Spill::open(&path).unwrap();
        assert_eq!((spill.queue(), spill.last(), spill.waiting()), (queue.as_str(), 8, 2));
        assert_eq!(spill.since(), Some(event(7).at));
    }

    #[test]
    fn a_damaged_line_takes_no_other_along() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("waiting");
        Spill::open(&path).unwrap().append([1, 2, 3].map(event).iter()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap().replacen("\"number\":2", "\"nu\u{0}ber\":2", 1);
        std::fs::write(&path, text).unwrap();
        let mut spill = Spill::open(&path).unwrap();
        let batch = spill.head(9).unwrap();
        assert_eq!(numbers(&batch), [1, 3]);
        spill.taken(&batch).unwrap();
        assert_eq!(spill.waiting(), 0);
    }
}
