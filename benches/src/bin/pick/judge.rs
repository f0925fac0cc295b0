//! Which moment of a film a picture shows, told from the picture alone: what programs say of their
//! pictures' times is not believed, and some say nothing.

use std::{path::Path, process::Command};

use anyhow::{Context as _, ensure};

use crate::film::{FPS, SECONDS};

/// Width and height at which pictures are compared, in pixels.
const SIZE: (usize, usize) = (64, 36);
const BYTES: usize = SIZE.0 * SIZE.1 * 3;

/// Every frame of a film, small.
pub(crate) struct Frames(Vec<u8>);

impl Frames {
    pub(crate) fn of(film: &Path) -> anyhow::Result<Self> {
        let frames = decode(film)?;
        let count = frames.len() / BYTES;
        let planned = (SECONDS * f64::from(FPS)) as usize;
        // Or what is known of its moments would be of others.
        ensure!(
            count == planned,
            "{} has {count} frames and not {planned}",
            film.display()
        );
        Ok(Self(frames))
    }

    /// The time, in seconds, of the frame that the picture at `path` is most like.
    pub(crate) fn time_of(&self, path: &Path) -> anyhow::Result<f64> {
        let picture = decode(path)?;
        ensure!(picture.len() == BYTES, "no picture: {}", path.display());
        let frames = self.0.chunks_exact(BYTES).enumerate();
        let nearest = frames.min_by_key(|(_, frame)| difference(frame, &picture));
        let (nth, _) = nearest.context("no frames")?;
        // The middle of the frame lies in its span for certain.
        Ok((nth as f64 + 0.5) / f64::from(FPS))
    }
}

/// The sum of the squares of differences.
fn difference(a: &[u8], b: &[u8]) -> u64 {
    let pairs = a.iter().zip(b);
    pairs.map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum()
}

/// The frames of a film or a picture as RGB.
fn decode(path: &Path) -> anyhow::Result<Vec<u8>> {
    let filters = format!("scale={}:{}:flags=area", SIZE.0, SIZE.1);
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-i"])
        .arg(path)
        .args(["-vf", &filters, "-fps_mode", "passthrough"])
        .args(["-pix_fmt", "rgb24", "-f", "rawvideo", "-"])
        .output()
        .context("cannot run ffmpeg; is it installed?")?;
    ensure!(
        output.status.success(),
        "{}: {}",
        path.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output.stdout)
}
