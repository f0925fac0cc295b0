//! The contenders: three pictures of each object, at 10, 50 and 95 %, as their users would ask for
//! them.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    measure::{Meter, Picture, sibling},
    python,
    subject::{BUCKET, Object, Subject},
};

const POSITIONS: [f64; 3] = [0.10, 0.50, 0.95];

/// How wide peers make their pictures where they scale: as ours.
const WIDTH: &str = "640";
const SCALED: [&str; 2] = ["-vf", "scale=w='min(640,iw)':h=-2"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Contender {
    /// `thumb extract s3://…`
    Thumb,
    /// thumbcore within a process that runs already, as a service uses it.
    Library,
    /// Downloads the object with boto3, then `ffprobe` and three `ffmpeg`: what thumbcore replaces.
    Original,
    /// `ffmpeg -ss` on a URL.
    Ffmpeg,
    /// The same, content with the keyframe before.
    FfmpegKeyframes,
    /// `ffmpegthumbnailer` on a URL.
    Thumbnailer,
    /// `PyAV` on a file object that reads ranges.
    Pyav,
}

pub(crate) const ALL: [Contender; 7] = [
    Contender::Thumb,
    Contender::Library,
    Contender::Original,
    Contender::Ffmpeg,
    Contender::FfmpegKeyframes,
    Contender::Thumbnailer,
    Contender::Pyav,
];

impl Contender {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Thumb => "`thumb extract`",
            Self::Library => "thumbcore in process",
            Self::Original => "download, then ffmpeg",
            Self::Ffmpeg => "ffmpeg, exact",
            Self::FfmpegKeyframes => "ffmpeg, keyframes",
            Self::Thumbnailer => "ffmpegthumbnailer",
            Self::Pyav => "PyAV",
        }
    }

    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Self::Thumb | Self::Library)
    }

    /// Makes all pictures of `subject`. `durations` are in seconds, for clients whose tools cannot
    /// tell them.
    pub(crate) fn run(
        self,
        meter: &mut Meter,
        subject: &Subject,
        durations: &[f64],
    ) -> anyhow::Result<()> {
        let objects = subject.objects.iter().zip(durations);
        match self {
            Self::Thumb => thumb(meter, &subject.objects),
            Self::Library => library(meter, &subject.objects),
            Self::Pyav => pyav(meter, &subject.objects, durations),
            Self::Original => {
                for (object, duration) in objects {
                    original(meter, object, *duration)?;
                }
                Ok(())
            }
            Self::Ffmpeg => {
                for (object, duration) in objects {
                    let duration = probe(meter, object.url.as_ref(), *duration)?;
                    ffmpeg(meter, object, &object.url, duration, &[], &SCALED)?;
                }
                Ok(())
            }
            Self::FfmpegKeyframes => {
                // One thread: more would each hold a frame of latency, for a single picture.
                let before = ["-threads", "1", "-skip_frame", "nokey", "-noaccurate_seek"];
                for (object, duration) in objects {
                    let duration = probe(meter, object.url.as_ref(), *duration)?;
                    ffmpeg(meter, object, &object.url, duration, &before, &SCALED)?;
                }
                Ok(())
            }
            Self::Thumbnailer => {
                for (object, duration) in objects {
                    thumbnailer(meter, object, *duration)?;
                }
                Ok(())
            }
        }
    }
}

fn thumb(meter: &mut Meter, objects: &[Object]) -> anyhow::Result<()> {
    let mut arguments = vec!["extract".to_owned(), "-q".to_owned(), "--json".to_owned()];
    arguments.extend(["--out".to_owned(), meter.path("").display().to_string()]);
    arguments.extend(
        objects
            .iter()
            .map(|object| format!("s3://{BUCKET}/{}", object.key)),
    );
    let lines = meter.run(sibling("thumb")?, arguments)?;
    for line in lines.lines() {
        take_stated(meter, &serde_json::from_str(line)?)?;
    }
    Ok(())
}

