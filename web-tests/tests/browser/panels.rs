//! Figures, pods, chart, theme: what is shown of what the API says.

use contract::api::{
    Metrics, Operation, OperationKind, OperationState, Pod, Queue, QueuePoint, Source, SourceState,
    Sources, Update,
};
use serde_json::json;
use web_tests::{
    Screen, axe,
    feed::{Feed, metrics},
    keys,
};

use crate::support::open_fed;

#[tokio::test(flavor = "multi_thread")]
async fn pods_and_figures_tell_everything() -> anyhow::Result<()> {
    let open = open_fed(&[]).await?;
    let browser = &open.browser;
    let pod = |name: &str, status: &str, ready| Pod {
        name: name.to_owned(),
        status: status.to_owned(),
        ready,
        restarts: 3,
        started_at: Some("2026-01-01T00:00:00Z".to_owned()),
        node: Some("node-7".to_owned()),
        cpu: Some("250m".to_owned()),
        memory: Some("512Mi".to_owned()),
    };
    let update = Update {
        metrics: Some(Metrics {
            total_thumbnails: 12_345_678,
            videos_processed: 4_115_226,
            running_pods: 1,
            total_pods: 2,
            bytes_fetched: 1,
            bytes_saved: 999,
            source_bytes: 1000,
            videos_measured: 1,
            videos_failed: Some(0),
            ..metrics()
        }),
        pods: Some(vec![
            pod("worker-a", "Running", true),
            pod("worker-b", "ImagePullBackOff", false),
        ]),
        ..Update::default()
    };
    Feed::new(browser).say(&update).await?;
    for (selector, text) in [
        (".pod", "Running, ready"),
        (".pod", "ImagePullBackOff, not ready"),
        (".pod", "Restarts3"),
        (".pod", "Nodenode-7"),
        (".pod", "Requests250m CPU, 512Mi memory"),
        (".tile", "Thumbnails12.3M"),
        (".tile", "Bytes saved999 B99.9 % of 1.0 kB in 1 video"),
        (".tile", "Running pods1"),
        (".tile", "Total pods2"),
    ] {
        browser.until_text(selector, text).await?;
    }
    let exact = "document.querySelector('.tile').title.replace(/\\s/g, '')";
    assert_eq!(browser.value(exact).await?, "12345678");
    assert_eq!(axe::issues(browser).await?, Vec::<String>::new());
    open.assert_quiet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_told_where_its_figures_are() -> anyhow::Result<()> {
    let open = open_fed(&[]).await?;
    let out = |reason: &str| Source {
        state: SourceState::Unavailable,
        reason: Some(reason.to_owned()),
        last_answer: Some("2026-01-01T00:00:00Z".to_owned()),
        ..Source::default()
    };
    let update = Update {
        metrics: Some(Metrics {
            sources: Sources {
                queue: out("the queue is away"),
                dlq: out("the dead letters are away"),
                bucket: out("the bucket is away"),
                pods: out("the cluster is away"),
            },
            ..metrics()
        }),
        ..Update::default()
    };
    Feed::new(&open.browser).say(&update).await?;
    for (place, reason) in [
        (".gallery", "the bucket is away"),
        (".queue", "the queue is away"),
        ("#failures", "the dead letters are away"),
        ("[aria-labelledby=pods-title]", "the cluster is away"),
    ] {
        open.browser.until_text(place, reason).await?;
    }
    open.browser.until_text(".gallery .problem", " ago").await?;
    // Ages grow; a screen reader hears of the outage once.
    let spoken =
        "[...document.querySelectorAll('[role=status]')].some(e => e.textContent.includes(' ago'))";
    assert_eq!(open.browser.value(spoken).await?, false);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_tells_its_points_to_pointer_keys_and_as_a_table() -> anyhow::Result<()> {
    let open = open_fed(&[]).await?;
    let browser = &open.browser;
    let history = (0..12).map(|index| QueuePoint {
        time: format!("2026-01-01T00:00:{:02}Z", index * 5),
        depth: 1_000_000 + index,
        in_flight: index,
    });
    let update = Update {
        metrics: Some(metrics()),
        queue: Some(Queue {
            depth: 1_000_011,
            in_flight: 11,
            history: history.collect(),
        }),
        ..Update::default()
    };
    Feed::new(browser).say(&update).await?;
    browser.until_text(".plot .tick", "1M").await?;
    browser.until_text(".plot .tick", "messages").await?;
    browser
        .act("document.querySelector('.plot').focus()")
        .await?;
    browser.chord(&[keys::CONTROL], keys::LEFT).await?;
    assert_eq!(
        browser.value("document.querySelector('.tip')").await?,
        json!(null)
    );
    browser.key(keys::LEFT).await?;
    browser
        .until_text(".tip", "5 s ago: 1 000 010 waiting, 10 in flight")
        .await?;
    browser.key(keys::ESCAPE).await?;
    browser
        .until("document.querySelector('.tip') === null")
        .await?;
    browser.act(
        "const plot = document.querySelector('.plot'), bounds = plot.getBoundingClientRect(); \
         plot.dispatchEvent(new PointerEvent('pointermove', {clientX: bounds.right - 2, clientY: bounds.top + 50, bubbles: true}))",
    ).await?;
    browser
        .until_text(".tip", "now: 1 000 011 waiting, 11 in flight")
        .await?;
    browser.click("[aria-label='Show as table']").await?;
    browser
        .until("document.querySelectorAll('.queue tbody tr').length === 12")
        .await?;
    browser
        .until_text(".queue tbody tr", "55 s ago1 000 0000")
        .await?;
    open.assert_quiet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_show_to_everyone_until_they_end() -> anyhow::Result<()> {
    let open = open_fed(&[]).await?;
    let feed = Feed::new(&open.browser);
    let operation = |state, done, reason: Option<&str>| Update {
        operation: Some(Operation {
            id: "7".to_owned(),
            kind: OperationKind::Purge,
            state,
            done,
            total: Some(40),
            dry_run: false,
            reason: reason.map(str::to_owned),
        }),
        ..Update::default()
    };
    feed.say(&operation(OperationState::Running, 3, None))
        .await?;
    open.browser
        .until_text(".operation", "Purging: 3 of 40 objects")
        .await?;
    feed.say(&operation(OperationState::Running, 30, None))
        .await?;
    open.browser.until_text(".operation", "30 of 40").await?;
    feed.say(&operation(OperationState::Failed, 30, Some("no right to")))
        .await?;
    open.browser
        .until_text(".notice.bad", "The purge failed: no right to.")
        .await?;
    open.browser
        .until("document.querySelector('.operation') === null")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_theme_follows_the_system_until_it_is_chosen() -> anyhow::Result<()> {
    let open = open_fed(&[]).await?;
    let browser = &open.browser;
    // What the page looks like before the program runs.
    browser
        .prepare(
            "new MutationObserver(() => { const page = document.querySelector('#loading'); \
             if (page) window.first ??= document.documentElement.dataset.theme ?? 'none'; }).observe(document, {subtree: true, childList: true});",
        )
        .await?;
    browser.prefer("dark").await?;
    browser.open(&open.site.url(), Screen::WIDE).await?;
    let scheme = "getComputedStyle(document.documentElement).colorScheme";
    browser.click("[aria-label='Light theme']").await?;
    browser.until(&format!("{scheme} === 'light'")).await?;
    browser.open(&open.site.url(), Screen::WIDE).await?;
    browser
        .until("document.querySelector('[aria-label=\"Dark theme\"]') !== null")
        .await?;
    assert_eq!(browser.value("window.first").await?, "light");
    browser.click("[aria-label='Dark theme']").await?;
    browser.until(&format!("{scheme} === 'dark'")).await?;
    open.assert_quiet().await
}
