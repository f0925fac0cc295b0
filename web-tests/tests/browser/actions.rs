//! Testing, purging, redriving.

use std::fs;

use web_tests::{BrowserOptions, SiteOptions};

use crate::support::{REFUSAL, open, open_fed, video};

#[tokio::test(flavor = "multi_thread")]
async fn a_test_then_a_purge() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    open.site.put_sample("sample.mp4", &video()?).await?;
    open.browser.press("Test pipeline").await?;
    open.browser.until_text(".notice", "1 video queued").await?;
    open.until_cells(3).await?;

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
    open.assert_quiet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_tells_its_reason_and_goes_back() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
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
    open.browser.click(".failure button").await?;
    open.browser
        .until_text(".notice", "1 message back in the queue")
        .await?;
    open.browser
        .until_text("#failures", "Every video so far has its thumbnails")
        .await?;
    open.until_cells(3).await
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
