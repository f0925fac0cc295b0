//! What a file's size changes: mp4 of a hundred megabytes, a gigabyte and fifty, each with its
//! index in front.

use std::{fs, path::Path};

use benches::{
    cpu::median,
    media::{Film, Index},
    text::megabytes,
};
use devstack::media::{Clip, vast};

use crate::{
    in_process::WARM_UP,
    measure::Meter,
    peers::Contender,
    requests::Traffic,
    results::Run,
    server::{Network, Server},
    subject::{Store, Subject},
};

const USUAL: [u64; 2] = [100_000_000, 1_000_000_000];

/// As much as an hour at 120 Mb/s takes.
const VAST: u64 = 50_000_000_000;

const SHARES: [f64; 3] = [0.1, 0.5, 0.95];

/// Round trips that an indexed file may take, and half a one for connecting and all else.
const ROUND_TRIPS: f64 = 3.5;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Wait for the first byte of each answer, in milliseconds
    #[arg(long, default_value_t = 100)]
    latency: u64,

    /// Bandwidth of one connection, in MB/s
    #[arg(long, default_value_t = 100)]
    bandwidth: u64,

    /// Extractions of each file, of which the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// Prints a table: a line a size.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir()?;
    let root = scratch.path().join("s3");
    fs::create_dir(&root)?;
    let table = table(options, scratch.path(), &root).await?;
    println!("{table}");
    Ok(())
}

async fn table(options: &Options, scratch: &Path, root: &Path) -> anyhow::Result<String> {
    let network = Network {
        latency: options.latency,
        bandwidth: options.bandwidth,
    };
    let mut server = Server::start(root, network).await?;
    let store = Store::new(root, &server.endpoint)?;
    store.put(WARM_UP, &Clip::new("3gp").make()?).await?;
    let clip = Clip {
        seconds: 20,
        width: 1920,
        height: 1080,
        fps: 30,
        gop: 150,
        noise: true,
        ..Clip::default()
    };
    let mut text = String::from(
        "| size | bytes | round trips | wall | CPU | wall - CPU | allowed | peak of `thumb` |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    let film = Film::find("mp4-first")?;
    for size in USUAL.into_iter().chain([VAST]) {
        let path = if size == VAST {
            vast(&clip, size, &SHARES)?
        } else {
            film.make(size)?
        };
        let name = format!("{size}.mp4");
        let subject = Subject {
            name: name.clone(),
            title: name.clone(),
            index: Index::Whole,
            objects: vec![store.put(&name, &path).await?],
        };
        let mut outcomes = Vec::new();
        for contender in [Contender::Library, Contender::Thumb] {
            let mut runs = Vec::new();
            for _ in 0..options.rounds {
                server.requests().await?;
                let mut meter = Meter::new(
                    &server.endpoint,
                    &scratch.join("pictures"),
                    u64::from(u16::MAX),
                )?;
                tokio::task::block_in_place(|| contender.run(&mut meter, &subject, &[0.0]))?;
                let mut requests = server.requests().await?;
                requests.retain(|request| request.path.ends_with(&name));
                runs.push(Run {
                    bill: meter.bill,
                    traffic: Traffic::of(&requests),
                });
            }
            outcomes.push(runs);
        }
        text.push_str(&line(options, size, &outcomes[0], &outcomes[1]));
    }
    Ok(text)
}

fn line(options: &Options, size: u64, library: &[Run], thumb: &[Run]) -> String {
    let of = |runs: &[Run], figure: fn(&Run) -> f64| {
        median(&runs.iter().map(figure).collect::<Vec<_>>())
    };
    let bytes = of(library, |run| run.traffic.bytes as f64);
    let latency = options.latency as f64 / 1e3;
    let mut allowed = ROUND_TRIPS * latency;
    if size == VAST {
        // Its index has to come, too.
        allowed += bytes / (options.bandwidth as f64 * 1e6);
    }
    format!(
        "| {} | {} | {:.0} | {:.0} ms | {:.0} ms | {:.0} ms | {:.0} ms | {:.0} MB |\n",
        megabytes(size as f64),
        megabytes(bytes),
        of(library, |run| run.traffic.round_trips as f64),
        of(library, |run| run.bill.wall_s * 1e3),
        of(library, |run| run.bill.cpu_s * 1e3),
        of(library, |run| (run.bill.wall_s - run.bill.cpu_s) * 1e3),
        allowed * 1e3,
        of(thumb, |run| run.bill.peak_kib as f64 / 1024.0),
    )
}
