//! `GET /api/frame`: a picture of an uploaded video at any time, now.
//!
//! Pictures are kept under the video's version (`ETag`), so that an overwritten video never shows
//! an old picture. Which version is current is asked of S3 and believed for some seconds: a second
//! call for the same picture makes no request at all. Calls for one picture that come together are
//! one extraction.

mod request;

use std::{sync::Arc, time::Duration};

use aws_sdk_s3::Client;
use axum::http::StatusCode;
use bytes::Bytes;
use contract::Prefixes;
use moka::future::Cache;
use thumbcore::{Error, Extractor, Limits, RangeSource as _, S3Source, SourceError};
use tokio::{sync::Semaphore, time::timeout};

pub(crate) use self::request::FrameRequest;
use self::request::Time;
use super::aws_problem;
use crate::{aws::status, problem::Problem};

/// How long a video is believed to be the same without asking.
const VERSION_AGE: Duration = Duration::from_secs(15);

/// How long a picture that nobody asks for is kept.
const FRAME_IDLE: Duration = Duration::from_hours(1);

/// Versions remembered: some 200 bytes each.
const MAX_VERSIONS: u64 = 10_000;

/// What a kept picture costs beside its bytes.
const OVERHEAD: usize = 512;

/// How long a call waits for its turn.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Extractions at once for each CPU: one decodes while another waits for bytes.
const PER_CPU: usize = 2;

/// A video that was overwritten while it was read is read again once.
const ATTEMPTS: u32 = 2;

/// Takes frames and keeps them.
#[derive(Debug)]
pub(crate) struct Frames {
    /// Does not retry: thumbcore does.
    reads: Client,
    bucket: String,
    prefixes: Prefixes,
    versions: Cache<String, String>,
    pictures: Cache<Key, Arc<Frame>>,
    slots: Arc<Semaphore>,
}

/// What a picture is kept under.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    video: String,
    /// The video's version.
    etag: String,
    time: Time,
    width: u32,
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
    /// Keeps at most `bytes` of pictures.
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
    pub(crate) async fn get(&self, request: &FrameRequest) -> Result<Arc<Frame>, Problem> {
        // Also keeps whoever asks from reading anything else in the bucket.
        self.prefixes
            .candidates(&request.video)
            .map_err(|error| Problem::bad_request(error.to_string()))?;
        let mut attempt = 1;
        loop {
            match self.try_get(request).await {
                Err(Failure::Changed) if attempt < ATTEMPTS => {
                    self.versions.invalidate(&request.video).await;
                    attempt += 1;
                }
                Err(failure) => return Err(failure.into()),
                Ok(frame) => return Ok(frame),
            }
        }
    }

    async fn try_get(&self, request: &FrameRequest) -> Result<Arc<Frame>, Failure> {
        let video = &request.video;
        let etag = self
            .versions
            .try_get_with_by_ref(video, self.current_version(video))
            .await
            .map_err(|problem| Failure::Problem((*problem).clone()))?;
        let key = Key {
            video: video.clone(),
            etag: etag.clone(),
            time: request.time,
            width: request.width,
        };
        self.pictures
            .try_get_with(key, self.extract(request, etag))
            .await
            .map_err(|failure| (*failure).clone())
    }

    async fn current_version(&self, video: &str) -> Result<String, Problem> {
        let head = self.reads.head_object().bucket(&self.bucket).key(video);
        match head.send().await {
            Ok(head) => Ok(head.e_tag.unwrap_or_default()),
            Err(error) if status(&error) == Some(404) => {
                Err(Problem::not_found(format!("there is no video {video:?}")))
            }
            Err(error) => Err(aws_problem("reading the video", &error)),
        }
    }

    async fn extract(&self, request: &FrameRequest, etag: String) -> Result<Arc<Frame>, Failure> {
        let slot = timeout(MAX_WAIT, self.slots.acquire()).await;
        let _slot = slot.ok().and_then(Result::ok).ok_or_else(|| {
            Failure::Problem(Problem::unavailable("too many frames are being taken"))
        })?;
        let extractor = Extractor::builder()
            .positions([request.time.position()])
            .max_width(request.width)
            .exact(true)
            .limits(limits())
            .build()
            .map_err(Failure::Extract)?;
        let source = Arc::new(S3Source::new(
            self.reads.clone(),
            &self.bucket,
            &request.video,
        ));
        let extraction = extractor.extract(source.clone()).await;
        let extraction = extraction.map_err(|error| {
            tracing::info!(key = ?request.video, kind = error.kind(), %error, "no frame");
            Failure::of(error)
        })?;
        // The version that was read is the one that the picture is kept under.
        let read = source
            .stat()
            .await
            .map_err(|error| Failure::of(error.into()))?;
        if read.validator.is_none_or(|validator| validator.0 != etag) {
            return Err(Failure::Changed);
        }
        let Some(thumbnail) = extraction.thumbnails.into_iter().next() else {
            let reason = "no picture".to_owned();
            return Err(Failure::Extract(Error::Internal { reason }));
        };
        tracing::debug!(
            key = ?request.video,
            requests = extraction.stats.requests,
            round_trips = extraction.stats.round_trips,
            bytes_fetched = extraction.stats.bytes_fetched,
            "frame taken"
        );
        Ok(Arc::new(Frame {
            jpeg: thumbnail.image,
            actual_s: thumbnail.actual.as_secs_f64(),
            etag: request.entity_tag(&etag),
        }))
    }
}

