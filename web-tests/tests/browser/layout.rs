//! Every width, and a page full of everything.

use anyhow::Context as _;
use contract::api::{
    Act, ActKind, Metrics, Operation, OperationKind, OperationState, Pod, Queue, QueuePoint,
    SourceState, Update,
};
use web_tests::{
    Browser, BrowserOptions, Screen, SiteOptions,
    feed::{Feed, metrics},
};

use crate::support::{REFUSAL, open, open_fed, video};

/// What reaches beyond the screen. A phone's browser makes the page wider instead, so the screen's
/// own width counts.
fn overflow(width: u32) -> String {
    format!(
        "[...document.querySelectorAll('body *')]\
         .filter(e => e.checkVisibility() && (r => r.right > {width} + 1 || r.left < -1)(e.getBoundingClientRect()) && !e.closest('.hidden, .label-3d, .label, .brand h1'))\
         .map(e => e.className || e.tagName).slice(0, 5)"
    )
}

/// Figures and words that are cut off.
const CUT: &str = "[...document.querySelectorAll('.tile, .tile *, .pod, .pod *, .operation span, .failure *, .upload-text span, .card-head *, .notice p')]\
    .filter(e => e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1 && !e.closest('.hidden') && !e.matches('.pod-head strong span'))\
    .map(e => `${e.className || e.tagName}: ${e.textContent}`)";

