//! Nothing is lost, sealed too early or removed too early, whatever the object store does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use object_store::{ObjectStoreExt as _, path::Path};
use recorder::{
    End, EventKind, Notice, RecordError, SessionId,
    asciicast::reader::{CastEventKind, CastReader},
};

use crate::{
    faults::{Answer, Call},
    fixture::{Fixture, PTY, header, output, start, until, within},
};

const EXITED: End = End::Exited { status: 0 };
const SHUTDOWN: Duration = Duration::from_secs(60);

/// Text that does not compress into few events, so that a recording of this size has many lines.
fn text(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| if at % 80 == 79 { b'\n' } else { b'a' + (at / 80 % 26) as u8 }).collect()
}

#[tokio::test]
async fn nothing_starts_before_the_store_acknowledged_the_header() {
    let fixture = Fixture::new();
    let mut settings = fixture.settings();
    settings.start_deadline = Duration::from_millis(50);
    let recorder = recorder::Recorder::open(settings).unwrap();
    for answer in [Answer::Fail, Answer::Hang] {
        fixture.store.plan(move |_, _| answer);
        let error = recorder.start(SessionId::new(), header(), PTY).await.unwrap_err();
        assert!(matches!(error, RecordError::Storage { .. }), "{error}");
    }
    assert_eq!((recorder.backlog(), fixture.spooled_casts().len()), ((0, 0), 0));
    fixture.store.heal();
    let recording = start(&recorder).await;
    assert_eq!(fixture.store.parts().await, fixture.spooled_casts()[0]);
    assert!(matches!(
        recorder.start(recording.id(), header(), PTY).await.unwrap_err(),
        RecordError::AlreadyStarted(id) if id == recording.id()
    ));
}

#[tokio::test]
async fn a_running_recording_is_in_the_store_in_parts_of_whole_lines() {
    let fixture = Fixture::new();
    let recorder = fixture.open();
    let recording = start(&recorder).await;
    for line in ["one", "two", "three"] {
        let written = fixture.store.parts().await.len();
        recording.record(output(line)).unwrap();
        until("the next part", async || fixture.store.parts().await.len() > written).await;
        let parts = fixture.store.parts().await;
        assert_eq!(fixture.spooled_casts(), [parts.as_slice()]);
        assert!(parts.ends_with(format!("\"{line}\"]\n").as_bytes()));
    }
    let id = recording.id().to_string();
    assert!(fixture.store.keys().await.iter().all(|key| key.starts_with("tenant/recordings/") && key.contains(&id)));
    recording.finish(EXITED).await.unwrap();
    assert_eq!(recorder.shutdown(SHUTDOWN).await, 0);
    let keys = fixture.store.keys().await;
    assert_eq!(
        keys.iter().map(|key| key.rsplit('/').next().unwrap()).collect::<Vec<_>>(),
        ["manifest.json", "session.cast"]
    );
    assert!(fixture.spooled_casts().is_empty());
}

#[tokio::test]
async fn the_manifest_is_true() {
    let fixture = Fixture::new();
    let recorder = fixture.open();
    let recording = start(&recorder).await;
    recording.record(EventKind::Marker("m".into())).unwrap();
    recording.record(output("text")).unwrap();
    let id = recording.id();
    let summary = recording.finish(End::Exited { status: 4 }).await.unwrap();
    until("the seal", async || !fixture.sealed().is_empty()).await;
    let manifest = recorder.manifest(id).await.unwrap().unwrap();
    assert_eq!(manifest, *fixture.sealed()[0]);
    let cast = fixture.store.object("session.cast").await.unwrap();
    let sha256 = data_encoding::HEXLOWER.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &cast).as_ref());
    assert_eq!((manifest.size, &manifest.sha256), (cast.len() as u64, &sha256));
    assert_eq!((manifest.events, summary.events, summary.output_bytes), (3, 3, 4));
    assert_eq!(
        (manifest.end.clone(), manifest.duration_ms),
        (End::Exited { status: 4 }, summary.duration.as_millis() as u64)
    );
    assert_eq!((summary.size, manifest.parts[0].sha256.as_str()), (manifest.size, sha256.as_str()));
}

