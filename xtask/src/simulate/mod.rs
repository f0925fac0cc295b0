//! `cargo xtask simulate`: how many pods, how long a video waits, and what it costs, at 1, 100 and
//! 10,000 videos a minute.
//!
//! A discrete-event simulation of the deployment in k8s/: [`engine`] moves videos and pods,
//! [`autoscaler`] decides as KEDA and Kubernetes do, [`model`] has every number with its source.

mod autoscaler;
mod engine;
mod model;
mod plot;
mod report;

use std::{fs, path::Path};

use anyhow::Context;
use engine::{Outcome, Scenario};
use model::{
    DOWNLOADING, OURS, S3_READS, S3_WRITES, SCALING, SQS_IN_FLIGHT, STORYBOARDING, Scaling, Work,
};
use report::Row;

/// How long videos arrive in each scenario.
const MINUTES: f64 = 60.0;

/// Any: the same one gives the same figures.
const SEED: u64 = 20_240_229;

const PICTURE: &str = "docs/pictures/scaling.svg";

/// Runs all scenarios, prints a table, and draws docs/pictures/scaling.svg.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut drawn: Vec<(String, Outcome)> = Vec::new();
    println!(
        "| videos a minute | worker | most pods | pods, mean and peak | done a minute | waits: median, p95, p99 | longest wait | GET, PUT a second | a million videos |"
    );
    println!("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (name, work, rate, most) in [
        ("ours", OURS, 1.0, SCALING.most),
        ("ours", OURS, 100.0, SCALING.most),
        ("ours", OURS, 10_000.0, SCALING.most),
        ("ours", OURS, 10_000.0, 100),
        ("storyboarding", STORYBOARDING, 1.0, SCALING.most),
        ("storyboarding", STORYBOARDING, 100.0, SCALING.most),
        ("storyboarding", STORYBOARDING, 100.0, 100),
        ("downloading", DOWNLOADING, 1.0, SCALING.most),
        ("downloading", DOWNLOADING, 100.0, SCALING.most),
        ("downloading", DOWNLOADING, 100.0, 100),
    ] {
        let scenario = scenario(work, rate, most);
        let outcome = engine::run(scenario, SEED);
        println!("{}", line(name, scenario, &outcome));
        if name == "ours" {
            drawn.push((
                format!("{rate} videos a minute, at most {most} pods"),
                outcome,
            ));
        }
    }
    println!(
        "\nBesides, whether videos come or not: {:.0} USD a month.",
        report::standing_month()
    );
    println!(
        "Quotas: {S3_READS} GET and {S3_WRITES} PUT a second and prefix, {SQS_IN_FLIGHT} messages in flight."
    );
    let rows: Vec<(String, &Outcome)> = drawn
        .iter()
        .map(|(title, outcome)| (title.clone(), outcome))
        .collect();
    fs::write(Path::new(PICTURE), plot::svg(&rows, MINUTES))
        .with_context(|| format!("cannot write {PICTURE}"))?;
    println!("Drawn: {PICTURE}");
    Ok(())
}

fn scenario(work: Work, videos_per_minute: f64, most: usize) -> Scenario {
    Scenario {
        work,
        scaling: Scaling { most, ..SCALING },
        videos_per_minute,
        minutes: MINUTES,
    }
}

fn line(name: &str, scenario: Scenario, outcome: &Outcome) -> String {
    let row = Row::new(scenario, outcome);
    let waits = if outcome.backlog > outcome.arrived / 10 {
        format!("does not keep up: {} wait after an hour", outcome.backlog)
    } else {
        row.steady.map_or_else(
            || "-".to_owned(),
            |[median, p95, p99]| format!("{median:.1} s, {p95:.1} s, {p99:.1} s"),
        )
    };
    let worst = row.worst.unwrap_or_default();
    format!(
        "| {} | {name} | {} | {:.1}, {} | {:.0} | {waits} | {worst:.0} s | {:.0}, {:.0} | {:.2} USD |",
        scenario.videos_per_minute,
        scenario.scaling.most,
        row.mean_pods,
        outcome.peak_pods,
        row.rate,
        row.reads,
        row.writes,
        row.million
    )
}
