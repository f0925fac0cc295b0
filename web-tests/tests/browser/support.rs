//! What the tests share.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use devstack::media::Clip;
use serde_json::json;
use web_tests::{Browser, BrowserOptions, Screen, Site, SiteOptions, feed::Feed};

/// Makes a test in each browser of each of these functions, which take the [`BrowserOptions`].
macro_rules! in_each_browser {
    ($($name:ident),+ $(,)?) => {
        mod chromium {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() -> anyhow::Result<()> {
                super::$name(web_tests::BrowserOptions::default()).await
            })+
        }
        mod firefox {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() -> anyhow::Result<()> {
                super::$name(web_tests::BrowserOptions {
                    engine: web_tests::Engine::Firefox,
                    ..Default::default()
                })
                .await
            })+
        }
    };
}
pub(crate) use in_each_browser;

/// The token of sites that want one.
pub(crate) const TOKEN: &str = "correct-horse-battery-staple";

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

/// Opens the dashboard with a WebSocket that says what the test wants, and with these scripts
/// before its own; nothing works on what is uploaded.
pub(crate) async fn open_fed(scripts: &[&str]) -> anyhow::Result<Open> {
    open_fed_in(BrowserOptions::default(), scripts).await
}

/// As [`open_fed`], in another browser than the default.
pub(crate) async fn open_fed_in(browser: BrowserOptions, scripts: &[&str]) -> anyhow::Result<Open> {
    let site = SiteOptions {
        without_worker: true,
        ..SiteOptions::default()
    };
    let (site, browser) = tokio::try_join!(Site::start(site), Browser::start(browser))?;
    Feed::replace(&browser).await?;
    for script in scripts {
        browser.prepare(script).await?;
    }
    browser.open(&site.url(), Screen::WIDE).await?;
    Ok(Open { browser, site })
}

/// Put before the page's own scripts: requests whose address contains a key of `window.refused` get
/// its value as their status: a number as of the API, a string as of a proxy before it; an object
/// is a good answer. The rest goes its way, and all are counted in `window.asked`.
pub(crate) const REFUSAL: &str = "
    window.refused = {};
    window.asked = [];
    const ask = window.fetch;
    window.fetch = async (request, ...rest) => {
        const url = request.url ?? String(request);
        window.asked.push(url);
        const found = Object.keys(window.refused).find(part => url.includes(part));
        if (!found) return ask(request, ...rest);
        if (typeof window.refused[found] === 'string') return new Response('<html>', {status: Number(window.refused[found])});
        if (typeof window.refused[found] === 'object') return Response.json(window.refused[found]);
        const problem = {type: 'about:blank', title: 'Refused', status: window.refused[found], detail: 'a test refuses it'};
        return new Response(JSON.stringify(problem), {status: problem.status});
    };";

/// A function in JavaScript: as if someone saw the page, or nobody.
pub(crate) const SEE: &str = "(seen => { \
    Object.defineProperty(document, 'hidden', {value: !seen, configurable: true}); \
    document.dispatchEvent(new Event('visibilitychange')); \
})";

/// Ten seconds of a test picture. Chromium takes files by the paths alone that lead over no link.
pub(crate) fn video() -> anyhow::Result<PathBuf> {
    Ok(Clip::new("mp4").make()?.canonicalize()?)
}

impl Open {
    /// Waits until the gallery's cells have so many pictures, and those in sight are loaded.
    pub(crate) async fn until_pictures(&self, count: usize) -> anyhow::Result<()> {
        let all = format!(
            "[...document.querySelectorAll('.cell')]\
             .reduce((sum, cell) => sum + Number(cell.dataset.pictures), 0) === {count}"
        );
        self.browser.until(&all).await?;
        // Those out of sight are loaded when they come into it, those behind another one when the
        // pointer leads to them.
        let loaded = "[...document.querySelectorAll('.cell')]\
            .filter(cell => cell.getBoundingClientRect().top < innerHeight)\
            .every(cell => cell.querySelector('img')?.naturalWidth > 0)";
        self.browser.until(loaded).await
    }

    /// Waits until the bucket holds no parts of anything.
    pub(crate) async fn until_no_parts(&self) -> anyhow::Result<()> {
        let stack = self.site.stack();
        let gone = async {
            loop {
                let list = stack.s3().list_multipart_uploads().bucket(stack.bucket());
                if list.send().await?.uploads().is_empty() {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(web_tests::DEADLINE, gone)
            .await
            .context("parts are left in the bucket")?
    }

    /// Gives the browser another network: one that is away, or one that takes so many bytes of
    /// uploads a second, any number for -1.
    pub(crate) async fn network(&self, offline: bool, upload: i64) -> anyhow::Result<()> {
        let conditions = json!({
            "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": upload,
        });
        self.browser.devtools("Network.enable", json!({})).await?;
        let command = "Network.emulateNetworkConditions";
        self.browser.devtools(command, conditions).await?;
        Ok(())
    }

    /// Nothing went wrong that the console would tell.
    pub(crate) async fn assert_quiet(&self) -> anyhow::Result<()> {
        let errors = self.browser.errors().await?;
        assert!(errors.is_empty(), "{errors:#?}");
        Ok(())
    }
}
