//! What the dashboard costs: `cargo run -p web-tests --example measure -- [THUMBNAILS]`. Prints
//! what docs/benchmarks.md says.

use std::path::Path;

use anyhow::Context;
use contract::api::{Metrics, Update};
use serde_json::json;
use web_tests::{
    Browser, BrowserOptions, Graphics, Screen, Site, SiteOptions,
    feed::{Feed, metrics},
    gallery::TRAVEL,
};

/// Messages in an hour, one each five seconds.
const HOUR: u64 = 720;

/// Put before the page's own scripts: keeps what cannot be asked for later.
const WATCH: &str = "
    window.seen = {messages: 0};
    const instantiate = WebAssembly.instantiateStreaming;
    WebAssembly.instantiateStreaming = async (...a) => {
        const result = await instantiate.apply(WebAssembly, a);
        window.seen.memory = result.instance.exports.memory;
        return result;
    };
    const Socket = window.WebSocket;
    window.WebSocket = class extends Socket {
        constructor(...a) { super(...a); this.addEventListener('message', () => window.seen.messages++); }
    };
    window.seen.long = [];
    window.seen.moved = 0;
    const watch = (type, see) => new PerformanceObserver(list => list.getEntries().forEach(see)).observe({type, buffered: true});
    watch('longtask', task => window.seen.long.push([task.startTime, task.duration]));
    watch('layout-shift', shift => { window.seen.moved += shift.value; });
    new MutationObserver(() => {
        if (!window.seen.figures && document.querySelector('.tile-value')) window.seen.figures = performance.now();
    }).observe(document, {subtree: true, childList: true});";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let count: usize = match std::env::args().nth(1) {
        Some(count) => count.parse().context("how many thumbnails?")?,
        None => 100_000,
    };
    size()?;
    let options = SiteOptions {
        without_worker: true,
        sample_interval_ms: Some(50),
        ..SiteOptions::default()
    };
    let (site, browser) = tokio::try_join!(
        Site::start(options),
        Browser::start(BrowserOptions::default())
    )?;
    watch(&browser).await?;
    first_content(&browser, &site).await?;
    hour(&browser).await?;
    drop(browser);
    scene(&site).await?;
    processor(&site).await?;
    drop(site);
    // One that tells as often as it does where it is used.
    let site = Site::start(SiteOptions {
        without_worker: true,
        sample_interval_ms: Some(5000),
        ..SiteOptions::default()
    })
    .await?;
    site.fill(count).await?;
    scroll(&site, count).await
}

async fn watch(browser: &Browser) -> anyhow::Result<()> {
    browser.prepare(WATCH).await
}

/// The program as it is sent to browsers that take brotli.
fn size() -> anyhow::Result<()> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/dist");
    let mut sum = 0;
    for entry in std::fs::read_dir(dist)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".wasm.br") || name.ends_with(".js.br") {
            sum += entry.metadata()?.len();
        }
    }
    println!("program in brotli: {:.0} KB", sum as f64 / 1024.0);
    Ok(())
}

