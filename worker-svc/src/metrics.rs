//! The Prometheus metrics.

use anyhow::Context as _;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::aws::Fault;

/// Videos whose pictures were all made, counted when the manifest is written.
pub(crate) const VIDEOS_PROCESSED: &str = "thumbnail_worker_videos_processed_total";
/// Videos that had all their pictures already.
pub(crate) const VIDEOS_SKIPPED: &str = "thumbnail_worker_videos_skipped_total";
/// Failures of records by `kind`, counted once a delivery.
pub(crate) const VIDEOS_FAILED: &str = "thumbnail_worker_videos_failed_total";
/// Records that were skipped: test events, other files, other events.
pub(crate) const RECORDS_IGNORED: &str = "thumbnail_worker_records_ignored_total";
/// Videos that were deleted before their messages were processed.
pub(crate) const OBJECTS_GONE: &str = "thumbnail_worker_objects_gone_total";
/// Messages whose visibility timeout passed while they were processed.
pub(crate) const MESSAGES_LOST: &str = "thumbnail_worker_messages_lost_total";
/// Pictures uploaded.
pub(crate) const THUMBNAILS: &str = "thumbnail_worker_thumbnails_total";
/// Storyboards made.
pub(crate) const STORYBOARDS: &str = "thumbnail_worker_storyboards_total";
/// Animated previews made.
pub(crate) const PREVIEWS: &str = "thumbnail_worker_previews_total";
/// Storyboards and previews that can never be made, by `what` and `kind`.
pub(crate) const EXTRAS_FAILED: &str = "thumbnail_worker_extras_failed_total";
/// Bytes of videos that were fetched.
pub(crate) const FETCHED_BYTES: &str = "thumbnail_worker_fetched_bytes_total";
/// Sizes of the processed videos: the bytes that downloading them would have fetched.
pub(crate) const SOURCE_BYTES: &str = "thumbnail_worker_source_bytes_total";
/// Range requests sent for videos.
pub(crate) const REQUESTS: &str = "thumbnail_worker_requests_total";
/// Time from the start of a video to its manifest, in seconds.
pub(crate) const VIDEO_SECONDS: &str = "thumbnail_worker_video_seconds";
/// Polls of the queue that failed, by `reason`.
pub(crate) const RECEIVES_FAILED: &str = "thumbnail_worker_receives_failed_total";
/// When the queue last answered a poll, in seconds since 1970.
pub(crate) const LAST_POLL: &str = "thumbnail_worker_last_poll_timestamp_seconds";
/// Messages in hand.
pub(crate) const IN_FLIGHT: &str = "thumbnail_worker_messages_in_flight";

/// How far each `lock` of the sandbox holds, from 0 to 1.
pub(crate) const SANDBOX_LOCK: &str = "thumbnail_worker_sandbox_lock";

/// Upper bounds of the histogram: from a small file nearby to the time limit of a video.
const SECONDS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0];

/// Begins to record.
pub(crate) fn install() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(VIDEO_SECONDS.to_owned()), &SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .context("cannot set up metrics")?;
    describe_counters();
    describe_histogram!(VIDEO_SECONDS, Unit::Seconds, "Time a video took");
    describe_gauge!(
        LAST_POLL,
        Unit::Seconds,
        "When the queue last answered a poll, since 1970"
    );
    describe_gauge!(IN_FLIGHT, Unit::Count, "Messages in hand");
    gauge!(IN_FLIGHT).set(0.0);
    describe_gauge!(
        SANDBOX_LOCK,
        Unit::Count,
        "How far each lock of the decoders' sandbox holds: 1 for all of it, 0 for nothing"
    );
    Ok(handle)
}

fn describe_counters() {
    let counters = [
        (
            VIDEOS_PROCESSED,
            Unit::Count,
            "Videos whose pictures were all made",
        ),
        (
            VIDEOS_SKIPPED,
            Unit::Count,
            "Videos that had all their pictures already",
        ),
        (
            RECORDS_IGNORED,
            Unit::Count,
            "Event records that were skipped",
        ),
        (
            OBJECTS_GONE,
            Unit::Count,
            "Videos that were deleted before they were processed",
        ),
        (
            MESSAGES_LOST,
            Unit::Count,
            "Messages whose visibility timeout passed during processing",
        ),
        (THUMBNAILS, Unit::Count, "Pictures uploaded"),
        (STORYBOARDS, Unit::Count, "Storyboards made"),
        (PREVIEWS, Unit::Count, "Animated previews made"),
        (FETCHED_BYTES, Unit::Bytes, "Bytes fetched of videos"),
        (SOURCE_BYTES, Unit::Bytes, "Sizes of the processed videos"),
        (REQUESTS, Unit::Count, "Range requests sent for videos"),
    ];
    for (name, unit, description) in counters {
        describe_counter!(name, unit, description);
        // Without a first sample, a counter that never counted looks like one that is missing.
        counter!(name).increment(0);
    }
    describe_counter!(
        VIDEOS_FAILED,
        Unit::Count,
        "Failed deliveries, by kind of error"
    );
    describe_counter!(
        EXTRAS_FAILED,
        Unit::Count,
        "Storyboards and previews that can never be made, by kind of error"
    );
    describe_counter!(
        RECEIVES_FAILED,
        Unit::Count,
        "Polls of the queue that failed, by reason"
    );
    for fault in Fault::ALL {
        counter!(RECEIVES_FAILED, "reason" => fault.as_str()).increment(0);
    }
}
