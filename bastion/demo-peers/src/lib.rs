//! What the demo talks to in place of the real thing: an issuer and a target, on this machine only.
//!
//! - [`issuer`]: four made-up people, no passwords
//! - [`target`]: a shell, as whoever started the demo

pub mod issuer;
pub mod target;
