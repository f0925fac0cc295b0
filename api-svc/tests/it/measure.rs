//! Figures, not assertions: what docs/benchmarks.md says of the API is printed by these.
//!
//! `CLIENTS=1000 cargo test --release -p api-svc --test it measure::websockets -- --ignored --nocapture`
//! `THUMBNAILS=100000 cargo test --release -p api-svc --test it measure::index -- --ignored --nocapture`

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use crate::support::{Api, Bucket, Client};

fn setting(name: &str, default: usize) -> usize {
    let value = std::env::var(name).ok();
    value.map_or(default, |value| value.parse().expect(name))
}

/// Resident memory of the API now and at its highest, in MB.
fn memory(api: &Api) -> Result<(u64, u64)> {
    let pid = api.pid().context("the API has ended")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.unwrap_or_default() / 1024
    };
    Ok((field("VmRSS:"), field("VmHWM:")))
}

/// CPU seconds that the API has used.
fn cpu(api: &Api) -> Result<f64> {
    let pid = api.pid().context("the API has ended")?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(ticks as f64 / 100.0)
}

async fn start(bucket: &Bucket, interval: &str, index_requests: &str) -> Result<Api> {
    let env = bucket.env();
    let mut env: Vec<_> = env
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    env.extend([
        ("SAMPLE_INTERVAL_MS", interval),
        ("INDEX_REQUESTS", index_requests),
        ("MAX_WEBSOCKETS", "20000"),
    ]);
    Api::start_with(&env).await
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
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut client = Client::connect(&api).await?;
        client.text().await?;
        clients.push(client);
    }
    println!(
        "{count} clients connected; memory {idle:?} MB before, {:?} MB now",
        memory(&api)?
    );
    let before = cpu(&api)?;
    let mut tasks = JoinSet::new();
    for mut client in clients {
        tasks.spawn(async move {
            let mut seen = Vec::new();
            let end = Instant::now() + Duration::from_secs(5) * ticks as u32;
            while let Ok(text) =
                timeout(end.saturating_duration_since(Instant::now()), client.text()).await
            {
                let at = Instant::now();
                let text = text?;
                let depth = text
                    .split_once(r#""depth":"#)
                    .map(|(_, rest)| rest.split(',').next().unwrap_or("").to_owned());
                seen.push((depth, at));
            }
            anyhow::Ok(seen)
        });
    }
    let mut by_tick: BTreeMap<Option<String>, Vec<Instant>> = BTreeMap::new();
    let (mut failed, mut fewest, mut most) = (0, usize::MAX, 0);
    while let Some(done) = tasks.join_next().await {
        let Ok(seen) = done? else {
            failed += 1;
            continue;
        };
        fewest = fewest.min(seen.len());
        most = most.max(seen.len());
        for (depth, at) in seen {
            by_tick.entry(depth).or_default().push(at);
        }
    }
    println!("{failed} clients lost; the others got {fewest} to {most} ticks");
    for (depth, mut times) in by_tick {
        times.sort();
        let after = |at: Instant| (at - times[0]).as_millis();
        let (median, last) = (times[times.len() / 2], times[times.len() - 1]);
        println!(
            "tick {}: {} clients, half within {} ms of the first, all within {} ms",
            depth.as_deref().unwrap_or("?"),
            times.len(),
            after(median),
            after(last),
        );
    }
    println!(
        "memory {:?} MB (now, highest); {:.2} s of CPU for {ticks} ticks",
        memory(&api)?,
        cpu(&api)? - before
    );
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
