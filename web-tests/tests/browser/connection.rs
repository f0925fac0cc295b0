//! The WebSocket and its ends.

use contract::api::{Metrics, Update};
use serde_json::json;
use web_tests::{
    BrowserOptions, Screen, SiteOptions,
    feed::{Feed, metrics},
};

use crate::support::{Open, REFUSAL, SEE, in_each_browser, open, open_fed, video};

in_each_browser!(down_while_the_api_is_gone_and_live_again_after,);

fn update() -> Update {
    Update {
        metrics: Some(metrics()),
        ..Update::default()
    }
}

/// A page whose WebSocket stands and has told something.
async fn open_live() -> anyhow::Result<Open> {
    let open = open_fed(&[]).await?;
    Feed::new(&open.browser).say(&update()).await?;
    open.browser.until_text(".badge", "LIVE").await?;
    Ok(open)
}

async fn down_while_the_api_is_gone_and_live_again_after(
    browser: BrowserOptions,
) -> anyhow::Result<()> {
    let mut open = open(SiteOptions::default(), browser).await?;
    open.site.kill_api();
    open.browser.until_text(".badge", "DOWN").await?;
    open.site.put("uploads/meanwhile.mp4", &video()?).await?;
    open.site.restart_api().await?;
    open.browser.until_text(".badge", "LIVE").await?;
    open.until_pictures(3).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_websockets_plain_http_tells() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    // As behind a proxy that knows no WebSockets.
    open.browser
        .prepare("window.WebSocket = function () { throw new Error('none here') }")
        .await?;
    open.browser
        .devtools("Page.reload", serde_json::json!({}))
        .await?;
    open.browser
        .until_text(
            ".badge",
            "POLLING: the browser opens no connection; asking by HTTP instead",
        )
        .await?;
    open.site.put("uploads/polled.mp4", &video()?).await?;
    open.until_pictures(3).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_first_connection_is_not_down() -> anyhow::Result<()> {
    let open = open_fed(&[REFUSAL]).await?;
    let browser = &open.browser;
    // Neither the WebSocket nor HTTP has answered yet, or refused.
    browser
        .prepare(
            "window.openSockets = false; window.badges = new Set(); \
             window.askNow = window.fetch; \
             window.fetch = (...args) => window.goes ? window.askNow(...args) \
                 : new Promise(done => (window.held ??= []).push(() => done(window.askNow(...args)))); \
             new MutationObserver(() => window.badges.add(document.querySelector('.badge')?.className)) \
                 .observe(document, {subtree: true, childList: true, attributes: true});",
        )
        .await?;
    browser.open(&open.site.url(), Screen::WIDE).await?;
    browser.until("window.held?.length > 0").await?;
    browser.until_text(".badge", "CONNECTING").await?;
    browser
        .act("window.goes = true; window.held.forEach(answer => answer())")
        .await?;
    browser.until_text(".badge", "POLLING").await?;
    let down = "[...window.badges].some(name => name?.includes('down'))";
    assert_eq!(browser.value(down).await?, false);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_while_the_api_was_away_is_asked_again() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    let browser = &open.browser;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    open.until_pictures(3).await?;
    Feed::replace(browser).await?;
    browser.prepare(REFUSAL).await?;
    browser.prepare("window.refused['/api/'] = 503;").await?;
    browser.open(&open.site.url(), Screen::WIDE).await?;
    let feed = Feed::new(browser);
    feed.say(&update()).await?;
    browser
        .until_text(".gallery .problem", "a test refuses it")
        .await?;
    feed.say(&Update {
        metrics: Some(Metrics {
            videos_failed: Some(2),
            ..metrics()
        }),
        ..Update::default()
    })
    .await?;
    browser
        .until_text("#failures .problem", "a test refuses it")
        .await?;
    // Even HTTP does not answer any more, and then does again.
    browser.act("window.openSockets = false").await?;
    feed.lose().await?;
    browser.until_text(".badge", "trying again").await?;
    browser
        .act("window.refused = {}; window.openSockets = true; window.dispatchEvent(new Event('online'))")
        .await?;
    feed.say(&update()).await?;
    open.until_pictures(3).await?;
    browser
        .until("document.querySelector('.problem') === null")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wake_tries_at_once_and_leaves_a_young_attempt_alone() -> anyhow::Result<()> {
    let open = open_live().await?;
    let browser = &open.browser;
    let feed = Feed::new(browser);
    // From here on waits are the longest, and no attempt gets through by itself. Each loss is
    // followed by a wake at once: what comes after it is counted, before any wait can end.
    browser
        .act("Math.random = () => 1; window.openSockets = false")
        .await?;
    let tried = browser
        .run(
            "const task = () => new Promise(done => setTimeout(done)); \
             const before = window.sockets.length; \
             for (let loss = 0; loss < 6; loss++) { \
                 window.sockets.at(-1).lose(); \
                 await task(); \
                 window.dispatchEvent(new Event('online')); \
                 await task(); \
             } \
             const woken = window.sockets.length - before; \
             window.dispatchEvent(new Event('focus')); \
             window.dispatchEvent(new Event('online')); \
             document.dispatchEvent(new Event('visibilitychange')); \
             await task(); \
             return [woken, window.sockets.length - before];",
            json!(null),
        )
        .await?;
    assert_eq!(
        tried,
        json!([6, 6]),
        "a wake each, and none for a young attempt"
    );
    // By now half a minute would be waited for. A page that nobody sees waits; one that somebody
    // sees does not.
    let before = feed.count().await?;
    let hidden = browser
        .run(
            &format!(
                "const see = {SEE}; const task = () => new Promise(done => setTimeout(done)); \
             window.sockets.at(-1).lose(); \
             await task(); \
             see(false); \
             await task(); \
             const hidden = window.sockets.length; \
             setTimeout(() => window.late = true, 15000); \
             window.openSockets = true; \
             see(true); \
             return hidden;"
            ),
            json!(null),
        )
        .await?;
    assert_eq!(hidden, before);
    browser
        .until(&format!(
            "window.late || window.sockets.length === {before} + 1"
        ))
        .await?;
    assert_eq!(browser.value("window.late ?? null").await?, json!(null));
    feed.say(&update()).await?;
    browser.until_text(".badge", "LIVE").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_fell_silent_is_made_anew() -> anyhow::Result<()> {
    let open = open_live().await?;
    let browser = &open.browser;
    // As after a sleep: the clock went on, timers did not.
    browser
        .act(
            "const now = Date.now; Date.now = () => now() + 60000; window.openSockets = false; \
             setTimeout(() => window.late = true, 10000); window.dispatchEvent(new Event('focus'))",
        )
        .await?;
    browser
        .until("window.late || window.sockets.length === 2")
        .await?;
    assert_eq!(browser.value("window.late ?? null").await?, json!(null));
    browser.until_text(".badge", "the API went silent").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_does_not_load_is_told_in_words() -> anyhow::Result<()> {
    let open = open_fed(&[]).await?;
    let browser = &open.browser;
    assert_eq!(
        browser
            .value("document.querySelector('#broken').hidden")
            .await?,
        true
    );
    browser.devtools("Network.enable", json!({})).await?;
    browser
        .devtools("Network.setCacheDisabled", json!({"cacheDisabled": true}))
        .await?;
    browser
        .devtools("Network.setBlockedURLs", json!({"urls": ["*.wasm"]}))
        .await?;
    browser.open(&open.site.url(), Screen::WIDE).await?;
    browser
        .until("document.querySelector('#broken').checkVisibility()")
        .await?;
    // One that breaks later is told of wherever the page has been scrolled to.
    browser
        .devtools("Network.setBlockedURLs", json!({"urls": []}))
        .await?;
    browser.open(&open.site.url(), Screen::WIDE).await?;
    browser
        .until("document.querySelector('.tile') !== null")
        .await?;
    browser
        .act(
            "document.querySelector('main').style.minHeight = '4000px'; scrollTo(0, 2000); \
             window.dispatchEvent(new ErrorEvent('error', {error: new WebAssembly.RuntimeError('unreachable')}))",
        )
        .await?;
    browser
        .until("(e => e.checkVisibility() && e.getBoundingClientRect().bottom > 0)(document.querySelector('#broken'))")
        .await
}
