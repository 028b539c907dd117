//! The router as a client sees it: real store, real recorder, the demo's issuer; only TLS is left out.

mod access;
mod front;
mod json;
mod login;
mod recordings;
