//! Pictures of an uploaded video at any time, made on demand.
//!
//! Pictures are cached under the video's version (`ETag`), so an overwritten video never shows an
//! old picture. S3 tells which version is current, and the answer is believed for some seconds: a
//! second call for the same picture sends no request. Concurrent calls for one picture share one
//! extraction.

mod error;
mod request;

use std::{sync::Arc, time::Duration};

use aws_sdk_s3::Client;
use bytes::Bytes;
use contract::Prefixes;
use moka::future::Cache;
use thumbcore::{Error, Extractor, Limits, RangeSource as _, S3Source};
use tokio::{sync::Semaphore, time::timeout};

use self::request::Time;
pub(crate) use self::{
    error::FrameError,
    request::{FrameRequest, Mode, RequestError},
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

/// The tolerance, as a share of the duration, that makes every keyframe near enough.
const ANY_DISTANCE: f64 = 1.0;

/// Takes frames and caches them.
#[derive(Debug)]
pub(crate) struct Frames {
    /// A client without retries: thumbcore retries itself.
    reads: Client,
    bucket: String,
    prefixes: Prefixes,
    versions: Cache<String, String>,
    pictures: Cache<Key, Arc<Frame>>,
    slots: Arc<Semaphore>,
}

/// The key of a picture in the cache.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    video: String,
    /// The video's version.
    etag: String,
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
    /// Caches at most `bytes` of pictures.
    pub(crate) fn new(reads: Client, bucket: String, prefixes: Prefixes, bytes: u64) -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let weight = |key: &Key, frame: &Arc<Frame>| {
            let all = frame.jpeg.len() + key.video.len() + key.etag.len() + OVERHEAD;
            u32::try_from(all).unwrap_or(u32::MAX)
        };
        Self {
            reads,
            bucket,
            prefixes,
            versions: Cache::builder()
                .max_capacity(MAX_VERSIONS)
                .time_to_live(VERSION_AGE)
                .build(),
            pictures: Cache::builder()
                .max_capacity(bytes)
                .weigher(weight)
                .time_to_idle(FRAME_IDLE)
                .build(),
            slots: Arc::new(Semaphore::new(cpus * PER_CPU)),
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

    async fn frame(&self, request: &FrameRequest, etag: String) -> Result<Arc<Frame>, FrameError> {
        let key = Key {
            video: request.video.clone(),
            etag: etag.clone(),
            time: request.time,
            width: request.width,
            mode: request.mode,
        };
        self.pictures
            .try_get_with(key, self.extract(request, etag))
            .await
            .map_err(|error| (*error).clone())
    }

    async fn current_version(&self, video: &str) -> Result<String, FrameError> {
        let head = self.reads.head_object().bucket(&self.bucket).key(video);
        match head.send().await {
            Ok(head) => Ok(head.e_tag.unwrap_or_default()),
            Err(error) if status(&error) == Some(404) => Err(FrameError::NotFound {
                key: video.to_owned(),
            }),
            Err(error) => Err(AwsError::new("reading the video", error).into()),
        }
    }

    async fn extract(
        &self,
        request: &FrameRequest,
        etag: String,
    ) -> Result<Arc<Frame>, FrameError> {
        let slot = timeout(MAX_WAIT, self.slots.acquire()).await;
        let _slot = slot.ok().and_then(Result::ok).ok_or(FrameError::Busy)?;
        let failed = |error| FrameError::extraction(&request.video, error);
        let extractor = Extractor::builder()
            .positions([request.time.position()])
            .max_width(request.width);
        let extractor = match request.mode {
            Mode::Exact => extractor.exact(true),
            Mode::Keyframe => extractor.tolerance(ANY_DISTANCE),
        };
        let extractor = extractor.limits(limits()).build().map_err(failed)?;
        let source = Arc::new(S3Source::new(
            self.reads.clone(),
            &self.bucket,
            &request.video,
        ));
        let extraction = extractor.extract(source.clone()).await;
        let extraction = extraction.map_err(|error| {
            tracing::info!(key = ?request.video, kind = error.kind(), %error, "no frame");
            failed(error)
        })?;
        // The picture is cached under the version that was read.
        let read = source.stat().await.map_err(|error| failed(error.into()))?;
        if read.validator.is_none_or(|validator| validator.0 != etag) {
            return Err(FrameError::Changed);
        }
        let Some(thumbnail) = extraction.thumbnails.into_iter().next() else {
            let reason = "no picture".to_owned();
            return Err(FrameError::Internal(Error::Internal { reason }));
        };
        tracing::debug!(
            key = ?request.video,
            requests = extraction.stats.requests,
            round_trips = extraction.stats.round_trips,
            bytes_fetched = extraction.stats.bytes_fetched,
            "frame taken"
        );
        Ok(Arc::new(Frame {
            jpeg: thumbnail.image().clone(),
            actual_s: thumbnail.actual.as_secs_f64(),
            etag: request.entity_tag(&etag),
        }))
    }
}

/// The limits of one frame: lower than a worker's, as people wait for it.
fn limits() -> Limits {
    Limits {
        max_bytes: 64 << 20,
        max_requests: 128,
        max_time: Duration::from_secs(25),
        ..Limits::default()
    }
}
