//! `cargo xtask fuzz`: feeds the parsers what nobody would write.
//!
//! cargo-fuzz wants a nightly compiler for its flags alone; the stable one takes them when told to.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

use crate::step::{self, Steps};

/// Each target and the containers of its seeds: a name, and what `ffmpeg` is told to write it.
const TARGETS: [(&str, &[Seed]); 12] = [
    (
        "mp4",
        &[
            ("mfra.mp4", &["-movflags", "frag_keyframe+empty_moov"]),
            (
                "sidx.mp4",
                &[
                    "-movflags",
                    "frag_keyframe+empty_moov+global_sidx+default_base_moof",
                ],
            ),
        ],
    ),
    ("matroska", &[("a.mkv", &[]), ("live.mkv", &["-live", "1"])]),
    (
        "mpegts",
        &[("a.ts", &[]), ("a.m2ts", &["-mpegts_m2ts_mode", "1"])],
    ),
    (
        "mpegps",
        &[("a.mpg", &["-c:v", "mpeg2video", "-r", "25", "-f", "vob"])],
    ),
    (
        "flv",
        &[
            ("a.flv", &[]),
            ("indexed.flv", &["-flvflags", "add_keyframe_index"]),
        ],
    ),
    ("avi", &[("a.avi", &["-c:v", "mpeg4"])]),
    ("asf", &[("a.wmv", &["-c:v", "wmv2"])]),
    (
        "ogg",
        &[("a.ogv", THEORA), ("vp8.ogv", &["-c:v", "libvpx"])],
    ),
    ("sniff", &[("a.mp4", &[]), ("a.ts", &[])]),
    ("event", &[]),
    ("child", &[]),
    (
        "extract",
        &[
            ("a.mp4", &[]),
            ("a.mkv", &[]),
            ("a.ts", &[]),
            ("a.flv", &[]),
            ("a.ogv", THEORA),
        ],
    ),
];

type Seed = (&'static str, &'static [&'static str]);

const THEORA: &[&str] = &["-c:v", "libtheora"];

/// Messages that `event` begins with.
const EVENTS: [&str; 3] = [
    r#"{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"uploads/a+b%20c.mp4","eTag":"\"e\"","sequencer":"0A"}}}]}"#,
    r#"{"Event":"s3:TestEvent","Bucket":"b"}"#,
    "uploads/talk.mp4",
];

/// Fuzzes `target`, or all of them one after the other, `seconds` each.
pub(crate) fn run(steps: &mut Steps, target: Option<&str>, seconds: u32) -> anyhow::Result<()> {
    let chosen: Vec<_> = TARGETS
        .into_iter()
        .filter(|(name, _)| target.is_none_or(|target| target == *name))
        .collect();
    if chosen.is_empty() {
        let names: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
        bail!("no such target; there are {}", names.join(", "));
    }
    steps.run("cargo-fuzz", ensure_cargo_fuzz)?;
    for (name, seeds) in chosen {
        let corpus = steps.run("Seeds", || make_seeds(name, seeds))?;
        steps.run(name, || step::status(&mut fuzz(name, &corpus, seconds)?))?;
    }
    steps.summary();
    Ok(())
}

fn ensure_cargo_fuzz() -> anyhow::Result<()> {
    let found = Command::new("cargo").args(["fuzz", "--version"]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    step::status(crate::cargo().args(["install", "--locked", "cargo-fuzz"]))
}

/// The folder of inputs that `target` begins with and adds to.
fn make_seeds(target: &str, seeds: &[Seed]) -> anyhow::Result<PathBuf> {
    let folder = crate::root()?.join("target/fuzz/corpus").join(target);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, arguments) in seeds {
        let path = folder.join(name);
        if !path.exists() {
            step::status(&mut ffmpeg(&path, arguments))?;
        }
    }
    if target == "event" {
        for (nth, event) in EVENTS.iter().enumerate() {
            fs::write(folder.join(format!("event-{nth}")), event).context("cannot write a seed")?;
        }
    }
    Ok(folder)
}

/// A second of tiny pictures, two of them keyframes.
fn ffmpeg(path: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-nostdin", "-loglevel", "error", "-y"])
        .args(["-f", "lavfi", "-i", "testsrc2=size=32x32:rate=8:duration=1"])
        .args(["-g", "4", "-pix_fmt", "yuv420p"])
        .args(arguments)
        .arg(path);
    command
}

fn fuzz(target: &str, corpus: &Path, seconds: u32) -> anyhow::Result<Command> {
    let mut command = Command::new("cargo");
    command
        .current_dir(crate::root()?)
        .args(["fuzz", "run", "--fuzz-dir", "fuzz"])
        // Our code is safe; what is looked for are panics, hangs and greed. AddressSanitizer would
        // only slow the search down.
        .args(["--sanitizer", "none", "--target-dir", "target/fuzz"])
        .arg(target)
        .arg(corpus)
        .args(["--", "-timeout=20", "-rss_limit_mb=1024", "-max_len=65536"])
        .arg(format!("-max_total_time={seconds}"))
        .env("RUSTC_BOOTSTRAP", "1")
        // Through rustup, unless told otherwise, the version that builds the rest.
        .env_remove("CARGO");
    Ok(command)
}
