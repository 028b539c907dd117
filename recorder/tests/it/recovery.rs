//! What a dead process left is found at the next start, and brought to its end.

use std::{fs, time::Duration};

use object_store::{ObjectStoreExt as _, path::Path};
use recorder::{End, Recovery, SessionId};

use crate::{
    faults::{Answer, Call},
    fixture::{Fixture, output, start, until},
};

const EXITED: End = End::Exited { status: 0 };

/// Teleport #22823, #6125: after a SIGKILL the recording was invisible.
#[tokio::test]
async fn a_recording_of_a_killed_process_is_cut_off_at_a_whole_line_and_sealed() {
    let fixture = Fixture::new();
    let recorder = fixture.open();
    let recording = start(&recorder).await;
    let id = recording.id();
    recording.record(output("before the kill")).unwrap();
    until("the spool", async || fixture.spooled_casts()[0].ends_with(b"kill\"]\n")).await;
    let killed = fixture.snapshot();
    drop(recorder);
    let cast = killed.spooled_casts().remove(0);
    let file = find_cast(&killed, id);
    fs::write(&file, [cast.as_slice(), b"[0.100, \"o\", \"half a li"].concat()).unwrap();

    let next = killed.open();
    let recovered = next.recover().await.unwrap();
    assert_eq!(recovered.len(), 1);
    assert_eq!(recovered[0].id, id);
    assert!(matches!(recovered[0].outcome, Recovery::CutOff));
    assert!(recovered[0].last_event_at.is_some());
    until("the seal", async || !killed.sealed().is_empty()).await;
    let sealed = killed.store.object("session.cast").await.unwrap();
    let marker = b"[0.000, \"m\", \"cut off: the bastion stopped before the session ended\"]\n";
    assert_eq!(sealed, [cast.as_slice(), marker].concat());
    assert!(matches!(killed.sealed()[0].end, End::CutOff { .. }));
    assert_eq!(next.shutdown(Duration::from_secs(60)).await, 0);
    assert!(killed.spooled_casts().is_empty());
}

#[tokio::test]
async fn the_recordings_of_a_living_process_are_left_alone() {
    let fixture = Fixture::new();
    let living = fixture.open();
    let recording = start(&living).await;
    let other = fixture.open();
    assert!(other.recover().await.unwrap().is_empty());
    recording.record(output("still here")).unwrap();
    recording.finish(EXITED).await.unwrap();
    until("the seal", async || !fixture.sealed().is_empty()).await;
}

/// Warpgate 0.28: when the end of an upload failed, nothing tried again.
#[tokio::test]
async fn a_seal_that_fails_is_done_at_the_next_start() {
    for failing in ["session.cast", "manifest.json"] {
        let fixture = Fixture::new();
        let recorder = fixture.open();
        let recording = start(&recorder).await;
        fixture.store.plan(
            move |call, key| {
                if call == Call::Put && key.ends_with(failing) { Answer::Fail } else { Answer::Ok }
            },
        );
        recording.record(output("all of it")).unwrap();
        recording.finish(EXITED).await.unwrap();
        until("the failure", async || fixture.store.failures.load(std::sync::atomic::Ordering::SeqCst) > 0).await;
        let cast = fixture.spooled_casts().remove(0);
        assert_eq!(recorder.shutdown(Duration::ZERO).await, 1);
        // Dropped as a process that ended: its lock is free now.
        drop(recorder);

        fixture.store.heal();
        let next = fixture.open();
        let mut recovered = Vec::new();
        until("the lock of the last process", async || {
            recovered.extend(next.recover().await.unwrap());
            !recovered.is_empty()
        })
        .await;
        assert!(matches!(&recovered[0].outcome, Recovery::Finished(End::Exited { status: 0 })));
        until("the seal", async || !fixture.sealed().is_empty()).await;
        assert_eq!(fixture.store.object("session.cast").await.unwrap(), cast);
        assert_eq!(fixture.sealed()[0].end, EXITED);
    }
}

