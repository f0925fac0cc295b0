//! Pictures that could not be had, and that come back.

use contract::api::{Metrics, Source, SourceState, Update};
use serde_json::json;
use web_tests::{
    BrowserOptions, Screen, SiteOptions,
    feed::{Feed, metrics},
};

use crate::support::{REFUSAL, open, video};

/// How many requests for a video were sent.
const ASKED: &str = "window.asked.filter(url => url.includes('/api/videos/')).length";

fn bucket(state: SourceState) -> Update {
    let mut metrics = Metrics {
        total_thumbnails: 3,
        videos_processed: 1,
        ..metrics()
    };
    metrics.sources.bucket = Source {
        state,
        ..Source::default()
    };
    Update {
        metrics: Some(metrics),
        ..Update::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_and_the_open_video_come_back_with_the_bucket() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    let browser = &open.browser;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    open.until_pictures(3).await?;

    // The bucket is away, for browsers and for the API.
    Feed::replace(browser).await?;
    browser.prepare(REFUSAL).await?;
    browser
        .prepare("window.refused['/api/videos/'] = 502;")
        .await?;
    browser.devtools("Network.enable", json!({})).await?;
    browser
        .devtools("Network.setCacheDisabled", json!({"cacheDisabled": true}))
        .await?;
    let block = |urls: &[&str]| json!({"urls": urls});
    browser
        .devtools("Network.setBlockedURLs", block(&["*/thumbnails/clip_*"]))
        .await?;
    let frames = format!("{}?show=frames", open.site.url());
    browser.open(&frames, Screen::WIDE).await?;
    let feed = Feed::new(browser);
    feed.say(&bucket(SourceState::Unavailable)).await?;
    browser
        .until(
            "document.querySelectorAll('.cell').length === 3 && \
             [...document.querySelectorAll('.cell')].every(cell => cell.textContent.includes('no picture'))",
        )
        .await?;
    assert_eq!(
        browser.value(ASKED).await?,
        1,
        "one a video, not one a cell"
    );
    browser.click(".cell button").await?;
    browser
        .until_text(".dialog .problem", "Nothing more is known of it")
        .await?;
    browser.until_text(".screen", "no picture").await?;

    // It answers again: everything comes back by itself.
    browser
        .devtools("Network.setBlockedURLs", block(&[]))
        .await?;
    browser
        .act("window.refused = {}; window.asked = []")
        .await?;
    feed.say(&bucket(SourceState::Available)).await?;
    open.until_pictures(3).await?;
    browser.until_text(".dialog .facts", "h264").await?;
    browser
        .until("document.querySelector('.screen img')?.naturalWidth > 0")
        .await?;
    assert_eq!(browser.value(ASKED).await?, 1, "the dialog's");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_whose_addresses_have_ended_get_others_by_one_request() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    let browser = &open.browser;
    browser.prepare(REFUSAL).await?;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    let frames = format!("{}?show=frames", open.site.url());
    browser.open(&frames, Screen::WIDE).await?;
    open.until_pictures(3).await?;
    let fail = "document.querySelectorAll('.cell img').forEach(img => img.dispatchEvent(new Event('error')))";
    browser.act(fail).await?;
    browser.until(&format!("{ASKED} > 0")).await?;
    browser
        .until("document.querySelectorAll('.cell img').length === 3")
        .await?;
    open.until_pictures(3).await?;
    assert_eq!(browser.value(ASKED).await?, 1);
    // Where there are no others either, that is said.
    browser
        .act(&format!("window.refused['/api/videos/'] = 404; {fail}"))
        .await?;
    browser.until_text(".cell", "no picture").await
}
