//! exec and attach as a session sees them: either transport on either side becomes the legs of
//! [`session::leg`].
//!
//! ```text
//!   socket <--> websocket.rs or spdy.rs <--> wire.rs <--> user_leg.rs or target_leg.rs <--> session
//!               one task per connection      bounded      streams -> events
//! ```
//!
//! A transport's task reads on while the session holds the bytes back, up to [`wire::HELD_BYTES`]; then it stops
//! reading, which is all the flow control that these protocols have. The two sides need not have the same transport.

pub mod spdy;
pub mod target_leg;
#[cfg(test)]
mod tests;
pub mod user_leg;
pub mod websocket;
pub mod wire;

pub use target_leg::{RemoteTargetReader, RemoteTargetWriter};
pub use user_leg::{RemoteUserReader, RemoteUserWriter};
