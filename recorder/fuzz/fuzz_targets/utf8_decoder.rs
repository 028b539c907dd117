//! Decoding of UTF-8: `cargo +nightly fuzz run utf8_decoder`. What must hold is in the crate `fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::utf8_decoder::run(data));
