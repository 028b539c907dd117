//! What is remembered: logins, sessions, approvals, and what happened.
//!
//! - [`store`]: the records, and the databases that they are kept in
//! - [`audit`]: events for auditors, and their way into the store

pub mod audit;
pub mod store;
