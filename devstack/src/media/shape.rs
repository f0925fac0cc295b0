//! Long files of a chosen layout, made quickly by repeating a clip's packets.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, bail};

use super::{Clip, ffmpeg, folder, size};
use crate::cache;

/// A container together with where, and whether, it keeps its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// MP4 whose `moov` comes before the media, as for streaming.
    Mp4MoovFirst,
    /// MP4 whose `moov` comes after the media, as cameras write it.
    Mp4MoovLast,
    /// MP4 in fragments of one GOP, without any index: neither `sidx` nor `mfra`.
    Mp4Fragmented,
    /// MP4 in fragments, with an `mfra` index at the end.
    Mp4FragmentedMfra,
    /// MP4 in fragments, with a `sidx` index at the start and no `mfra`.
    Mp4FragmentedSidx,
    /// Matroska with Cues.
    Mkv,
    /// Matroska without Cues, as a live recording leaves it.
    MkvNoCues,
    /// MPEG transport stream, which has no index.
    Ts,
    /// Flash video without a keyframe index.
    Flv,
    /// Flash video with a keyframe index in `onMetaData`.
    FlvIndexed,
    /// AVI with `idx1` at the end.
    Avi,
    /// ASF with its index at the end.
    Wmv,
    /// MPEG program stream, which has no index.
    Mpg,
    /// Ogg, which has no index.
    Ogv,
    /// WebM with Cues.
    Webm,
}

impl Shape {
    /// Muxer arguments and file extension.
    fn muxer(self) -> (&'static [&'static str], &'static str) {
        const FRAGMENTS: &str = "frag_keyframe+empty_moov+default_base_moof";
        match self {
            Self::Mp4MoovFirst => (&["-f", "mp4", "-movflags", "faststart"], "mp4"),
            Self::Mp4MoovLast => (&["-f", "mp4"], "mp4"),
            Self::Mp4Fragmented => (
                &[
                    "-f",
                    "mp4",
                    "-movflags",
                    FRAGMENTS,
                    "-movflags",
                    "+skip_trailer",
                ],
                "mp4",
            ),
            Self::Mp4FragmentedMfra => (&["-f", "mp4", "-movflags", FRAGMENTS], "mp4"),
            Self::Mp4FragmentedSidx => (
                &[
                    "-f",
                    "mp4",
                    "-movflags",
                    FRAGMENTS,
                    "-movflags",
                    "+global_sidx+skip_trailer",
                ],
                "mp4",
            ),
            Self::Mkv | Self::MkvNoCues => (&["-f", "matroska"], "mkv"),
            Self::Ts => (&["-f", "mpegts"], "ts"),
            Self::Flv => (&["-f", "flv"], "flv"),
            Self::FlvIndexed => (&["-f", "flv", "-flvflags", "add_keyframe_index"], "flv"),
            Self::Avi => (&["-f", "avi"], "avi"),
            Self::Wmv => (&["-f", "asf"], "wmv"),
            Self::Mpg => (&["-f", "vob"], "mpg"),
            Self::Ogv => (&["-f", "ogg"], "ogv"),
            Self::Webm => (&["-f", "webm"], "webm"),
        }
    }

    /// The extension of a clip whose codecs this shape's container can hold: the clip's own if
    /// possible.
    fn clip_extension(self, wanted: &'static str) -> &'static str {
        const H264: [&str; 7] = ["mp4", "m4v", "mov", "mkv", "ts", "flv", "3gp"];
        match self {
            Self::Avi => "avi",
            Self::Wmv => "wmv",
            Self::Mpg => "mpg",
            Self::Ogv => "ogv",
            Self::Webm => "webm",
            Self::Mkv | Self::MkvNoCues => wanted,
            _ if H264.contains(&wanted) => wanted,
            _ => "mp4",
        }
    }
}

/// A file of `shape` that repeats `clip`, its packets copied, until it has at least `min_bytes`.
///
/// Where the shape's container cannot hold the codecs of `clip.extension`, the clip of the
/// container's own extension is repeated. Fails when `ffmpeg` is missing or cannot mux the clip.
pub fn looped(clip: &Clip, shape: Shape, min_bytes: u64) -> anyhow::Result<PathBuf> {
    let clip = Clip {
        extension: shape.clip_extension(clip.extension),
        ..clip.clone()
    };
    let (_, extension) = shape.muxer();
    let name = format!("{}-{shape:?}-{min_bytes}.{extension}", clip.name());
    cache::file(&folder(), &name, |path| {
        let source = clip.make()?;
        let once = size(&source)?;
        let mut times = min_bytes.div_ceil(once);
        // Containers differ in overhead, so the first guess may fall short; the next one is right
        // except for rounding.
        for _ in 0..5 {
            repeat(&source, times, shape, path)?;
            let bytes = size(path)?;
            if bytes >= min_bytes {
                return Ok(());
            }
            times = (times * min_bytes).div_ceil(bytes.max(1)) + 1;
        }
        bail!("cannot reach {min_bytes} bytes with {}", source.display())
    })
}

fn repeat(source: &Path, times: u64, shape: Shape, path: &Path) -> anyhow::Result<()> {
    let mut command = ffmpeg();
    command
        .args(["-stream_loop", &times.saturating_sub(1).to_string(), "-i"])
        .arg(source)
        .args(["-map", "0", "-c", "copy"])
        .args(shape.muxer().0);
    // A muxer that cannot seek back cannot write Cues.
    if shape == Shape::MkvNoCues {
        command.arg("pipe:1").stdout(File::create(path)?);
    } else {
        command.arg(path).stdout(Stdio::null());
    }
    let output = command
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run `ffmpeg`; is it installed?")?
        .wait_with_output()?;
    if !output.status.success() {
        bail!(
            "`ffmpeg` failed ({}): {}",
            output.status,
            crate::process::tail(&output.stderr)
        );
    }
    Ok(())
}
