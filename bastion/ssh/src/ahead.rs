//! [`Ahead`]: the target's channel, opened before the user's is confirmed, so that nothing is promised to the
//! user that the target does not keep: a channel beyond its `MaxSessions`, or a terminal that it does not give.
//!
//! Nothing runs on it before the session is permitted, judged and recorded, and the target hears of no channel that
//! the rules or the login allow no more. That, and a target that cannot be reached at all, is told in words when the
//! program is asked for.

use std::sync::Arc;

use policy::Capability;
use russh::ChannelOpenFailure;
use tracing::info;

use super::{
    connection::Connection,
    target_error::TargetError,
    target_leg::{OpenChannel, PtyRequest},
};

/// The target's channel for a channel of the user's.
pub(super) struct Ahead {
    channel: Option<Result<OpenChannel, TargetError>>,
    /// Whether a terminal may be asked for.
    terminal: bool,
}

impl Ahead {
    /// Opens it, where the connection leads to a target.
    ///
    /// # Errors
    ///
    /// When the target opens no more channels: the user's client may know what to do, such as to connect anew.
    pub(super) async fn open(connection: &Arc<Connection>) -> Result<Self, ChannelOpenFailure> {
        let Some(target) = connection.open_target().await else { return Ok(Self { channel: None, terminal: false }) };
        let channel = target.open().await;
        if let Err(error @ TargetError::OpenRefused(failure)) = &channel {
            info!(%error, "channel refused by the target");
            connection.unavailable(&error.to_string()).await;
            return Err(failure.clone());
        }
        Ok(Self { channel: Some(channel), terminal: connection.may_use(Capability::Pty) })
    }

    /// Whether there is a terminal for the user. What the rules refuse is promised, and refused in words later.
    pub(super) async fn request_terminal(&mut self, pty: &PtyRequest) -> bool {
        let Some(Ok(channel)) = self.channel.as_mut().filter(|_| self.terminal) else { return true };
        match channel.request_terminal(pty).await {
            Ok(()) => true,
            Err(TargetError::RequestRefused { .. }) => false,
            Err(error) => {
                self.channel = Some(Err(error));
                true
            }
        }
    }

    /// The channel, for the session that is to run.
    pub(super) fn take(&mut self) -> Option<Result<OpenChannel, TargetError>> {
        self.channel.take()
    }

    /// Closes the channel, if no session has taken it.
    pub(super) async fn close(&mut self) {
        if let Some(Ok(channel)) = self.channel.take() {
            channel.close().await;
        }
    }
}
