//! The size of a terminal, and (in a later stage) its emulated screen.

/// The size of a terminal in character cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WindowSize {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

impl WindowSize {
    /// The size that is assumed when the user gave none (or zero).
    pub const DEFAULT: Self = Self { cols: 80, rows: 24 };
}
