//! The spool: local files that are the truth until the object store has confirmed.
//!
//! ```text
//! <spool>/lock                              held while a process enters, or takes over a dead one's folder
//!        /<run>/lock                        held by a living process as long as it lives
//!        /<run>/<session-id>/session.cast   append-only; whole lines
//!        /<run>/<session-id>/end.json       written once, when nothing more will be appended
//!        /quarantine/<session-id>…          what could not be uploaded, once; nobody touches it again
//! ```
//!
//! Locks are `flock`s, which the kernel gives back when a process dies. Data is
//! handed to the kernel at once but not forced to the disk: it survives the
//! death of the process, and what a power failure may take is bounded by the
//! parts in the object store.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::fs::{FallocateFlags, fallocate};
use uuid::Uuid;

use crate::{SessionId, error::RecordError, event::End};

/// This process's part of the spool.
#[derive(Debug)]
pub(crate) struct Spool {
    dir: PathBuf,
    run: PathBuf,
    pub(crate) space: Space,
    /// Held as long as this lives.
    _lock: File,
}

impl Spool {
    pub(crate) fn open(dir: &Path, limit: u64, floor: u64) -> Result<Self, RecordError> {
        make_dir(dir)?;
        let _entry = lock(&dir.join("lock"))?;
        let run = dir.join(Uuid::now_v7().to_string());
        make_dir(&run)?;
        let own = lock(&run.join("lock"))?;
        let space = Space { dir: dir.to_owned(), used: AtomicU64::new(0), limit, floor };
        Ok(Self { dir: dir.to_owned(), run, space, _lock: own })
    }

    /// The folder of a recording.
    pub(crate) fn folder(&self, id: SessionId) -> PathBuf {
        self.run.join(id.to_string())
    }

    /// Makes the folder and the empty file of a new recording.
    pub(crate) fn create(&self, id: SessionId) -> Result<File, RecordError> {
        let folder = self.folder(id);
        DirBuilder::new().mode(0o700).create(&folder).map_err(|error| {
            let exists = error.kind() == io::ErrorKind::AlreadyExists;
            if exists { RecordError::AlreadyStarted(id) } else { RecordError::spool(&folder, error) }
        })?;
        let path = folder.join(CAST);
        let options = OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(&path);
        options.map_err(|error| RecordError::spool(path, error))
    }

    /// Takes room on the disk for what a recording writes behind `written` (see [`RESERVE`]), and says how far it
    /// reaches: as far as is written where there is none, or where the file system cannot.
    pub(crate) fn reserve(&self, file: &File, written: u64) -> u64 {
        let has_room = self.space.check(RESERVE).is_ok();
        let reserved = has_room && fallocate(file, FallocateFlags::KEEP_SIZE, written, RESERVE).is_ok();
        if reserved { written + RESERVE } else { written }
    }

    /// Whether a recording could start: there is room, and the folder takes a file.
    pub(crate) fn probe(&self) -> Result<(), RecordError> {
        self.space.check(0)?;
        let path = self.run.join("probe");
        fs::write(&path, "x").and_then(|()| fs::remove_file(&path)).map_err(|error| RecordError::spool(path, error))
    }

    /// Opens the file of a recording that was taken over.
    pub(crate) fn reopen(&self, id: SessionId) -> Result<File, RecordError> {
        let path = self.folder(id).join(CAST);
        OpenOptions::new().read(true).append(true).open(&path).map_err(|error| RecordError::spool(path, error))
    }

    /// Opens another handle of a recording's file, for reading.
    pub(crate) fn reader(&self, id: SessionId) -> Result<File, RecordError> {
        let path = self.folder(id).join(CAST);
        File::open(&path).map_err(|error| RecordError::spool(path, error))
    }

    /// Says that nothing will be appended to the `size` bytes there are. Replaces the file in one step.
    pub(crate) fn write_end(&self, id: SessionId, end: &End, size: u64) -> Result<(), RecordError> {
        let folder = self.folder(id);
        let draft = folder.join("end.json.draft");
        let write = || {
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
            file.write_all(&serde_json::to_vec(&(end, size))?)?;
            fs::rename(&draft, folder.join(END))
        };
        write().map_err(|error| RecordError::spool(&folder, error))
    }

    /// How a recording ended and the size it had, if that was written.
    pub(crate) fn read_end(&self, id: SessionId) -> Option<(End, u64)> {
        serde_json::from_slice(&fs::read(self.folder(id).join(END)).ok()?).ok()
    }

