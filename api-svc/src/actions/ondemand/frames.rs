//! Pictures of an uploaded video at any time.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use moka::future::Cache;
use thumbcore::{Error, Video};

use super::{
    error::PictureError,
    request::{FrameRequest, Mode, Time},
    videos::{Current, Version, Videos},
};

/// How long a picture that nobody asks for stays in the cache.
const IDLE: Duration = Duration::from_hours(1);

/// Bytes that a cached picture costs beside its own.
const OVERHEAD: usize = 512;

/// Takes frames and caches them.
#[derive(Debug)]
pub(crate) struct Frames {
    videos: Arc<Videos>,
    pictures: Cache<Key, Arc<Frame>>,
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
    /// Caches at most `bytes` of pictures.
    pub(super) fn new(videos: Arc<Videos>, bytes: u64) -> Self {
        let weight = |key: &Key, frame: &Arc<Frame>| {
            let all = frame.jpeg.len() + key.version.len() + OVERHEAD;
            u32::try_from(all).unwrap_or(u32::MAX)
        };
        Self {
            videos,
            pictures: Cache::builder()
                .max_capacity(bytes)
                .weigher(weight)
                .time_to_idle(IDLE)
                .build(),
        }
    }

    /// The picture, from the cache or from the video.
    pub(crate) async fn get(&self, request: &FrameRequest) -> Result<Arc<Frame>, PictureError> {
        let current = self.videos.current(&request.video).await?;
        match self.of_version(request, current).await {
            Err(PictureError::Changed) => {
                let current = self.videos.renewed(&request.video).await?;
                self.of_version(request, current).await
            }
            result => result,
        }
    }

    async fn of_version(
        &self,
        request: &FrameRequest,
        current: Current,
    ) -> Result<Arc<Frame>, PictureError> {
        let key = Key {
            version: current.version.clone(),
            time: request.time,
            width: request.width,
            mode: request.mode,
        };
        let frame = Box::pin(self.take(request, current));
        let frame = self.pictures.try_get_with(key, frame).await;
        frame.map_err(|error| PictureError::clone(&error))
    }

    async fn take(
        &self,
        request: &FrameRequest,
        current: Current,
    ) -> Result<Arc<Frame>, PictureError> {
        let etag = request.entity_tag(&current.version.etag);
        let picture = request.picture();
        let extract = |video: Video| async move {
            let extraction = video.extract(&picture).await?;
            let first = extraction.thumbnails.into_iter().next();
            let first = first.ok_or_else(|| Error::Internal {
                reason: "no picture".to_owned(),
            })?;
            Ok((first, extraction.stats))
        };
        let thumbnail = self.videos.work_on(current, extract).await?;
        Ok(Arc::new(Frame {
            jpeg: thumbnail.image().clone(),
            actual_s: thumbnail.actual.as_secs_f64(),
            etag,
        }))
    }
}