/// Somebody waits for it, and others too: less than a worker may spend.
fn limits() -> Limits {
    Limits {
        max_bytes: 64 << 20,
        max_requests: 128,
        max_time: Duration::from_secs(25),
        ..Limits::default()
    }
}

/// Why there is no picture.
#[derive(Debug, Clone)]
enum Failure {
    Problem(Problem),
    Extract(Error),
    /// The video was overwritten meanwhile.
    Changed,
}

impl Failure {
    fn of(error: Error) -> Self {
        match error {
            Error::Source(SourceError::Changed { .. }) => Self::Changed,
            error => Self::Extract(error),
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let error = match failure {
            Failure::Problem(problem) => return problem,
            Failure::Changed => {
                return Problem::unavailable("the video is being overwritten");
            }
            Failure::Extract(error) => error,
        };
        match &error {
            Error::Source(SourceError::NotFound { .. }) => {
                Problem::not_found("there is no such video")
            }
            // Both tell of the deployment, not of the request.
            Error::Source(SourceError::Denied { .. } | SourceError::Rejected { .. }) => {
                Problem::bad_gateway("the video cannot be read; the API's log says why")
            }
            Error::Limit(_)
            | Error::Unsupported { .. }
            | Error::Corrupt { .. }
            | Error::NoVideo { .. }
                if !error.is_transient() =>
            {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
            }
            _ if error.is_transient() => Problem::unavailable("the video cannot be read now"),
            _ => Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the picture cannot be made; the API's log says why",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_tell_whose_fault_it_is() {
        let name = || "s3://b/k".to_owned();
        let reason = || "r".to_owned();
        for (error, status) in [
            (Error::NoVideo { reason: reason() }, 422),
            (Error::Corrupt { reason: reason() }, 422),
            (
                Error::Unsupported {
                    what: "codec",
                    name: name(),
                },
                422,
            ),
            (thumbcore::LimitError::Packets { limit: 1 }.into(), 422),
            (
                thumbcore::LimitError::Time {
                    spent: MAX_WAIT,
                    limit: MAX_WAIT,
                }
                .into(),
                503,
            ),
            (SourceError::NotFound { name: name() }.into(), 404),
            (
                SourceError::Denied {
                    name: name(),
                    reason: reason(),
                }
                .into(),
                502,
            ),
            (
                SourceError::Unavailable {
                    name: name(),
                    reason: reason(),
                }
                .into(),
                503,
            ),
            (SourceError::Changed { name: name() }.into(), 503),
        ] {
            let told = error.to_string();
            let problem = Problem::from(Failure::of(error));
            assert_eq!(problem.status.as_u16(), status, "{told}");
        }
    }
}