async fn assert_fits(browser: &Browser, width: u32) -> anyhow::Result<()> {
    let none = serde_json::json!([]);
    assert_eq!(browser.value(&overflow(width)).await?, none, "at {width}");
    assert_eq!(browser.value(CUT).await?, none, "at {width}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_shows_everything_without_scrolling_sideways() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    let name = "a video with a rather long name of many words, anditslastword".repeat(2);
    open.site
        .put(&format!("uploads/{name}.mp4"), &video()?)
        .await?;
    open.until_pictures(3).await?;
    open.browser.open(&open.site.url(), Screen::PHONE).await?;
    // Only the cells near what is in sight are in the page.
    open.browser
        .until("(scrollTo(0, document.documentElement.scrollHeight), document.querySelector('.cell') !== null)")
        .await?;
    assert_fits(&open.browser, Screen::PHONE.width).await?;
    open.browser.click(".cell button").await?;
    open.browser.until_text(".dialog .facts", "h264").await?;
    open.browser
        .until("(d => d.scrollWidth <= d.clientWidth)(document.querySelector('dialog'))")
        .await?;
    assert_fits(&open.browser, Screen::PHONE.width).await?;
    open.assert_quiet().await
}

/// As much of everything as there may be.
fn everything() -> Update {
    let act = Act {
        id: "1".to_owned(),
        kind: ActKind::Choose,
        who: "subject \"someone@example.com\"".to_owned(),
        about: format!("picture 2 of uploads/{}.mp4 at 12.5 s", "long".repeat(30)),
        at: "2026-01-02T03:04:05.678Z".to_owned(),
    };
    let pod = |index: u32| Pod {
        name: format!("thumbnail-worker-7c9f8d6b54-{index:05}"),
        status: ["Running", "ContainerCreating", "CrashLoopBackOff"][index as usize % 3].to_owned(),
        ready: index.is_multiple_of(3),
        restarts: index * 700,
        started_at: Some("2026-01-01T00:00:00Z".to_owned()),
        node: Some(format!(
            "fargate-ip-10-0-{index}-123.ap-southeast-2.compute.internal"
        )),
        cpu: Some("1500m".to_owned()),
        memory: Some("4096Mi".to_owned()),
    };
    let point = |second: u32| QueuePoint {
        time: format!("2026-01-01T00:00:{second:02}Z"),
        depth: 98_765_432,
        in_flight: 12_345_678,
    };
    Update {
        acts: Some(vec![act]),
        metrics: Some(Metrics {
            queue_depth: 98_765_432,
            in_flight: 12_345_678,
            total_thumbnails: 987_654_321,
            storage_bytes: 999_400_000_000_000,
            running_pods: 12,
            total_pods: 12,
            videos_processed: 329_218_107,
            videos_failed: Some(12_345_678),
            bytes_fetched: 7_000_000_000_000,
            bytes_saved: 999_400_000_000_000,
            source_bytes: 1_006_400_000_000_000,
            videos_measured: 329_218_107,
            videos_per_minute: 1_234_567.0,
            index_complete: false,
            ..metrics()
        }),
        queue: Some(Queue {
            depth: 98_765_432,
            in_flight: 12_345_678,
            history: (0..12).map(|index| point(index * 5)).collect(),
        }),
        pods: Some((0..12).map(pod).collect()),
        thumbnails: None,
        operation: Some(Operation {
            id: "1".to_owned(),
            kind: OperationKind::Purge,
            state: OperationState::Running,
            done: 98_765_432,
            total: Some(987_654_321),
            dry_run: false,
            reason: None,
        }),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_page_fits_at_every_width() -> anyhow::Result<()> {
    let open = open_fed(&[REFUSAL]).await?;
    let browser = &open.browser;
    // An upload that fails in many words, one that has no gaps to break at, and a notice.
    browser
        .act(
            "const name = 'x'.repeat(200); \
             const failure = id => ({id, keys: [`uploads/${name}.mp4`], message: name, kind: 'unsupported', receiveCount: 5, sentAt: '2026-01-01T00:00:00Z'}); \
             window.refused = {'/api/uploads': 503, '/api/test': 503, '/api/failures': {total: 12345678, failures: ['1', '2', '3'].map(failure)}}; \
             const transfer = new DataTransfer(); \
             for (const file of [name + '.mp4', 'short.mp4', 'notes.txt']) \
                 transfer.items.add(new File(['words'], file)); \
             window.dispatchEvent(new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true}))",
        )
        .await?;
    Feed::new(browser).say(&everything()).await?;
    browser.press("Test pipeline").await?;
    browser
        .until_text(".notice.bad", "a test refuses it")
        .await?;
    for list in [".upload.bad", ".failure", ".pod", ".operation"] {
        browser
            .until(&format!("document.querySelectorAll('{list}').length >= 1"))
            .await?;
    }
    browser
        .until("document.querySelectorAll('.upload.bad, .failure').length === 6")
        .await?;
    for width in [
        1920, 1440, 1400, 1399, 1081, 1080, 861, 860, 561, 560, 390, 360, 320,
    ] {
        let screen = Screen { width, height: 844 };
        browser.resize(screen).await?;
        // The chart and the gallery follow.
        browser
            .until(&format!(
                "innerWidth === {width} && ((plot, svg) => Math.abs(plot.clientWidth - svg.viewBox.baseVal.width) < 2)\
                 (document.querySelector('.plot'), document.querySelector('.plot svg'))"
            ))
            .await?;
        assert_fits(browser, width).await?;
        let overlap = browser
            .value(
                "((a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)\
                 (document.querySelector('.tray').getBoundingClientRect(), document.querySelector('.notice').getBoundingClientRect())",
            )
            .await?;
        assert_eq!(overlap, false, "notices lie over the uploads at {width}");
    }
    browser.click("[aria-label='Fold the uploads']").await?;
    browser
        .until("document.querySelector('.upload') === null")
        .await
}

/// Put before the page's own scripts: how much moved by itself, and what.
const SHIFTS: &str = "
    window.moved = 0;
    window.movers = [];
    new PerformanceObserver(list => list.getEntries().forEach(shift => {
        window.moved += shift.value;
        for (const {node, previousRect: from, currentRect: to} of shift.sources)
            window.movers.push(`${shift.value.toFixed(4)} ${node?.className || node?.nodeName}: ${from.y}, ${from.height} high, to ${to.y}, ${to.height} high`);
    })).observe({type: 'layout-shift', buffered: true});";

/// Put before the page's own scripts: as many failures as the last page kept in mind, told late,
/// and no figures but those of the WebSocket.
const FAILURES: &str = "
    const ask = window.fetch;
    window.fetch = async (request, ...rest) => {
        const url = request.url ?? String(request);
        if (url.endsWith('/api/metrics')) return new Promise(() => {});
        if (!url.endsWith('/api/failures')) return ask(request, ...rest);
        await new Promise(done => setTimeout(done, 200));
        const failures = Array.from({length: Number(localStorage.getItem('failures'))}, (_, n) => ({
            id: String(n), keys: [`uploads/broken-${n}.mp4`], message: 'no picture of it can be decoded',
            kind: ['corrupt', 'limit'][n % 2], receiveCount: 5, sentAt: '2026-01-01T00:00:00Z',
        }));
        return Response.json({total: failures.length, failures});
    };";

/// Two frames: what was changed is on the screen.
const PAINT: &str = "
    for (let n = 0; n < 2; n++) await new Promise(done => requestAnimationFrame(() => setTimeout(done)))";

/// Of three videos with nine thumbnails, what the API tells first.
fn first(failures: u64, pods: SourceState) -> Update {
    let mut metrics = Metrics {
        total_thumbnails: 9,
        videos_processed: 3,
        videos_failed: Some(failures),
        bytes_fetched: 123_456_789,
        bytes_saved: 987_654_321,
        source_bytes: 1_111_111_110,
        videos_measured: 3,
        ..metrics()
    };
    metrics.sources.pods.state = pods;
    Update {
        metrics: Some(metrics),
        pods: None,
        ..everything()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_moves_in_a_first_visit() -> anyhow::Result<()> {
    let open = open_fed(&[SHIFTS, FAILURES]).await?;
    let (browser, feed) = (&open.browser, Feed::new(&open.browser));
    open.site.fill(9).await?;
    let counted = "while ((await (await fetch('api/thumbnails')).json()).length < 9) \
                       await new Promise(done => setTimeout(done, 50))";
    browser.act(counted).await?;
    for failures in [0, 1, 40] {
        let keep = format!("localStorage.setItem('failures', {failures})");
        browser.act(&keep).await?;
        for (width, pods) in [
            (390, SourceState::Absent),
            (768, SourceState::Absent),
            (1440, SourceState::Absent),
            (1440, SourceState::Available),
        ] {
            let screen = Screen { width, height: 900 };
            browser.open(&open.site.url(), screen).await?;
            browser
                .until("document.querySelector('.tiles') !== null")
                .await?;
            browser.act(PAINT).await?;
            feed.say(&first(failures, pods)).await?;
            let listed = if failures == 0 {
                ".empty"
            } else {
                ".failure-text"
            };
            browser
                .until(&format!(
                    "document.querySelector('.gallery > .empty') === null && document.querySelector('#failures {listed}') !== null"
                ))
                .await?;
            browser.act(PAINT).await?;
            let moved = browser.value("window.moved").await?;
            let movers = browser.value("window.movers").await?;
            assert!(
                moved.as_f64().context("no number")? < 0.02,
                "{moved} at {width}, {failures} failures, {pods:?}: {movers:#}"
            );
        }
    }
    open.assert_quiet().await
}
