//! Test videos, made with the `ffmpeg` program.
//!
//! In the default [`Scene`] the picture moves by a third of its width each second, so that frames a
//! second apart differ like scenes of a film; it is never flat, and carries a running clock. Files
//! are made once, into `target/media/` or the folder that `DEVSTACK_MEDIA_DIR` names, and are named
//! after their recipe; any number of tests and processes may ask for them at the same time.

mod music;
mod scene;
mod shape;
mod vast;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::bail;
pub use music::{cover, music};
pub use scene::Scene;
pub use shape::{Shape, looped};
pub use vast::vast;

use crate::{cache, process};

/// Part of every file's name; raise it when a recipe changes, so that no stale file is used.
const RECIPES: u32 = 1;

/// The recipe of a short video.
#[derive(Clone, Debug)]
pub struct Clip {
    /// Names the container and the codecs: `mp4`, `mov`, `m4v`, `mkv`, `ts`, `flv` and `3gp` hold
    /// H.264 and AAC, `avi` MPEG-4 and MP3, `webm` VP9 and Opus, `wmv` WMV2 and WMA, `mpg`
    /// MPEG-2 and MP2, `ogv` Theora and Vorbis.
    pub extension: &'static str,
    /// The moving picture.
    pub scene: Scene,
    /// Duration, in seconds.
    pub seconds: u32,
    /// Width, in pixels; even.
    pub width: u32,
    /// Height, in pixels; even.
    pub height: u32,
    /// Frames a second.
    pub fps: u32,
    /// Distance of keyframes, in frames.
    pub gop: u32,
    /// Whether there is an audio stream beside the video.
    pub audio: bool,
    /// Whether the picture carries noise, which makes keyframes and bit rate as large as a
    /// camera's.
    pub noise: bool,
}

impl Default for Clip {
    fn default() -> Self {
        Self {
            extension: "mp4",
            scene: Scene::default(),
            seconds: 10,
            width: 640,
            height: 360,
            fps: 25,
            gop: 25,
            audio: true,
            noise: false,
        }
    }
}

impl Clip {
    /// The default clip in another container: 10 s, 640x360, 25 frames and one keyframe a second,
    /// with audio.
    #[must_use]
    pub fn new(extension: &'static str) -> Self {
        Self {
            extension,
            ..Self::default()
        }
    }

    /// The clip's file, made first if it is missing.
    ///
    /// Fails when `ffmpeg` is missing or has no encoder for the recipe.
    pub fn make(&self) -> anyhow::Result<PathBuf> {
        let codecs = self.codecs()?;
        let name = format!("{}.{}", self.name(), self.extension);
        cache::file(&folder(), &name, |path| {
            let mut command = ffmpeg();
            command.args(["-f", "lavfi", "-i", &self.picture()]);
            if self.audio {
                command.args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"]);
            }
            command
                .args(["-t", &self.seconds.to_string(), "-pix_fmt", "yuv420p"])
                .args(["-g", &self.gop.to_string()])
                .args(codecs.video)
                .args(self.audio.then_some(codecs.audio).into_iter().flatten())
                .args(codecs.muxer)
                .arg(path);
            process::output(&mut command)?;
            Ok(())
        })
    }

    /// The recipe as a file name without extension.
    fn name(&self) -> String {
        format!(
            "v{RECIPES}-{}-{}s-{}x{}-{}fps-gop{}{}{}{}",
            self.extension,
            self.seconds,
            self.width,
            self.height,
            self.fps,
            self.gop,
            if self.audio { "" } else { "-silent" },
            if self.noise { "-noise" } else { "" },
            self.scene.suffix(),
        )
    }

    fn picture(&self) -> String {
        let mut source = self.scene.source(self.width, self.height, self.fps);
        if self.noise {
            source.push_str(",noise=alls=24:allf=t");
        }
        source
    }

