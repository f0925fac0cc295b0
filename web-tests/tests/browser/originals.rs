//! Links to videos as they were uploaded.

use std::fs;

use anyhow::Context as _;
use serde_json::json;
use web_tests::{BrowserOptions, Screen, SiteOptions, axe};

use crate::support::{TOKEN, in_each_browser, open, video};

in_each_browser!(the_original_has_a_link_for_whoever_may_act);

async fn the_original_has_a_link_for_whoever_may_act(
    browser: BrowserOptions,
) -> anyhow::Result<()> {
    let site = SiteOptions {
        token: Some(TOKEN.to_owned()),
        ..SiteOptions::default()
    };
    let open = open(site, browser).await?;
    let browser = &open.browser;
    open.site.put("uploads/a #1.mp4", &video()?).await?;
    open.until_pictures(3).await?;
    browser.click(".cell button").await?;
    browser.press("Link to the original").await?;
    browser.until_text(".notice.bad", "sign in").await?;
    browser.type_into("input[name=token]", TOKEN).await?;
    browser.click("dialog:last-of-type .button.primary").await?;
    browser
        .until("document.querySelectorAll('dialog').length === 1")
        .await?;
    browser.press("Link to the original").await?;
    browser
        .until_text(
            ".original",
            "Anyone who has the link may read the video until",
        )
        .await?;
    // Without the token: it is all in the link.
    let link = browser
        .value("document.querySelector('.original a').href")
        .await?;
    let original = reqwest::get(link.as_str().context("no link")?).await?;
    let named = original.headers().get("content-disposition").cloned();
    let named = named.context("it would be shown")?;
    assert_eq!(named.to_str()?, "attachment; filename*=UTF-8''a%20%231.mp4");
    assert_eq!(original.bytes().await?, fs::read(video()?)?);
    browser
        .act("navigator.clipboard.writeText = async text => { window.copied = text; }")
        .await?;
    browser.press("Copy its link").await?;
    browser.until(&format!("window.copied === {link}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_ended_is_no_longer_shown() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    let browser = &open.browser;
    // The first link ends soon.
    browser
        .prepare(
            "const real = window.fetch; window.links = 0; \
             window.fetch = async (request, ...rest) => { \
                 const answer = await real(request, ...rest); \
                 if (!(request.url ?? String(request)).includes('/api/original')) return answer; \
                 const link = await answer.json(); \
                 if (window.links++ === 0) link.expiresAt = new Date(Date.now() + 2000).toISOString(); \
                 return Response.json(link); };",
        )
        .await?;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    browser.open(&open.site.url(), Screen::WIDE).await?;
    open.until_pictures(3).await?;
    browser.click(".cell button").await?;
    browser.press("Link to the original").await?;
    browser.until("window.links === 1").await?;
    browser.press("Link to the original").await?;
    browser.until("window.links === 2").await?;
    browser
        .until("document.querySelector('.original time') !== null")
        .await?;
    assert_eq!(axe::issues(browser).await?, Vec::<String>::new());
    let shown = browser
        .value("document.querySelectorAll('.original a').length")
        .await?;
    assert_eq!(shown, json!(1));
    open.assert_quiet().await
}
