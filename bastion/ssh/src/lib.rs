//! The SSH front. It ends the SSH protocol (RFC 4251–4254) on both sides: it is
//! the server of the user's connection and the client of the target's.
//!
//! Files in reading order:
//!
//! 1. [`listener`]: accept, limits, one task and one span per connection.
//!    [`cuttable`]: a connection that can be cut at any moment. [`read_ahead`]: the buffer around a socket.
//! 2. [`handler`]: russh's callbacks; each becomes a question to `connection`. It decides nothing.
//! 3. [`auth`]: certificate -> [`Authenticated`](identity::Authenticated).
//! 4. [`connection`]: one authenticated connection and its channels; the jump host inside it.
//! 5. `ahead`: the target's channel, opened before the user's is confirmed.
//!    [`channel`]: what one channel asks for; [`admission`]: it is admitted as in every front, and runs.
//! 6. [`user_leg`]: the user's channel as the relay sees it.
//! 7. [`target_connection`]: dial the target, check its host key, log in.
//! 8. [`target_leg`]: a channel of that connection as the relay sees it.
//!    [`target_error`]: why a target could not be used. `login_shell`: which shell it gives a login.
//! 9. [`host_identity`]: which host certificate the bastion shows to whom.
//!
//! What both legs negotiate, `login@target`, and whether a host is the one meant, is in [`ssh_client`].

pub mod admission;
mod ahead;
pub mod auth;
pub mod channel;
pub mod connection;
pub mod cuttable;
pub mod handler;
pub mod host_identity;
pub mod listener;
mod login_shell;
pub mod read_ahead;
pub mod target_connection;
pub mod target_error;
pub mod target_leg;
pub mod user_leg;

pub use self::listener::Listener;
