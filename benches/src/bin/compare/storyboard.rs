//! Storyboards beside other ways to make them: a tile every 10 s, 320 pixels wide, on sheets of
//! 10 x 10.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use benches::{
    media::{Film, TEN_HOURS},
    text::{megabytes, section},
};

use crate::{
    measure::{Meter, sibling},
    python,
    requests::Traffic,
    results::Run,
    server::{Network, Server},
    subject::{BUCKET, Object, Store},
};

/// The films, and their sizes in bytes. The first is 30 minutes of 1080p.
const FILMS: [(&str, u64); 6] = [
    ("mp4-first", 2_100_000_000),
    ("mkv", 2_100_000_000),
    ("frag-sidx", 2_100_000_000),
    ("ts", 2_100_000_000),
    ("hevc-4k", 1_100_000_000),
    (TEN_HOURS.name, 1_900_000_000),
];

/// What every contender scales and lays out.
const TILES: &str = "scale=320:-2,tile=10x10";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Films to measure; all unless given
    films: Vec<String>,

    /// Megabytes of each film instead of its own size
    #[arg(long)]
    megabytes: Option<u64>,

    /// A program is ended after so many seconds
    #[arg(long, default_value_t = 120)]
    limit: u64,

    #[command(flatten)]
    network: Network,

    /// Folder of `benchmarks.md`, into which the table is written; printed unless given
    #[arg(long)]
    docs: Option<PathBuf>,
}

/// Ways to make a storyboard.
#[derive(Debug, Clone, Copy)]
enum Maker {
    /// `thumb storyboard`.
    Thumb,
    /// ffmpeg that decodes keyframes only, as media servers recommend.
    FfmpegKeyframes,
    /// ffmpeg that decodes every frame.
    Ffmpeg,
    /// `PyAV` on a file object that reads ranges.
    Pyav,
}

impl Maker {
    const ALL: [Self; 4] = [Self::Thumb, Self::FfmpegKeyframes, Self::Ffmpeg, Self::Pyav];

    fn title(self) -> &'static str {
        match self {
            Self::Thumb => "`thumb storyboard`",
            Self::FfmpegKeyframes => "ffmpeg, keyframes",
            Self::Ffmpeg => "ffmpeg, every frame",
            Self::Pyav => "PyAV",
        }
    }

    fn run(self, meter: &mut Meter, object: &Object, duration: f64) -> anyhow::Result<()> {
        match self {
            Self::Thumb => {
                let out = meter.path("").display().to_string();
                let video = format!("s3://{BUCKET}/{}", object.key);
                let arguments = ["storyboard", "--quiet", "--out", &out, &video];
                meter.run(sibling("thumb")?, arguments)?;
            }
            Self::FfmpegKeyframes => ffmpeg(meter, object, &["-skip_frame", "nokey"])?,
            Self::Ffmpeg => ffmpeg(meter, object, &[])?,
            Self::Pyav => {
                let arguments = [
                    python::script("tiles.py")?,
                    meter.path(""),
                    PathBuf::from(&object.url),
                    PathBuf::from(duration.to_string()),
                ];
                meter.run(python::interpreter()?, arguments)?;
            }
        }
        Ok(())
    }
}

fn ffmpeg(meter: &mut Meter, object: &Object, before: &[&str]) -> anyhow::Result<()> {
    let filters = format!("fps=1/10,{TILES}");
    let path = meter.path("%d.jpg");
    let mut arguments = vec!["-nostdin", "-v", "error"];
    arguments.extend(before);
    arguments.extend(["-i", &object.url, "-an", "-sn", "-dn", "-vf", &filters]);
    arguments.extend(["-q:v", "4", path.to_str().context("odd path")?]);
    meter.run("ffmpeg", arguments)?;
    Ok(())
}

/// Measures every maker on every film, and writes a table: a line a maker and film.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir()?;
    let root = scratch.path().join("s3");
    fs::create_dir(&root)?;
    let mut server = Server::start(&root, options.network).await?;
    let store = Store::new(&root, &server.endpoint)?;
    let mut text = String::from(
        "| film | by | bytes | of the file | requests | round trips | wall, s | CPU, s | peak, MB |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    let is_wanted =
        |name: &str| options.films.is_empty() || options.films.iter().any(|it| it == name);
    for (name, bytes) in FILMS.into_iter().filter(|(name, _)| is_wanted(name)) {
        let film = if name == TEN_HOURS.name {
            &TEN_HOURS
        } else {
            Film::find(name)?
        };
        let bytes = options.megabytes.map_or(bytes, |it| it * 1_000_000);
        let path = film.make(bytes)?;
        let duration = devstack::oracle::probe(&path)?.duration.unwrap_or_default();
        let object = store
            .put(&format!("{name}.{}", film.extension), &path)
            .await?;
        let size = path.metadata()?.len();
        for maker in Maker::ALL {
            let line = measure(
                options,
                &mut server,
                (maker, &object, duration),
                scratch.path(),
            );
            let line = line.await?;
            let line = line.map_or_else(
                |error| format!("{error:#} | | | | | | |"),
                |run| told(&run, size),
            );
            let line = format!("| {} | {} | {line}\n", film.title, maker.title());
            eprint!("{line}");
            text.push_str(&line);
        }
    }
    if let Some(docs) = &options.docs {
        return section(&docs.join("benchmarks.md"), "storyboards", &text);
    }
    println!("{text}");
    Ok(())
}

/// What `maker` needs for one video; the inner error says why it did not come to an end.
async fn measure(
    options: &Options,
    server: &mut Server,
    (maker, object, duration): (Maker, &Object, f64),
    scratch: &Path,
) -> anyhow::Result<anyhow::Result<Run>> {
    let mut meter = Meter::new(&server.endpoint, &scratch.join("sheets"), options.limit)?;
    server.requests().await?;
    let made = tokio::task::block_in_place(|| maker.run(&mut meter, object, duration));
    let mut requests = server.requests().await?;
    requests.retain(|request| request.path.ends_with(&object.key));
    Ok(made.map(|()| Run {
        bill: meter.bill,
        traffic: Traffic::of(&requests),
    }))
}

fn told(run: &Run, size: u64) -> String {
    let bytes = run.traffic.bytes as f64;
    format!(
        "{} | {:.2} % | {} | {} | {:.1} | {:.2} | {:.0} |",
        megabytes(bytes),
        bytes / size as f64 * 100.0,
        run.traffic.requests,
        run.traffic.round_trips,
        run.bill.wall_s,
        run.bill.cpu_s,
        run.bill.peak_kib as f64 / 1024.0,
    )
}
