//! Which preview, and how it is made.

use std::{ops::RangeInclusive, time::Duration};

use crate::{Error, error::check, storyboard::StoryboardRequest};

/// Frames of a preview.
const FRAMES: RangeInclusive<usize> = 2..=100;
/// How long a frame may be shown. Browsers show what is shorter for longer.
const FRAME_TIMES: RangeInclusive<Duration> = Duration::from_millis(20)..=Duration::from_secs(10);
/// Narrowest and widest preview, in pixels.
const WIDTHS: RangeInclusive<u32> = 16..=1280;

/// Which preview is wanted, and how it is made.
///
/// The defaults: twelve frames in 6 s, 320 pixels wide, at quality 75, and at most 500,000 bytes.
/// Options are checked when the request is used, or by [`check`](Self::check).
///
/// ```
/// use std::time::Duration;
/// use thumbcore::preview::PreviewRequest;
///
/// let request = PreviewRequest::new()
///     .frames(20)
///     .duration(Duration::from_secs(4))
///     .max_bytes(300_000);
/// assert!(request.check().is_ok());
/// assert!(request.frames(1).check().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewRequest {
    frames: usize,
    pub(super) duration: Duration,
    width: u32,
    pub(super) quality: u8,
    pub(super) max_bytes: usize,
}

impl Default for PreviewRequest {
    fn default() -> Self {
        Self {
            frames: 12,
            duration: Duration::from_secs(6),
            width: 320,
            quality: 75,
            max_bytes: 500_000,
        }
    }
}

impl PreviewRequest {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// So many frames, 2 to 100, from stretches of the video of one length.
    #[must_use]
    pub fn frames(mut self, frames: usize) -> Self {
        self.frames = frames;
        self
    }

    /// How long the frames are shown in all: 20 ms to 10 s each.
    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// Width in pixels, 16 to 1280; an odd one is made one less. A narrower video is not enlarged.
    #[must_use]
    pub fn width(mut self, pixels: u32) -> Self {
        self.width = pixels;
        self
    }

    /// Quality from 1 to 100 where the animation stays within [`max_bytes`](Self::max_bytes).
    #[must_use]
    pub fn quality(mut self, quality: u8) -> Self {
        self.quality = quality;
        self
    }

    /// Most bytes of the animation. Where they do not suffice, its quality is lower, and then its
    /// frames are fewer.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Checks the options.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the option that is wrong.
    pub fn check(&self) -> Result<(), Error> {
        check(
            FRAMES.contains(&self.frames),
            "frames",
            "not within 2 to 100",
        )?;
        let each = self.duration / self.frames as u32;
        check(
            FRAME_TIMES.contains(&each),
            "duration",
            "not within 20 ms to 10 s a frame",
        )?;
        check(
            WIDTHS.contains(&self.width),
            "width",
            "not within 16 to 1280",
        )?;
        check(
            (1..=100).contains(&self.quality),
            "quality",
            "not within 1 to 100",
        )?;
        check(self.max_bytes > 0, "max_bytes", "0 bytes hold no picture")
    }

    /// The storyboard whose tiles are the frames.
    pub(super) fn storyboard(&self) -> StoryboardRequest {
        StoryboardRequest::new()
            .count(self.frames)
            .tile_width(self.width)
            .grid(1, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_option_is_named() {
        let request = PreviewRequest::new;
        for (request, option) in [
            (request().frames(1), "frames"),
            (request().frames(101), "frames"),
            (request().duration(Duration::from_millis(239)), "duration"),
            (request().duration(Duration::from_secs(121)), "duration"),
            (request().width(15), "width"),
            (request().width(1281), "width"),
            (request().quality(0), "quality"),
            (request().max_bytes(0), "max_bytes"),
        ] {
            let error = request.check().unwrap_err().to_string();
            assert!(error.contains(option), "{error}");
        }
        assert!(request().check().is_ok());
    }
}
