//! The videos that are measured: one clip for each codec, encoded once, whose packets are repeated
//! until the file is long enough.
//!
//! The picture moves and carries noise, so that keyframes and bit rates are those of a camera.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};
use devstack::media;
use serde::{Deserialize, Serialize};

/// An encoded clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clip {
    name: &'static str,
    extension: &'static str,
    /// Input of ffmpeg's `testsrc2`, with its filters.
    picture: &'static str,
    seconds: u32,
    encoder: &'static str,
}

/// Raise it when a recipe changes, so that no stale file is used.
const RECIPES: u32 = 1;

const HD: &str = "testsrc2=s=1920x1080:r=30,scroll=h=0.0123:v=0.0097,noise=alls=12:allf=t";

/// The clip that films of a codec repeat.
macro_rules! clip {
    ($name:literal, $extension:literal, $seconds:literal, $picture:expr, $encoder:expr) => {
        Clip {
            name: $name,
            extension: $extension,
            picture: $picture,
            seconds: $seconds,
            encoder: $encoder,
        }
    };
}

const H264: Clip = clip!(
    "h264",
    "mp4",
    20,
    HD,
    "-c:v libx264 -preset veryfast -b:v 9400k -maxrate 12M -bufsize 12M -g 150 -keyint_min 150 \
     -sc_threshold 0 -pix_fmt yuv420p -c:a aac"
);
const HEVC: Clip = clip!(
    "hevc-4k",
    "mp4",
    6,
    "testsrc2=s=3840x2160:r=30,scroll=h=0.0123:v=0.0097,noise=alls=8:allf=t",
    "-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=90:min-keyint=90:scenecut=0 \
     -b:v 30M -tag:v hvc1 -pix_fmt yuv420p -c:a aac"
);
const VP9: Clip = clip!(
    "vp9",
    "webm",
    10,
    HD,
    "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -row-mt 1 -b:v 8M -g 150 -pix_fmt yuv420p -c:a libopus"
);
const AV1: Clip = clip!(
    "av1",
    "mkv",
    10,
    HD,
    "-c:v libsvtav1 -preset 12 -b:v 6M -g 150 -pix_fmt yuv420p -c:a libopus"
);
const MPEG2: Clip = clip!(
    "mpeg2",
    "ts",
    10,
    HD,
    "-c:v mpeg2video -b:v 15M -maxrate 18M -bufsize 6M -g 15 -bf 2 -sc_threshold 1000000000 \
     -pix_fmt yuv420p -c:a mp2"
);
const MPEG4: Clip = clip!(
    "mpeg4",
    "avi",
    20,
    HD,
    "-c:v mpeg4 -b:v 9400k -g 150 -sc_threshold 1000000000 -pix_fmt yuv420p -c:a libmp3lame"
);
const WMV: Clip = clip!(
    "wmv2",
    "wmv",
    20,
    HD,
    "-c:v wmv2 -b:v 9400k -g 150 -sc_threshold 1000000000 -pix_fmt yuv420p -c:a wmav2"
);
const PHONE: Clip = clip!(
    "phone",
    "mov",
    30,
    HD,
    "-c:v libx264 -preset veryfast -b:v 17M -g 30 -keyint_min 30 -sc_threshold 0 -pix_fmt yuv420p -c:a aac"
);
const SMALL: Clip = clip!(
    "small",
    "3gp",
    60,
    "testsrc2=s=352x288:r=15,scroll=h=0.0123:v=0.0097,noise=alls=12:allf=t",
    "-c:v libx264 -preset veryfast -b:v 384k -g 75 -pix_fmt yuv420p -c:a aac -ac 1 -ar 16000"
);

impl Clip {
    fn make(&self) -> anyhow::Result<PathBuf> {
        let name = format!("bench{RECIPES}-clip-{}.{}", self.name, self.extension);
        media::cached(&name, |path| {
            let mut command = ffmpeg();
            command
                .args(["-f", "lavfi", "-i", self.picture])
                .args(["-f", "lavfi", "-i", "sine=440"])
                .args(["-t", &self.seconds.to_string()])
                .args(self.encoder.split_whitespace());
            run(command.arg(path))
        })
    }
}

/// How a file's keyframes are found, which decides how little of it must be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Index {
    /// One index, in one or two places.
    Whole,
    /// An index of fragments.
    Fragments,
    /// No index.
    None,
    /// The file is so small that all of it may be read.
    Small,
}

/// A video that is measured.
#[derive(Debug, Clone, Copy)]
pub struct Film {
    /// Its name in options and results.
    pub name: &'static str,
    /// Its title in tables.
    pub title: &'static str,
    /// How its keyframes are found.
    pub index: Index,
    /// Its extension.
    pub extension: &'static str,
    clip: Clip,
    muxer: &'static str,
}

const FRAGMENTS: &str = "-f mp4 -movflags frag_keyframe+empty_moov+default_base_moof";

