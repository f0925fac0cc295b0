//! Pictures of an uploaded video at any time, made on demand.
//!
//! Pictures are cached under the video's version (`ETag`), so an overwritten video never shows an
//! old picture. S3 tells which version is current, and the answer is believed for some seconds: a
//! second call for the same picture sends no request. Concurrent calls for one picture share one
//! extraction. Videos stay open for a while, so that a further picture of one costs one round trip.

mod error;
mod request;
mod videos;

use std::{sync::Arc, time::Duration};

use aws_sdk_s3::Client;
use bytes::Bytes;
use contract::Prefixes;
use moka::future::Cache;
use thumbcore::{Error, S3Source, Sandbox, Stat, Validator};
use tokio::{
    sync::Semaphore,
    time::{interval, timeout},
};
use tokio_util::sync::CancellationToken;

pub(crate) use self::{
    error::FrameError,
    request::{FrameRequest, Mode, RequestError},
};
use self::{
    request::Time,
    videos::{Version, Videos},
};
use crate::aws::{AwsError, status};

/// How long a version is believed to be current without asking S3.
const VERSION_AGE: Duration = Duration::from_secs(15);

/// How long a picture that nobody asks for stays in the cache.
const FRAME_IDLE: Duration = Duration::from_hours(1);

/// Most versions that are remembered: some 200 bytes each.
const MAX_VERSIONS: u64 = 10_000;

/// Bytes that a cached picture costs beside its own.
const OVERHEAD: usize = 512;

/// How long a call waits for a slot.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Extractions at once for each CPU: one decodes while another waits for bytes.
const PER_CPU: usize = 2;

/// How often idle videos are closed.
const UPKEEP: Duration = Duration::from_secs(30);

/// Takes frames and caches them.
#[derive(Debug)]
pub(crate) struct Frames {
    /// A client without retries: thumbcore retries itself.
    reads: Client,
    bucket: String,
    prefixes: Prefixes,
    /// The current version of each video.
    versions: Cache<String, Stat>,
    videos: Videos,
    pictures: Cache<Key, Arc<Frame>>,
    slots: Arc<Semaphore>,
}

/// The key of a picture in the cache.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    version: Version,
    time: Time,
    width: u32,
    mode: Mode,
}

/// A picture.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) jpeg: Bytes,
    /// Time of the picture in seconds from the start.
    pub(crate) actual_s: f64,
    /// Identifies the picture, in quotes.
    pub(crate) etag: String,
}

impl Frames {
    /// Caches at most `frame_bytes` of pictures, and holds at most `video_bytes` of open videos.
    ///
    /// # Errors
    /// Those of the extractor's builder.
    pub(crate) fn new(
        reads: Client,
        (bucket, prefixes): (String, Prefixes),
        (frame_bytes, video_bytes): (u64, u64),
        sandbox: Option<&Sandbox>,
    ) -> Result<Self, Error> {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let weight = |key: &Key, frame: &Arc<Frame>| {
            let Version { video, etag } = &key.version;
            let all = frame.jpeg.len() + video.len() + etag.len() + OVERHEAD;
            u32::try_from(all).unwrap_or(u32::MAX)
        };
        Ok(Self {
            reads,
            bucket,
            prefixes,
            versions: Cache::builder()
                .max_capacity(MAX_VERSIONS)
                .time_to_live(VERSION_AGE)
                .build(),
            videos: Videos::new(video_bytes, sandbox)?,
            pictures: Cache::builder()
                .max_capacity(frame_bytes)
                .weigher(weight)
                .time_to_idle(FRAME_IDLE)
                .build(),
            slots: Arc::new(Semaphore::new(cpus * PER_CPU)),
        })
    }

    /// Closes idle videos from time to time, until `stop`.
    pub(crate) async fn keep_up(&self, stop: CancellationToken) {
        let mut ticks = interval(UPKEEP);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.videos.close_idle().await;
        }
    }

    /// The picture, from the cache or from the video.
    pub(crate) async fn get(&self, request: &FrameRequest) -> Result<Arc<Frame>, FrameError> {
        request.check(&self.prefixes)?;
        let video = &request.video;
        let believed = self
            .versions
            .try_get_with_by_ref(video, self.current_version(video))
            .await
            .map_err(|error| (*error).clone())?;
        match self.frame(request, believed).await {
            Err(FrameError::Changed) => {
                // Asked past the cache: an answer from before may be on its way into it.
                let current = self.current_version(video).await?;
                self.versions.insert(video.clone(), current.clone()).await;
                self.frame(request, current).await
            }
            result => result,
        }
    }

    async fn frame(&self, request: &FrameRequest, stat: Stat) -> Result<Arc<Frame>, FrameError> {
        let etag = stat.validator.as_ref().map(ToString::to_string);
        let version = Version {
            video: request.video.clone(),
            etag: etag.unwrap_or_default(),
        };
        let key = Key {
            version: version.clone(),
            time: request.time,
            width: request.width,
            mode: request.mode,
        };
        self.pictures
            .try_get_with(key, Box::pin(self.extract(request, version, stat)))
            .await
            .map_err(|error| (*error).clone())
    }

    async fn current_version(&self, video: &str) -> Result<Stat, FrameError> {
        let head = self.reads.head_object().bucket(&self.bucket).key(video);
        match head.send().await {
            Ok(head) => {
                let len = head.content_length.unwrap_or_default().max(0) as u64;
                Ok(Stat::new(len, head.e_tag.map(Validator)))
            }
            Err(error) if status(&error) == Some(404) => Err(FrameError::NotFound {
                key: video.to_owned(),
            }),
            Err(error) => Err(AwsError::new("reading the video", error).into()),
        }
    }

    async fn extract(
        &self,
        request: &FrameRequest,
        version: Version,
        stat: Stat,
    ) -> Result<Arc<Frame>, FrameError> {
        let slot = timeout(MAX_WAIT, self.slots.acquire()).await;
        let _slot = slot.ok().and_then(Result::ok).ok_or(FrameError::Busy)?;
        let failed = |error: Error| {
            tracing::info!(key = ?request.video, kind = error.kind(), %error, "no frame");
            FrameError::extraction(&request.video, error)
        };
        let source = S3Source::new(self.reads.clone(), &self.bucket, &request.video);
        let video = self.videos.open(version.clone(), source, stat.clone());
        let video = video.await.map_err(|error| failed((*error).clone()))?;
        let extraction = if video.stat().agrees_with(&stat) {
            video.extract(&request.picture()).await.map_err(failed)
        } else {
            Err(FrameError::Changed)
        };
        if matches!(extraction, Err(FrameError::Changed)) {
            self.videos.close(&version).await;
        }
        let extraction = extraction?;
        if extraction.stats.requests > 0 {
            // Each request was conditional on the version, so the version is current.
            self.versions.insert(request.video.clone(), stat).await;
        }
        let etag = request.entity_tag(&version.etag);
        self.videos.weigh(version, video).await;
        tracing::debug!(
            key = ?request.video,
            requests = extraction.stats.requests,
            round_trips = extraction.stats.round_trips,
            bytes_fetched = extraction.stats.bytes_fetched,
            "frame taken"
        );
        let Some(thumbnail) = extraction.thumbnails.into_iter().next() else {
            let reason = "no picture".to_owned();
            return Err(FrameError::Internal(Error::Internal { reason }));
        };
        Ok(Arc::new(Frame {
            jpeg: thumbnail.image().clone(),
            actual_s: thumbnail.actual.as_secs_f64(),
            etag,
        }))
    }
}
