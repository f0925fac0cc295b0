//! One run: films after each other, contenders by turns.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use benches::media::{FILMS, Film, Index};
use devstack::oracle;

use crate::{
    in_process::WARM_UP,
    judge::Judge,
    measure::{Meter, Picture},
    peers::{ALL, Contender},
    report,
    requests::{Request, Traffic},
    results::{Outcome, Run, Sheet},
    server::{Network, Server},
    subject::{BATCH, Store, Subject},
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Films to measure, and `batch`; all unless given
    films: Vec<String>,

    /// Size of the films, in MB
    #[arg(long, default_value_t = 1000)]
    megabytes: u64,

    /// Small files in the batch
    #[arg(long, default_value_t = 200)]
    batch: usize,

    /// Turns of each contender
    #[arg(long, default_value_t = 3)]
    rounds: usize,

    /// A contender that takes longer has one turn only, in seconds
    #[arg(long, default_value_t = 6)]
    patience: u64,

    /// A program is ended after so many seconds
    #[arg(long, default_value_t = 60)]
    limit: u64,

    /// Contenders, all unless given
    #[arg(long, value_delimiter = ',')]
    only: Vec<Contender>,

    #[command(flatten)]
    network: Network,

    /// Measure again what was measured
    #[arg(long)]
    fresh: bool,

    /// Keep the films, a gigabyte each
    #[arg(long)]
    keep: bool,

    #[command(flatten)]
    report: report::Options,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let results = &options.report.results;
    fs::create_dir_all(results)?;
    let scratch = results.join("scratch");
    let root = scratch.join("s3");
    fs::create_dir_all(&root)?;
    let mut server = Server::start(&root, options.network).await?;
    let store = Store::new(&root, &server.endpoint)?;
    store.put(WARM_UP, &Film::find("3gp")?.make(0)?).await?;

    let mut names: Vec<_> = options.films.clone();
    if names.is_empty() {
        names = FILMS.iter().map(|film| film.name.to_owned()).collect();
        names.push(BATCH.to_owned());
    }
    for name in names {
        if !options.fresh && Sheet::load(results, &name)?.is_some() {
            eprintln!("{name}: measured before");
            continue;
        }
        let started = Instant::now();
        let subject = if name == BATCH {
            store.batch(options.batch).await?
        } else {
            let film = Film::find(&name)?;
            store.film(film, options.megabytes * 1_000_000).await?
        };
        eprintln!("{name}: made in {:.0} s", started.elapsed().as_secs_f64());
        let sheet = measure(options, &mut server, &subject, &scratch).await?;
        sheet.save(results)?;
        eprintln!("{name}: done in {:.0} s", started.elapsed().as_secs_f64());
        // Small ones are clips that others use, too.
        if !options.keep && subject.index != Index::Small {
            for object in &subject.objects {
                fs::remove_file(&object.path)?;
            }
        }
    }
    report::write(&options.report)
}

/// What is known of a contender while it is measured.
struct Turns {
    contender: Contender,
    runs: Vec<Run>,
    pictures: Vec<Picture>,
    error: Option<String>,
}