    /// Removes a recording that the object store has.
    pub(crate) fn remove(&self, id: SessionId, size: u64) -> Result<(), RecordError> {
        self.space.give_back(size);
        let folder = self.folder(id);
        fs::remove_dir_all(&folder).map_err(|error| RecordError::spool(folder, error))
    }

    /// Puts a recording aside for good, and says where.
    pub(crate) fn quarantine(&self, id: SessionId) -> Result<PathBuf, RecordError> {
        let aside = self.dir.join(QUARANTINE);
        make_dir(&aside)?;
        let mut place = aside.join(id.to_string());
        if place.exists() {
            place = aside.join(format!("{id}-{}", Uuid::now_v7()));
        }
        fs::rename(self.folder(id), &place).map_err(|error| RecordError::spool(&place, error))?;
        Ok(place)
    }

    /// Takes over the recordings of processes that are dead: they are ours from here.
    pub(crate) fn adopt(&self) -> Result<Vec<SessionId>, RecordError> {
        let _entry = lock(&self.dir.join("lock"))?;
        let mut adopted = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(|error| RecordError::spool(&self.dir, error))?.flatten() {
            let run = entry.path();
            let name = entry.file_name();
            if run == self.run || name.to_str().is_none_or(|name| name.parse::<Uuid>().is_err()) {
                continue;
            }
            let Ok(lock) = open_lock(&run.join("lock")) else { continue };
            if lock.try_lock().is_err() {
                continue;
            }
            for recording in fs::read_dir(&run).map_err(|error| RecordError::spool(&run, error))?.flatten() {
                let Some(id) = recording.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
                match fs::rename(recording.path(), self.folder(id)) {
                    Ok(()) => adopted.push(id),
                    Err(error) => tracing::error!(session.id = %id, %error, "a recording cannot be taken over"),
                }
            }
            // Fails when something is left in it, and then is tried again at the next start.
            let _ = fs::remove_file(run.join("lock")).and_then(|()| fs::remove_dir(&run));
        }
        Ok(adopted)
    }
}

/// How much the spool may hold.
#[derive(Debug)]
pub(crate) struct Space {
    dir: PathBuf,
    used: AtomicU64,
    limit: u64,
    floor: u64,
}

impl Space {
    /// Books `bytes` for a write that follows.
    pub(crate) fn take(&self, bytes: u64) -> Result<(), RecordError> {
        self.take_reserved(bytes)?;
        self.check_disk(bytes).inspect_err(|_| self.give_back(bytes))
    }

    /// The same where the disk has set them aside already.
    pub(crate) fn take_reserved(&self, bytes: u64) -> Result<(), RecordError> {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        self.check_limit(before, bytes).inspect_err(|_| self.give_back(bytes))
    }

    /// Whether so many bytes could be booked.
    fn check(&self, bytes: u64) -> Result<(), RecordError> {
        self.check_limit(self.used(), bytes)?;
        self.check_disk(bytes)
    }

    fn check_limit(&self, used: u64, bytes: u64) -> Result<(), RecordError> {
        if used.saturating_add(bytes) > self.limit {
            return Err(RecordError::SpoolFull { limit: self.limit });
        }
        Ok(())
    }

    fn check_disk(&self, bytes: u64) -> Result<(), RecordError> {
        if self.floor > 0 && self.free().is_some_and(|free| free < self.floor.saturating_add(bytes)) {
            return Err(RecordError::DiskFull { floor: self.floor });
        }
        Ok(())
    }

    /// Counts bytes that are there already.
    pub(crate) fn count(&self, bytes: u64) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn free(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(&self.dir).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

fn make_dir(dir: &Path) -> Result<(), RecordError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700).create(dir).map_err(|error| RecordError::spool(dir, error))
}

fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn lock(path: &Path) -> Result<File, RecordError> {
    let file = open_lock(path).map_err(|error| RecordError::spool(path, error))?;
    file.lock().map_err(|error| RecordError::spool(path, error))?;
    Ok(file)
}

/// What a running recording has of the disk beyond what it has written: a disk that something else fills ends no
/// session at once, and somebody who types can go on for minutes. It is renewed when half of it is used.
pub(crate) const RESERVE: u64 = 256 * 1024;

pub(crate) const CAST: &str = "session.cast";
const END: &str = "end.json";
const QUARANTINE: &str = "quarantine";
