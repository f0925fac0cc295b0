//! What the tests share.

use std::path::PathBuf;

use devstack::media::Clip;
use web_tests::{Browser, BrowserOptions, Screen, Site, SiteOptions};

/// A site and a browser that shows it.
pub(crate) struct Open {
    pub(crate) browser: Browser,
    pub(crate) site: Site,
}

/// Opens the dashboard on a wide screen.
pub(crate) async fn open(site: SiteOptions, browser: BrowserOptions) -> anyhow::Result<Open> {
    let (site, browser) = tokio::try_join!(Site::start(site), Browser::start(browser))?;
    browser.open(&site.url(), Screen::WIDE).await?;
    browser.until_text(".badge", "LIVE").await?;
    Ok(Open { browser, site })
}

/// Ten seconds of a test picture.
pub(crate) fn video() -> anyhow::Result<PathBuf> {
    Clip::new("mp4").make()
}

impl Open {
    /// How many cells the gallery shows.
    pub(crate) async fn until_cells(&self, count: usize) -> anyhow::Result<()> {
        let all = format!("document.querySelectorAll('.cell').length === {count}");
        self.browser.until(&all).await?;
        // Those out of sight are loaded when they come into it.
        let loaded = "[...document.querySelectorAll('.cell img')]\
            .filter(i => i.getBoundingClientRect().top < innerHeight).every(i => i.complete && i.naturalWidth > 0)";
        self.browser.until(loaded).await
    }

    /// Nothing went wrong that the console would tell.
    pub(crate) async fn assert_quiet(&self) -> anyhow::Result<()> {
        let errors = self.browser.errors().await?;
        assert!(errors.is_empty(), "{errors:#?}");
        Ok(())
    }
}
