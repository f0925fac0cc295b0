//! Pictures of uploaded videos that are made when someone asks: [`frames`] at any time, [`stills`]
//! that are kept in the bucket, and [`boards`] of videos whose storyboard is not there.
//!
//! Pictures are cached under the video's version (`ETag`), so an overwritten video never shows an
//! old picture. S3 tells which version is current, and the answer is believed for some seconds: a
//! second call for the same picture sends no request. Concurrent calls for one picture share its
//! making. [`videos`] stay open for a while, so that a further frame of one costs one round trip.

pub(crate) mod boards;
mod error;
pub(crate) mod frames;
mod request;
mod stills;
mod videos;

use std::{sync::Arc, time::Duration};

use aws_sdk_s3::Client;
use contract::Prefixes;
use thumbcore::{Error, Sandbox};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use self::{boards::Boards, frames::Frames, videos::Videos};
pub(crate) use self::{
    error::PictureError,
    request::{FrameRequest, Mode, RequestError},
    stills::Still,
};

/// How often idle videos are closed.
const UPKEEP: Duration = Duration::from_secs(30);

/// Makes pictures of uploaded videos.
#[derive(Debug)]
pub(crate) struct OnDemand {
    pub(crate) frames: Frames,
    pub(crate) boards: Boards,
    videos: Arc<Videos>,
}

impl OnDemand {
    /// Caches at most `picture_bytes` of pictures, a quarter of them storyboards, and holds at most
    /// `video_bytes` of open videos.
    ///
    /// # Errors
    /// Those of the extractor's builder.
    pub(crate) fn new(
        reads: Client,
        (bucket, prefixes): (String, Prefixes),
        (picture_bytes, video_bytes): (u64, u64),
        sandbox: Option<&Sandbox>,
    ) -> Result<Self, Error> {
        let videos = Videos::new(reads, (bucket, prefixes), video_bytes, sandbox)?;
        let videos = Arc::new(videos);
        let boards = picture_bytes / 4;
        Ok(Self {
            frames: Frames::new(Arc::clone(&videos), picture_bytes - boards),
            boards: Boards::new(Arc::clone(&videos), boards),
            videos,
        })
    }

    /// Closes idle videos from time to time, until `stop`.
    pub(crate) async fn keep_up(&self, stop: CancellationToken) {
        let mut ticks = interval(UPKEEP);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.videos.close_idle().await;
        }
    }
}