/// Teleport PR #68085: retries ran out, the upload was completed with holes and the local copy deleted.
#[tokio::test]
async fn a_store_that_stays_down_loses_nothing_and_is_reported_once() {
    let fixture = Fixture::new();
    let recorder = fixture.open();
    let recording = start(&recorder).await;
    fixture.store.plan(|_, _| Answer::Fail);
    recording.record(output("while it is down")).unwrap();
    recording.finish(EXITED).await.unwrap();
    until("several retries", async || fixture.store.failures.load(Ordering::SeqCst) >= 3).await;
    assert!(fixture.sealed().is_empty());
    assert_eq!(fixture.spooled_casts().len(), 1);
    assert_eq!(recorder.backlog().0, 1);
    fixture.store.heal();
    until("the seal", async || !fixture.sealed().is_empty()).await;
    let text = String::from_utf8(fixture.store.object("session.cast").await.unwrap().to_vec()).unwrap();
    assert!(text.contains("while it is down"));
    let notices = fixture.notices.lock().unwrap();
    let failing = notices.iter().filter(|notice| matches!(notice, Notice::StorageFails { .. })).count();
    let answering = notices.iter().filter(|notice| matches!(notice, Notice::StorageAnswers)).count();
    assert_eq!((failing, answering), (1, 1));
}

/// Warpgate 0.28: a failed part was forgotten, and the object completed with a hole.
#[tokio::test]
async fn whichever_request_fails_the_object_is_the_recording() {
    for answer in [Answer::Fail, Answer::DoneButFailed] {
        for nth in 0.. {
            let fixture = Fixture::new();
            let recorder = fixture.open();
            let recording = start(&recorder).await;
            let (calls, struck) = (AtomicUsize::new(0), Arc::new(AtomicBool::new(false)));
            let strike = Arc::clone(&struck);
            fixture.store.plan(move |call, _| {
                if call == Call::Put && calls.fetch_add(1, Ordering::SeqCst) == nth {
                    strike.store(true, Ordering::SeqCst);
                    return answer;
                }
                Answer::Ok
            });
            for line in ["one", "two"] {
                recording.record(output(line)).unwrap();
                let end = format!("{line}\"]\n");
                until("the part", async || fixture.store.parts().await.ends_with(end.as_bytes())).await;
            }
            let spooled = fixture.spooled_casts().remove(0);
            recording.finish(EXITED).await.unwrap();
            assert_eq!(recorder.shutdown(SHUTDOWN).await, 0);
            let cast = fixture.store.object("session.cast").await.unwrap();
            assert!(cast.starts_with(&spooled) && cast.ends_with(b"\"x\", \"0\"]\n"));
            assert_eq!(fixture.sealed()[0].size, cast.len() as u64);
            if !struck.load(Ordering::SeqCst) {
                assert!(nth >= 4, "two parts, the cast and the manifest were put");
                break;
            }
        }
    }
}

/// Teleport #60542, #59281: parts below 5 MiB are refused by S3 unless they are the last.
#[tokio::test]
async fn a_large_recording_is_one_object_whichever_block_fails() {
    let fixture = Fixture::new();
    let recorder = fixture.open();
    let recording = start(&recorder).await;
    let id = recording.id();
    let blocks = AtomicUsize::new(0);
    fixture.store.plan(move |call, _| {
        let second = call == Call::PutPart && blocks.fetch_add(1, Ordering::SeqCst) == 1;
        if second { Answer::Fail } else { Answer::Ok }
    });
    let chunk = text(64 * 1024);
    for _ in 0..320 {
        recording.ready().await.unwrap();
        recording.record(output(chunk.clone())).unwrap();
    }
    let summary = recording.finish(EXITED).await.unwrap();
    assert!(summary.size > 20 * 1024 * 1024);
    until("the seal", async || !fixture.sealed().is_empty()).await;
    assert_eq!(fixture.store.failures.load(Ordering::SeqCst), 1);
    let manifest = recorder.manifest(id).await.unwrap().unwrap();
    let cast = fixture.store.object("session.cast").await.unwrap();
    let mut offset = 0;
    for part in &manifest.parts {
        let range = offset..offset + part.size as usize;
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &cast[range]);
        assert_eq!(data_encoding::HEXLOWER.encode(hash.as_ref()), part.sha256);
        assert_eq!(offset as u64, part.offset);
        offset += part.size as usize;
    }
    assert_eq!((offset, manifest.events), (cast.len(), 321));
    assert!(manifest.parts.len() >= 5);
    assert_eq!(recorder.shutdown(SHUTDOWN).await, 0);
    assert!(fixture.store.keys().await.iter().all(|key| !key.contains("/parts/")));
}

