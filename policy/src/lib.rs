//! Decisions on access and masking: pure functions over values.

pub mod access;
pub mod mask;
pub mod screen;

pub use access::{Capability, Subject};
pub use mask::{Masked, Masker};
pub use screen::WindowSize;
