//! The bastion: SSH front, sessions, identity, store, web.

pub mod audit;
pub mod cli;
pub mod demo;
pub mod identity;
pub mod session;
pub mod ssh;
pub mod store;
pub mod web;
