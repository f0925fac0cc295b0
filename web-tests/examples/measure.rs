//! What the dashboard costs: `cargo run --release -p web-tests --example measure -- [THUMBNAILS]`. Prints what
//! docs/benchmarks.md says.

use std::path::Path;

use anyhow::Context;
use serde_json::json;
use web_tests::{Browser, BrowserOptions, Screen, Site, SiteOptions};

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
    browser
        .devtools(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({"source": WATCH}),
        )
        .await?;
    first_content(&browser, &site).await?;
    hour(&browser).await?;
    site.fill(count).await?;
    scroll(&browser, &site, count).await
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

async fn first_content(browser: &Browser, site: &Site) -> anyhow::Result<()> {
    browser
        .devtools("Emulation.setCPUThrottlingRate", json!({"rate": 4}))
        .await?;
    browser.open(&site.url(), Screen::WIDE).await?;
    browser.until("Boolean(window.seen.figures)").await?;
    let paint = browser
        .value("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        .await?;
    let figures = browser.value("window.seen.figures").await?;
    println!("first content, 4x CPU throttling: {paint} ms; first figures: {figures} ms");
    browser
        .devtools("Emulation.setCPUThrottlingRate", json!({"rate": 1}))
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

async fn scroll(browser: &Browser, site: &Site, count: usize) -> anyhow::Result<()> {
    browser.open(&site.url(), Screen::WIDE).await?;
    browser
        .until(&format!(
            "document.querySelector('.tile-value')?.textContent.replace(/\\D/g, '') === '{count}'"
        ))
        .await?;
    // Down through everything, loading page after page.
    let all = "
        const grid = document.querySelector('.grid');
        const frames = [];
        let last = performance.now();
        const wanted = argument;
        return await new Promise(done => {
            const step = now => {
                frames.push(now - last);
                last = now;
                scrollBy(0, 400);
                const cells = [...grid.querySelectorAll('[aria-posinset]')];
                const at = cells.length ? Number(cells.at(-1).getAttribute('aria-posinset')) : 0;
                if (frames.length > 60000) throw new Error(`only ${at} after ${frames.length} frames`);
                if (at >= wanted) {
                    frames.sort((a, b) => a - b);
                    const sum = frames.reduce((a, b) => a + b, 0);
                    done({at, frames: frames.length, rate: 1000 * frames.length / sum, p95: frames[Math.floor(frames.length * .95)],
                          cells: cells.length});
                } else requestAnimationFrame(step);
            };
            requestAnimationFrame(step);
        });";
    // In slices: the driver waits for one script only so long.
    let mut wanted = 10_000;
    loop {
        let result = browser.run(all, json!(wanted)).await?;
        println!(
            "scrolling to {wanted} of {count}: {result}; memory {:?}",
            memory(browser).await?
        );
        if wanted >= count {
            return Ok(());
        }
        wanted = (wanted + 30_000).min(count);
    }
}
