//! Whether a picture shows the video at the time it is said to show, by ffmpeg's exact decode of
//! that time.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use anyhow::Context;
use devstack::oracle;
use image::{
    RgbImage,
    imageops::{FilterType, resize},
};

use crate::measure::Picture;

/// Pictures are compared at this size: what differs below it is the scaler's taste.
const SIZE: (u32, u32) = (320, 180);

/// Structural similarity from which two pictures are the same frame. What scalers and JPEG change
/// leaves 0.98 of it.
const SAME: f64 = 0.85;

/// Nearly a frame's length, in seconds: whether a time means the frame before it or the one after
/// is a matter of rounding.
const FRAME: f64 = 0.03;

/// Decodes what pictures are compared with, each time once.
#[derive(Default)]
pub(crate) struct Judge {
    frames: HashMap<(PathBuf, i64), Option<RgbImage>>,
}

/// What became of one picture.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Verdict {
    /// Best similarity with the frame at a time that it may show.
    pub(crate) ssim: f64,
    /// How far that time lies from the one that was asked for, in seconds.
    pub(crate) off_s: f64,
}

impl Verdict {
    pub(crate) fn is_right(&self) -> bool {
        self.ssim >= SAME
    }
}

impl Judge {
    /// Compares `picture` of the video at `path` with the frame at its stated time; where none is
    /// stated, with the frame asked for, its neighbours, and those at `others`, the keyframes
    /// around.
    pub(crate) fn judge(
        &mut self,
        path: &Path,
        picture: &Picture,
        others: &[f64],
    ) -> anyhow::Result<Verdict> {
        let image = image::open(&picture.path);
        let image = image.with_context(|| format!("no picture {}", picture.path.display()))?;
        let image = resize(&image.to_rgb8(), SIZE.0, SIZE.1, FilterType::CatmullRom);
        let asked = picture.target;
        let times = picture.stated.map_or_else(
            || [&[asked, asked - FRAME, asked + FRAME], others].concat(),
            |stated| vec![stated],
        );
        let mut best = Verdict::default();
        for time in times {
            let Some(frame) = self.frame(path, time) else {
                continue;
            };
            let ssim = oracle::ssim(&image, frame);
            if ssim > best.ssim {
                let off_s = (time - picture.target).abs();
                best = Verdict { ssim, off_s };
            }
            if best.is_right() {
                break;
            }
        }
        Ok(best)
    }

    fn frame(&mut self, path: &Path, seconds: f64) -> Option<&RgbImage> {
        let key = (path.to_owned(), (seconds * 1e3) as i64);
        let decode = || oracle::frame_at(path, seconds, SIZE.0, SIZE.1).ok();
        self.frames.entry(key).or_insert_with(decode).as_ref()
    }
}
