//! Keys: `cargo +nightly fuzz run key`. What must hold is in the crate `fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::key::run(data));
