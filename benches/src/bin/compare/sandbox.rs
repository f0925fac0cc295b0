//! What it costs to decode in a sandbox.

use std::{fs, path::Path};

use benches::{cpu::median, media::Film};

use crate::measure::{Meter, sibling};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Videos of a folder, all the same
    #[arg(long, default_value_t = 300)]
    videos: u32,

    /// Pairs of runs, of which the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// Bytes of each video: four minutes of H.264 at 1080p.
const BYTES: u64 = 280_000_000;

/// Prints what `thumb extract` of a folder costs with the sandbox and without it.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir()?;
    let videos = scratch.path().join("videos");
    fs::create_dir(&videos)?;
    let film = Film::find("mp4-first")?.make(BYTES)?;
    for number in 0..options.videos {
        let path = videos.join(format!("{number}.mp4"));
        // Where films are on another file system, links of the link.
        std::os::unix::fs::symlink(&film, path)?;
    }
    let mut more = Vec::new();
    let mut throughput = Vec::new();
    for round in 0..options.rounds {
        let of = |mode| extract(scratch.path(), &videos, mode);
        // In turns: what runs second finds the machine warmer.
        let ((cpu_off, wall_off), (cpu_on, wall_on)) = if round % 2 == 0 {
            (of("off")?, of("on")?)
        } else {
            let on = of("on")?;
            (of("off")?, on)
        };
        more.push((cpu_on - cpu_off) * 1e3 / f64::from(options.videos));
        throughput.push(wall_off / wall_on * 100.0);
    }
    println!(
        "In the sandbox: {:.1} ms of CPU time a video more, {:.0} % of the throughput",
        median(&more),
        median(&throughput),
    );
    Ok(())
}

/// Seconds of CPU time and of wall time.
fn extract(scratch: &Path, videos: &Path, mode: &str) -> anyhow::Result<(f64, f64)> {
    let mut meter = Meter::new("", &scratch.join("work"), 600)?;
    let out = meter.path("out");
    let arguments = [
        "extract".as_ref(),
        videos.as_os_str(),
        "--out".as_ref(),
        out.as_os_str(),
        "--quiet".as_ref(),
        "--sandbox".as_ref(),
        mode.as_ref(),
    ];
    meter.run(sibling("thumb")?, arguments)?;
    Ok((meter.bill.cpu_s, meter.bill.wall_s))
}
