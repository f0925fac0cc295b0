//! Independent judges: the `ffmpeg` and `ffprobe` programs, and a plain SSIM.
//!
//! Times are in seconds from the start of the file, whatever its first timestamp is: a keyframe's
//! time from [`keyframes`] gives the same picture in [`frame_at`].

use std::{array, fs, path::Path, process::Command};

use anyhow::{Context, bail};
use image::RgbImage;
use serde_json::Value;

use crate::process;

/// Largest file, in bytes, that is decoded from the start: larger ones would take minutes.
const DECODE_FROM_START_LIMIT: u64 = 64 << 20;

/// Most pixels, times seconds, that are decoded from the start, for the same reason: forty seconds
/// of 1080p.
const DECODE_FROM_START_PIXELS: f64 = 1920.0 * 1080.0 * 40.0;

/// The first frame at or after `seconds`, upright, scaled to `width` x `height` pixels.
///
/// A time that was rounded to milliseconds still gives the frame that it came from. Files up to 64
/// MiB, of few pixels, are decoded from the start, so the answer does not depend on any seeking; in
/// others ffmpeg seeks well ahead of the frame.
pub fn frame_at(path: &Path, seconds: f64, width: u32, height: u32) -> anyhow::Result<RgbImage> {
    let mut frames = frames_at(path, &[seconds], width, height)?;
    frames.pop().context("ffmpeg gave no picture")
}

/// As [`frame_at`], for each of `times` in seconds; a file that is decoded from the start is
/// decoded once for all of them.
pub fn frames_at(
    path: &Path,
    times: &[f64],
    width: u32,
    height: u32,
) -> anyhow::Result<Vec<RgbImage>> {
    // A seek may land late, but not by this much.
    const HEAD_START: f64 = 8.0;
    let facts = probe(path)?;
    let area = f64::from(facts.width) * f64::from(facts.height);
    let is_short = facts
        .duration
        .is_none_or(|seconds| seconds * area <= DECODE_FROM_START_PIXELS);
    if facts.bytes <= DECODE_FROM_START_LIMIT && is_short {
        return decode(path, &facts, None, times, (width, height));
    }
    let mut frames = Vec::with_capacity(times.len());
    for seconds in times {
        let seek = Some(seconds - HEAD_START).filter(|seek| *seek > 0.0);
        let decoded = decode(path, &facts, seek, &[*seconds], (width, height))?;
        frames.extend(decoded);
    }
    Ok(frames)
}

/// One run of ffmpeg, which goes to `seek` first, and gives the frame of each of `times`.
fn decode(
    path: &Path,
    facts: &Facts,
    seek: Option<f64>,
    times: &[f64],
    (width, height): (u32, u32),
) -> anyhow::Result<Vec<RgbImage>> {
    // Less than half a frame at 120 frames a second, more than half a millisecond.
    const SLACK: f64 = 0.004;
    let folder = tempfile::tempdir()?;
    let file = |nth: usize| folder.path().join(nth.to_string());
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-loglevel", "error"]);
    if let Some(seek) = seek {
        command.args(["-noaccurate_seek", "-ss", &format!("{seek:.6}")]);
    }
    // The file's own timestamps: those that ffmpeg makes count from the first used stream's start,
    // not the file's.
    command.args(["-copyts", "-i"]).arg(path);
    for (nth, seconds) in times.iter().enumerate() {
        let time = facts.start + seconds - SLACK;
        // ffmpeg's default kernel.
        let filters = format!(
            "select=gte(t\\,{time:.6}),scale={width}:{height}:flags=bicubic+accurate_rnd+full_chroma_int"
        );
        command
            .args(["-an", "-sn", "-dn", "-frames:v", "1", "-vf", &filters])
            .args(["-fps_mode", "passthrough", "-pix_fmt", "rgb24"])
            .args(["-f", "rawvideo"])
            .arg(file(nth));
    }
    process::output(&mut command)?;
    let frames = times.iter().enumerate().map(|(nth, seconds)| {
        let pixels = fs::read(file(nth)).unwrap_or_default();
        let bytes = pixels.len();
        RgbImage::from_raw(width, height, pixels)
            .filter(|image| bytes == image.as_raw().len())
            .with_context(|| {
                format!(
                    "{} has no frame at {seconds} s (ffmpeg gave {bytes} bytes of pixels)",
                    path.display()
                )
            })
    });
    frames.collect()
}

