//! Figures, not assertions: what docs/benchmarks.md says of the API is printed by these.
//!
//! `CLIENTS=1000 cargo test --release -p api-svc --test it measure::websockets -- --ignored
//! --nocapture` `THUMBNAILS=100000 cargo test --release -p api-svc --test it measure::index --
//! --ignored --nocapture`

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::support::{Api, Bucket, Client};

fn setting(name: &str, default: usize) -> usize {
    let value = std::env::var(name).ok();
    value.map_or(default, |value| value.parse().expect(name))
}

/// Resident memory of the API now and at its highest, in MB.
fn memory(api: &Api) -> Result<(u64, u64)> {
    let pid = api.id().context("the API has ended")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.unwrap_or_default() / 1024
    };
    Ok((field("VmRSS:"), field("VmHWM:")))
}

async fn start(bucket: &Bucket, interval: &str, index_requests: &str) -> Result<Api> {
    let extra = [
        ("SAMPLE_INTERVAL_MS", interval),
        ("INDEX_REQUESTS", index_requests),
        ("MAX_WEBSOCKETS", "20000"),
    ];
    bucket.api(&extra).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints figures"]
async fn websockets() -> Result<()> {
    let (count, ticks) = (setting("CLIENTS", 1000), setting("TICKS", 10));
    let bucket = Bucket::start(100).await?;
    let api = start(&bucket, "5000", "400").await?;
    api.metrics_when("the index is read", |m| m["videosMeasured"] == 100)
        .await?;
    let idle = memory(&api)?;
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let mut client = Client::connect(&api).await?;
        let stop = stop.clone();
        tasks.spawn(async move {
            let mut seen = Vec::new();
            while let Some(text) = stop.run_until_cancelled(client.text()).await {
                let (text, at) = (text?, Instant::now());
                let depth = text.split_once(r#""depth":"#);
                let depth = depth.and_then(|(_, rest)| rest.split(',').next()?.parse().ok());
                seen.push((depth.unwrap_or(0), at));
            }
            anyhow::Ok(seen)
        });
    }
    println!(
        "{count} clients connected; memory {idle:?} MB before, {:?} MB now",
        memory(&api)?
    );
    let (before, began) = (api.cpu()?.as_secs_f64(), Instant::now());
    tokio::time::sleep(Duration::from_secs(5) * ticks as u32).await;
    println!(
        "{:.2} s of CPU in {:.1} s",
        api.cpu()?.as_secs_f64() - before,
        began.elapsed().as_secs_f64()
    );
    stop.cancel();
    let mut by_tick: BTreeMap<u64, Vec<Instant>> = BTreeMap::new();
    let mut lost = 0;
    while let Some(done) = tasks.join_next().await {
        match done? {
            // The first message is the state at the time of connecting.
            Ok(seen) => {
                for (depth, at) in seen.into_iter().skip(1).filter(|(_, at)| *at >= began) {
                    by_tick.entry(depth).or_default().push(at);
                }
            }
            Err(_) => lost += 1,
        }
    }
    println!("{lost} clients lost");
    for (depth, mut times) in by_tick {
        times.sort();
        let after = |at: Instant| (at - times[0]).as_millis();
        let (median, last) = (times[times.len() / 2], times[times.len() - 1]);
        println!(
            "tick {depth}: {} clients, half within {} ms of the first, all within {} ms",
            times.len(),
            after(median),
            after(last),
        );
    }
    println!("memory {:?} MB (now, highest)", memory(&api)?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints figures"]
async fn index() -> Result<()> {
    let thumbnails = setting("THUMBNAILS", 100_000);
    let empty = Bucket::start(0).await?;
    let api = start(&empty, "1000", "40").await?;
    api.metrics_when("the empty bucket is listed", |m| m["indexComplete"] == true)
        .await?;
    let idle = memory(&api)?;
    drop(api);
    let bucket = Bucket::start(thumbnails.div_ceil(3)).await?;
    let began = Instant::now();
    let api = start(&bucket, "1000", "2000").await?;
    // A million take longer than any test waits.
    let mut complete = false;
    while !complete {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let answer = api.get("/api/metrics").await?;
        complete = answer.status == 200 && answer.json()?["indexComplete"] == true;
    }
    println!(
        "listed after {:.1} s; memory {idle:?} MB with none, {:?} MB now",
        began.elapsed().as_secs_f64(),
        memory(&api)?
    );
    for path in [
        "/api/thumbnails",
        "/api/thumbnails?frame=50",
        "/api/thumbnails?prefix=folder3%2Fvideo-00000",
    ] {
        let mut times = Vec::new();
        for _ in 0..200 {
            let began = Instant::now();
            api.json(path).await?;
            times.push(began.elapsed());
        }
        times.sort();
        println!(
            "{path}: median {:?}, 99 % within {:?}",
            times[100], times[197]
        );
    }
    println!("memory {:?} MB (now, highest)", memory(&api)?);
    Ok(())
}
