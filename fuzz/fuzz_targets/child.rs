//! Any bytes on the socket of a process that decodes: the program takes them for an error, or for
//! an answer to what it has asked.

#![no_main]

libfuzzer_sys::fuzz_target!(|written: &[u8]| thumbcore::fuzzing::hear(written));
