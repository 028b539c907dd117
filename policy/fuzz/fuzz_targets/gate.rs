//! The gate of typed lines: `cargo +nightly fuzz run gate`. What must hold is in the crate `fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::gate::run(data));
