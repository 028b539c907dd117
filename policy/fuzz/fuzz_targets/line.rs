//! The line tracker: `cargo +nightly fuzz run line`. What must hold is in the crate `fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::line::run(data));