    fn codecs(&self) -> anyhow::Result<Codecs> {
        // Keyframes exactly every `gop` frames: no more at scene changes.
        const H264: &[&str] = &[
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-sc_threshold",
            "0",
        ];
        const AAC: &[&str] = &["-c:a", "aac"];
        let codecs = match self.extension {
            "mp4" | "m4v" | "mov" | "mkv" | "flv" | "f4v" => Codecs::new(H264, AAC, &[]),
            "ts" => Codecs::new(H264, AAC, &["-f", "mpegts"]),
            "mts" | "m2ts" => Codecs::new(H264, AAC, &["-f", "mpegts", "-mpegts_m2ts_mode", "1"]),
            "3gp" => Codecs::new(H264, AAC, &["-f", "3gp"]),
            "3g2" => Codecs::new(H264, AAC, &["-f", "3g2"]),
            "avi" => Codecs::new(
                &["-c:v", "mpeg4", "-q:v", "4", "-sc_threshold", "1000000000"],
                &["-c:a", "libmp3lame"],
                &[],
            ),
            "webm" => Codecs::new(
                &[
                    "-c:v",
                    "libvpx-vp9",
                    "-deadline",
                    "realtime",
                    "-cpu-used",
                    "8",
                    "-b:v",
                    "1M",
                ],
                &["-c:a", "libopus"],
                &[],
            ),
            "wmv" | "asf" => Codecs::new(
                &["-c:v", "wmv2", "-q:v", "4", "-sc_threshold", "1000000000"],
                &["-c:a", "wmav2"],
                &[],
            ),
            "mpg" | "mpeg" | "vob" => Codecs::new(
                &[
                    "-c:v",
                    "mpeg2video",
                    "-q:v",
                    "4",
                    "-sc_threshold",
                    "1000000000",
                ],
                &["-c:a", "mp2"],
                &["-f", "vob"],
            ),
            "ogv" => Codecs::new(
                &["-c:v", "libtheora", "-q:v", "7"],
                &["-c:a", "libvorbis"],
                &[],
            ),
            "rm" => Codecs::new(&["-c:v", "rv10"], &["-c:a", "ac3"], &[]),
            other => bail!("no recipe for the extension {other:?}"),
        };
        Ok(codecs)
    }
}

/// Arguments of `ffmpeg`.
struct Codecs {
    video: &'static [&'static str],
    audio: &'static [&'static str],
    muxer: &'static [&'static str],
}

impl Codecs {
    fn new(
        video: &'static [&'static str],
        audio: &'static [&'static str],
        muxer: &'static [&'static str],
    ) -> Self {
        Self {
            video,
            audio,
            muxer,
        }
    }
}

/// Sample videos for people, each with a name, in different containers, shapes and scenes.
///
/// Fails as [`Clip::make`] does.
pub fn samples() -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    let clip = |extension, scene| Clip {
        scene,
        ..Clip::new(extension)
    };
    let portrait = Clip {
        width: 360,
        height: 640,
        ..clip("mp4", Scene::Shore)
    };
    // Too large to be read whole, so that something is saved.
    let minute = Clip {
        seconds: 60,
        ..clip("ts", Scene::Pattern)
    };
    let samples = [
        ("fractal.mp4", clip("mp4", Scene::Fractal)),
        ("spiral.mkv", clip("mkv", Scene::Spiral)),
        ("game of life.webm", clip("webm", Scene::Life)),
        ("broadcast.ts", minute),
        ("été à la mer.mp4", portrait),
    ];
    samples
        .into_iter()
        .map(|(name, clip)| Ok((name, clip.make()?)))
        .collect()
}

/// The file `name` beside the other test videos. If it is missing, `make` makes it at the path that
/// it is given.
pub fn cached(
    name: &str,
    make: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<PathBuf> {
    cache::file(&folder(), name, make)
}

/// The folder of the test videos.
#[must_use]
pub fn folder() -> PathBuf {
    env::var_os("DEVSTACK_MEDIA_DIR").map_or_else(|| cache::target_dir().join("media"), Into::into)
}

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-loglevel", "error", "-y"]);
    command
}

/// The size of the file at `path`, in bytes.
fn size(path: &Path) -> anyhow::Result<u64> {
    Ok(path.metadata()?.len())
}
