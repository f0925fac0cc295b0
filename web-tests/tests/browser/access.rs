//! Who may do what, and by which means: token, keyboard, screen reader.

use web_tests::{BrowserOptions, Engine, Graphics, Screen, SiteOptions, axe, keys};

use crate::support::{TOKEN, in_each_browser, open, video};

in_each_browser!(
    acting_takes_the_token_and_looking_does_not,
    the_keyboard_reaches_everything,
);

async fn acting_takes_the_token_and_looking_does_not(
    browser: BrowserOptions,
) -> anyhow::Result<()> {
    let site = SiteOptions {
        token: Some(TOKEN.to_owned()),
        ..SiteOptions::default()
    };
    let open = open(site, browser).await?;
    open.site.put_sample("sample.mp4", &video()?).await?;
    open.browser
        .type_into("#files", &video()?.to_string_lossy())
        .await?;
    open.browser.until_text(".upload.bad", "sign in").await?;
    open.browser.press("Test pipeline").await?;
    open.browser.until_text(".notice.bad", "sign in").await?;
    open.browser
        .type_into("input[name=token]", "not-the-token-at-all")
        .await?;
    open.browser.click(".dialog .button.primary").await?;
    open.browser
        .until_text(".dialog .problem", "does not know this token")
        .await?;
    open.browser
        .act("document.querySelector('input[name=token]').value = ''")
        .await?;
    open.browser.type_into("input[name=token]", TOKEN).await?;
    open.browser.click(".dialog .button.primary").await?;
    open.browser
        .until("document.querySelector('dialog') === null")
        .await?;
    // What waited for the token goes on.
    open.browser.until_text(".upload.good", "uploaded").await?;
    open.browser.press("Test pipeline").await?;
    open.until_pictures(6).await?;
    // Whoever pressed it by the keyboard goes on from there.
    let focused = "document.activeElement.textContent";
    assert_eq!(open.browser.value(focused).await?, "Test pipeline");
    let kept = open
        .browser
        .value("[sessionStorage.getItem('token'), localStorage.getItem('token')]")
        .await?;
    assert_eq!(kept, serde_json::json!([TOKEN, null]));
    open.browser.press("Signed in").await?;
    open.browser.press("Sign out").await?;
    open.browser.until_text("header button", "Sign in").await?;
    let kept = open
        .browser
        .value("sessionStorage.getItem('token')")
        .await?;
    assert_eq!(kept, serde_json::json!(null));
    open.browser.press("Purge").await?;
    open.browser
        .until_text(".dialog .problem", "sign in with the API's token first")
        .await?;
    // One dialog over the other: both have a name.
    open.browser
        .until("document.querySelectorAll('dialog[open]').length === 2")
        .await?;
    let issues = axe::issues(&open.browser).await?;
    assert!(issues.is_empty(), "{issues:#?}");
    let names = "[...document.querySelectorAll('dialog')].map(e => e.ariaLabel)";
    assert_eq!(
        open.browser.value(names).await?,
        serde_json::json!(["Purge", "Sign in"])
    );
    // What no header can carry is refused here.
    open.browser
        .type_into("input[name=token]", "pässword")
        .await?;
    open.browser
        .click("dialog:last-of-type .button.primary")
        .await?;
    open.browser
        .until_text(".dialog .problem", "ASCII letters")
        .await?;
    Ok(())
}

async fn the_keyboard_reaches_everything(mut browser: BrowserOptions) -> anyhow::Result<()> {
    if browser.engine == Engine::Chromium {
        // The scene is a stop, too.
        browser.graphics = Graphics::Real;
    }
    let open = open(SiteOptions::default(), browser).await?;
    for name in ["clip", "other"] {
        let key = format!("uploads/{name}.mp4");
        open.site.put(&key, &video()?).await?;
    }
    open.until_pictures(6).await?;
    let browser = &open.browser;
    // Every control is reached by Tab, and shows that it has the focus. Of the gallery's cells one
    // is.
    let controls = browser
        .run(
            "const all = [...document.querySelectorAll('button:not(:disabled), input:not([type=file]), select, canvas, .plot, a')]; \
             const isOther = e => e.closest('.cell') && e !== document.querySelector('.cell button'); \
             window.missed = new Set(all.filter(e => e.checkVisibility() && !isOther(e))); \
             return window.missed.size;",
            serde_json::Value::Null,
        )
        .await?
        .as_u64()
        .unwrap_or(0);
    assert!(controls > 10);
    // Regions that scroll are stops, too. After the last stop it may be the browser's own turn:
    // from there no script gets the focus back.
    for _ in 0..controls + 5 {
        browser.key(keys::TAB).await?;
        browser.act("const e = document.activeElement; window.missed.delete(e); if (document.hasFocus() && e !== document.body) { \
             window.bare = window.bare || getComputedStyle(e).outlineStyle === 'none' && (e.className || e.tagName); }").await?;
        if browser.value("window.missed.size").await? == 0 {
            break;
        }
    }
    let missed = browser
        .value("[...window.missed].map(e => e.outerHTML.slice(0, 200))")
        .await?;
    assert_eq!(missed, serde_json::json!([]));
    assert_eq!(
        browser.value("window.bare || null").await?,
        serde_json::Value::Null
    );

    // Along the gallery, into a video, and back to where it was.
    browser
        .act("document.querySelector('.cell button').focus()")
        .await?;
    // With others, arrows are the browser's.
    browser.chord(&[keys::CONTROL], keys::RIGHT).await?;
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
async fn axe_finds_nothing_in_either_theme() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    open.until_pictures(3).await?;
    for theme in ["light", "dark"] {
        open.browser.prefer(theme).await?;
        open.browser.open(&open.site.url(), Screen::WIDE).await?;
        open.until_pictures(3).await?;
        let issues = axe::issues(&open.browser).await?;
        assert!(issues.is_empty(), "{theme}: {issues:#?}");
        open.browser.click(".cell button").await?;
        open.browser.until_text(".dialog .facts", "h264").await?;
        let issues = axe::issues(&open.browser).await?;
        assert!(issues.is_empty(), "a video, {theme}: {issues:#?}");
        open.browser.click("[aria-label=Close]").await?;
        open.browser.press("Purge").await?;
        open.browser.until_text(".dry-run", "objects").await?;
        let issues = axe::issues(&open.browser).await?;
        assert!(issues.is_empty(), "purge, {theme}: {issues:#?}");
    }
    Ok(())
}
