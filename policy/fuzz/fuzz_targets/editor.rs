//! The line editor: `cargo +nightly fuzz run editor`. What must hold is in the crate `fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::editor::run(data));