/// Every film: a container each, and the codecs that differ in cost.
#[rustfmt::skip]
pub const FILMS: [Film; 20] = [
    film("mp4-first", "mp4, index first", Index::Whole, "mp4", H264, "-f mp4 -movflags faststart"),
    film("mp4-last", "mp4, index last", Index::Whole, "mp4", H264, "-f mp4"),
    film("mov", "mov", Index::Whole, "mov", H264, "-f mov"),
    film("hevc-4k", "mp4, 4K HEVC", Index::Whole, "mp4", HEVC, "-f mp4 -movflags faststart"),
    film("frag-mfra", "mp4, fragments with `mfra`", Index::Fragments, "mp4", H264, FRAGMENTS),
    film("frag-sidx", "mp4, fragments with `sidx`", Index::Fragments, "mp4", H264,
        "-f mp4 -movflags frag_keyframe+empty_moov+default_base_moof+global_sidx+skip_trailer"),
    film("frag-none", "mp4, fragments without index", Index::None, "mp4", H264,
        "-f mp4 -movflags frag_keyframe+empty_moov+default_base_moof+skip_trailer"),
    film("mkv", "Matroska with Cues", Index::Whole, "mkv", H264, "-f matroska"),
    film("mkv-nocues", "Matroska without Cues", Index::None, "mkv", H264, PIPED_MATROSKA),
    film("webm", "WebM, VP9", Index::Whole, "webm", VP9, "-f webm"),
    film("avi", "AVI, MPEG-4", Index::Whole, "avi", MPEG4, "-f avi"),
    film("flv-indexed", "FLV with index", Index::Whole, "flv", H264, "-f flv -flvflags add_keyframe_index"),
    film("flv", "FLV without index", Index::None, "flv", H264, "-f flv"),
    film("ts", "MPEG-TS", Index::None, "ts", H264, "-f mpegts"),
    film("wmv", "ASF, WMV 2", Index::Whole, "wmv", WMV, "-f asf"),
    film("3gp", "3gp, small", Index::Small, "3gp", SMALL, "-f 3gp"),
    film("phone", "30 s phone clip, mov", Index::Small, "mov", PHONE, "-f mov"),
    film("small-mkv", "small Matroska", Index::Small, "mkv", SMALL, "-f matroska"),
    film("av1", "Matroska, AV1", Index::Whole, "mkv", AV1, "-f matroska"),
    film("mpeg2", "MPEG-TS, MPEG-2", Index::None, "ts", MPEG2, "-f mpegts"),
];

/// A film of ten hours in less than 2 GB.
pub const TEN_HOURS: Film = film(
    "ten-hours",
    "mp4, ten hours",
    Index::Whole,
    "mp4",
    SMALL,
    "-f mp4 -movflags faststart",
);

/// Muxed into a pipe: a muxer that cannot seek back has no place to write Cues to.
const PIPED_MATROSKA: &str = "-f matroska -seekable 0";

const fn film(
    name: &'static str,
    title: &'static str,
    index: Index,
    extension: &'static str,
    clip: Clip,
    muxer: &'static str,
) -> Film {
    Film {
        name,
        title,
        index,
        extension,
        clip,
        muxer,
    }
}

impl Film {
    /// The film called `name`.
    pub fn find(name: &str) -> anyhow::Result<&'static Self> {
        FILMS
            .iter()
            .find(|film| film.name == name)
            .with_context(|| {
                let names: Vec<_> = FILMS.iter().map(|film| film.name).collect();
                format!("no film {name:?}; there are {}", names.join(", "))
            })
    }

    /// The film's file of at least about `bytes` bytes, made first if it is missing. A small film
    /// is its clip, whatever `bytes` is.
    pub fn make(&self, bytes: u64) -> anyhow::Result<PathBuf> {
        media::cached(&self.file_name(bytes), |path| {
            let clip = self.clip.make()?;
            let times = if self.index == Index::Small {
                1
            } else {
                // Containers differ in overhead: a twentieth more is enough for all of them.
                (bytes + bytes / 20).div_ceil(clip.metadata()?.len())
            };
            self.repeat(&clip, times, path)?;
            let made = path.metadata()?.len();
            if self.index != Index::Small && made < bytes {
                bail!("{} has only {made} bytes", self.name);
            }
            Ok(())
        })
    }

    /// The name of the file that [`Film::make`] makes.
    fn file_name(&self, bytes: u64) -> String {
        let size = if self.index == Index::Small { 0 } else { bytes };
        format!(
            "bench{RECIPES}-film-{}-{size}.{}",
            self.name, self.extension
        )
    }

    fn repeat(&self, clip: &Path, times: u64, path: &Path) -> anyhow::Result<()> {
        let mut command = ffmpeg();
        command
            .args(["-stream_loop", &(times - 1).to_string(), "-i"])
            .arg(clip)
            .args(["-map", "0", "-c", "copy"]);
        if self.muxer == PIPED_MATROSKA {
            command
                .args(["-f", "matroska", "pipe:1"])
                .stdout(File::create(path)?);
        } else {
            command.args(self.muxer.split_whitespace()).arg(path);
        }
        run(&mut command)
    }
}

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-nostdin", "-hide_banner", "-loglevel", "error", "-y"])
        .stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .context("cannot run `ffmpeg`; is it installed?")?;
    if !status.success() {
        bail!("{command:?}: {status}");
    }
    Ok(())
}
