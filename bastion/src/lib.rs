//! The bastion: between people (or AI agents) and the hosts that they work on.
//!
//! This crate puts the parts together: [`app`] (serve), [`reload`], [`instances`] (others on the same store),
//! [`demo`], [`cli`]. The parts are the crates in the folders beside `src`, of `policy` and of `recorder`, named here by
//! their folder.
//!
//! # The way of a keystroke
//!
//! ```text
//!    user                                                                     target
//!     |   1 listener/lib.rs     accept; limits                                  |
//!     |     ssh/listener.rs     span                                            |
//!     |   2 ssh/auth.rs         certificate -> Authenticated                    |
//!     |   3 ssh/connection.rs   which target, which login; dial ahead           |
//!     |   4 policy/rule_set.rs  may they? -> Permit, or a reason                |
//!     |   5 ssh/ahead.rs        the target's channel is opened, then the user's |
//!     |     ssh/channel.rs      pty, env, then shell, exec or subsystem          |
//!     |     ssh/admission.rs    what is asked for, to session/admission.rs:     |
//!     |                         judged by session/request.rs; a script is read  |
//!     |                         first (session/script.rs); other people are     |
//!     |                         asked (session/approve.rs); or an api/refusal.rs |
//!     |   6 session/start.rs    recording open, audit written, then:            |
//!     |   7 ssh/target_leg.rs   the program starts -------------------------->  |
//!     |     ssh/login_shell.rs  beside it: which shell, what are its keys?      |
//!     v                                                                         v
//!   ssh/user_leg.rs  --FromUser-->  session/relay.rs  <--FromTarget--  ssh/target_leg.rs
//!                                     |            |
//!          session/relay/user_side.rs |            |   input, its end, signals and sizes keep their order
//!        8 session/line_gate.rs -> gate/lib.rs     9 session/tap.rs
//!            gate/key.rs      which key               mask/lib.rs         -> Masked
//!            gate/line.rs     which text              recorder/recording.rs
//!            gate/reader.rs   who reads it            recorder/asciicast/v3.rs
//!            gate/bound.rs    what else a key runs
//!            gate/screen.rs   what is shown           recorder/spool.rs -> upload.rs -> object
//!            gate/judging.rs  what it means to them
//!            shell/lib.rs     what would run
//!            policy/rule_set/judge.rs may it?
//!            -> forward | block | ask (session/asking.rs)
//!          without a terminal: session/dialogue_gate.rs ->
//!            gate/dialogue/commands.rs  for a shell
//!            gate/dialogue.rs           for a program that may run what it reads
//! ```
//!
//! Kubernetes enters at `listener`, too; `kubernetes/front.rs` decides each request, and `kubernetes/command.rs` brings
//! an exec to the same `session/admission.rs` and `session/start.rs`.
//!
//! # Architecture invariants
//!
//! 1. No target connection without a permit; only the rules ([`policy::RuleSet`]) make one.
//! 2. No byte reaches a user or a target through [`session::relay`] without passing
//!    [`session::gate`] (in) or [`session::tap`] (out).
//! 3. Nothing runs before the recording is open, unless the permit says best effort.
//! 4. What reaches the recorder, the log or the audit trail is `mask::Masked` or was never session content.
//!
//! # Which crate knows which
//!
//! Cargo keeps the arrows; each crate knows those to its left, as far as it needs them:
//!
//! ```text
//! config, shell <- policy <- gate          what would run, may it, what stands in the line
//! mask <- recorder                         what may be shown, how it is kept
//! api, listener, wire, ssh-client          words, sockets, bytes: nothing of the bastion's state
//!     <- ledger <- identity, approval <- session <- ssh, kubernetes
//!                                     <- web
//!     <- client                            what a laptop needs: no store, no session
//!       <- bastion
//! ```
//!
//! `kubernetes`, `ssh` and `web` do not know one another.

pub mod app;
pub mod cli;
pub mod demo;
pub mod instance;
pub mod instances;
pub mod reload;
