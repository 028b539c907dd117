//! What both fronts share: one recorded, authorized run of a shell or command.
//!
//! Files in reading order:
//!
//! 1. [`terminal`]: the events of a session, in the words of RFC 4254 §6.
//! 2. [`leg`]: what the relay needs of the user's side and of the target's side.
//! 3. [`admission`]: from what is asked for to what may start, for every front. [`request`]: the request, judged;
//!    [`script`]: its standard input, where that is code; [`approve`]: the wait for other people; [`visit`]: who
//!    came, from where, to what and why; [`notice_format`]: how the user is told.
//! 4. [`start`]: recording open, row and audit event written, target ready; then the program runs.
//!    [`permit`]: ended too when the rules no longer allow it.
//! 5. [`relay`]: the one loop that carries bytes both ways, bounded; `outbox`: what waits for each side; `modes`: what
//!    the target has switched on at the user's terminal, to be undone where the bastion ends a session.
//! 6. [`gate`]: what the user sends passes here before the target gets it; [`line_gate`]: what is typed into a terminal,
//!    [`dialogue_gate`]: what a program reads that may run it.
//! 7. [`tap`]: what the target sends passes here before anybody sees it; `zmodem`: file transfer that is refused.
//! 8. [`registry`]: the sessions that run now; [`termination`]: what ends them.

pub mod admission;
pub mod approve;
pub mod asking;
pub mod dialogue_gate;
pub mod gate;
pub mod leg;
pub mod line_gate;
mod modes;
pub mod notice_format;
mod outbox;
pub mod permit;
pub mod registry;
pub mod relay;
pub mod report;
pub mod request;
pub mod script;
pub mod sessions;
pub mod start;
pub mod tap;
pub mod terminal;
pub mod termination;
pub mod visit;
mod zmodem;

pub use registry::Registry;
pub use sessions::Sessions;
pub use start::SessionRequest;
