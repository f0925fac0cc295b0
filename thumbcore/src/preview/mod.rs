//! Previews: short animations of frames from all over a video, as pages show them under a pointer.
//!
//! A preview cuts a video into stretches of one length and shows a frame of each: the keyframe
//! nearest to the stretch's middle or, where the stretch has none, what decoding forward from the
//! keyframe before shows first in it. A stretch that gives no frame is left out.
//!
//! ```no_run
//! use std::sync::Arc;
//! use thumbcore::{Extractor, FileSource, preview::PreviewRequest};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let extractor = Extractor::builder().build()?;
//! let video = extractor.open(Arc::new(FileSource::open("film.mp4").await?)).await?;
//! let preview = video.preview(&PreviewRequest::new()).await?;
//! std::fs::write("film.webp", &preview.image)?;
//! # Ok(())
//! # }
//! ```
//!
//! The animation is WebP, whose frames libwebp encodes. Its cost is that of one call of
//! [`Video::extract`] with as many positions, with the budgets of [`Limits`](crate::Limits).

mod fit;
mod request;

use std::time::Duration;

use bytes::Bytes;

use self::fit::fit;
pub use self::request::PreviewRequest;
use crate::{
    Error, LimitError, Origin, Stats, Video,
    storyboard::{Storyboard, TileFrame},
};

/// Memory in bytes a pixel of a frame: its planes, and as much again for the encoder.
const BYTES_A_PIXEL: u64 = 3;

/// An animated preview.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Preview {
    /// The animation, as WebP, which repeats for ever.
    pub image: Bytes,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// How long all frames together are shown.
    pub duration: Duration,
    /// The frames, in the order of time: fewer than were asked for where a stretch has none, or
    /// where they would be too many bytes.
    pub frames: Vec<PreviewFrame>,
    /// The quality, 1 to 100, that [`PreviewRequest::max_bytes`] allowed.
    pub quality: u8,
    /// The first budget of [`Limits`](crate::Limits) whose end kept a stretch from another, better
    /// frame.
    pub limit: Option<LimitError>,
    /// What the preview cost.
    pub stats: Stats,
}

/// A frame of a preview.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PreviewFrame {
    /// When the stretch begins that the frame stands for, from the start of the video.
    pub target: Duration,
    /// The time of the frame, from the start of the video.
    pub actual: Duration,
    /// How the frame was made.
    pub origin: Origin,
}

impl Video {
    /// Makes an animated preview.
    ///
    /// Runs on tokio, without blocking its workers. Dropping the future cancels reading and
    /// decoding; the video can be used again.
    ///
    /// # Errors
    /// As [`extract`](Self::extract). [`Error::Invalid`] also says that
    /// [`max_bytes`](PreviewRequest::max_bytes) do not hold two frames of the video;
    /// [`Error::Unsupported`] says that the video's duration is not known.
    pub async fn preview(&self, request: &PreviewRequest) -> Result<Preview, Error> {
        request.check()?;
        let storyboard = Storyboard::new(self.clone(), &request.storyboard());
        let storyboard = storyboard.map_err(|error| match error {
            Error::Unsupported { name, .. } => Error::Unsupported {
                what: "preview",
                name,
            },
            error => error,
        })?;
        let layout = storyboard.layout();
        let (width, height) = (layout.tile_width, layout.tile_height);
        let pixels = u64::from(width) * u64::from(height) * layout.tiles as u64;
        let _charge = self.extractor().charge(pixels * BYTES_A_PIXEL).await?;
        let mut stats = Stats::default();
        let mut frames = storyboard.frames(&mut stats).await?;
        let limit = frames.iter_mut().find_map(|frame| frame.limit.take());
        let wanted = request.clone();
        let encoding = self.extractor().on_cpu(move || fit(&frames, &wanted));
        let (fitted, cpu) = encoding.await?;
        stats.cpu += cpu;
        stats.wall += cpu;
        Ok(Preview {
            image: fitted.image,
            width,
            height,
            duration: request.duration,
            frames: fitted.frames,
            quality: fitted.quality,
            limit,
            stats,
        })
    }
}

impl PreviewFrame {
    fn new(frame: &TileFrame) -> Self {
        Self {
            target: frame.target,
            actual: frame.actual,
            origin: frame.origin,
        }
    }
}
