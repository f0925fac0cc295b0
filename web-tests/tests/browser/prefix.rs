//! Behind a proxy that ends TLS and puts a prefix before everything.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, ensure};
use web_tests::{Browser, BrowserOptions, Proxy, Screen, Site, SiteOptions};

use crate::support::{Open, video};

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_below_a_prefix_with_tls_ended_in_front() -> anyhow::Result<()> {
    let site = SiteOptions {
        // Without one, the API answers no request that passed a proxy.
        token: Some("correct-horse-battery-staple".to_owned()),
        ..SiteOptions::default()
    };
    let browser = BrowserOptions {
        trusts_any_certificate: true,
        ..BrowserOptions::default()
    };
    let (site, browser) = tokio::try_join!(Site::start(site), Browser::start(browser))?;
    let open = Open { browser, site };
    let folder = tempfile::tempdir()?;
    certificate(folder.path())?;
    let proxy = Proxy::start(folder.path(), &open.site, "/thumbs/").await?;
    let browser = &open.browser;
    browser.open(&proxy.url(), Screen::WIDE).await?;
    browser.until_text(".badge", "LIVE").await?;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    open.until_pictures(3).await?;
    browser.click(".cell button").await?;
    browser.until_text(".dialog .facts", "h264").await?;
    // The address of the dialog is below the prefix, and loads by itself.
    browser.until("location.pathname === '/thumbs/'").await?;
    browser
        .devtools("Page.reload", serde_json::json!({}))
        .await?;
    browser.until_text(".dialog .facts", "h264").await?;
    let asked = "performance.getEntriesByType('resource').map(entry => new URL(entry.name)) \
                 .filter(url => url.host === location.host && !url.pathname.startsWith('/thumbs/')) \
                 .map(url => url.pathname)";
    assert_eq!(browser.value(asked).await?, serde_json::json!([]));
    // Other addresses below the prefix lead to the page.
    browser
        .open(&format!("{}deep/er?q=clip", proxy.url()), Screen::WIDE)
        .await?;
    browser
        .until("location.pathname + location.search === '/thumbs/?q=clip'")
        .await?;
    browser.until_text(".badge", "LIVE").await?;
    open.assert_quiet().await
}

/// A certificate for this machine that nobody signed.
fn certificate(folder: &Path) -> anyhow::Result<()> {
    let made = Command::new("openssl")
        .current_dir(folder)
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args([
            "-keyout",
            "key.pem",
            "-out",
            "certificate.pem",
            "-days",
            "1",
        ])
        .args(["-subj", "/CN=127.0.0.1"])
        .output()
        .context("openssl")?;
    ensure!(
        made.status.success() && fs::exists(folder.join("key.pem"))?,
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    Ok(())
}
