//! Testing, purging, redriving.

use std::fs;

use contract::api::{SourceState, Update};
use serde_json::json;
use web_tests::{
    BrowserOptions, SiteOptions, axe,
    feed::{Feed, metrics},
};

use crate::support::{REFUSAL, in_each_browser, open, open_fed, video};

in_each_browser!(
    a_test_then_a_purge,
    a_failure_tells_its_reason_and_goes_back,
);

async fn a_test_then_a_purge(browser: BrowserOptions) -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), browser).await?;
    open.site.put_sample("sample.mp4", &video()?).await?;
    open.browser.press("Test pipeline").await?;
    open.browser.until_text(".notice", "1 video queued").await?;
    open.until_pictures(3).await?;

    open.browser.press("Purge").await?;
    open.browser.until_text(".dry-run", "6 objects").await?;
    let disabled = "document.querySelector('.button.danger').disabled";
    open.browser.until(disabled).await?;
    open.browser
        .type_into("input[name=confirmation]", "purg")
        .await?;
    open.browser.until(disabled).await?;
    open.browser
        .type_into("input[name=confirmation]", "e")
        .await?;
    open.browser.press("Delete everything").await?;
    open.browser.until_text(".notice", "deleted").await?;
    open.browser
        .until("document.querySelector('dialog') === null")
        .await?;
    open.browser
        .until_text(".gallery", "No thumbnails yet")
        .await?;
    // Everyone is told who did that.
    open.browser
        .until_text(".acts summary", "local purged ")
        .await?;
    open.browser.click(".acts summary").await?;
    open.browser
        .until_text(".acts li:nth-child(2)", "local tested with 1 videos of ")
        .await?;
    let exact = "new Date(document.querySelector('.acts time').dateTime).toLocaleString() === \
                 document.querySelector('.acts time').title";
    open.browser.until(exact).await?;
    open.assert_quiet().await
}

async fn a_failure_tells_its_reason_and_goes_back(browser: BrowserOptions) -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), browser).await?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("broken.mp4");
    fs::write(&path, b"no video at all, by any reading")?;
    open.site.put("uploads/broken.mp4", &path).await?;
    open.browser.until_text(".failure", "broken.mp4").await?;
    open.browser
        .until("document.querySelector('.failure .chip') !== null")
        .await?;
    // Mended: the second try makes its pictures.
    open.site.put("uploads/broken.mp4", &video()?).await?;
    open.browser
        .click("[aria-label='Redrive uploads/broken.mp4']")
        .await?;
    open.browser
        .until_text(".notice", "1 message back in the queue")
        .await?;
    open.browser
        .until_text("#failures", "Every video so far has its thumbnails")
        .await?;
    open.until_pictures(3).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_action_says_why() -> anyhow::Result<()> {
    let open = open_fed(&[REFUSAL]).await?;
    let browser = &open.browser;
    browser
        .act("window.refused = {'/api/purge?dryRun': 409, '/api/test': 409}")
        .await?;
    browser.press("Test pipeline").await?;
    let refused = "The test failed: a test refuses it.";
    browser.until_text(".notice.bad", refused).await?;
    browser.press("Purge").await?;
    browser
        .until_text(
            ".dialog .problem",
            "could not be counted: a test refuses it",
        )
        .await?;
    browser.act("window.refused = {}").await?;
    browser.press("Try again").await?;
    browser.until_text(".dry-run", "0 objects").await?;
    browser.act("window.refused['/api/purge'] = '502'").await?;
    browser
        .type_into("input[name=confirmation]", "purge")
        .await?;
    browser.press("Delete everything").await?;
    // It may have been done: a proxy's answer is not the API's.
    browser
        .until_text(
            ".dialog .problem",
            "The purge failed, or its answer was lost",
        )
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_failures_are_sorted_out() -> anyhow::Result<()> {
    // A dismissal is sent when it cannot be undone any more.
    let hasty = "window.laterOn = window.setTimeout; \
                 window.setTimeout = (act, ms, ...rest) => window.laterOn(act, ms === 8000 ? window.undoMs ?? ms : ms, ...rest);";
    let open = open_fed(&[REFUSAL, hasty]).await?;
    let browser = &open.browser;
    browser
        .act(
            "const failure = (_, index) => ({id: `${index}`, keys: [`uploads/${index}.mp4`], receiveCount: 1, \
                 ...[{}, {kind: 'corrupt', message: 'no picture of it'}, {kind: 'limit', message: 'too large'}][index % 3]}); \
             window.refused = {'/api/failures/dismiss': {dismissed: 1, missing: []}, \
                 '/api/failures/redrive': {redriven: 333, missing: []}, \
                 '/api/failures': {total: 1000, failures: Array.from({length: 1000}, failure)}}; \
             navigator.clipboard.writeText = async text => { window.copied = text; }",
        )
        .await?;
    let mut metrics = metrics();
    metrics.videos_failed = Some(1000);
    metrics.sources.pods.state = SourceState::Absent;
    let update = Update {
        metrics: Some(metrics),
        ..Update::default()
    };
    Feed::new(browser).say(&update).await?;
    browser.until_text(".pager", "Page 1 of 50").await?;
    let failures = "document.querySelectorAll('.failure').length";
    assert_eq!(browser.value(failures).await?, 20);
    // Without a cluster nothing is said of pods, and the failures have the whole row.
    let places = "[document.querySelector('#pods-title'), document.querySelectorAll('.tile').length, \
                  document.querySelector('#failures').offsetWidth === document.querySelector('.tiles').offsetWidth]";
    assert_eq!(browser.value(places).await?, json!([null, 7, true]));
    assert_eq!(axe::issues(browser).await?, Vec::<String>::new());

    browser.press("corrupt 333").await?;
    browser.until_text(".pager", "Page 1 of 17").await?;
    browser
        .until_text(".advice", "was cut off, or is damaged")
        .await?;
    browser.press("Next").await?;
    browser.until_text(".pager", "Page 2 of 17").await?;
    browser.click("[aria-label='Copy uploads/61.mp4']").await?;
    browser.until("window.copied === 'uploads/61.mp4'").await?;
    browser.press("Select all").await?;
    browser.until_text(".chosen", "333 selected").await?;
    browser.press("Redrive selected").await?;
    browser
        .until_text(".notice", "333 messages back in the queue")
        .await?;

    let sent = "window.asked.some(url => url.includes('/api/failures/dismiss'))";
    browser
        .click("[aria-label='Dismiss uploads/61.mp4']")
        .await?;
    browser.until_text(".undo", "1 failure dismissed").await?;
    let gone = "document.querySelector(\"[aria-label='Dismiss uploads/61.mp4']\") === null";
    browser.until(gone).await?;
    browser.press("Undo").await?;
    browser
        .until("document.querySelector('.undo') === null")
        .await?;
    browser.until(&format!("!({gone})")).await?;
    assert_eq!(browser.value(sent).await?, false);
    browser.act("window.undoMs = 10").await?;
    browser
        .click("[aria-label='Dismiss uploads/61.mp4']")
        .await?;
    browser.until(sent).await?;
    browser.until(gone).await?;
    open.assert_quiet().await
}
