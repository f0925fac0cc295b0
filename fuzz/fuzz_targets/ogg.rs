#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| thumbcore::fuzzing::locate("ogg", input));