/// Teleport #60860, #60542: leftovers of a completed upload were "completed" again, over and over.
#[tokio::test]
async fn a_sealed_recording_with_leftovers_is_unchanged() {
    let fixture = Fixture::new();
    let recorder = fixture.open();
    let recording = start(&recorder).await;
    // As if the process was killed between the seal and the removal of what is left.
    fixture.store.plan(
        |call, key| {
            if call == Call::List && key.ends_with("parts") { Answer::Hang } else { Answer::Ok }
        },
    );
    recording.record(output("done")).unwrap();
    recording.finish(EXITED).await.unwrap();
    until("the seal", async || !fixture.sealed().is_empty()).await;
    let (cast, manifest) =
        (fixture.store.object("session.cast").await.unwrap(), fixture.store.object("manifest.json").await.unwrap());
    let killed = fixture.snapshot();
    drop(recorder);
    fixture.store.heal();
    let next = killed.open();
    assert_eq!(next.recover().await.unwrap().len(), 1);
    until("the removal", async || next.backlog().0 == 0).await;
    assert_eq!(fixture.store.object("session.cast").await.unwrap(), cast);
    assert_eq!(fixture.store.object("manifest.json").await.unwrap(), manifest);
    assert_eq!(fixture.store.keys().await.len(), 2, "the parts are gone");
    assert!(killed.quarantined().is_empty());
}

/// Teleport #40983: several nodes completed the same upload in an endless loop.
#[tokio::test]
async fn two_processes_that_recover_at_the_same_time_take_each_recording_once() {
    let fixture = Fixture::new();
    let recorder = fixture.open();
    let mut recordings = Vec::new();
    for _ in 0..10 {
        recordings.push(start(&recorder).await);
    }
    let killed = fixture.snapshot();
    drop(recorder);
    let (one, other) = (killed.open(), killed.open());
    let (first, second) = tokio::join!(one.recover(), other.recover());
    assert_eq!(first.unwrap().len() + second.unwrap().len(), 10);
    until("all seals", async || killed.sealed().len() == 10).await;
    assert!(killed.quarantined().is_empty());
}

/// Teleport #8173, #14732: one corrupt file was retried for ever.
#[tokio::test]
async fn a_corrupt_recording_is_put_aside_once_and_the_others_go_on() {
    let fixture = Fixture::new();
    let recorder = fixture.open();
    let (good, bad, foreign) = (start(&recorder).await, start(&recorder).await, start(&recorder).await);
    let killed = fixture.snapshot();
    drop(recorder);
    fs::write(find_cast(&killed, bad.id()), b"\0\0\0\0\n\xff\n").unwrap();
    let others = fs::read(find_cast(&killed, good.id())).unwrap();
    fs::write(find_cast(&killed, foreign.id()), others).unwrap();
    let next = killed.open();
    let recovered = next.recover().await.unwrap();
    let corrupt = recovered.iter().filter(|found| matches!(found.outcome, Recovery::Quarantined(_))).count();
    assert_eq!((recovered.len(), corrupt), (3, 2));
    until("the good one", async || killed.sealed().len() == 1).await;
    assert_eq!(killed.sealed()[0].session, good.id());
    assert_eq!(next.shutdown(Duration::from_secs(60)).await, 0);
    let again = killed.open();
    assert!(again.recover().await.unwrap().is_empty());
    assert_eq!(killed.quarantined().len(), 2);
}

#[tokio::test]
async fn after_a_power_failure_the_parts_count_when_they_have_more() {
    let fixture = Fixture::new();
    let recorder = fixture.open();
    let recording = start(&recorder).await;
    recording.record(output("in the store")).unwrap();
    until("the part", async || fixture.store.parts().await.ends_with(b"store\"]\n")).await;
    let parts = fixture.store.parts().await;
    let cut = fixture.snapshot();
    drop(recorder);
    fs::write(find_cast(&cut, recording.id()), b"").unwrap();
    let next = cut.open();
    assert!(matches!(next.recover().await.unwrap()[0].outcome, Recovery::CutOff));
    until("the seal", async || !cut.sealed().is_empty()).await;
    assert!(cut.store.object("session.cast").await.unwrap().starts_with(&parts));
}

#[tokio::test]
async fn a_recording_that_never_started_leaves_nothing() {
    let fixture = Fixture::new();
    let recorder = fixture.open();
    let recording = start(&recorder).await;
    let killed = fixture.snapshot();
    drop(recorder);
    fs::write(find_cast(&killed, recording.id()), b"{\"version\":3,\"te").unwrap();
    for key in fixture.store.keys().await {
        fixture.store.inner.delete(&Path::from(key)).await.unwrap();
    }
    let next = killed.open();
    next.recover().await.unwrap();
    until("the removal", async || next.backlog() == (0, 0)).await;
    assert!(killed.spooled_casts().is_empty() && killed.store.keys().await.is_empty());
}

/// Another machine has nothing but the object store.
fn elsewhere(fixture: &Fixture) -> Fixture {
    Fixture { store: fixture.store.clone(), ..Fixture::new() }
}

