//! A report as a line of JSON.

use serde::Serialize;
use thumbcore::RangeRead;

use super::{Failure, Outcome, Product, Report, Success, milliseconds, seconds};
use crate::sandbox::Place;

/// The fields of the JSON line, in the order that docs and other programs know.
#[derive(Serialize)]
struct Line<'a> {
    input: &'a str,
    ok: bool,
    sandbox: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    skipped: bool,
    #[serde(flatten)]
    facts: Option<Facts<'a>>,
    #[serde(flatten)]
    product: Option<&'a Product>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reads: Option<Vec<Read>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Failure>,
}

#[derive(Serialize)]
struct Facts<'a> {
    container: &'a str,
    codec: &'a str,
    width: u32,
    height: u32,
    duration_s: Option<f64>,
    source_bytes: u64,
    bytes_fetched: u64,
    requests: u64,
    round_trips: u64,
    wall_ms: f64,
    cpu_ms: f64,
    wait_ms: f64,
    cache_hits: u64,
}

/// A range that was fetched.
#[derive(Serialize)]
struct Read {
    start: u64,
    end: u64,
    reason: &'static str,
    round_trip: u64,
    wait_ms: f64,
}

impl From<&RangeRead> for Read {
    fn from(read: &RangeRead) -> Self {
        Self {
            start: read.start,
            end: read.end,
            reason: read.reason.as_str(),
            round_trip: read.round_trip,
            wait_ms: milliseconds(read.waited),
        }
    }
}

impl Report {
    pub(super) fn json(&self, trace: bool, place: Place) -> serde_json::Result<String> {
        let outcome = self.result.as_ref().ok().and_then(Success::outcome);
        serde_json::to_string(&Line {
            input: &self.name,
            ok: self.result.is_ok(),
            sandbox: place == Place::Sandbox,
            skipped: matches!(self.result, Ok(Success::Skipped)),
            facts: outcome.map(|Outcome { media, stats, .. }| Facts {
                container: media.container.as_str(),
                codec: media.codec.as_str(),
                width: media.width,
                height: media.height,
                duration_s: media.duration.map(seconds),
                source_bytes: stats.source_bytes,
                bytes_fetched: stats.bytes_fetched,
                requests: stats.requests,
                round_trips: stats.round_trips,
                wall_ms: milliseconds(stats.wall),
                cpu_ms: milliseconds(stats.cpu),
                wait_ms: milliseconds(stats.waiting),
                cache_hits: stats.cache_hits,
            }),
            product: outcome.map(|outcome| &outcome.product),
            reads: outcome
                .filter(|_| trace)
                .map(|outcome| outcome.stats.reads.iter().map(Read::from).collect()),
            error: self.result.as_ref().err(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use thumbcore::{Codec, Container, Media, SourceError, Stats};

    use super::*;

    #[test]
    fn a_failure_has_exactly_the_contracts_fields() {
        let error = thumbcore::Error::from(SourceError::not_found("a.mp4"));
        let report = Report {
            name: "a.mp4".into(),
            result: Err(error.into()),
        };
        assert_eq!(
            report.json(false, Place::Sandbox).unwrap(),
            r#"{"input":"a.mp4","ok":false,"sandbox":true,"error":{"kind":"not_found","message":"a.mp4: not found"}}"#
        );
    }

    #[test]
    fn a_probe_has_the_facts_in_the_contracts_order() {
        let mut stats = Stats::default();
        stats.wall = Duration::from_nanos(12_345_678);
        let media = Media::new(Container::Mp4, Codec::H264, (640, 360), None);
        let report = Report {
            name: "a.mp4".into(),
            result: Ok(Success::Done(Box::new(Outcome {
                media,
                stats,
                product: Product::Nothing {},
            }))),
        };
        assert_eq!(
            report.json(false, Place::Sandbox).unwrap(),
            concat!(
                r#"{"input":"a.mp4","ok":true,"sandbox":true,"container":"mp4","codec":"h264","width":640,"#,
                r#""height":360,"duration_s":null,"source_bytes":0,"bytes_fetched":0,"#,
                r#""requests":0,"round_trips":0,"wall_ms":12.346,"cpu_ms":0.0,"#,
                r#""wait_ms":0.0,"cache_hits":0}"#
            )
        );
    }

    #[test]
    fn a_skipped_input_is_fine_and_says_so() {
        let report = Report {
            name: "a.mp4".into(),
            result: Ok(Success::Skipped),
        };
        assert_eq!(
            report.json(false, Place::Sandbox).unwrap(),
            r#"{"input":"a.mp4","ok":true,"sandbox":true,"skipped":true}"#
        );
    }
}