/// hoop PR #1570: sessions finalised with an empty log.
#[tokio::test]
async fn a_spool_file_that_is_not_what_was_written_is_never_sealed() {
    let fixture = Fixture::new();
    let recorder = fixture.open();
    let recording = start(&recorder).await;
    let id = recording.id();
    fixture.store.plan(|_, _| Answer::Fail);
    recording.record(output("gone")).unwrap();
    recording.finish(EXITED).await.unwrap();
    for run in std::fs::read_dir(fixture.dir.path().join("spool")).unwrap().flatten() {
        let _ = std::fs::write(run.path().join(id.to_string()).join("session.cast"), b"");
    }
    fixture.store.heal();
    until("the quarantine", async || !fixture.quarantined().is_empty()).await;
    assert_eq!(fixture.quarantined(), [id]);
    assert!(fixture.sealed().is_empty() && fixture.store.object("manifest.json").await.is_none());
    assert!(fixture.dir.path().join("spool/quarantine").join(id.to_string()).join("session.cast").exists());
}

/// Teleport #45917: whoever was first won, even if it had less.
#[tokio::test]
async fn a_sealed_recording_is_never_replaced() {
    let fixture = Fixture::new();
    let recorder = fixture.open();
    let recording = start(&recorder).await;
    let id = recording.id();
    recording.record(output("the truth")).unwrap();
    until("the part", async || fixture.store.parts().await.ends_with(b"the truth\"]\n")).await;
    // A process that was thought dead still has its copy, and ends it in its own way.
    let zombie = fixture.snapshot();
    recording.finish(EXITED).await.unwrap();
    until("the seal", async || !fixture.sealed().is_empty()).await;
    let before = fixture.store.object("session.cast").await.unwrap();
    let second = zombie.open();
    assert_eq!(second.recover().await.unwrap().len(), 1);
    until("the quarantine", async || !zombie.quarantined().is_empty()).await;
    assert_eq!(fixture.store.object("session.cast").await.unwrap(), before);
    assert_eq!(recorder.manifest(id).await.unwrap().unwrap().end, EXITED);
}

#[tokio::test]
async fn a_part_that_someone_else_wrote_fails_the_recording() {
    let fixture = Fixture::new();
    let recorder = fixture.open();
    let recording = start(&recorder).await;
    let key = fixture.store.keys().await.remove(0).replace("00000000", "00000001");
    fixture.store.inner.put(&Path::from(key), "not ours".into()).await.unwrap();
    recording.record(output("x")).unwrap();
    assert!(matches!(within(recording.failed()).await, RecordError::Conflict { .. }));
    assert!(recording.record(output("y")).is_err());
    assert!(recording.finish(EXITED).await.is_err());
    // What was recorded until then is a small recording and is sealed as such; nothing pretends that it is whole.
    until("the seal", async || !fixture.sealed().is_empty()).await;
    assert!(matches!(fixture.sealed()[0].end, End::CutOff { .. }));
}

/// After Teleport's `TestChaosUpload`: many streams, a store that fails now and then in every way.
#[tokio::test(flavor = "multi_thread")]
async fn chaos_loses_nothing() {
    let fixture = Fixture::new();
    let recorder = Arc::new(fixture.open());
    let calls = AtomicUsize::new(0);
    let mut sessions = tokio::task::JoinSet::new();
    for session in 0..20 {
        let recording = start(&recorder).await;
        sessions.spawn(async move {
            let (id, mut expected) = (recording.id(), String::new());
            for event in 0..400 {
                let line = format!("session {session} event {event}\r\n");
                recording.ready().await.unwrap();
                recording.record(output(line.clone())).unwrap();
                expected.push_str(&line);
                tokio::task::yield_now().await;
            }
            recording.finish(EXITED).await.unwrap();
            (id, expected)
        });
    }
    fixture.store.plan(move |_, _| match calls.fetch_add(1, Ordering::SeqCst) % 11 {
        3 => Answer::Fail,
        7 => Answer::DoneButFailed,
        _ => Answer::Ok,
    });
    let sessions = sessions.join_all().await;
    until("all seals", async || recorder.backlog() == (0, 0)).await;
    fixture.store.heal();
    assert!(fixture.quarantined().is_empty() && fixture.sealed().len() == 20);
    for (id, expected) in sessions {
        let reader = recorder.read(id).await.unwrap();
        assert!(reader.complete());
        let cast = fixture.store.object(&format!("{id}/session.cast")).await.unwrap();
        let read = CastReader::new(&*cast).unwrap().map(|event| event.unwrap().kind);
        let text: String =
            read.filter_map(|kind| if let CastEventKind::Output(text) = kind { Some(text) } else { None }).collect();
        assert_eq!(text, expected);
    }
}