#[tokio::test]
async fn recordings_of_a_dead_machine_are_completed_from_their_parts() {
    let fixture = Fixture::new();
    let recorder = fixture.open();
    let (mut ids, mut running) = (Vec::new(), Vec::new());
    for text in ["one", "other"] {
        let recording = start(&recorder).await;
        recording.record(output(text)).unwrap();
        let ending = format!("{text}\"]\n");
        until("the part", async || fixture.store.parts_of(recording.id()).await.ends_with(ending.as_bytes())).await;
        ids.push(recording.id());
        // As long as it is kept, nothing ends it.
        running.push(recording);
    }
    let parts = fixture.store.parts_of(ids[0]).await;
    // One of which there is nothing is nobody's trouble.
    ids.push(SessionId::new());
    let (one, other) = (elsewhere(&fixture), elsewhere(&fixture));
    let (next, last) = (one.open(), other.open());
    let (first, second) = tokio::join!(next.complete_from_parts(&ids), last.complete_from_parts(&ids));
    first.unwrap();
    second.unwrap();
    next.complete_from_parts(&ids).await.unwrap();
    assert!(one.quarantined().is_empty() && other.quarantined().is_empty(), "both wrote the same");
    let mut sealed = [one.sealed(), other.sealed()].concat();
    sealed.sort_by_key(|manifest| manifest.session);
    sealed.dedup();
    assert_eq!(sealed.iter().map(|manifest| manifest.session).collect::<Vec<_>>(), ids[..2]);
    assert!(sealed.iter().all(|manifest| matches!(manifest.end, End::CutOff { .. })));
    let read = next.read(ids[0]).await.unwrap();
    let whole: Vec<_> = futures_util::TryStreamExt::try_collect(read.read(0..read.len())).await.unwrap();
    let marker = b"[0.000, \"m\", \"cut off: the bastion stopped before the session ended\"]\n";
    assert_eq!(whole.concat(), [parts.as_slice(), marker].concat());
    assert!(read.complete() && fixture.store.keys().await.len() == 4, "the parts are gone");
    assert_eq!(next.backlog(), (0, 0));
    recorder.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn who_was_taken_for_dead_does_not_write_over_what_others_sealed() {
    for size in [10, 6 << 20] {
        let fixture = Fixture::new();
        let recorder = fixture.open();
        let recording = start(&recorder).await;
        let id = recording.id();
        let other = elsewhere(&fixture);
        let next = other.open();
        next.complete_from_parts(&[id]).await.unwrap();
        let (cast, manifest) =
            (fixture.store.object("session.cast").await.unwrap(), fixture.store.object("manifest.json").await.unwrap());
        for _ in 0..size / (1 << 20) + 1 {
            recording.ready().await.unwrap();
            recording.record(output(vec![b'x'; size.min(1 << 20)])).unwrap();
        }
        recording.finish(EXITED).await.unwrap();
        until("the end of it", async || recorder.backlog().0 == 0).await;
        assert_eq!(fixture.quarantined(), [id], "what it has is kept for people");
        assert_eq!(fixture.store.object("session.cast").await.unwrap(), cast);
        assert_eq!(fixture.store.object("manifest.json").await.unwrap(), manifest);
    }
}

#[tokio::test]
async fn a_recording_that_is_whole_and_not_sealed_is_sealed_as_it_is() {
    let fixture = Fixture::new();
    let recorder = fixture.open();
    let recording = start(&recorder).await;
    let id = recording.id();
    fixture.store.plan(
        |call, key| {
            if call == Call::Put && key.ends_with("manifest.json") { Answer::Fail } else { Answer::Ok }
        },
    );
    recording.record(output("all of it")).unwrap();
    recording.finish(EXITED).await.unwrap();
    until("the failure", async || fixture.store.failures.load(std::sync::atomic::Ordering::SeqCst) > 0).await;
    recorder.shutdown(Duration::ZERO).await;
    let cast = fixture.store.object("session.cast").await.unwrap();
    fixture.store.heal();
    let other = elsewhere(&fixture);
    let next = other.open();
    next.complete_from_parts(&[id]).await.unwrap();
    assert_eq!(other.sealed()[0].session, id);
    assert_eq!(fixture.store.object("session.cast").await.unwrap(), cast);
    assert!(other.quarantined().is_empty() && next.backlog() == (0, 0));
}

fn find_cast(fixture: &Fixture, id: SessionId) -> std::path::PathBuf {
    fs::read_dir(fixture.dir.path().join("spool"))
        .unwrap()
        .flatten()
        .map(|run| run.path().join(id.to_string()).join("session.cast"))
        .find(|cast| cast.exists())
        .unwrap()
}