/// The mean structural similarity (SSIM) of two pictures' luma over windows of 8x8 pixels, 4 apart:
/// 1 for equal pictures, about 0 for unrelated ones.
///
/// # Panics
///
/// If the pictures differ in size, or are smaller than a window.
#[must_use]
pub fn ssim(a: &RgbImage, b: &RgbImage) -> f64 {
    const WINDOW: u32 = 8;
    const STEP: usize = 4;
    assert_eq!(a.dimensions(), b.dimensions(), "pictures of different size");
    let (width, height) = a.dimensions();
    assert!(
        width >= WINDOW && height >= WINDOW,
        "pictures smaller than {WINDOW}x{WINDOW}"
    );
    let (a, b) = (luma(a), luma(b));
    let mut sum = 0.0;
    let mut windows = 0.0;
    for y in (0..=height - WINDOW).step_by(STEP) {
        for x in (0..=width - WINDOW).step_by(STEP) {
            let pixels = (y..y + WINDOW)
                .flat_map(|row| (x..x + WINDOW).map(move |column| (row * width + column) as usize));
            sum += window_ssim(pixels.map(|i| (a[i], b[i])));
            windows += 1.0;
        }
    }
    sum / windows
}

/// Rec. 601 luma, 0 to 255.
fn luma(image: &RgbImage) -> Vec<f64> {
    image
        .pixels()
        .map(|pixel| {
            let [r, g, b] = pixel.0.map(f64::from);
            0.299 * r + 0.587 * g + 0.114 * b
        })
        .collect()
}

/// SSIM of one window, with the constants of Wang et al. 2004.
fn window_ssim(pixels: impl Iterator<Item = (f64, f64)>) -> f64 {
    const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
    const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);
    let [count, sum_a, sum_b, squares_a, squares_b, products] = pixels
        .map(|(a, b)| [1.0, a, b, a * a, b * b, a * b])
        .fold([0.0; 6], |sums, terms| {
            array::from_fn(|i| sums[i] + terms[i])
        });
    let (mean_a, mean_b) = (sum_a / count, sum_b / count);
    let variance_a = squares_a / count - mean_a * mean_a;
    let variance_b = squares_b / count - mean_b * mean_b;
    let covariance = products / count - mean_a * mean_b;
    (2.0 * mean_a * mean_b + C1) * (2.0 * covariance + C2)
        / ((mean_a * mean_a + mean_b * mean_b + C1) * (variance_a + variance_b + C2))
}

/// ffprobe's facts about a file and its first video stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// ffmpeg's name of the container, such as `mov,mp4,m4a,3gp,3g2,mj2`.
    pub container: String,
    /// In seconds; `None` where the container does not say.
    pub duration: Option<f64>,
    /// The first timestamp, in seconds; 0 where the container does not say.
    pub start: f64,
    /// Coded width, in pixels, before any rotation.
    pub width: u32,
    /// Coded height, in pixels, before any rotation.
    pub height: u32,
    /// ffmpeg's name of the codec, such as `h264`.
    pub codec: String,
    /// ffmpeg's name of the pixel format, such as `yuv420p`.
    pub pixel_format: String,
    /// By how many degrees the display matrix turns the picture, counter-clockwise; 0 without one.
    pub rotation: i64,
    /// Whether there is an audio stream.
    pub audio: bool,
    /// File size, in bytes.
    pub bytes: u64,
}

/// Facts about the file at `path`. Fails when it has no video stream.
pub fn probe(path: &Path) -> anyhow::Result<Facts> {
    let json = process::output(
        Command::new("ffprobe")
            .args([
                "-v",
                "error",
                "-show_format",
                "-show_streams",
                "-of",
                "json",
            ])
            .arg(path),
    )?;
    let json: Value = serde_json::from_slice(&json)?;
    let streams = json["streams"].as_array().map_or(&[][..], Vec::as_slice);
    let is = |candidate: &Value, kind| candidate["codec_type"] == kind;
    let video = streams
        .iter()
        .find(|stream| is(stream, "video") && stream["disposition"]["attached_pic"] != 1)
        .with_context(|| format!("{} has no video stream", path.display()))?;
    let format = &json["format"];
    Ok(Facts {
        container: text(&format["format_name"]),
        duration: number(&format["duration"]),
        start: number(&format["start_time"]).unwrap_or(0.0),
        width: dimension(&video["width"])?,
        height: dimension(&video["height"])?,
        codec: text(&video["codec_name"]),
        pixel_format: text(&video["pix_fmt"]),
        rotation: video["side_data_list"]
            .as_array()
            .and_then(|list| list.iter().find_map(|data| data["rotation"].as_i64()))
            .unwrap_or(0),
        audio: streams.iter().any(|stream| is(stream, "audio")),
        bytes: path.metadata()?.len(),
    })
}

/// A compressed frame in a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Packet {
    /// Presentation time, in seconds from the start of the file (decoding time where the container
    /// has no other).
    pub seconds: f64,
    /// Where the packet starts, in bytes from the start of the file.
    pub pos: u64,
    /// Length, in bytes.
    pub size: u64,
}

