//! Storyboards and previews: under the pointer, in a video's dialog, and made on demand.

use serde_json::json;
use web_tests::{BrowserOptions, SiteOptions};

use crate::support::{Open, in_each_browser, open, video};

in_each_browser!(a_storyboard_plays_under_the_pointer_and_leads_through_the_video,);

/// The part of the sheet that an element shows, as an expression in JavaScript.
fn part(of: &str) -> String {
    format!("document.querySelector('{of} .tile-picture svg')?.getAttribute('viewBox')")
}

/// Moves a pointer over the first cell, to a share of its width.
async fn point(open: &Open, share: f64) -> anyhow::Result<()> {
    let script = format!(
        "const button = document.querySelector('.cell button'), \
             bounds = button.getBoundingClientRect(); \
         button.dispatchEvent(new PointerEvent('pointermove', {{bubbles: true, \
             clientX: bounds.left + bounds.width * {share}, clientY: bounds.top + 9}}))"
    );
    open.browser.act(&script).await
}

async fn scrub(open: &Open, seconds: f64) -> anyhow::Result<()> {
    let script = format!(
        "const e = document.querySelector('input[type=range]'); e.value = {seconds}; \
         e.dispatchEvent(new Event('input', {{bubbles: true}}))"
    );
    open.browser.act(&script).await
}

async fn a_storyboard_plays_under_the_pointer_and_leads_through_the_video(
    browser: BrowserOptions,
) -> anyhow::Result<()> {
    let site = SiteOptions {
        worker: vec![("STORYBOARD", "json"), ("STORYBOARD_INTERVAL", "1s")],
        ..SiteOptions::default()
    };
    let open = open(site, browser).await?;
    let browser = &open.browser;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    open.until_pictures(3).await?;
    // The manifest names the storyboard after the pictures are published.
    let named = "fetch('api/videos/thumbnails/clip.json').then(answer => answer.json())\
                 .then(video => { window.made = video.storyboard !== undefined; })";
    browser
        .until(&format!("({named}, window.made === true)"))
        .await?;
    for (share, tile) in [
        (0.05, "0 0 320 180"),
        (0.55, "1600 0 320 180"),
        (0.95, "2880 0 320 180"),
    ] {
        point(&open, share).await?;
        browser
            .until(&format!("{} === '{tile}'", part(".cell .playing")))
            .await?;
    }
    browser
        .act("document.querySelector('.cell button').dispatchEvent(new PointerEvent('pointerleave'))")
        .await?;
    browser
        .until("document.querySelector('.cell .playing') === null")
        .await?;

    browser
        .act("document.querySelector('.cell button').click()")
        .await?;
    browser
        .until("document.querySelectorAll('.filmstrip button').length === 10")
        .await?;
    // The tile is there before any frame is, and the frame comes when the scrubber rests.
    scrub(&open, 4.5).await?;
    let shown = part(".screen");
    assert_eq!(browser.value(&shown).await?, json!("1280 0 320 180"));
    let exact = "(i => i !== null && i.src.startsWith('blob:') && i.naturalWidth > 0)\
                 (document.querySelector('.screen img'))";
    browser.until(exact).await?;
    browser
        .act("document.querySelectorAll('.filmstrip button')[8].click()")
        .await?;
    browser
        .until("document.querySelectorAll('.filmstrip button')[8].ariaPressed === 'true'")
        .await?;
    browser.until(exact).await?;
    open.assert_quiet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_without_a_storyboard_gets_one_when_someone_looks_for_a_frame() -> anyhow::Result<()>
{
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    let browser = &open.browser;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    open.until_pictures(3).await?;
    browser
        .act("document.querySelector('.cell button').click()")
        .await?;
    browser
        .until("document.querySelector('input[type=range]') !== null")
        .await?;
    let tiles = "document.querySelectorAll('.filmstrip image')";
    assert_eq!(browser.value(&format!("{tiles}.length")).await?, 0);
    scrub(&open, 2.0).await?;
    browser
        .until(&format!(
            "{tiles}.length === 10 && [...{tiles}].every(i => i.href.baseVal.startsWith('blob:'))"
        ))
        .await?;
    open.assert_quiet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_plays_unless_motion_is_unwelcome() -> anyhow::Result<()> {
    let site = SiteOptions {
        worker: vec![("PREVIEW", "webp")],
        ..SiteOptions::default()
    };
    let open = open(site, BrowserOptions::default()).await?;
    let browser = &open.browser;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    open.until_pictures(3).await?;
    let named = "fetch('api/videos/thumbnails/clip.json').then(answer => answer.json())\
                 .then(video => { window.made = video.previewUrl !== undefined; })";
    browser
        .until(&format!("({named}, window.made === true)"))
        .await?;
    point(&open, 0.5).await?;
    browser
        .until("document.querySelector('.cell .playing img')?.naturalWidth === 320")
        .await?;
    let reduced = json!({"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]});
    browser
        .devtools("Emulation.setEmulatedMedia", reduced)
        .await?;
    browser
        .until("document.querySelector('.cell .playing') === null")
        .await?;
    open.assert_quiet().await
}
