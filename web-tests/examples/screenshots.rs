//! Pictures of the dashboard with the sample videos or those named: `cargo run -p web-tests
//! --example screenshots -- FOLDER [VIDEO…]`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use devstack::media;
use web_tests::{Browser, BrowserOptions, Graphics, Screen, Site, SiteOptions};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments
        .next()
        .context("usage: screenshots FOLDER [VIDEO…]")?;
    std::fs::create_dir_all(&folder)?;
    let mut videos = Vec::new();
    for path in arguments {
        let name = path.file_name().context("a video has a name")?;
        videos.push((name.to_string_lossy().into_owned(), path));
    }
    if videos.is_empty() {
        let samples = tokio::task::spawn_blocking(media::samples).await??;
        videos.extend(
            samples
                .into_iter()
                .map(|(name, path)| (name.to_owned(), path)),
        );
    }
    let (site, browser) = tokio::try_join!(
        Site::start(SiteOptions::default()),
        Browser::start(BrowserOptions {
            graphics: Graphics::Real,
            ..BrowserOptions::default()
        })
    )?;
    browser.open(&site.url(), Screen::WIDE).await?;
    browser.until_text(".badge", "LIVE").await?;
    for (name, path) in &videos {
        site.put(&format!("uploads/{name}"), path).await?;
    }
    // Done: everything is a picture or a failure.
    let settled = format!(
        "(t => Number(t[0]) + Number(t[1]) >= {})([/of (\\d+) video/, /Failures(\\d+)/].map(r => (r.exec(document.querySelector('.tiles').textContent) || [0, 0])[1]))",
        videos.len()
    );
    browser.until(&settled).await?;
    for theme in ["light", "dark"] {
        for (name, screen) in [
            (
                "wide",
                Screen {
                    width: 1440,
                    height: 1080,
                },
            ),
            ("phone", Screen::PHONE),
        ] {
            shoot(&browser, &site, &folder, theme, name, screen).await?;
        }
    }
    Ok(())
}

async fn shoot(
    browser: &Browser,
    site: &Site,
    folder: &Path,
    theme: &str,
    name: &str,
    screen: Screen,
) -> anyhow::Result<()> {
    let in_sight = "[...document.querySelectorAll('.cell')].filter(cell => cell.getBoundingClientRect().top < innerHeight)";
    let loaded = format!(
        "(cells => cells.length > 0 && cells.every(cell => cell.querySelector('img')?.complete))({in_sight})"
    );
    browser.prefer(theme).await?;
    browser.open(&site.url(), screen).await?;
    // On a phone the gallery begins further down: its cells come with the scrolling.
    browser
        .until(&format!(
            "/[1-9]/.test(document.querySelector('.gallery .card-note')?.textContent) && \
             {in_sight}.every(cell => cell.querySelector('img')?.complete)"
        ))
        .await?;
    // The scene is drawn last.
    browser
        .until("document.querySelector('.scene canvas[data-particles], .still') !== null")
        .await?;
    browser
        .screenshot(&folder.join(format!("{name}-{theme}.png")))
        .await?;
    browser
        .act("document.querySelector('#gallery').scrollIntoView()")
        .await?;
    browser.until(&loaded).await?;
    browser
        .screenshot(&folder.join(format!("{name}-{theme}-gallery.png")))
        .await?;
    browser.click(".cell button").await?;
    browser.until("document.querySelector('.reading') !== null && document.querySelector('.screen img').complete").await?;
    browser
        .screenshot(&folder.join(format!("{name}-{theme}-video.png")))
        .await?;
    browser
        .act("document.querySelector('.original').scrollIntoView({block: 'end'})")
        .await?;
    browser
        .screenshot(&folder.join(format!("{name}-{theme}-reading.png")))
        .await?;
    browser.click("[aria-label=Close]").await
}
