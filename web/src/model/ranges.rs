//! The byte ranges that were read: over a file's length, and by round trips.

use contract::{ManifestRead, ReadReason};

/// One bar of the picture, in thousandths of its width.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bar {
    pub(crate) start: f64,
    pub(crate) width: f64,
    /// `None` where the worker did not tell.
    pub(crate) reason: Option<ReadReason>,
}

/// Narrower bars would not be seen: a read of 64 kB in 1 GB is a 16th of a pixel.
const LEAST: f64 = 2.5;

/// Bars for `reads` of a file of `size` bytes, by their reasons. What touches or would overlap and
/// was read for the same reason is one bar.
pub(crate) fn bars(reads: &[ManifestRead], size: u64) -> Vec<Bar> {
    let mut spans: Vec<Bar> = reads
        .iter()
        .filter(|read| read.bytes > 0 && read.start < size)
        .map(|read| {
            let scale = 1000.0 / size as f64;
            let from = read.start as f64 * scale;
            let to = (read.start.saturating_add(read.bytes).min(size)) as f64 * scale;
            let to = to.max(from + LEAST).min(1000.0);
            let start = from.min(to - LEAST).max(0.0);
            Bar {
                start,
                width: to - start,
                reason: read.reason,
            }
        })
        .collect();
    spans.sort_by(|a, b| (a.reason.cmp(&b.reason)).then(a.start.total_cmp(&b.start)));
    let mut bars: Vec<Bar> = Vec::new();
    for bar in spans {
        match bars.last_mut() {
            Some(last) if last.reason == bar.reason && bar.start <= last.start + last.width => {
                last.width = last.width.max(bar.start + bar.width - last.start);
            }
            _ => bars.push(bar),
        }
    }
    bars
}

/// Ranges that were fetched side by side, or several such round trips in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trip {
    /// The first and the last round trip, from 1.
    pub(crate) numbers: (u64, u64),
    pub(crate) bytes: u64,
    /// How long the slowest of the ranges took; of several round trips, all of them together.
    pub(crate) waited_ms: u64,
    /// What was read for, each once.
    pub(crate) reasons: Vec<ReadReason>,
}

/// More round trips are shown as one: a search may take dozens.
const MOST_TRIPS: usize = 8;

/// The round trips of `reads`, in order; none where the worker did not tell.
pub(crate) fn trips(reads: &[ManifestRead]) -> Vec<Trip> {
    let mut trips: Vec<Trip> = Vec::new();
    for read in reads {
        let (Some(number), Some(reason)) = (read.round_trip, read.reason) else {
            continue;
        };
        let trip = Trip {
            numbers: (number, number),
            bytes: read.bytes,
            waited_ms: read.waited_ms.unwrap_or_default(),
            reasons: vec![reason],
        };
        match trips.iter_mut().find(|other| other.numbers == trip.numbers) {
            Some(other) => {
                let waited_ms = other.waited_ms.max(trip.waited_ms);
                other.add(&trip);
                other.waited_ms = waited_ms;
            }
            None => trips.push(trip),
        }
    }
    trips.sort_by_key(|trip| trip.numbers);
    if trips.len() > MOST_TRIPS {
        let rest = trips.split_off(MOST_TRIPS);
        if let Some(last) = trips.last_mut() {
            for trip in &rest {
                last.add(trip);
            }
        }
    }
    trips
}

impl Trip {
    /// Adds a later one.
    fn add(&mut self, later: &Self) {
        self.numbers.1 = later.numbers.1;
        self.bytes += later.bytes;
        self.waited_ms += later.waited_ms;
        for reason in &later.reasons {
            if !self.reasons.contains(reason) {
                self.reasons.push(*reason);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(start: u64, bytes: u64) -> ManifestRead {
        ManifestRead {
            start,
            bytes,
            reason: None,
            round_trip: None,
            waited_ms: None,
        }
    }

    fn told(reason: ReadReason, round_trip: u64, waited_ms: u64) -> ManifestRead {
        ManifestRead {
            reason: Some(reason),
            round_trip: Some(round_trip),
            waited_ms: Some(waited_ms),
            ..read(0, 10)
        }
    }

    #[test]
    fn small_reads_are_seen_and_neighbours_are_one() {
        let bar = |start, width| Bar {
            start,
            width,
            reason: None,
        };
        assert_eq!(bars(&[read(0, 500)], 1000), [bar(0.0, 500.0)]);
        assert_eq!(
            bars(&[read(500, 250), read(0, 500)], 1000),
            [bar(0.0, 750.0)]
        );
        let tiny = bars(&[read(0, 1), read(999_999, 1)], 1_000_000);
        assert_eq!(tiny, [bar(0.0, LEAST), bar(1000.0 - LEAST, LEAST)]);
    }

    #[test]
    fn neighbours_of_other_reasons_stay_apart() {
        let reads = [
            told(ReadReason::Keyframe, 2, 1),
            told(ReadReason::Ends, 1, 1),
            told(ReadReason::Keyframe, 3, 1),
        ];
        let reasons: Vec<_> = bars(&reads, 1000).iter().map(|bar| bar.reason).collect();
        assert_eq!(
            reasons,
            [Some(ReadReason::Ends), Some(ReadReason::Keyframe)]
        );
    }

    #[test]
    fn nonsense_draws_nothing_outside() {
        assert!(bars(&[read(5, 0), read(2000, 1)], 1000).is_empty());
        assert!(bars(&[read(0, 1)], 0).is_empty());
        let all = bars(&[read(10, u64::MAX)], 1000);
        assert!(all.iter().all(|bar| bar.start + bar.width <= 1000.0));
    }

    #[test]
    fn a_round_trip_takes_as_long_as_its_slowest_range() {
        let reads = [
            told(ReadReason::Keyframe, 2, 30),
            told(ReadReason::Ends, 1, 40),
            told(ReadReason::Keyframe, 2, 50),
            told(ReadReason::Index, 2, 20),
        ];
        let trip = |number, bytes, waited_ms, reasons: &[ReadReason]| Trip {
            numbers: (number, number),
            bytes,
            waited_ms,
            reasons: reasons.to_vec(),
        };
        assert_eq!(
            trips(&reads),
            [
                trip(1, 10, 40, &[ReadReason::Ends]),
                trip(2, 30, 50, &[ReadReason::Keyframe, ReadReason::Index]),
            ]
        );
        assert!(trips(&[read(0, 9)]).is_empty());
    }

    #[test]
    fn many_round_trips_end_in_one_line() {
        let reads: Vec<_> = (1..=20)
            .map(|number| told(ReadReason::Search, number, 5))
            .collect();
        let trips = trips(&reads);
        assert_eq!(trips.len(), MOST_TRIPS);
        let last = trips.last().unwrap();
        assert_eq!((last.numbers, last.waited_ms), ((8, 20), 65));
    }
}
