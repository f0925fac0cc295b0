//! The public entry: a source in, pictures and facts out.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{Error, Limits, Position, RangeSource, encode::ImageFormat};

/// Extracts thumbnails; cheap to clone and to share between tasks.
#[derive(Debug, Clone)]
pub struct Extractor {
    settings: Arc<Settings>,
}

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) positions: Vec<Position>,
    pub(crate) max_width: u32,
    pub(crate) format: ImageFormat,
    pub(crate) quality: u8,
    pub(crate) exact: bool,
    pub(crate) limits: Limits,
}

/// Builds an [`Extractor`].
#[derive(Debug, Clone)]
pub struct ExtractorBuilder {
    settings: Settings,
}

impl Extractor {
    /// Starts from the defaults: 10, 50 and 95 %, at most 640 pixels wide, JPEG at quality 82.
    #[must_use]
    pub fn builder() -> ExtractorBuilder {
        ExtractorBuilder {
            settings: Settings {
                positions: vec![
                    Position::Fraction(0.10),
                    Position::Fraction(0.50),
                    Position::Fraction(0.95),
                ],
                max_width: 640,
                format: ImageFormat::Jpeg,
                quality: 82,
                exact: false,
                limits: Limits::default(),
            },
        }
    }

    /// Reads what is needed of `source` and returns one thumbnail a position, in the order of the
    /// positions.
    ///
    /// Dropping the future cancels reading and decoding.
    #[allow(clippy::unused_async, clippy::todo, reason = "first cut")]
    pub async fn extract(&self, source: Arc<dyn RangeSource>) -> Result<Extraction, Error> {
        let _ = (&self.settings, source);
        todo!()
    }

    /// Reads only what tells the container, codec, dimensions and duration.
    #[allow(clippy::unused_async, clippy::todo, reason = "first cut")]
    pub async fn probe(&self, source: Arc<dyn RangeSource>) -> Result<Probe, Error> {
        let _ = (&self.settings, source);
        todo!()
    }
}

impl ExtractorBuilder {
    /// Where to take pictures, one each.
    #[must_use]
    pub fn positions(mut self, positions: impl IntoIterator<Item = Position>) -> Self {
        self.settings.positions = positions.into_iter().collect();
        self
    }

    /// Widest picture in pixels; a narrower video is never enlarged.
    #[must_use]
    pub fn max_width(mut self, pixels: u32) -> Self {
        self.settings.max_width = pixels;
        self
    }

    /// The pictures' format.
    #[must_use]
    pub fn format(mut self, format: ImageFormat) -> Self {
        self.settings.format = format;
        self
    }

    /// Quality from 1 to 100.
    #[must_use]
    pub fn quality(mut self, quality: u8) -> Self {
        self.settings.quality = quality;
        self
    }

    /// Decode forward to the exact time instead of taking the nearest keyframe.
    #[must_use]
    pub fn exact(mut self, exact: bool) -> Self {
        self.settings.exact = exact;
        self
    }

    /// Limits on what one video may cost.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Checks the options.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the option that is wrong.
    pub fn build(self) -> Result<Extractor, Error> {
        Ok(Extractor {
            settings: Arc::new(self.settings),
        })
    }
}

/// What [`Extractor::extract`] returns.
#[derive(Debug, Clone)]
pub struct Extraction {
    /// Facts about the video.
    pub media: Media,
    /// One thumbnail a position, in the order of the positions.
    pub thumbnails: Vec<Thumbnail>,
    /// What it cost.
    pub stats: Stats,
}

/// What [`Extractor::probe`] returns.
#[derive(Debug, Clone)]
pub struct Probe {
    /// Facts about the video.
    pub media: Media,
    /// What it cost.
    pub stats: Stats,
}

/// Facts about a video.
#[derive(Debug, Clone, PartialEq)]
pub struct Media {
    /// The container family: `mp4`, `matroska`, `mpegts`, `flv`, `avi`, ….
    pub container: &'static str,
    /// libav's name of the video codec: `h264`, `vp9`, ….
    pub codec: String,
    /// Width in pixels as shown: after rotation and with square pixels.
    pub width: u32,
    /// Height in pixels as shown.
    pub height: u32,
    /// Duration; `None` where the container does not tell.
    pub duration: Option<Duration>,
}

/// One picture.
#[derive(Debug, Clone)]
pub struct Thumbnail {
    /// The encoded picture.
    pub image: Bytes,
    /// How it is encoded.
    pub format: ImageFormat,
    /// The time that was asked for, from the start of the video.
    pub target: Duration,
    /// The time of the picture, from the start of the video.
    pub actual: Duration,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Which rung of the ladder the picture came from.
    pub origin: Origin,
}

/// Which rung of the ladder a picture came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A keyframe near the target.
    Keyframe,
    /// Decoded forward from a keyframe to the target.
    Decoded,
    /// The nearest picture that could be decoded at all.
    Fallback,
}

impl Origin {
    /// `"keyframe"`, `"decoded"` or `"fallback"`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keyframe => "keyframe",
            Self::Decoded => "decoded",
            Self::Fallback => "fallback",
        }
    }
}

/// What an extraction cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Size of the source in bytes.
    pub source_bytes: u64,
    /// Bytes fetched from the source.
    pub bytes_fetched: u64,
    /// Range requests sent.
    pub requests: u64,
    /// Longest chain of requests of which each had to wait for the one before.
    pub round_trips: u64,
    /// Wall-clock time.
    pub wall: Duration,
    /// CPU time of the threads that read, decoded and encoded.
    pub cpu: Duration,
}
