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
