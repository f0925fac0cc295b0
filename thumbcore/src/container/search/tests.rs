use std::sync::Arc;

use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{Limits, MemorySource, ReadConfig, reader::Call};

/// Sees a time everywhere and a keyframe at each byte that is not zero.
#[derive(Debug, Default)]
struct Marks {
    scanned: AtomicU64,
}

impl Scanner for Marks {
    fn scan(&self, bytes: &Bytes, at: u64) -> Scan {
        self.scanned
            .fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let marks = bytes.iter().enumerate().filter(|(_, byte)| **byte != 0);
        let keyframe = |(offset, _): (usize, &u8)| Sighting {
            time_us: 0,
            start: at + offset as u64,
            next: None,
            end: Some(at + offset as u64 + 1),
        };
        Scan {
            first_time_us: Some(0),
            last_picture: None,
            keyframes: marks.map(keyframe).collect(),
            is_locked: false,
        }
    }
}

#[tokio::test]
async fn a_long_sweep_reads_and_scans_each_byte_about_once() {
    const LEN: usize = 24 << 20;
    let mut file = vec![0; LEN];
    file[LEN - 100_000] = 1;
    let config = ReadConfig {
        cache: 8 << 20,
        ..ReadConfig::default()
    };
    let reader = Reader::open(
        Arc::new(MemorySource::new("m", file)),
        None,
        config,
        Call::new(Limits::default(), CancellationToken::new()),
    );
    let reader = reader.await.unwrap();
    let scanner = Marks::default();
    let steps = Steps {
        next: FIRST_STEP,
        last: LAST_STEP,
        limit: 32 << 20,
        group: &GroupSize::default(),
    };
    let whole = 0..LEN as u64;
    let (seen, _) = sweep(&reader, &scanner, whole, steps).await.unwrap();
    assert_eq!(seen[0].start, LEN as u64 - 100_000);
    let few = (1 << 20) + LEN as u64;
    assert!(reader.bytes_fetched() <= few);
    assert!(scanner.scanned.into_inner() <= few);
}

proptest! {
    #[test]
    fn interpolation_stays_between_its_anchors(
        low in 0u64..1 << 40, len in 1u64..1 << 40,
        from in -1i64 << 50..1 << 50, span in 0i64..1 << 50, time in any::<i64>(),
    ) {
        let low = Anchor { position: low, time_us: from };
        let high = Anchor { position: low.position + len, time_us: from + span };
        for at in [interpolate(low, high, time), probe_at(low, high, time)] {
            prop_assert!(low.position <= at && at <= high.position);
        }
    }
}
