//! Videos that stay open between pictures, so that each further picture costs its own bytes only.

use std::{sync::Arc, time::Duration};

use aws_sdk_s3::Client;
use contract::Prefixes;
use moka::future::Cache;
use thumbcore::{
    Error, Extractor, Limits, Opening, S3Source, Sandbox, Stat, Stats, Validator, Video,
};
use tokio::{sync::Semaphore, time::timeout};

use super::{error::PictureError, request::RequestError};
use crate::aws::{AwsError, status};

/// How long a version is believed to be current without asking S3.
const VERSION_AGE: Duration = Duration::from_secs(15);

/// Most versions that are remembered: some 200 bytes each.
const MAX_VERSIONS: u64 = 10_000;

/// How long a call waits for a slot.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Videos that are worked on at once for each CPU: one decodes while another waits for bytes.
const PER_CPU: usize = 2;

/// Most videos that stay open.
const MAX_VIDEOS: u64 = 32;

/// What the process of an open video takes beside the video, in bytes.
const PROCESS: u64 = 6 << 20;

/// How long a video stays open after its last picture.
const IDLE: Duration = Duration::from_mins(2);

/// A video in one version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Version {
    pub(super) video: String,
    pub(super) etag: String,
}

impl Version {
    /// Bytes of its texts.
    pub(super) fn len(&self) -> usize {
        self.video.len() + self.etag.len()
    }
}

/// A version that is believed to be current.
#[derive(Debug, Clone)]
pub(super) struct Current {
    pub(super) version: Version,
    stat: Stat,
}

impl Current {
    fn new(video: &str, stat: Stat) -> Self {
        let etag = stat.validator.as_ref().map(ToString::to_string);
        let version = Version {
            video: video.to_owned(),
            etag: etag.unwrap_or_default(),
        };
        Self { version, stat }
    }
}

/// The videos that are open, and the current version of each.
#[derive(Debug)]
pub(super) struct Videos {
    /// A client without retries: thumbcore retries itself.
    reads: Client,
    bucket: String,
    prefixes: Prefixes,
    extractor: Extractor,
    versions: Cache<String, Stat>,
    held: Cache<Version, Video>,
    slots: Semaphore,
}

impl Videos {
    /// Holds at most `bytes` of videos.
    ///
    /// # Errors
    /// None with these limits; those of the extractor's builder.
    pub(super) fn new(
        reads: Client,
        (bucket, prefixes): (String, Prefixes),
        bytes: u64,
        sandbox: Option<&Sandbox>,
    ) -> Result<Self, Error> {
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
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            reads,
            bucket,
            prefixes,
            extractor: extractor.build()?,
            versions: Cache::builder()
                .max_capacity(MAX_VERSIONS)
                .time_to_live(VERSION_AGE)
                .build(),
            held: Cache::builder()
                .max_capacity(bytes)
                .weigher(weight)
                .time_to_idle(IDLE)
                .build(),
            slots: Semaphore::new(cpus * PER_CPU),
        })
    }

    /// The version of `video` that is believed to be current. Clients may name keys below the
    /// upload prefix only.
    pub(super) async fn current(&self, video: &str) -> Result<Current, PictureError> {
        self.prefixes
            .candidates(video)
            .map_err(RequestError::from)?;
        let asked = self.ask_version(video);
        let believed = self.versions.try_get_with_by_ref(video, asked).await;
        let believed = believed.map_err(|error| PictureError::clone(&error))?;
        Ok(Current::new(video, believed))
    }

    /// The current version of `video` where the believed one was overwritten. Asked past the cache:
    /// an answer from before may be on its way into it.
    pub(super) async fn renewed(&self, video: &str) -> Result<Current, PictureError> {
        let stat = self.ask_version(video).await?;
        self.versions.insert(video.to_owned(), stat.clone()).await;
        Ok(Current::new(video, stat))
    }

    async fn ask_version(&self, video: &str) -> Result<Stat, PictureError> {
        let head = self.reads.head_object().bucket(&self.bucket).key(video);
        match head.send().await {
            Ok(head) => {
                let len = head.content_length.unwrap_or_default().max(0) as u64;
                Ok(Stat::new(len, head.e_tag.map(Validator)))
            }
            Err(error) if status(&error) == Some(404) => Err(PictureError::NotFound {
                key: video.to_owned(),
            }),
            Err(error) => Err(AwsError::new("reading the video", error).into()),
        }
    }

    /// What `work` makes of the open video, and what that cost, once a slot is free.
    pub(super) async fn work_on<T, F>(
        &self,
        Current { version, stat }: Current,
        work: impl FnOnce(Video) -> F,
    ) -> Result<T, PictureError>
    where
        F: Future<Output = Result<(T, Stats), Error>>,
    {
        let slot = timeout(MAX_WAIT, self.slots.acquire()).await;
        let _slot = slot.ok().and_then(Result::ok).ok_or(PictureError::Busy)?;
        let key = &version.video;
        let failed = |error: Error| {
            tracing::info!(?key, kind = error.kind(), %error, "no picture");
            PictureError::of_video(key, error)
        };
        let video = self.open(&version, stat.clone()).await;
        let video = video.map_err(|error| failed((*error).clone()))?;
        let made = if video.stat().agrees_with(&stat) {
            work(video.clone()).await.map_err(failed)
        } else {
            Err(PictureError::Changed)
        };
        if matches!(made, Err(PictureError::Changed)) {
            self.held.invalidate(&version).await;
        }
        let (made, stats) = made?;
        if stats.requests > 0 {
            // Each request was conditional on the version, so the version is current.
            self.versions.insert(key.clone(), stat).await;
        }
        tracing::debug!(
            ?key,
            requests = stats.requests,
            round_trips = stats.round_trips,
            bytes_fetched = stats.bytes_fetched,
            "picture made"
        );
        // Weighed again: a video holds more bytes after each picture.
        self.held.insert(version, video).await;
        Ok(made)
    }

    /// The open video, opened now if it was not. Concurrent calls share one opening.
    async fn open(&self, version: &Version, stat: Stat) -> Result<Video, Arc<Error>> {
        let source = S3Source::new(self.reads.clone(), &self.bucket, &version.video);
        let opening = Opening::from(Arc::new(source)).stat(stat);
        let opened = self.extractor.open(opening);
        self.held.try_get_with_by_ref(version, opened).await
    }

    /// Closes the videos that are idle: the cache itself does so only when it is used.
    pub(super) async fn close_idle(&self) {
        self.held.run_pending_tasks().await;
    }
}

/// The limits of opening a video, and of each picture: lower than a worker's, as people wait for
/// it.
fn limits() -> Limits {
    Limits {
        max_bytes: 64 << 20,
        max_requests: 128,
        max_time: Duration::from_secs(12),
        ..Limits::default()
    }
}
