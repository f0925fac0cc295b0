//! Who may do what, and by which means: token, keyboard, screen reader.

use web_tests::{BrowserOptions, Screen, SiteOptions, axe, keys};

use crate::support::{open, video};

const TOKEN: &str = "correct-horse-battery-staple";

#[tokio::test(flavor = "multi_thread")]
async fn acting_takes_the_token_and_looking_does_not() -> anyhow::Result<()> {
    let site = SiteOptions {
        token: Some(TOKEN.to_owned()),
        ..SiteOptions::default()
    };
    let open = open(site, BrowserOptions::default()).await?;
    open.site.put_sample("sample.mp4", &video()?).await?;
    open.browser.press("Test").await?;
    open.browser.until_text(".notice.bad", "sign in").await?;
    open.browser
        .type_into("input[name=token]", "not the token at all")
        .await?;
    open.browser.click(".dialog .button.primary").await?;
    open.browser
        .until_text(".dialog .problem", "does not know this token")
        .await?;
    open.browser
        .run(
            "document.querySelector('input[name=token]').value = ''; return true;",
            serde_json::Value::Null,
        )
        .await?;
    open.browser.type_into("input[name=token]", TOKEN).await?;
    open.browser.click(".dialog .button.primary").await?;
    open.browser
        .until("document.querySelector('dialog') === null")
        .await?;
    open.browser.press("Test").await?;
    open.until_cells(3).await?;
    let kept = open
        .browser
        .value("[sessionStorage.getItem('token'), localStorage.getItem('token')]")
        .await?;
    assert_eq!(kept, serde_json::json!([TOKEN, null]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_reaches_everything() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    open.until_cells(3).await?;
    let browser = &open.browser;
    // Every control is reached by Tab, in the order of the page, and shows that it has the focus.
    let controls = browser
        .value(
            "[...document.querySelectorAll('button:not(:disabled), input, canvas, .plot, a')]\
         .filter(e => e.tabIndex >= 0 && e.offsetParent !== null || e.className === 'skip').length",
        )
        .await?
        .as_u64()
        .unwrap_or(0);
    assert!(controls > 10);
    browser
        .run(
            "window.reached = new Set(); return true;",
            serde_json::Value::Null,
        )
        .await?;
    for _ in 0..=controls {
        browser.key(keys::TAB).await?;
        browser.run(
            "const e = document.activeElement; if (e !== document.body) { window.reached.add(e); \
             window.bare = window.bare || getComputedStyle(e).outlineStyle === 'none' && e.tagName !== 'INPUT' && (e.className || e.tagName); } return true;",
            serde_json::Value::Null,
        ).await?;
    }
    assert!(browser.value("window.reached.size").await?.as_u64() >= Some(controls));
    assert_eq!(
        browser.value("window.bare || null").await?,
        serde_json::Value::Null
    );

    // Along the gallery, into a video, and back to where it was.
    browser
        .run(
            "document.querySelector('.cell button').focus(); return true;",
            serde_json::Value::Null,
        )
        .await?;
    browser.key(keys::RIGHT).await?;
    browser
        .until("document.activeElement.dataset.index === '1'")
        .await?;
    browser.key(keys::ENTER).await?;
    browser
        .until("document.querySelector('dialog[open]')?.contains(document.activeElement)")
        .await?;
    browser.key(keys::ESCAPE).await?;
    browser
        .until("document.querySelector('dialog') === null")
        .await?;
    browser
        .until("document.activeElement.dataset.index === '1'")
        .await?;
    open.assert_quiet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_serious_in_either_theme() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    open.until_cells(3).await?;
    for theme in ["light", "dark"] {
        open.browser.prefer(theme).await?;
        open.browser.open(&open.site.url(), Screen::WIDE).await?;
        open.until_cells(3).await?;
        let issues = axe::serious_issues(&open.browser).await?;
        assert!(issues.is_empty(), "{theme}: {issues:#?}");
        open.browser.click(".cell button").await?;
        open.browser.until_text(".dialog .facts", "h264").await?;
        let issues = axe::serious_issues(&open.browser).await?;
        assert!(issues.is_empty(), "a video, {theme}: {issues:#?}");
        open.browser.click("[aria-label=Close]").await?;
        open.browser.press("Purge").await?;
        open.browser.until_text(".dry-run", "objects").await?;
        let issues = axe::serious_issues(&open.browser).await?;
        assert!(issues.is_empty(), "purge, {theme}: {issues:#?}");
    }
    Ok(())
}
