//! How often a running session asks the rules: that costs a second for each GiB where there are 2,000 roles.

use std::future;

use recorder::SessionId;
use tokio::sync::watch;

use super::*;
use crate::{
    permit,
    registry::Registry,
    start::tests::{sessions, visit},
    terminal::{Pixels, Signal},
};

/// A user who only reads.
struct Reader;

/// A target that sends so many pieces of output, and ends.
struct Chatty(usize);

/// Takes everything.
struct Sink;

impl UserReader for Reader {
    async fn next(&mut self) -> FromUser {
        future::pending().await
    }
}

impl TargetReader for Chatty {
    async fn next(&mut self) -> FromTarget {
        tokio::task::yield_now().await;
        match self.0.checked_sub(1) {
            Some(left) => {
                self.0 = left;
                FromTarget::Stdout(Bytes::from_static(&[b'x'; 1024]))
            }
            None => FromTarget::Closed,
        }
    }
}

impl UserWriter for Sink {
    async fn output(&self, _stream: OutputStream, _data: Bytes) -> Result<(), LegClosed> {
        Ok(())
    }

    async fn exit(&self, _status: ExitStatus) -> Result<(), LegClosed> {
        Ok(())
    }

    async fn eof(&self) -> Result<(), LegClosed> {
        Ok(())
    }

    async fn close(&self) -> Result<(), LegClosed> {
        Ok(())
    }

    fn release(&self, _bytes: usize) {}
}

impl TargetWriter for Sink {
    async fn input(&self, _data: Bytes) -> Result<(), LegClosed> {
        Ok(())
    }

    async fn resize(&self, _size: mask::WindowSize, _pixels: Pixels) -> Result<(), LegClosed> {
        Ok(())
    }

    async fn signal(&self, _signal: Signal) -> Result<(), LegClosed> {
        Ok(())
    }

    async fn eof(&self) -> Result<(), LegClosed> {
        Ok(())
    }

    async fn close(&self) -> Result<(), LegClosed> {
        Ok(())
    }

    fn release(&self, _bytes: usize) {}
}

#[tokio::test]
async fn the_rules_are_asked_once_however_much_passes_and_again_when_they_change() {
    let folder = tempfile::tempdir().unwrap();
    let sender = watch::Sender::new(permit::tests::rules("capabilities: [pty, shell]"));
    let permit = permit::tests::permit(&sender);
    let visit = visit(&sessions(folder.path()).await).await;
    let registry = Registry::new();
    let before = permit::DECISIONS.get();
    let (entry, termination) = registry.enter(SessionId::new()).unwrap();
    let termination = termination.or_lost(permit.clone());
    let outcome = relay((Reader, Sink), (Chatty(2000), Sink), Gate::Open, Tap::new(None, false), &visit, termination);
    let outcome = tokio::time::timeout(Duration::from_secs(60), outcome).await.unwrap();
    assert_eq!(outcome.tap.output_bytes(), 2000 * 1024);
    assert_eq!(permit::DECISIONS.get() - before, 1);
    drop(entry);

    // Still the session ends when they allow it no longer.
    let (_entry, termination) = registry.enter(SessionId::new()).unwrap();
    let termination = termination.or_lost(permit);
    let running =
        relay((Reader, Sink), (Chatty(usize::MAX), Sink), Gate::Open, Tap::new(None, false), &visit, termination);
    let change = async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        sender.send_replace(permit::tests::rules("capabilities: [exec]"));
    };
    let both = async { tokio::join!(running, change).0 };
    let outcome = tokio::time::timeout(Duration::from_secs(60), both).await.unwrap();
    assert!(matches!(&outcome.end, SessionEnd::Terminated { reason } if reason.contains("pty")), "{:?}", outcome.end);
}
