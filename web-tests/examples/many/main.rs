//! What the dashboard and the API do with many videos and failures:
//! `cargo build --release -p api-svc && PROGRAMS=target/release cargo run -p web-tests --example
//! many -- [VIDEOS] [FAILURES]`. Prints what docs/benchmarks.md says.

mod bucket;
mod page;

use std::time::Duration;

use anyhow::Context;
use tokio::time::{Instant, sleep};
use web_tests::{Browser, BrowserOptions, Graphics, Site, SiteOptions};

use self::bucket::Video;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1).map(|count| count.parse::<usize>());
    let videos = arguments.next().transpose().context("how many videos?")?;
    let failures = arguments.next().transpose().context("how many failures?")?;
    let (videos, failures) = (videos.unwrap_or(10_000), failures.unwrap_or(300));
    let site = Site::start(SiteOptions {
        without_worker: true,
        sample_interval_ms: Some(5000),
        // All manifests are read soon.
        api: vec![("INDEX_REQUESTS", "4000")],
        ..SiteOptions::default()
    })
    .await?;
    let began = Instant::now();
    bucket::fill(site.stack(), videos).await?;
    bucket::fail(site.stack(), failures).await?;
    println!(
        "{videos} videos and {failures} failures made in {:.0?}",
        began.elapsed()
    );
    until_known(&site, videos).await?;
    println!("all of them known after {:.0?}", began.elapsed());
    ask(&site, videos).await?;
    let browser = Browser::start(BrowserOptions {
        // As a machine without a graphics card draws, of which an emulated one is none.
        graphics: Graphics::Missing,
        ..BrowserOptions::default()
    })
    .await?;
    page::measure(&browser, &site, videos).await
}

/// Waits until the API has read every manifest.
async fn until_known(site: &Site, videos: usize) -> anyhow::Result<()> {
    let url = format!("{}api/metrics", site.url());
    loop {
        let answer = reqwest::get(&url).await?;
        if answer.status().is_success() {
            let metrics: serde_json::Value = serde_json::from_slice(&answer.bytes().await?)?;
            if metrics["videosMeasured"] == videos && metrics["indexComplete"] == true {
                return Ok(());
            }
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// How long the API takes to answer.
async fn ask(site: &Site, videos: usize) -> anyhow::Result<()> {
    const TIMES: usize = 200;
    let client = reqwest::Client::new();
    let name = |n: usize| format!("api/videos/thumbnails/{}.json", Video(n).name());
    let one_of_many: Vec<_> = (0..TIMES).map(|n| name(n * 7 % videos)).collect();
    let one = |path: &str| vec![path.to_owned(); TIMES];
    for (what, paths) in [
        ("thumbnails?limit=200", one("api/thumbnails?limit=200")),
        (
            "… in the order of names",
            one("api/thumbnails?limit=200&sort=name"),
        ),
        (
            "… in the order of sizes",
            one("api/thumbnails?limit=200&sort=size"),
        ),
        ("… of a letter", one("api/thumbnails?limit=200&search=v")),
        (
            "… of one video",
            one("api/thumbnails?limit=200&search=-00042"),
        ),
        (
            "… of one video, by size",
            one("api/thumbnails?limit=200&search=-00042&sort=size"),
        ),
        ("… of nothing", one("api/thumbnails?limit=200&search=zzz")),
        ("videos", one("api/videos")),
        ("a video, each time another", one_of_many),
        ("failures", one("api/failures")),
    ] {
        let mut times = Vec::new();
        for path in paths {
            let began = Instant::now();
            let answer = client.get(format!("{}{path}", site.url())).send().await?;
            answer.error_for_status()?.bytes().await?;
            times.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        times.sort_by(f64::total_cmp);
        let [median, most, slowest] =
            [TIMES / 2, TIMES * 99 / 100 - 1, TIMES - 1].map(|n| times[n]);
        println!("API, {what}: {median:.1} ms, 99 % within {most:.1}, all within {slowest:.1}");
    }
    Ok(())
}