/// The median of some visits of which none finds anything in the browser's cache.
async fn first_content(browser: &Browser, site: &Site) -> anyhow::Result<()> {
    const VISITS: usize = 9;
    browser
        .devtools("Network.setCacheDisabled", json!({"cacheDisabled": true}))
        .await?;
    browser
        .devtools("Emulation.setCPUThrottlingRate", json!({"rate": 4}))
        .await?;
    let (mut paints, mut figures, mut blocked) = (Vec::new(), Vec::new(), Vec::new());
    let mut moved = 0.0_f64;
    for _ in 0..VISITS {
        browser.open(&site.url(), Screen::WIDE).await?;
        let paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0";
        browser
            .until(&format!("({paint}) > 0 && Boolean(window.seen.figures)"))
            .await?;
        paints.push(browser.value(paint).await?.as_f64().unwrap_or(0.0));
        let seen = browser.value("window.seen.figures").await?;
        figures.push(seen.as_f64().unwrap_or(0.0));
        // Until nothing more happens.
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        let long = "window.seen.long.filter(([start]) => start > PAINT).reduce((sum, [, ms]) => sum + ms - 50, 0)";
        let sum = browser.value(&long.replace("PAINT", paint)).await?;
        blocked.push(sum.as_f64().unwrap_or(0.0));
        let shifts = browser.value("window.seen.moved").await?;
        moved = moved.max(shifts.as_f64().unwrap_or(0.0));
    }
    println!("cumulative layout shift, at most: {moved:.4}");
    for (what, times) in [
        ("first content", &mut paints),
        ("first figures", &mut figures),
        ("total blocking time", &mut blocked),
    ] {
        times.sort_by(f64::total_cmp);
        println!(
            "{what}, 4x CPU throttling, {VISITS} visits: {:.0} ms at the median, {:.0} to {:.0}",
            times[VISITS / 2],
            times[0],
            times[VISITS - 1]
        );
    }
    browser
        .devtools("Emulation.setCPUThrottlingRate", json!({"rate": 1}))
        .await?;
    browser
        .devtools("Network.setCacheDisabled", json!({"cacheDisabled": false}))
        .await?;
    Ok(())
}

/// Memory in bytes: of the JavaScript heap after a collection, and of the program.
async fn memory(browser: &Browser) -> anyhow::Result<(u64, u64)> {
    browser
        .devtools("HeapProfiler.collectGarbage", json!({}))
        .await?;
    let heap = browser.devtools("Runtime.getHeapUsage", json!({})).await?;
    let wasm = browser
        .value("window.seen.memory.buffer.byteLength")
        .await?;
    Ok((
        heap["usedSize"].as_f64().unwrap_or(0.0) as u64,
        wasm.as_u64().unwrap_or(0),
    ))
}

/// As many messages as in an hour, one each 50 ms.
async fn hour(browser: &Browser) -> anyhow::Result<()> {
    // The first ones fill what is kept anyway: five minutes of history.
    browser.until("window.seen.messages > 120").await?;
    let before = memory(browser).await?;
    browser
        .until(&format!("window.seen.messages > {}", 120 + HOUR))
        .await?;
    let after = memory(browser).await?;
    println!(
        "memory, JavaScript and program, in bytes: {before:?}; after {HOUR} messages: {after:?}"
    );
    Ok(())
}

/// Put before the page's own scripts: how long each frame's callbacks take, in milliseconds.
const TIME_FRAMES: &str = "
    window.frames_ms = [];
    const ask = window.requestAnimationFrame;
    window.requestAnimationFrame = callback => ask.call(window, now => {
        const start = performance.now();
        callback(now);
        window.frames_ms.push(performance.now() - start);
    });";

/// Figures after which so many videos are done.
fn done(videos: u64) -> Update {
    Update {
        metrics: Some(Metrics {
            videos_processed: videos,
            total_thumbnails: videos * 3,
            queue_depth: 5_000,
            ..metrics()
        }),
        ..Update::default()
    }
}

/// What a frame of the scene costs the page, with as many particles as there can be. The drawing
/// itself is the graphics card's, and here an emulated one's.
async fn scene(site: &Site) -> anyhow::Result<()> {
    const MESSAGES: u64 = 12;
    let browser = Browser::start(BrowserOptions {
        graphics: Graphics::Real,
        ..BrowserOptions::default()
    })
    .await?;
    let feed = Feed::replace(&browser).await?;
    browser.prepare(TIME_FRAMES).await?;
    browser.open(&site.url(), Screen::WIDE).await?;
    feed.say(&done(0)).await?;
    browser
        .until("document.querySelector('.scene canvas')?.dataset.particles !== undefined")
        .await?;
    for message in 1..=MESSAGES {
        feed.say(&done(message * 300)).await?;
        if message == 3 {
            // The bound is reached; from here on it is kept.
            browser.act("window.frames_ms.length = 0").await?;
        }
        let seen = message.saturating_sub(2) * 15;
        browser
            .until(&format!("window.frames_ms.length >= {seen}"))
            .await?;
    }
    let times = browser
        .value("window.frames_ms.sort((a, b) => a - b), [.5, .95].map(q => window.frames_ms[Math.floor(window.frames_ms.length * q)])")
        .await?;
    let count = browser.value("window.frames_ms.length").await?;
    println!(
        "a frame of the scene, {count} frames, in ms at the median and the 95th percentile: {times}"
    );
    Ok(())
}

