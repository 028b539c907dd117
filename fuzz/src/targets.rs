//! The targets, one in each file.

#[cfg(feature = "recorder")]
pub mod cast_reader;
pub mod command;
pub mod editor;
pub mod gate;
pub mod key;
#[cfg(feature = "kube")]
pub mod kube;
pub mod line;
#[cfg(feature = "recorder")]
pub mod utf8_decoder;

/// Pieces of what a terminal sends.
pub const KEYS: &[&str] = &[
    "ls -l /tmp",
    "é",
    "漢字",
    "e\u{301}",
    "🦀",
    "\u{200d}",
    "\u{202e}",
    "\r",
    "\n",
    "\t",
    "\x7f",
    "\0",
    "\u{9b}",
    "\x1b",
    "\x1b\x1b",
    "\x1b[",
    "\x1b[A",
    "\x1b[B",
    "\x1b[C",
    "\x1b[D",
    "\x1b[H",
    "\x1b[F",
    "\x1b[3~",
    "\x1b[1;5D",
    "\x1bOP",
    "\x1b[M",
    "\x1b[200~",
    "\x1b[201~",
    "\x1b[24;80R",
    "\x1b[99;5u",
    "\x1b]0;x\x07",
    "\x1bP1+r",
    "\x1b\\",
    "\x1bb",
    "\x1bf",
    "\x1bd",
    "\x1b\x7f",
    "\x1b#",
    "\x1bu",
    "\x1b<",
    "\x01",
    "\x02",
    "\x03",
    "\x04",
    "\x05",
    "\x06",
    "\x07",
    "\x08",
    "\x0b",
    "\x0c",
    "\x0e",
    "\x0f",
    "\x10",
    "\x11",
    "\x12",
    "\x13",
    "\x14",
    "\x15",
    "\x16",
    "\x17",
    "\x18",
    "\x19",
    "\x1a",
    "\x1c",
    "\x1f",
];
