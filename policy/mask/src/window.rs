//! [`WindowSize`]: how large a terminal is.

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

    /// The largest size that is passed on, emulated, recorded and shown: no monitor has more, and a player's terminal dies
    /// of some that are larger.
    pub const LARGEST: Self = Self { cols: 1000, rows: 500 };

    /// The nearest size from 1x1 to [`Self::LARGEST`].
    #[must_use]
    pub fn bounded(self) -> Self {
        Self { cols: self.cols.clamp(1, Self::LARGEST.cols), rows: self.rows.clamp(1, Self::LARGEST.rows) }
    }
}
