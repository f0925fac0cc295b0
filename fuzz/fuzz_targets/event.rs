#![no_main]

use contract::Message;

libfuzzer_sys::fuzz_target!(|body: &str| drop(Message::parse(body)));
