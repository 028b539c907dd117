//! The router as a client sees it: real store, real recorder, the demo's issuer; only TLS is left out.

mod access;
mod approvals;
mod front;
mod json;
mod login;
mod recordings;
