//! Who someone is: files in reading order.

pub mod subject;

pub use subject::Authenticated;