/// The keyframes of the file's first video stream, in the order they are stored.
///
/// Reads the whole file. Fails when the container does not tell packets' positions.
pub fn keyframes(path: &Path) -> anyhow::Result<Vec<Packet>> {
    let start = probe(path)?.start;
    let lines = process::output(
        Command::new("ffprobe")
            .args(["-v", "error", "-select_streams", "V:0", "-show_entries"])
            .args([
                "packet=pts_time,dts_time,pos,size,flags",
                "-of",
                "compact=p=0",
            ])
            .arg(path),
    )?;
    String::from_utf8_lossy(&lines)
        .lines()
        .filter(|line| line.contains("flags=K"))
        .map(|line| packet(line, start).with_context(|| format!("odd packet of ffprobe: {line}")))
        .collect()
}

fn packet(line: &str, start: f64) -> anyhow::Result<Packet> {
    let field = |name: &str| {
        line.split('|')
            .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
            .filter(|value| *value != "N/A")
    };
    let Some(time) = field("pts_time").or_else(|| field("dts_time")) else {
        bail!("no timestamp");
    };
    Ok(Packet {
        seconds: time.parse::<f64>()? - start,
        pos: field("pos").context("no position")?.parse()?,
        size: field("size").context("no size")?.parse()?,
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// ffprobe writes numbers with a fraction as strings.
fn number(value: &Value) -> Option<f64> {
    value.as_str()?.parse().ok()
}

fn dimension(value: &Value) -> anyhow::Result<u32> {
    let pixels = value.as_u64().context("ffprobe gave no dimensions")?;
    Ok(u32::try_from(pixels)?)
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::media::{Clip, Shape, looped};

    fn frame(seconds: f64) -> RgbImage {
        let clip = Clip {
            seconds: 2,
            ..Clip::default()
        };
        frame_at(&clip.make().unwrap(), seconds, 320, 180).unwrap()
    }

    /// The same picture with every other pixel brighter by `amount`.
    fn noisy(image: &RgbImage, amount: u8) -> RgbImage {
        RgbImage::from_fn(image.width(), image.height(), |x, y| {
            let pixel = image.get_pixel(x, y);
            let add = if (x + y) % 2 == 0 { amount } else { 0 };
            Rgb(pixel.0.map(|value| value.saturating_add(add)))
        })
    }

    #[test]
    fn ssim_orders_pictures_by_likeness() {
        let picture = frame(1.0);
        let shifted = RgbImage::from_fn(320, 180, |x, y| *picture.get_pixel((x + 24) % 320, y));
        let same = ssim(&picture, &picture);
        let slightly = ssim(&picture, &noisy(&picture, 8));
        let much = ssim(&picture, &noisy(&picture, 40));
        let shifted = ssim(&picture, &shifted);
        let other = ssim(&picture, &frame(0.0));
        assert!((same - 1.0).abs() < 1e-9, "{same}");
        assert!(slightly < same && much < slightly, "{slightly}, {much}");
        assert!(shifted < 0.7, "{shifted}");
        assert!(other < 0.7, "{other}");
    }

    #[test]
    fn frame_at_takes_the_frame_that_starts_there() {
        // 25 frames a second: the times of frame 10, rounded both ways, and of its neighbours.
        let exact = frame(0.4);
        for rounded in [0.3996, 0.4004] {
            assert_eq!(frame(rounded), exact);
        }
        assert_ne!(frame(0.36), exact);
        assert_ne!(frame(0.44), exact);
    }

    #[test]
    fn frame_at_seeks_to_the_same_frame_in_a_large_file() {
        for shape in [Shape::Mp4MoovLast, Shape::Ts] {
            let large = looped(&Clip::default(), shape, DECODE_FROM_START_LIMIT + 1).unwrap();
            let keyframe = keyframes(&large).unwrap()[203];
            let there = frame_at(&large, keyframe.seconds, 320, 180).unwrap();
            let same = frame_at(&Clip::default().make().unwrap(), 3.0, 320, 180).unwrap();
            let similarity = ssim(&there, &same);
            assert!(similarity > 0.98, "{shape:?}: {similarity}");
        }
    }

    #[test]
    fn frame_at_past_the_end_is_an_error() {
        let path = Clip::default().make().unwrap();
        let error = frame_at(&path, 60.0, 320, 180).unwrap_err();
        assert!(error.to_string().contains("no frame at 60"), "{error}");
    }

    #[test]
    fn keyframes_times_are_frame_ats() {
        // Neither MPEG-TS nor the first frame of this clip starts at 0.
        let path = Clip::new("ts").make().unwrap();
        assert!(probe(&path).unwrap().start > 1.0);
        let keyframes = keyframes(&path).unwrap();
        assert_eq!(keyframes.len(), 10);
        let there = frame_at(&path, keyframes[3].seconds, 320, 180).unwrap();
        let mp4 = Clip::new("mp4").make().unwrap();
        let same = frame_at(&mp4, 3.0, 320, 180).unwrap();
        assert!(ssim(&there, &same) > 0.98);
    }
}
