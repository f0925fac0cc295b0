//! Videos that stay open between frames, so that each further frame costs its own bytes only.

use std::{sync::Arc, time::Duration};

use moka::future::Cache;
use thumbcore::{Error, Extractor, Limits, Opening, S3Source, Sandbox, Stat, Video};

/// Most videos that stay open.
const MAX_VIDEOS: u64 = 32;

/// What the process of an open video takes beside the video, in bytes.
const PROCESS: u64 = 6 << 20;

/// How long a video stays open after its last frame.
const IDLE: Duration = Duration::from_mins(2);

/// A video in one version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Version {
    pub(super) video: String,
    pub(super) etag: String,
}

/// The videos that are open.
#[derive(Debug)]
pub(super) struct Videos {
    extractor: Extractor,
    held: Cache<Version, Video>,
}

impl Videos {
    /// Holds at most `bytes` of videos.
    ///
    /// # Errors
    /// None with these limits; those of the extractor's builder.
    pub(super) fn new(bytes: u64, sandbox: Option<&Sandbox>) -> Result<Self, Error> {
        let mut extractor = Extractor::builder().limits(limits());
        // No video weighs less than its share, which bounds their number.
        let mut share = bytes / MAX_VIDEOS;
        if let Some(sandbox) = sandbox {
            extractor = extractor.sandbox(sandbox.clone());
            share = share.max(PROCESS);
        }
        let weight = move |_: &Version, video: &Video| {
            u32::try_from((video.held_bytes() as u64).max(share)).unwrap_or(u32::MAX)
        };
        Ok(Self {
            extractor: extractor.build()?,
            held: Cache::builder()
                .max_capacity(bytes)
                .weigher(weight)
                .time_to_idle(IDLE)
                .build(),
        })
    }

    /// The open video, opened now if it was not. Concurrent calls share one opening.
    pub(super) async fn open(
        &self,
        version: Version,
        source: S3Source,
        stat: Stat,
    ) -> Result<Video, Arc<Error>> {
        let opening = Opening::from(Arc::new(source)).stat(stat);
        self.held
            .try_get_with(version, self.extractor.open(opening))
            .await
    }

    /// Weighs a video again, which holds more bytes after each frame.
    pub(super) async fn weigh(&self, version: Version, video: Video) {
        self.held.insert(version, video).await;
    }

    /// Closes a video that was overwritten.
    pub(super) async fn close(&self, version: &Version) {
        self.held.invalidate(version).await;
    }

    /// Closes the videos that are idle: the cache itself does so only when it is used.
    pub(super) async fn close_idle(&self) {
        self.held.run_pending_tasks().await;
    }
}

/// The limits of opening a video, and of each frame: lower than a worker's, as people wait for it.
fn limits() -> Limits {
    Limits {
        max_bytes: 64 << 20,
        max_requests: 128,
        max_time: Duration::from_secs(12),
        ..Limits::default()
    }
}
