//! Small screens, less motion, no WebGL.

use web_tests::{BrowserOptions, Screen, SiteOptions};

use crate::support::{Open, open, video};

/// Wider than the screen: what would make the page scroll sideways.
const OVERFLOW: &str = "[...document.querySelectorAll('body *')]\
    .filter(e => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.hidden, .label-3d, .label, .brand h1'))\
    .map(e => e.className || e.tagName).slice(0, 5)";

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_shows_everything_without_scrolling_sideways() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    open.site
        .put(
            "uploads/a video with a rather long name of many words.mp4",
            &video()?,
        )
        .await?;
    open.until_cells(3).await?;
    open.browser.open(&open.site.url(), Screen::PHONE).await?;
    // Only the cells near what is in sight are in the page.
    open.browser
        .until("(scrollTo(0, document.documentElement.scrollHeight), document.querySelectorAll('.cell').length === 3)")
        .await?;
    open.browser
        .until("document.documentElement.scrollWidth <= innerWidth")
        .await?;
    assert_eq!(open.browser.value(OVERFLOW).await?, serde_json::json!([]));
    open.browser.click(".cell button").await?;
    open.browser.until_text(".dialog .facts", "h264").await?;
    open.browser
        .until("(d => d.scrollWidth <= d.clientWidth)(document.querySelector('dialog'))")
        .await?;
    open.assert_quiet().await
}

/// Waits until the first look at the bucket is over: what comes then moves.
async fn until_counted(open: &Open) -> anyhow::Result<()> {
    open.browser
        .until_text(".tile", "Thumbnails0of 0 videos")
        .await?;
    open.browser
        .until("!document.querySelector('.tiles').textContent.includes('counting')")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn less_motion_stills_the_scene() -> anyhow::Result<()> {
    let browser = BrowserOptions {
        reduced_motion: true,
        ..BrowserOptions::default()
    };
    let open = open(SiteOptions::default(), browser).await?;
    open.browser
        .until("matchMedia('(prefers-reduced-motion: reduce)').matches")
        .await?;
    until_counted(&open).await?;
    open.browser
        .run(
            "window.moved = false; const canvas = document.querySelector('.scene canvas'); \
             const look = () => { window.moved ||= canvas.dataset.particles === 'yes'; }; \
             new MutationObserver(look).observe(canvas, {attributes: true}); return true;",
            serde_json::Value::Null,
        )
        .await?;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    open.until_cells(3).await?;
    open.browser.until_text(".label-3d", "Thumbnails3").await?;
    let moved = open.browser.value("window.moved").await?;
    assert_eq!(moved, serde_json::json!(false));
    let animations = open
        .browser
        .value("document.getAnimations().length")
        .await?;
    assert_eq!(animations, 0);
    open.assert_quiet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_motion_each_video_is_seen_to_move() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    until_counted(&open).await?;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    open.browser
        .until("document.querySelector('.scene canvas').dataset.particles === 'yes'")
        .await?;
    open.browser
        .until("document.querySelector('.scene canvas').dataset.particles === 'no'")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_webgl_there_is_a_picture() -> anyhow::Result<()> {
    let browser = BrowserOptions {
        without_webgl: true,
        ..BrowserOptions::default()
    };
    let open = open(SiteOptions::default(), browser).await?;
    open.browser
        .until("document.querySelectorAll('.still li').length === 4")
        .await?;
    open.browser
        .until("document.querySelector('.scene canvas') === null")
        .await?;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    open.browser.until_text(".still .thumbnails", "3").await?;
    open.until_cells(3).await
}
