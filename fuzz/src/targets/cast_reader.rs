//! Any file is read to its end or to an error.

use recorder::asciicast::reader::CastReader;

/// Runs the target.
pub fn run(data: &[u8]) {
    let Ok(mut reader) = CastReader::new(data) else { return };
    while let Ok(Some(_)) = reader.next_event() {}
}

/// A recording, by lines.
pub const SEEDS: &[&str] = &[
    "{\"version\":3,\"term\":{\"cols\":80,\"rows\":24}}\n",
    "{\"version\":2,\"width\":80,\"height\":24}\n",
    "[0.5,\"o\",\"hello\\r\\n\"]\n",
    "[1,\"r\",\"100x30\"]\n",
    "[0.000001,\"x\",\"0\"]\n",
    "[2.0,\"m\",\"mark\"]\n",
    "# comment\n",
    "\n",
    "1e308",
    "\"\\ud800\"",
    "[[",
];
