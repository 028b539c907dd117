//! Terminal sizes: `{"Width":123,"Height":45}`, one after the other, cut anywhere.

use mask::WindowSize;
use serde::{Deserialize, Serialize};

/// No size takes more; longer nonsense is dropped.
const MAX_SIZE_BYTES: usize = 256;

/// Reads sizes from a stream.
#[derive(Debug, Default)]
pub struct ResizeReader {
    begun: Vec<u8>,
}

#[derive(Debug, Serialize, Deserialize)]
struct TerminalSize {
    #[serde(rename = "Width")]
    width: u16,
    #[serde(rename = "Height")]
    height: u16,
}

impl ResizeReader {
    /// The last size that is complete with `bytes`, bounded: only it counts. What is no size is dropped, as are the zeroes
    /// that clients without a terminal send.
    pub fn push(&mut self, bytes: &[u8]) -> Option<WindowSize> {
        let mut last = None;
        for &byte in bytes {
            self.begun.push(byte);
            if byte == b'}' {
                let size = serde_json::from_slice::<TerminalSize>(&self.begun).ok();
                last = size.filter(|size| size.width > 0 && size.height > 0).or(last);
                self.begun.clear();
            }
            if self.begun.len() > MAX_SIZE_BYTES {
                self.begun.clear();
            }
        }
        last.map(|size| WindowSize { cols: size.width, rows: size.height }.bounded())
    }
}

/// A size as clients write it.
#[must_use]
pub fn encode(size: WindowSize) -> Vec<u8> {
    let size = TerminalSize { width: size.cols, height: size.rows };
    let mut json = serde_json::to_vec(&size).unwrap_or_default();
    json.push(b'\n');
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: &[u8] = b"{\"Width\":123,\"Height\":45}\n{\"Width\":80,\"Height\":24}";

    #[test]
    fn width_comes_first_and_is_columns() {
        assert_eq!(ResizeReader::default().push(&BOTH[..25]), Some(WindowSize { cols: 123, rows: 45 }));
        assert_eq!(encode(WindowSize { cols: 123, rows: 45 }), b"{\"Width\":123,\"Height\":45}\n");
    }

    #[test]
    fn two_sizes_in_one_read_and_every_split_end_at_the_last() {
        for cut in 0..=BOTH.len() {
            let mut reader = ResizeReader::default();
            let first = reader.push(&BOTH[..cut]);
            let last = reader.push(&BOTH[cut..]).or(first);
            assert_eq!(last, Some(WindowSize { cols: 80, rows: 24 }), "cut at {cut}");
        }
    }

    #[test]
    fn a_size_that_no_player_survives_is_bounded() {
        let huge = WindowSize { cols: u16::MAX, rows: u16::MAX };
        assert_eq!(ResizeReader::default().push(&encode(huge)), Some(WindowSize::LARGEST));
    }

    #[test]
    fn nonsense_is_dropped_and_the_next_size_is_read() {
        let mut reader = ResizeReader::default();
        for nonsense in ["{}", "{\"Width\":0,\"Height\":0}", "{\"Width\":-1,\"Height\":70000}", "[1]}", "\u{0}}"] {
            assert_eq!(reader.push(nonsense.as_bytes()), None, "{nonsense}");
        }
        assert_eq!(reader.push(&[b'x'; 100_000]), None);
        assert!(reader.begun.len() <= MAX_SIZE_BYTES);
        assert_eq!(reader.push(b"}"), None);
        assert_eq!(reader.push(BOTH), Some(WindowSize { cols: 80, rows: 24 }));
    }
}