async fn measure(
    options: &Options,
    server: &mut Server,
    subject: &Subject,
    scratch: &Path,
) -> anyhow::Result<Sheet> {
    let contenders = if options.only.is_empty() {
        ALL.to_vec()
    } else {
        options.only.clone()
    };
    let mut all: Vec<_> = contenders
        .into_iter()
        .map(|contender| Turns {
            contender,
            runs: Vec::new(),
            pictures: Vec::new(),
            error: None,
        })
        .collect();
    let durations = durations(subject)?;
    for round in 0..options.rounds {
        for turns in &mut all {
            let slow = |run: &Run| run.bill.wall_s > options.patience as f64;
            if round > 0 && (turns.error.is_some() || turns.runs.iter().any(slow)) {
                continue;
            }
            let folder = scratch.join(format!("{:?}", turns.contender));
            let mut meter = Meter::new(&server.endpoint, &folder, options.limit)?;
            server.requests().await?;
            let made = tokio::task::block_in_place(|| {
                turns.contender.run(&mut meter, subject, &durations)
            });
            let requests = of_subject(server.requests().await?, subject);
            let run = Run {
                bill: meter.bill,
                traffic: Traffic::of(&requests),
            };
            eprintln!(
                "  {:?}: {:.2} MB, {} requests, {} round trips, {:.2} s, CPU {:.3} s{}",
                turns.contender,
                run.traffic.bytes as f64 / 1e6,
                run.traffic.requests,
                run.traffic.round_trips,
                run.bill.wall_s,
                run.bill.cpu_s,
                made.as_ref()
                    .err()
                    .map_or(String::new(), |error| format!(" ({error:#})")),
            );
            turns.runs.push(run);
            turns.error = made.err().map(|error| format!("{error:#}"));
            // The last round's are the ones that lie there.
            turns.pictures = meter.pictures;
        }
    }
    Ok(Sheet {
        name: subject.name.clone(),
        title: subject.title.clone(),
        index: subject.index,
        bytes: subject.bytes()?,
        network: options.network,
        outcomes: judge(subject, all),
    })
}

/// Those that asked for the subject, not for what a process warms up with.
fn of_subject(requests: Vec<Request>, subject: &Subject) -> Vec<Request> {
    let is_of = |request: &Request| {
        let key = request.path.rsplit('/').next().unwrap_or_default();
        subject.objects.iter().any(|object| object.key == key)
    };
    requests.into_iter().filter(is_of).collect()
}

/// The true durations, in seconds.
fn durations(subject: &Subject) -> anyhow::Result<Vec<f64>> {
    let mut known = std::collections::HashMap::<PathBuf, f64>::new();
    let mut durations = Vec::new();
    for object in &subject.objects {
        let duration = match known.get(&object.path) {
            Some(duration) => *duration,
            None => match oracle::probe(&object.path)?.duration {
                Some(duration) => duration,
                None => last_time(&object.path)?,
            },
        };
        known.insert(object.path.clone(), duration);
        durations.push(duration);
    }
    Ok(durations)
}

/// The time of the last keyframe, for files that do not tell their duration.
fn last_time(path: &Path) -> anyhow::Result<f64> {
    let keyframes = oracle::keyframes(path)?;
    Ok(keyframes.last().map_or(0.0, |keyframe| keyframe.seconds))
}

fn judge(subject: &Subject, all: Vec<Turns>) -> Vec<Outcome> {
    let mut judge = Judge::default();
    // What those that tell their times say are keyframes near the targets, others may have chosen,
    // too.
    let keyframes: Vec<Vec<f64>> = (0..subject.objects.len() * 3)
        .map(|n| {
            all.iter()
                .filter_map(|turns| turns.pictures.get(n)?.stated)
                .collect()
        })
        .collect();
    let mut outcomes = Vec::new();
    for turns in all {
        let mut outcome = Outcome {
            contender: turns.contender,
            runs: turns.runs,
            error: turns.error,
            pictures: subject.objects.len() * 3,
            right: 0,
            ssim: 1.0,
            off_s: 0.0,
        };
        for (n, keyframes) in keyframes.iter().enumerate() {
            let path = &subject.objects[n / 3].path;
            // A picture that is missing, or is none, is as wrong as can be.
            let picture = turns.pictures.get(n);
            let verdict = picture
                .and_then(|picture| judge.judge(path, picture, keyframes).ok())
                .unwrap_or_default();
            outcome.right += usize::from(verdict.is_right());
            outcome.ssim = outcome.ssim.min(verdict.ssim);
            outcome.off_s = outcome.off_s.max(verdict.off_s);
        }
        outcomes.push(outcome);
    }
    outcomes
}
