//! Any file is read to its end or to an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use recorder::asciicast::reader::CastReader;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut reader) = CastReader::new(bytes) else { return };
    while let Ok(Some(_)) = reader.next_event() {}
});
