//! The best animation within a number of bytes.

use std::{iter, time::Duration};

use bytes::Bytes;

use super::{PreviewFrame, PreviewRequest};
use crate::{
    Error, ImageFormat,
    encode::{AnimationFrame, animation, encode},
    storyboard::TileFrame,
};

/// Lower qualities that are tried one after the other, before frames are left out at the last one.
const LOWER: [u8; 4] = [60, 45, 30, 15];

/// An animation, and what it shows.
pub(super) struct Fitted {
    pub(super) image: Bytes,
    pub(super) frames: Vec<PreviewFrame>,
    pub(super) quality: u8,
}

/// Encodes `frames` at the request's quality or, where that is too large, at lower ones and then
/// with every other frame left out, each of which is shown twice as long.
pub(super) fn fit(frames: &[TileFrame], request: &PreviewRequest) -> Result<Fitted, Error> {
    let size = frames.first().map_or((0, 0), |first| {
        (first.planes.width as u32, first.planes.height as u32)
    });
    let mut quality = request.quality;
    let mut stills = stills(frames, quality)?;
    let mut lower = LOWER.into_iter().filter(|lower| *lower < request.quality);
    let mut step = 1;
    loop {
        let shown = stills.iter().step_by(step);
        let times = times_ms(shown.len(), request.duration);
        let shown = shown.zip(times).map(|(still, shown_ms)| AnimationFrame {
            still: still.clone(),
            shown_ms,
        });
        let image = animation(&shown.collect::<Vec<_>>(), size)?;
        if image.len() <= request.max_bytes {
            let described = frames.iter().step_by(step).map(PreviewFrame::new);
            return Ok(Fitted {
                image,
                frames: described.collect(),
                quality,
            });
        }
        if let Some(next) = lower.next() {
            quality = next;
            stills = self::stills(frames, quality)?;
        } else if frames.len().div_ceil(step * 2) >= 2 {
            step *= 2;
        } else {
            return Err(Error::Invalid {
                option: "max_bytes",
                reason: format!("{} do not hold two frames", request.max_bytes),
            });
        }
    }
}

/// Each frame as a picture of its own.
fn stills(frames: &[TileFrame], quality: u8) -> Result<Vec<Bytes>, Error> {
    let still = |frame: &TileFrame| encode(&frame.planes, ImageFormat::WebP, quality);
    frames.iter().map(still).collect()
}

/// How long each of `count` frames is shown, in milliseconds: `duration` together.
fn times_ms(count: usize, duration: Duration) -> impl Iterator<Item = u32> {
    let (duration_ms, count) = (duration.as_millis() as u64, count as u64);
    let starts_ms = (0..=count).map(move |nth| (duration_ms * nth / count.max(1)) as u32);
    let ends_ms = starts_ms.clone().skip(1);
    iter::zip(starts_ms, ends_ms).map(|(start_ms, end_ms)| end_ms - start_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Origin, libav::Planes};

    /// Frames of noise, which no encoder makes small.
    fn noise(count: usize) -> Vec<TileFrame> {
        let mut state = 1_u32;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as u8
        };
        let frames = (0..count as u64).map(|nth| TileFrame {
            planes: Planes {
                width: 64,
                height: 32,
                y: (0..64 * 32).map(|_| random()).collect(),
                u: vec![128; 32 * 16],
                v: vec![128; 32 * 16],
                chroma_width: 32,
                chroma_height: 16,
            },
            target: Duration::from_secs(nth),
            actual: Duration::from_secs(nth),
            origin: Origin::Keyframe,
            limit: None,
        });
        frames.collect()
    }

    #[test]
    fn too_many_bytes_cost_quality_and_then_frames() {
        let frames = noise(9);
        let fitted = |max_bytes| fit(&frames, &PreviewRequest::new().max_bytes(max_bytes));
        let whole = fitted(usize::MAX).unwrap();
        assert_eq!((whole.frames.len(), whole.quality), (9, 75));
        let coarser = fitted(whole.image.len() - 1).unwrap();
        assert_eq!((coarser.frames.len(), coarser.quality), (9, 60));
        assert!(coarser.image.len() < whole.image.len());
        let most = whole.image.len() / 4;
        let coarsest = fitted(most).unwrap();
        assert_eq!(coarsest.quality, 15);
        assert!(coarsest.image.len() <= most);
        assert!(coarsest.frames.len() < 9);
        let step = coarsest.frames[1].actual.as_secs() as usize;
        assert_eq!(coarsest.frames.len(), 9_usize.div_ceil(step));
        let error = fitted(100).map(|it| it.quality).unwrap_err().to_string();
        assert!(error.contains("max_bytes"), "{error}");
    }

    #[test]
    fn frames_share_the_time_evenly() {
        let times: Vec<_> = times_ms(3, Duration::from_secs(1)).collect();
        assert_eq!(times, [333, 333, 334]);
    }
}
