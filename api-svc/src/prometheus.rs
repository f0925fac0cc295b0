//! The Prometheus metrics.

use std::time::Duration;

use anyhow::Context as _;
use contract::api::{Metrics, Source, SourceState};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

/// Requests by `route`, `method` and `status`.
pub(crate) const REQUESTS: &str = "thumbnail_api_requests_total";
/// Time to the head of the answer, by `route`.
pub(crate) const REQUEST_SECONDS: &str = "thumbnail_api_request_seconds";
/// Open WebSockets.
pub(crate) const WEBSOCKETS: &str = "thumbnail_api_websockets";
/// WebSockets closed because their clients were too slow.
pub(crate) const WEBSOCKETS_DROPPED: &str = "thumbnail_api_websockets_dropped_total";
/// Listings sent to S3 for the index.
pub(crate) const S3_LISTS: &str = "thumbnail_api_s3_list_requests_total";
/// Manifests read from S3.
pub(crate) const S3_GETS: &str = "thumbnail_api_s3_manifest_requests_total";
/// How far each `lock` of the decoders' sandbox holds, from 0 to 1.
pub(crate) const SANDBOX_LOCK: &str = "thumbnail_api_sandbox_lock";
const UP: &str = "thumbnail_api_source_up";
const QUEUE_DEPTH: &str = "thumbnail_api_queue_messages";
const IN_FLIGHT: &str = "thumbnail_api_queue_messages_in_flight";
const DLQ_DEPTH: &str = "thumbnail_api_dlq_messages";
const THUMBNAILS: &str = "thumbnail_api_thumbnails";
const STORAGE: &str = "thumbnail_api_storage_bytes";
const VIDEOS: &str = "thumbnail_api_videos";
const PODS: &str = "thumbnail_api_pods";

/// From an answer out of memory to one that waits for S3.
const SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];

/// How often [`keep_up`] sorts.
const UPKEEP: Duration = Duration::from_secs(5);

/// Begins to record; [`keep_up`] must run beside.
pub(crate) fn install() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(REQUEST_SECONDS.to_owned()), &SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .context("cannot set up metrics")?;
    for (name, unit, text) in [
        (
            S3_LISTS,
            Unit::Count,
            "Listings sent to S3 for the index of thumbnails",
        ),
        (S3_GETS, Unit::Count, "Manifests read from S3"),
        (
            WEBSOCKETS_DROPPED,
            Unit::Count,
            "WebSockets closed because their clients were too slow",
        ),
    ] {
        describe_counter!(name, unit, text);
        counter!(name).increment(0);
    }
    describe_counter!(
        REQUESTS,
        Unit::Count,
        "Requests, by route, method and status"
    );
    describe_histogram!(
        REQUEST_SECONDS,
        Unit::Seconds,
        "Time to the head of the answer"
    );
    for (name, unit, text) in [
        (WEBSOCKETS, Unit::Count, "Open WebSockets"),
        (
            SANDBOX_LOCK,
            Unit::Count,
            "How far each lock of the decoders' sandbox holds: 1 for all of it, 0 for nothing",
        ),
        (UP, Unit::Count, "Whether a source answers"),
        (QUEUE_DEPTH, Unit::Count, "Messages that wait for a worker"),
        (IN_FLIGHT, Unit::Count, "Messages that workers have in hand"),
        (
            DLQ_DEPTH,
            Unit::Count,
            "Messages that wait in the dead-letter queue",
        ),
        (THUMBNAILS, Unit::Count, "Pictures in the bucket"),
        (STORAGE, Unit::Bytes, "Bytes below the thumbnail prefix"),
        (VIDEOS, Unit::Count, "Videos that have all their pictures"),
        (PODS, Unit::Count, "Workers' pods, by state"),
    ] {
        describe_gauge!(name, unit, text);
    }
    gauge!(WEBSOCKETS).set(0.0);
    Ok(handle)
}

/// Sorts what was recorded into its buckets from time to time, until `stop`: until then every
/// request's time is kept by itself, and whether anyone asks for the metrics is not known.
pub(crate) async fn keep_up(handle: PrometheusHandle, stop: CancellationToken) {
    let mut ticks = interval(UPKEEP);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        handle.run_upkeep();
    }
}

/// Shows what the sampler saw.
pub(crate) fn show(metrics: &Metrics) {
    let sources = &metrics.sources;
    for (name, source) in [
        ("queue", &sources.queue),
        ("dlq", &sources.dlq),
        ("bucket", &sources.bucket),
        ("pods", &sources.pods),
    ] {
        gauge!(UP, "source" => name).set(up(source));
    }
    gauge!(QUEUE_DEPTH).set(metrics.queue_depth as f64);
    gauge!(IN_FLIGHT).set(metrics.in_flight as f64);
    if let Some(depth) = metrics.dlq_depth {
        gauge!(DLQ_DEPTH).set(depth as f64);
    }
    gauge!(THUMBNAILS).set(metrics.total_thumbnails as f64);
    gauge!(STORAGE).set(metrics.storage_bytes as f64);
    gauge!(VIDEOS).set(metrics.videos_processed as f64);
    let other = metrics.total_pods - metrics.running_pods;
    gauge!(PODS, "state" => "running").set(metrics.running_pods as f64);
    gauge!(PODS, "state" => "other").set(other as f64);
}

fn up(source: &Source) -> f64 {
    f64::from(u8::from(source.state == SourceState::Available))
}
