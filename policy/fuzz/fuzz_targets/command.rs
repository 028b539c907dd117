//! Command parsing: `cargo +nightly fuzz run command`. What must hold is in the crate `fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::command::run(data));
