//! [`RowsHash`]: SHA-256 over rows, of which each value says its kind and length.

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;

use crate::store::sql::statement::Value;

/// A count and a hash of rows, in their order.
pub(super) struct RowsHash {
    context: Context,
    rows: u64,
}

impl Default for RowsHash {
    fn default() -> Self {
        Self { context: Context::new(&SHA256), rows: 0 }
    }
}

impl RowsHash {
    pub(super) fn add(&mut self, row: &[Value]) {
        self.rows += 1;
        for value in row {
            match value {
                Value::Integer(None) | Value::Text(None) => self.value(b'0', &[]),
                Value::Integer(Some(number)) => self.value(b'i', &number.to_be_bytes()),
                Value::Text(Some(text)) => self.value(b't', text.as_bytes()),
                Value::Flag(flag) => self.value(b'f', &[u8::from(*flag)]),
                Value::Bytes(bytes) => self.value(b'b', bytes),
            }
        }
    }

    fn value(&mut self, kind: u8, bytes: &[u8]) {
        self.context.update(&[kind]);
        self.context.update(&(bytes.len() as u64).to_be_bytes());
        self.context.update(bytes);
    }

    /// How many rows there were, and their hash in hex.
    pub(super) fn finish(self) -> (u64, String) {
        (self.rows, HEXLOWER.encode(self.context.finish().as_ref()))
    }
}