/// What the page takes of its thread in five seconds in which a thousand videos are done, where the
/// processor would have to draw the scene.
async fn processor(site: &Site) -> anyhow::Result<()> {
    let browser = Browser::start(BrowserOptions::default()).await?;
    let feed = Feed::replace(&browser).await?;
    browser.open(&site.url(), Screen::WIDE).await?;
    feed.say(&done(0)).await?;
    browser
        .until("document.querySelector('.still, .scene canvas[data-particles]') !== null")
        .await?;
    browser.devtools("Performance.enable", json!({})).await?;
    let before = busy(&browser).await?;
    feed.say(&done(1000)).await?;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let after = busy(&browser).await?;
    println!(
        "without a graphics card, of 5 s of the page's thread: {:.2} s",
        after - before
    );
    Ok(())
}

/// Seconds in which the page's thread was busy.
async fn busy(browser: &Browser) -> anyhow::Result<f64> {
    let answer = browser
        .devtools("Performance.getMetrics", json!({}))
        .await?;
    let metrics = answer["metrics"].as_array().context("no metrics")?;
    let busy = metrics
        .iter()
        .find(|metric| metric["name"] == "TaskDuration");
    busy.and_then(|metric| metric["value"].as_f64())
        .context("no duration of tasks")
}

async fn scroll(site: &Site, count: usize) -> anyhow::Result<()> {
    // Draws with the processor, as a machine without a graphics card does. Of the two ways to do
    // that it is the one that is not an emulated card.
    let browser = Browser::start(BrowserOptions {
        graphics: Graphics::Missing,
        ..BrowserOptions::default()
    })
    .await?;
    watch(&browser).await?;
    browser.open(&site.url(), Screen::WIDE).await?;
    let counted = format!(
        "document.querySelector('.tile-value')?.textContent.replace(/\\D/g, '') === '{count}'"
    );
    // The API counts as many a minute as it may ask S3 for.
    while browser.value(&counted).await? != true {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    // All are known now, and so every page of the list follows on the one before.
    browser.open(&site.url(), Screen::WIDE).await?;
    browser
        .until("document.querySelector('[aria-posinset]') !== null")
        .await?;
    // In slices: the driver waits for one script only so long.
    let mut reached = 0;
    while reached < count {
        reached = (reached + 10_000).min(count);
        browser.run(TRAVEL, json!(reached)).await?;
        let result = browser.run(SCROLL, json!(600)).await?;
        println!(
            "scrolling near {reached} of {count}: {result}; memory {:?}",
            memory(&browser).await?
        );
    }
    Ok(())
}

/// Up again for so many frames, 80 pixels each: at 60 frames a second more than five screens a
/// second.
const SCROLL: &str = "
    const frames = [];
    let last = performance.now();
    return await new Promise(done => {
        const step = now => {
            frames.push(now - last);
            last = now;
            scrollBy(0, -80);
            if (frames.length < argument) return requestAnimationFrame(step);
            frames.sort((a, b) => a - b);
            const sum = frames.reduce((a, b) => a + b, 0);
            done({rate: 1000 * frames.length / sum, p95: frames[Math.floor(frames.length * .95)],
                  cells: document.querySelectorAll('[aria-posinset]').length});
        };
        requestAnimationFrame(step);
    });";
