//! Bodies of requests and answers on their way between a user and a cluster.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;

/// What went wrong while a body was passed on.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// One of the two connections broke.
    #[error("a connection broke: {0}")]
    Connection(#[from] hyper::Error),
    /// It is not allowed any longer.
    #[error("the bastion has ended it: {0}")]
    Lost(String),
}

/// A body on its way, in either direction.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;
