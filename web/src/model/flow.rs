//! What moved through the pipeline between two looks at it.

use contract::api::Metrics;

/// Things that went along the three lanes of the pipeline: one particle each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flow {
    /// Videos that arrived in the queue.
    pub(crate) uploads: u32,
    /// Videos that workers finished or gave up.
    pub(crate) videos: u32,
    /// Pictures that were stored.
    pub(crate) thumbnails: u32,
}

/// More than these at once are a cloud.
const MOST: u64 = 240;

impl Flow {
    /// What happened between two samples. Figures that fell (a purge, a restarted API) moved
    /// nothing.
    pub(crate) fn between(before: &Metrics, after: &Metrics) -> Self {
        // While the API still reads the bucket its counts grow by finding, not by work.
        if !before.index_complete || !after.index_complete {
            return Self::default();
        }
        let grown = |count: fn(&Metrics) -> u64| count(after).saturating_sub(count(before));
        let done = grown(|m| m.videos_processed) + grown(|m| m.videos_failed.unwrap_or(0));
        let waiting = |m: &Metrics| m.queue_depth + m.in_flight;
        let arrived = (waiting(after) + done).saturating_sub(waiting(before));
        let capped = |count: u64| count.min(MOST) as u32;
        Self {
            uploads: capped(arrived),
            videos: capped(done),
            thumbnails: capped(grown(|m| m.total_thumbnails)),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How full the queue looks, between 0 and 1: each tenfold is a third more, since queues are empty
/// or very long.
pub(crate) fn fullness(waiting: u64) -> f32 {
    ((1.0 + waiting as f32).log10() / 3.0).min(1.0)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn metrics() -> Metrics {
        serde_json::from_str(
            r#"{"queueDepth":0,"inFlight":0,"totalThumbnails":0,"storageBytes":0,"runningPods":0,
                "totalPods":0,"dlqDepth":0,"videosProcessed":0,"videosFailed":0,"bytesFetched":0,
                "bytesSaved":0,"videosMeasured":0,"videosPerMinute":0.0,"indexComplete":true,
                "sources":{"queue":{"state":"available"},"dlq":{"state":"available"},
                           "bucket":{"state":"available"},"pods":{"state":"absent"}}}"#,
        )
        .unwrap()
    }

    #[test]
    fn every_particle_is_a_video_or_a_picture() {
        let before = Metrics {
            queue_depth: 4,
            in_flight: 2,
            videos_processed: 10,
            total_thumbnails: 30,
            ..metrics()
        };
        let after = Metrics {
            queue_depth: 5,
            in_flight: 2,
            videos_processed: 12,
            total_thumbnails: 36,
            videos_failed: Some(1),
            ..metrics()
        };
        let flow = Flow::between(&before, &after);
        assert_eq!(
            flow,
            Flow {
                uploads: 4,
                videos: 3,
                thumbnails: 6
            }
        );
        assert!(Flow::between(&after, &after).is_empty());
    }

    #[test]
    fn a_purge_and_a_first_listing_move_nothing() {
        let full = Metrics {
            total_thumbnails: 90_000,
            videos_processed: 30_000,
            ..metrics()
        };
        assert!(Flow::between(&full, &metrics()).is_empty());
        let reading = Metrics {
            index_complete: false,
            ..metrics()
        };
        assert!(Flow::between(&reading, &full).is_empty());
        assert_eq!(Flow::between(&metrics(), &full).thumbnails, 240);
    }

    #[test]
    fn fullness_grows_by_tenfolds() {
        assert!(fullness(0).abs() < 1e-6);
        assert!((fullness(9) - 1.0 / 3.0).abs() < 1e-6);
        assert!((fullness(99) - 2.0 / 3.0).abs() < 1e-6);
        assert!((fullness(1_000_000) - 1.0).abs() < 1e-6);
    }
}
