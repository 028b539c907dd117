//! A recording reads the same wherever it is.

use std::ops::Range;

use futures_util::TryStreamExt as _;
use recorder::{End, RecordError, Recorder, RecordingReader, SessionId};

use crate::fixture::{Fixture, output, start, until};

async fn bytes(reader: &RecordingReader, range: Range<u64>) -> Vec<u8> {
    reader.read(range).try_fold(Vec::new(), async |all, piece| Ok([all, piece.to_vec()].concat())).await.unwrap()
}

async fn check_ranges(reader: &RecordingReader, expected: &[u8]) {
    assert_eq!(reader.len(), expected.len() as u64);
    assert_eq!(bytes(reader, 0..u64::MAX).await, expected);
    for start in [0, 1, expected.len() / 2, expected.len() - 1, expected.len()] {
        for end in [start, start + 1, expected.len() - 1, expected.len() + 5] {
            let clamped = expected.get(start..end.min(expected.len())).unwrap_or_default();
            assert_eq!(bytes(reader, start as u64..end as u64).await, clamped, "{start}..{end}");
        }
    }
}

#[tokio::test]
async fn running_in_parts_and_sealed_it_is_the_same() {
    let fixture = Fixture::new();
    let recorder = fixture.open();
    let elsewhere = Recorder::open(recorder::RecorderSettings {
        spool_dir: fixture.dir.path().join("another"),
        ..fixture.settings()
    })
    .unwrap();
    let recording = start(&recorder).await;
    let id = recording.id();
    for line in ["one", "two"] {
        recording.record(output(line)).unwrap();
        until("the part", async || fixture.store.parts().await.ends_with(format!("{line}\"]\n").as_bytes())).await;
    }
    let expected = fixture.store.parts().await;
    for place in [&recorder, &elsewhere] {
        let reader = place.read(id).await.unwrap();
        assert!(!reader.complete() && reader.sha256().is_none());
        check_ranges(&reader, &expected).await;
    }
    let running = recorder.read(id).await.unwrap();
    recording.finish(End::Exited { status: 0 }).await.unwrap();
    until("the removal from the spool", async || recorder.backlog() == (0, 0)).await;
    assert_eq!(bytes(&running, 0..u64::MAX).await, expected, "a reader holds what it reads");
    for place in [&recorder, &elsewhere] {
        let reader = place.read(id).await.unwrap();
        assert!(reader.complete());
        assert_eq!(reader.sha256(), Some(fixture.sealed()[0].sha256.as_str()));
        check_ranges(&reader, &fixture.store.object("session.cast").await.unwrap()).await;
    }
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let fixture = Fixture::new();
    let recorder = fixture.open();
    let id = SessionId::new();
    assert!(matches!(recorder.read(id).await, Err(RecordError::NotFound(missing)) if missing == id));
    assert!(recorder.manifest(id).await.unwrap().is_none());
}
