//! What a person can do.

use std::fs;

use serde_json::json;
use web_tests::{BrowserOptions, SiteOptions};

use crate::support::{open, video};

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_video_is_uploaded_and_a_text_is_refused() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    let bytes = fs::read(video()?)?;
    let script = "
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(argument)], 'dropped.mp4', {type: 'video/mp4'}));
        transfer.items.add(new File(['words'], 'notes.txt', {type: 'text/plain'}));
        const fire = name => window.dispatchEvent(new DragEvent(name, {dataTransfer: transfer, bubbles: true, cancelable: true}));
        fire('dragenter');
        await new Promise(shown => {
            const look = () => document.querySelector('.dropzone') ? shown() : requestAnimationFrame(look);
            look();
        });
        fire('drop');
        return true;";
    assert_eq!(open.browser.run(script, json!(bytes)).await?, json!(true));
    open.browser
        .until_text(".upload.bad", "not a video by its name")
        .await?;
    open.browser.until_text(".upload.good", "uploaded").await?;
    open.until_cells(3).await?;
    open.browser.press("Clear").await?;
    open.browser
        .until("document.querySelector('.tray') === null")
        .await?;
    open.assert_quiet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_video_goes_in_parts_with_progress() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    // A video with a large box that players skip: over 64 MiB it is sent in parts.
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("large.mp4");
    let mut content = fs::read(video()?)?;
    let padding: u32 = 70 << 20;
    content.extend(padding.to_be_bytes());
    content.extend(b"free");
    content.resize(content.len() + padding as usize - 8, 0);
    fs::write(&path, content)?;
    let watch = "window.shares = new Set(); new MutationObserver(() => { \
                   const bar = document.querySelector('.upload progress'); \
                   if (bar) window.shares.add(bar.value); \
                 }).observe(document.body, {subtree: true, childList: true, attributes: true}); return true;";
    open.browser.run(watch, json!(null)).await?;
    open.browser
        .type_into("#files", &path.to_string_lossy())
        .await?;
    open.browser.until_text(".upload.good", "uploaded").await?;
    open.browser
        .until("[...window.shares].some(share => share > 0 && share < 100)")
        .await?;
    open.until_cells(3).await?;
    open.assert_quiet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_then_a_purge() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    open.site.put_sample("sample.mp4", &video()?).await?;
    open.browser.press("Test").await?;
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
    open.browser.press("Redrive all").await?;
    open.browser
        .until_text(".notice", "1 message back in the queue")
        .await?;
    open.browser
        .until_text("#failures", "Every video so far has its thumbnails")
        .await?;
    open.until_cells(3).await
}