fn library(meter: &mut Meter, objects: &[Object]) -> anyhow::Result<()> {
    let this = std::env::current_exe()?;
    let folder = meter.path("");
    let keys = objects.iter().map(|object| object.key.as_str());
    let arguments = ["in-process", folder.to_str().context("odd folder")?];
    let report = meter.run(this, arguments.into_iter().chain(keys))?;
    let report: Value = serde_json::from_str(&report)?;
    // The process's start and its first, unmeasured extraction are not the library's.
    meter.bill.cpu_s = report["cpu_s"].as_f64().context("no cpu_s")?;
    meter.bill.wall_s = report["wall_s"].as_f64().context("no wall_s")?;
    for video in report["videos"].as_array().context("no videos")? {
        take_stated(meter, video)?;
    }
    Ok(())
}

fn pyav(meter: &mut Meter, objects: &[Object], durations: &[f64]) -> anyhow::Result<()> {
    let mut arguments = vec![python::script("pyav.py")?, meter.path("")];
    for (object, duration) in objects.iter().zip(durations) {
        arguments.push(PathBuf::from(&object.url));
        arguments.push(PathBuf::from(duration.to_string()));
    }
    let lines = meter.run(python::interpreter()?, arguments)?;
    for line in lines.lines() {
        take_stated(meter, &serde_json::from_str(line)?)?;
    }
    Ok(())
}

fn take_stated(meter: &mut Meter, video: &Value) -> anyhow::Result<()> {
    let thumbnails = video["thumbnails"].as_array();
    for thumbnail in thumbnails.with_context(|| format!("no thumbnails: {video}"))? {
        meter.pictures.push(Picture {
            path: thumbnail["path"].as_str().context("no path")?.into(),
            target: thumbnail["target_s"].as_f64().context("no target_s")?,
            stated: thumbnail["actual_s"].as_f64(),
        });
    }
    Ok(())
}

fn original(meter: &mut Meter, object: &Object, duration: f64) -> anyhow::Result<()> {
    let local = meter.path(&object.key);
    let download = [
        python::script("download.py")?,
        BUCKET.into(),
        object.key.clone().into(),
        local.clone(),
    ];
    meter.run(python::interpreter()?, download)?;
    let duration = probe(meter, &local, duration)?;
    let url = local.display().to_string();
    // As the pipeline had it: the picture's own size.
    let made = ffmpeg(meter, object, &url, duration, &[], &[]);
    std::fs::remove_file(local)?;
    made
}

/// The duration that `ffprobe` tells, for which it opens the file; the known one where it cannot.
fn probe(meter: &mut Meter, input: &Path, known: f64) -> anyhow::Result<f64> {
    let mut arguments = vec!["-v", "error", "-show_entries", "format=duration"];
    arguments.extend(["-of", "default=noprint_wrappers=1:nokey=1"]);
    let input = input.to_str().context("odd input")?;
    arguments.push(input);
    let said = meter.run("ffprobe", arguments)?;
    Ok(said.trim().parse().unwrap_or(known))
}

fn ffmpeg(
    meter: &mut Meter,
    object: &Object,
    url: &str,
    duration: f64,
    before: &[&str],
    after: &[&str],
) -> anyhow::Result<()> {
    for (n, position) in POSITIONS.into_iter().enumerate() {
        let target = position * duration;
        let at = format!("{target:.3}");
        let path = meter.path(&format!("{}_{n}.jpg", object.key));
        let mut arguments = vec!["-nostdin", "-v", "error"];
        arguments.extend(before);
        arguments.extend(["-ss", &at, "-i", url, "-an", "-sn", "-dn"]);
        arguments.extend(["-frames:v", "1"]);
        arguments.extend(after);
        arguments.extend(["-q:v", "2"]);
        arguments.push(path.to_str().context("odd path")?);
        meter.run("ffmpeg", arguments)?;
        let stated = None;
        meter.pictures.push(Picture {
            path,
            target,
            stated,
        });
    }
    Ok(())
}

fn thumbnailer(meter: &mut Meter, object: &Object, duration: f64) -> anyhow::Result<()> {
    for (n, position) in POSITIONS.into_iter().enumerate() {
        let path = meter.path(&format!("{}_{n}.jpg", object.key));
        let at = format!("{}%", position * 100.0);
        let out = path.to_str().context("odd path")?;
        let arguments = [
            "-i",
            &object.url,
            "-o",
            out,
            "-s",
            WIDTH,
            "-t",
            &at,
            "-q",
            "8",
        ];
        meter.run("ffmpegthumbnailer", arguments)?;
        meter.pictures.push(Picture {
            path,
            target: position * duration,
            stated: None,
        });
    }
    Ok(())
}
