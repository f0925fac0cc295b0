//! Any bytes through everything: pictures or a typed error.

#![no_main]

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use thumbcore::{Error, Extractor, Limits, MemorySource};
use tokio::runtime::{Builder, Runtime};

/// libav's own slowness is not what is looked for: little to decode, and little time for it.
static EXTRACTOR: LazyLock<Extractor> = LazyLock::new(|| {
    let limits = Limits {
        max_pixels: 512 * 512,
        max_packets: 50,
        max_time: Duration::from_secs(5),
        ..Limits::default()
    };
    Extractor::builder()
        .max_width(64)
        .limits(limits)
        .build()
        .expect("sound options")
});

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime"));

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let source = Arc::new(MemorySource::new("fuzz", input.to_vec()));
    match RUNTIME.block_on(EXTRACTOR.extract(source)) {
        Ok(extraction) => assert_eq!(extraction.thumbnails.len(), 3),
        Err(Error::Internal { reason }) => panic!("{reason}"),
        Err(_) => {}
    }
});
