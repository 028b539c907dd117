//! A recorder in a temporary folder.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use config::rules::KeptBinary;
use mask::{Masker, WindowSize};
use recorder::{
    Details, EventKind, Header, Manifest, Mode, Notice, Recorder, RecorderSettings, Recording, SessionId, Storage,
};
use tempfile::TempDir;

use crate::faults::FaultyStore;

pub(crate) const PTY: Mode = Mode { pty: true, keep_binary: KeptBinary::UpTo(0) };
/// Longer than any wait of a test that succeeds.
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) struct Fixture {
    pub(crate) dir: TempDir,
    pub(crate) store: FaultyStore,
    pub(crate) notices: Arc<Mutex<Vec<Notice>>>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), store: FaultyStore::new(), notices: Arc::default() }
    }

    /// Settings for a recorder that uploads at once.
    pub(crate) fn settings(&self) -> RecorderSettings {
        let storage = Storage { store: Arc::new(self.store.clone()), prefix: "tenant".into() };
        let notices = Arc::clone(&self.notices);
        RecorderSettings {
            upload_interval: Duration::from_millis(5),
            free_space_floor: 0,
            observer: Some(Arc::new(move |notice| notices.lock().unwrap().push(notice))),
            ..RecorderSettings::new(storage, self.dir.path().join("spool"))
        }
    }

    pub(crate) fn open(&self) -> Recorder {
        Recorder::open(self.settings()).unwrap()
    }

    /// What `kill -9` at this moment would leave: the spool as it is, without the lock of the process.
    pub(crate) fn snapshot(&self) -> Self {
        let copy = Self { dir: tempfile::tempdir().unwrap(), store: self.store.clone(), notices: Arc::default() };
        copy_dir(&self.dir.path().join("spool"), &copy.dir.path().join("spool"));
        copy
    }

    pub(crate) fn sealed(&self) -> Vec<Arc<Manifest>> {
        let notices = self.notices.lock().unwrap();
        notices
            .iter()
            .filter_map(|notice| match notice {
                Notice::Sealed(manifest) => Some(Arc::clone(manifest)),
                Notice::Quarantined { .. } | Notice::StorageAnswers | Notice::StorageFails { .. } => None,
            })
            .collect()
    }

    pub(crate) fn quarantined(&self) -> Vec<SessionId> {
        let notices = self.notices.lock().unwrap();
        notices
            .iter()
            .filter_map(|notice| match notice {
                Notice::Quarantined { session, .. } => Some(*session),
                Notice::Sealed(_) | Notice::StorageAnswers | Notice::StorageFails { .. } => None,
            })
            .collect()
    }

    pub(crate) fn spooled_casts(&self) -> Vec<Vec<u8>> {
        let mut casts = Vec::new();
        for run in fs::read_dir(self.dir.path().join("spool")).unwrap().flatten() {
            for recording in fs::read_dir(run.path()).into_iter().flatten().flatten() {
                casts.extend(fs::read(recording.path().join("session.cast")));
            }
        }
        casts
    }
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(crate) fn header() -> Header {
    Header {
        size: WindowSize { cols: 100, rows: 30 },
        term: Some("xterm-256color".into()),
        title: Some("alice on web1".into()),
        command: None,
        env: [("LANG".to_owned(), "C.UTF-8".to_owned())].into(),
        details: Details {
            user: "alice".parse().unwrap(),
            target: "web1".parse().unwrap(),
            login: "root".parse().unwrap(),
            source: "192.0.2.1:40000".into(),
            kind: "shell".into(),
        },
    }
}

pub(crate) fn output(bytes: impl Into<Bytes>) -> EventKind {
    EventKind::Output(Masker::new().feed(bytes.into()))
}

pub(crate) async fn start(recorder: &Recorder) -> Recording {
    recorder.start(SessionId::new(), header(), PTY).await.unwrap()
}

/// What `future` gives; fails the test when it takes longer than a minute.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("an answer in time")
}

/// Waits until `condition` holds; fails the test when it does not within a minute.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(DEADLINE, async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what} did not come about"));
}
