//! A film whose frames carry their number, streams of it, and its storyboard.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

/// Duration.
pub(crate) const SECONDS: f64 = 120.0;
/// Frames a second.
pub(crate) const FPS: f64 = 25.0;
/// Time between two tiles, in seconds.
pub(crate) const INTERVAL: f64 = 5.0;
/// Tiles of the storyboard, on two sheets.
pub(crate) const TILES: usize = 24;

/// Bits of a number.
const BITS: u32 = 12;
/// Width and height of a bit, in pixels of the film, which is twice as large as a tile.
const BIT: (u32, u32) = (26, 24);

/// The folder of a film: `film.mp4`, `hls/master.m3u8`, `dash/film.mpd` and `film.storyboard/`.
pub(crate) struct Film(TempDir);

impl Film {
    pub(crate) fn make() -> anyhow::Result<Self> {
        let film = Self(TempDir::new()?);
        let folder = film.folder();
        fs::copy(numbered()?, folder.join("film.mp4"))?;
        let thumb = web_tests::workspace_program("thumb")?;
        let storyboard = [
            "storyboard",
            "film.mp4",
            "--out",
            ".",
            "--for",
            "vtt,hls,dash,json",
        ];
        let shape = ["--interval", "5s", "--tile-width", "160", "--grid", "4x3"];
        run(Command::new(thumb).args(storyboard).args(shape), folder)?;
        film.stream_by_hls()?;
        film.stream_by_dash()?;
        Ok(film)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// A file of the storyboard.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder().join("film.storyboard").join(name)
    }

    /// A stream whose master playlist has the line that the storyboard's has.
    fn stream_by_hls(&self) -> anyhow::Result<()> {
        let folder = self.folder().join("hls");
        fs::create_dir(&folder)?;
        let copied = [
            "-v",
            "error",
            "-i",
            "../film.mp4",
            "-c",
            "copy",
            "-f",
            "hls",
        ];
        let shape = ["-hls_playlist_type", "vod", "-hls_segment_type", "fmp4"];
        let names = ["-master_pl_name", "master.m3u8", "film.m3u8"];
        run(
            Command::new("ffmpeg").args(copied).args(shape).args(names),
            &folder,
        )?;
        let ours = fs::read_to_string(self.file("master.m3u8"))?;
        let line = ours
            .lines()
            .find(|line| line.starts_with("#EXT-X-IMAGE-STREAM-INF"));
        let line = line.context("no images in the master playlist")?;
        let line = line.replace("URI=\"", "URI=\"../film.storyboard/");
        let master = folder.join("master.m3u8");
        let theirs = fs::read_to_string(&master)?;
        Ok(fs::write(
            &master,
            format!("{}\n{line}\n", theirs.trim_end()),
        )?)
    }

    /// A stream whose MPD has the adaptation set that the storyboard's has.
    fn stream_by_dash(&self) -> anyhow::Result<()> {
        let folder = self.folder().join("dash");
        fs::create_dir(&folder)?;
        let copied = [
            "-v",
            "error",
            "-i",
            "../film.mp4",
            "-c",
            "copy",
            "-f",
            "dash",
            "film.mpd",
        ];
        run(Command::new("ffmpeg").args(copied), &folder)?;
        let ours = fs::read_to_string(self.file("index.mpd"))?;
        let begin = ours.find("<AdaptationSet").context("no adaptation set")?;
        let end = ours.find("</AdaptationSet>").context("no adaptation set")?;
        let set = &ours[begin..end + "</AdaptationSet>".len()];
        let path = folder.join("film.mpd");
        let theirs = fs::read_to_string(&path)?;
        // A Period's BaseURL would move the film's own segments.
        let set = set.replacen("media=\"", "media=\"../film.storyboard/", 1);
        let merged = theirs.replacen("</Period>", &format!("{set}</Period>"), 1);
        ensure!(merged != theirs, "no period");
        Ok(fs::write(&path, merged)?)
    }
}

/// The film: above a moving picture a row of white and black boxes, the bits of the frame's number.
fn numbered() -> anyhow::Result<PathBuf> {
    let (width, height) = BIT;
    let bits = (0..BITS).map(|bit| {
        let (x, each) = (bit * width, 1 << bit);
        format!(
            "drawbox=x={x}:y=0:w={width}:h={height}:color=white:t=fill:enable='eq(mod(floor(n/{each}),2),1)'"
        )
    });
    let bits: Vec<_> = bits.collect();
    let picture = format!(
        "testsrc2=s=320x180:r={FPS}:d={SECONDS},drawbox=x=0:y=0:w=320:h={height}:color=black:t=fill,{}",
        bits.join(",")
    );
    devstack::media::cached("numbered-1.mp4", |path| {
        let mut command = Command::new("ffmpeg");
        command
            .args([
                "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", &picture,
            ])
            .args([
                "-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-pix_fmt", "yuv420p",
            ])
            .arg(path);
        run(&mut command, Path::new("."))
    })
}

fn run(command: &mut Command, folder: &Path) -> anyhow::Result<()> {
    let output = command.current_dir(folder).output();
    let output = output.with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {said}");
    Ok(())
}
