//! Long lists: what is in the page does not grow with them.

use contract::api::{Metrics, Update};
use serde_json::json;
use web_tests::{
    feed::{Feed, metrics},
    gallery::TRAVEL,
};

use crate::support::open_fed;

const VIDEOS: u64 = 10_000;

/// Put before the page's own scripts: the thumbnails of ten thousand videos, newest first.
const GENERATED: &str = "
    const real = window.fetch;
    window.fetch = async (request, ...rest) => {
        const url = new URL(request.url ?? request, location.href);
        if (!url.pathname.endsWith('/api/thumbnails')) return real(request, ...rest);
        const from = Number(url.searchParams.get('cursor') ?? 0), to = from + 200;
        const thumbnail = index => ({
            key: `thumbnails/video-${10000 - Math.floor(index / 3)}_${index % 3 + 1}.jpg`,
            url: document.querySelector('link[rel=icon]').href,
            expiresAt: new Date(Date.now() + 3600000).toISOString(),
            frame: [10, 50, 95][index % 3],
            lastModified: '2026-01-01T00:00:00Z',
            size: 1000,
        });
        const headers = to < 30000 ? {link: `<?cursor=${to}>; rel=\"next\"`} : {};
        return Response.json(Array.from({length: Math.min(to, 30000) - from}, (_, n) => thumbnail(from + n)), {headers});
    };";

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_videos_add_no_elements() -> anyhow::Result<()> {
    let open = open_fed(&[GENERATED]).await?;
    let browser = &open.browser;
    let update = Update {
        metrics: Some(Metrics {
            videos_processed: VIDEOS,
            total_thumbnails: VIDEOS * 3,
            ..metrics()
        }),
        ..Update::default()
    };
    Feed::new(browser).say(&update).await?;
    browser
        .until(&format!(
            "document.querySelector('.cell')?.getAttribute('aria-setsize') === '{VIDEOS}'"
        ))
        .await?;
    let travel = async |to: u64| -> anyhow::Result<[u64; 3]> {
        let counts = browser.run(TRAVEL, json!(to)).await?;
        Ok([0, 1, 2].map(|index| counts[index].as_u64().unwrap_or(u64::MAX)))
    };
    let [_, size, rest] = travel(60).await?;
    for to in [VIDEOS / 2, VIDEOS] {
        let counts = travel(to).await?;
        let [cells, largest, others] = counts;
        assert!(cells <= 100, "{cells} cells at {to}");
        // A line may be shown below the cells.
        assert!(
            largest <= size && others <= rest + 2,
            "{counts:?} at {to}, {size} and {rest} at the beginning"
        );
    }
    Ok(())
}

/// Put before the page's own scripts, after [`GENERATED`]: what the list is asked for waits for
/// `answerList()` where `window.holdList` says so, and a search finds nothing.
const HELD: &str = "
    window.holdList = false;
    const generated = window.fetch;
    window.fetch = async (request, ...rest) => {
        if (window.holdList && String(request.url ?? request).includes('/api/thumbnails')) {
            await new Promise(answer => { window.answerList = answer; });
        }
        const finds = !String(request.url ?? request).includes('search=');
        return finds ? generated(request, ...rest) : Response.json([]);
    };";

#[tokio::test(flavor = "multi_thread")]
async fn another_order_leaves_the_gallery_where_it_is() -> anyhow::Result<()> {
    let open = open_fed(&[GENERATED, HELD]).await?;
    let browser = &open.browser;
    let update = Update {
        metrics: Some(metrics()),
        ..Update::default()
    };
    Feed::new(browser).say(&update).await?;
    browser
        .until("document.querySelector('.cell') !== null")
        .await?;
    browser
        .act("document.querySelector('.gallery').scrollIntoView(); window.holdList = true")
        .await?;
    let top = "Math.round(document.querySelector('.gallery').getBoundingClientRect().top)";
    let before = browser.value(top).await?;
    for (change, answered) in [
        (
            "const order = document.querySelector('.sort select'); order.value = 'name'; \
             order.dispatchEvent(new Event('change', {bubbles: true}))",
            "document.querySelector('.cell') !== null",
        ),
        (
            "const name = document.querySelector('.search input'); name.value = 'none'; \
             name.dispatchEvent(new Event('input', {bubbles: true}))",
            "document.querySelector('.gallery > .empty')?.textContent === 'No thumbnail matches.'",
        ),
    ] {
        browser
            .act(&format!("window.answerList = null; {change}"))
            .await?;
        browser.until("window.answerList !== null").await?;
        assert_eq!(browser.value(top).await?, before, "asked after {change}");
        browser.act("window.answerList()").await?;
        browser.until(answered).await?;
        assert_eq!(browser.value(top).await?, before, "answered after {change}");
    }
    open.assert_quiet().await
}
