//! Memory and disk have bounds, and reaching one is an error that says so.

use std::{sync::Arc, time::Duration};

use recorder::{End, ManualClock, RecordError, Recorder};

use crate::{
    faults::Answer,
    fixture::{Fixture, output, start, until, within},
};

#[tokio::test]
async fn a_full_spool_fails_the_recording_and_keeps_what_was_recorded() {
    let fixture = Fixture::new();
    let mut settings = fixture.settings();
    settings.spool_limit = 256 * 1024;
    let recorder = Recorder::open(settings).unwrap();
    let recording = start(&recorder).await;
    fixture.store.plan(|_, _| Answer::Fail);
    recording.record(output(vec![b'a'; 100 * 1024])).unwrap();
    until("the spool", async || recorder.backlog().1 > 100 * 1024).await;
    recording.record(output(vec![b'b'; 200 * 1024])).unwrap();
    let failure = within(recording.failed()).await;
    assert!(matches!(failure, RecordError::SpoolFull { limit: 262_144 }), "{failure}");
    assert!(matches!(recording.ready().await, Err(RecordError::SpoolFull { .. })));
    assert!(matches!(recording.record(output("more")), Err(RecordError::SpoolFull { .. })));
    assert!(recording.finish(End::Terminated { reason: "recording failed".into() }).await.is_err());
    fixture.store.heal();
    until("the seal", async || !fixture.sealed().is_empty()).await;
    let sealed = fixture.sealed().remove(0);
    assert!(matches!(&sealed.end, End::CutOff { reason } if reason.contains("spool is full")), "{sealed:?}");
    let cast = fixture.store.object("session.cast").await.unwrap();
    assert!(cast.len() > 100 * 1024 && !cast.windows(3).any(|bytes| bytes == b"bbb"));
    until("the room to come back", async || recorder.backlog() == (0, 0)).await;
}

#[tokio::test]
async fn a_nearly_full_disk_refuses_new_recordings() {
    let fixture = Fixture::new();
    let mut settings = fixture.settings();
    settings.free_space_floor = u64::MAX / 2;
    let recorder = Recorder::open(settings).unwrap();
    let error =
        recorder.start(recorder::SessionId::new(), crate::fixture::header(), crate::fixture::PTY).await.unwrap_err();
    assert!(matches!(error, RecordError::DiskFull { .. }), "{error}");
    assert!(fixture.store.keys().await.is_empty());
}

#[tokio::test]
async fn a_slow_store_costs_no_memory_and_holds_nobody_up() {
    let fixture = Fixture::new();
    let recorder = fixture.open();
    let recording = start(&recorder).await;
    fixture.store.plan(|_, _| Answer::Hang);
    let chunk = vec![b'x'; 32 * 1024];
    for _ in 0..1024 {
        recording.ready().await.unwrap();
        recording.record(output(chunk.clone())).unwrap();
    }
    // All 32 MiB went through a buffer of 1 MiB while the store had nothing but the header.
    until("the spool", async || recorder.backlog().1 > 32 << 20).await;
}

#[tokio::test]
async fn an_idle_recording_wakes_nobody() {
    let fixture = Fixture::new();
    let recorder = fixture.open();
    let mut recordings = Vec::new();
    for _ in 0..200 {
        let recording = start(&recorder).await;
        recording.record(output("$ ")).unwrap();
        recordings.push(recording);
    }
    until("all parts", async || fixture.store.keys().await.len() == 400).await;
    until("the end of all tasks", async || tokio::runtime::Handle::current().metrics().num_alive_tasks() == 0).await;
}

#[tokio::test]
async fn times_come_from_the_clock() {
    let fixture = Fixture::new();
    let clock = Arc::new(ManualClock::new("2026-01-02T03:04:05Z".parse().unwrap()));
    let mut settings = fixture.settings();
    settings.clock = clock.clone();
    let recorder = Recorder::open(settings).unwrap();
    clock.advance(Duration::from_secs(10));
    let recording = start(&recorder).await;
    clock.advance(Duration::from_micros(1_500_600));
    recording.record(output("a")).unwrap();
    clock.advance(Duration::from_micros(600));
    let summary = recording.finish(End::Exited { status: 0 }).await.unwrap();
    assert_eq!(summary.duration, Duration::from_millis(1501));
    until("the seal", async || !fixture.sealed().is_empty()).await;
    let cast = String::from_utf8(fixture.store.object("session.cast").await.unwrap().to_vec()).unwrap();
    assert!(cast.contains("\"timestamp\":1767323055"), "{cast}");
    assert!(cast.ends_with("[1.501, \"o\", \"a\"]\n[0.000, \"x\", \"0\"]\n"), "{cast}");
}

#[tokio::test]
async fn a_recording_that_is_dropped_is_sealed_as_cut_off() {
    let fixture = Fixture::new();
    let recorder = fixture.open();
    drop(start(&recorder).await);
    until("the seal", async || !fixture.sealed().is_empty()).await;
    assert!(matches!(fixture.sealed()[0].end, End::CutOff { .. }));
}
