//! Reading recordings: `cargo +nightly fuzz run cast_reader`. What must hold is in the crate `fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::cast_reader::run(data));
