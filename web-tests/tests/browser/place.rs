//! Where someone is, kept in the address: Back, reload, links.

use web_tests::{BrowserOptions, Screen, SiteOptions, keys};

use crate::support::{open, video};

const NO_DIALOG: &str = "document.querySelector('dialog') === null";

#[tokio::test(flavor = "multi_thread")]
async fn back_forward_reload_and_links_keep_the_place() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    let browser = &open.browser;
    for name in ["beach 1", "beach 2", "city"] {
        let key = format!("uploads/{name}.mp4");
        open.site.put(&key, &video()?).await?;
    }
    open.until_pictures(9).await?;
    browser.type_into(".search input", "beach").await?;
    open.until_pictures(6).await?;
    browser.until("location.search === '?q=beach'").await?;
    browser
        .act(
            "const e = document.querySelector('.sort select'); e.value = 'name'; \
              e.dispatchEvent(new Event('change', {bubbles: true}))",
        )
        .await?;
    browser
        .until("location.search === '?q=beach&sort=name'")
        .await?;
    open.until_pictures(6).await?;
    browser.click(".cell button").await?;
    browser.until_text(".dialog h2", "beach 1").await?;
    let linked = browser.value("location.href").await?;
    // To the next one and back by keys; the history has one entry for the dialog.
    browser.until_text(".dialog .facts", "h264").await?;
    let next = "document.querySelector('.dialog-actions button:nth-child(2)').ariaDisabled";
    browser.until(&format!("{next} === 'false'")).await?;
    browser.key(keys::RIGHT).await?;
    browser.until_text(".dialog h2", "beach 2").await?;
    browser.until(&format!("{next} === 'true'")).await?;
    browser.key(keys::LEFT).await?;
    browser.until_text(".dialog h2", "beach 1").await?;
    browser.act("history.back()").await?;
    browser.until(NO_DIALOG).await?;
    assert_eq!(
        browser.value("location.search").await?,
        "?q=beach&sort=name"
    );
    browser.act("history.forward()").await?;
    browser.until_text(".dialog .facts", "h264").await?;
    browser
        .devtools("Page.reload", serde_json::json!({}))
        .await?;
    browser.until_text(".dialog .facts", "h264").await?;
    // Closing it is the way back: it is not in the history twice.
    browser.click("[aria-label=Close]").await?;
    browser.until(NO_DIALOG).await?;
    open.until_pictures(6).await?;
    let typed = "document.querySelector('.search input').value";
    assert_eq!(browser.value(typed).await?, "beach");

    // A link leads to the video; closing it stays on the page.
    let linked = linked.as_str().unwrap_or_default();
    browser.open(linked, Screen::WIDE).await?;
    browser.until_text(".dialog h2", "beach 1").await?;
    browser.click("[aria-label=Close]").await?;
    browser.until(NO_DIALOG).await?;
    browser.press("Purge").await?;
    browser.until_text(".dry-run", "objects").await?;
    browser.act("history.back()").await?;
    browser.until(NO_DIALOG).await?;
    open.assert_quiet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_place_in_a_long_list_survives_a_reload() -> anyhow::Result<()> {
    let site = SiteOptions {
        without_worker: true,
        ..SiteOptions::default()
    };
    let open = open(site, BrowserOptions::default()).await?;
    let browser = &open.browser;
    open.site.fill(900).await?;
    browser.until_text(".tile", "Thumbnails900").await?;
    // A list that was begun while the bucket was filled may have a gap, which it closes at its top.
    let reload = async || browser.devtools("Page.reload", serde_json::json!({})).await;
    reload().await?;
    browser.until_text(".tile", "Thumbnails900").await?;
    // Beyond the first page: the last of 300 videos.
    let last = "document.querySelector('[aria-posinset=\"300\"] [data-key]')";
    browser
        .until(&format!("(scrollTo(0, 100000), {last} !== null)"))
        .await?;
    let key = browser.value(&format!("{last}.dataset.key")).await?;
    let place = "document.querySelector('#gallery .grid').getBoundingClientRect().top";
    let before = browser.value(place).await?.as_f64().unwrap_or_default();
    reload().await?;
    browser
        .until(&format!(
            "document.querySelector('#gallery .grid') && Math.abs({place} - {before}) < 40"
        ))
        .await?;
    browser
        .until(&format!("{last} !== null && {last}.dataset.key === {key}"))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_has_one_cell_whose_pictures_follow_the_pointer() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    let browser = &open.browser;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    open.until_pictures(3).await?;
    let shown = |share: f64| {
        format!(
            "const cell = document.querySelector('.cell'), button = cell.querySelector('button'), \
             bounds = button.getBoundingClientRect(); \
             button.dispatchEvent(new PointerEvent('pointermove', {{bubbles: true, \
                 clientX: bounds.left + bounds.width * {share}, clientY: bounds.top + 9}}))"
        )
    };
    for (share, place) in [(0.9, "95 %"), (0.5, "50 %"), (0.1, "10 %")] {
        browser.act(&shown(share)).await?;
        browser.until_text(".cell .place", place).await?;
        browser
            .until("document.querySelector('.cell img').naturalWidth > 0")
            .await?;
    }
    browser.act(&shown(0.9)).await?;
    browser.until_text(".cell .place", "95 %").await?;
    browser.until_text(".cell .meta", " read").await?;
    // The picture that was shown is the one that opens.
    browser
        .act("document.querySelector('.cell button').click()")
        .await?;
    browser
        .until("document.querySelectorAll('.strip button')[2]?.ariaPressed === 'true'")
        .await?;
    let size = "document.querySelector('.cell').getAttribute('aria-setsize')";
    assert_eq!(browser.value(size).await?, "1");
    open.assert_quiet().await
}
