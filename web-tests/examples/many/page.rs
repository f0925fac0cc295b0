//! The page: frames a second of each list, and the time from an input to the painted answer.

use anyhow::Context;
use serde_json::{Value, json};
use web_tests::{Browser, Screen, Site, gallery::TRAVEL};

use crate::bucket::Video;

/// How often each answer is waited for.
const TIMES: usize = 7;
/// Frames of each scroll.
const FRAMES: usize = 300;

pub(crate) async fn measure(browser: &Browser, site: &Site, videos: usize) -> anyhow::Result<()> {
    browser.prepare(include_str!("page.js")).await?;
    browser.open(&site.url(), Screen::WIDE).await?;
    browser
        .until("document.querySelectorAll('.failure:not(.awaited)').length > 0")
        .await?;
    lists_above(browser).await?;
    browser.act("one('.gallery').scrollIntoView()").await?;
    browser.until("seen().length > 0").await?;
    orders(browser, videos).await?;
    search(browser).await?;
    dialogs(browser).await?;
    gallery(browser, videos).await?;
    tray(browser).await
}

/// Prints the median and the longest of some answers; `steps` are pairs of what is done and what
/// then holds, done in turn.
async fn answers(browser: &Browser, what: &str, steps: &[(&str, &str)]) -> anyhow::Result<()> {
    let mut times = Vec::new();
    for _ in 0..TIMES {
        for (act, holds) in steps {
            let script = format!("return await timed(() => {{ {act} }}, () => {holds});");
            let time = browser.run(&script, Value::Null).await;
            let time = time.with_context(|| format!("{what}: {act}"))?;
            times.push(time.as_f64().context("no time")?);
        }
    }
    times.sort_by(f64::total_cmp);
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{what}: {median:.0} ms at the median, {longest:.0} at most, of {}",
        times.len()
    );
    Ok(())
}

async fn scroll(browser: &Browser, what: &str, list: &str, pixels: u32) -> anyhow::Result<()> {
    let script = format!("return await rates({list}, {pixels}, argument);");
    let rate = browser.run(&script, json!(FRAMES)).await?;
    let [rate, most, longest] = [0, 1, 2].map(|n| rate[n].as_f64().unwrap_or(0.0));
    println!(
        "scrolling {what}: {rate:.0} frames a second, 95 % within {most:.0} ms, all within {longest:.0}"
    );
    Ok(())
}

/// The failures, and who did what.
async fn lists_above(browser: &Browser) -> anyhow::Result<()> {
    let first = "one('.failure strong').textContent";
    let page = |number: usize| format!("one('.pager').textContent.includes('Page {number} of')");
    scroll(browser, "the failures", "one('ul.failures')", 12).await?;
    browser
        .act("window.began = one('.failure strong').textContent")
        .await?;
    let (second, first_again) = (page(2), format!("{} && {first} === window.began", page(1)));
    answers(
        browser,
        "a page of failures",
        &[
            ("press('Next')", &second),
            ("press('Previous')", &first_again),
        ],
    )
    .await?;
    answers(browser, "a kind of failures", &[
        ("press('corrupt')", "[...document.querySelectorAll('.failure .chip')].every(chip => chip.textContent === 'corrupt')"),
        ("press('All', one('.kinds'))", "new Set([...document.querySelectorAll('.failure .chip')].map(chip => chip.textContent)).size > 1"),
    ]).await?;
    answers(
        browser,
        "all failures selected, and none",
        &[
            (
                "press('Select all')",
                "document.querySelectorAll('.failure input:checked').length === 20",
            ),
            (
                "press('Select all or none')",
                "document.querySelectorAll('.failure input:checked').length === 0",
            ),
        ],
    )
    .await?;
    answers(
        browser,
        "who did what, opened and closed",
        &[
            (
                "one('.acts summary').click()",
                "one('.acts').open && one('.acts ul').clientHeight > 0",
            ),
            ("one('.acts summary').click()", "!one('.acts').open"),
        ],
    )
    .await?;
    browser.act("one('.acts summary').click()").await?;
    scroll(browser, "who did what", "one('.acts ul')", 8).await?;
    browser.act("one('.acts summary').click()").await
}

/// The orders and the ways to show them.
async fn orders(browser: &Browser, videos: usize) -> anyhow::Result<()> {
    let all = || (0..videos).map(Video);
    let key = |video: Option<Video>| video.map(|video| format!("thumbnails/{}", video.name()));
    let firsts = [
        ("name", key(all().min_by_key(|video| video.name()))),
        ("size", key(all().max_by_key(|video| video.bytes()))),
        ("read", key(all().max_by_key(|video| video.fetched()))),
    ];
    let is_first = |key: &str| format!("seen()[0] === {}", json!(key));
    browser.act("window.newest = seen()[0]").await?;
    for (sort, first) in firsts {
        let first = is_first(&first.context("no video")?);
        let sorted = format!("write('.sort select', '{sort}', 'change')");
        answers(
            browser,
            &format!("order by {sort}, and by time"),
            &[
                (&sorted, &first),
                (
                    "write('.sort select', 'newest', 'change')",
                    "seen()[0] === window.newest",
                ),
            ],
        )
        .await?;
    }
    answers(
        browser,
        "by frame, and by video",
        &[
            (
                "press('All frames', one('.gallery-head'))",
                "seen()[0]?.endsWith('.jpg')",
            ),
            (
                "press('Videos', one('.gallery-head'))",
                "seen()[0] === window.newest",
            ),
        ],
    )
    .await
}

/// A search, letter by letter, and its end.
async fn search(browser: &Browser) -> anyhow::Result<()> {
    let type_in = |text: &str| format!("write('.search input', '{text}', 'input')");
    let fit = |text: &str| {
        format!(
            "/^\\d.* match/.test(note()) && seen().length > 0 && seen().every(key => key.includes('{text}')) && location.search.includes('q={text}')"
        )
    };
    let words = ["n", "ni", "nig", "night"].map(|text| (type_in(text), fit(text)));
    let mut steps: Vec<_> = words
        .iter()
        .map(|(act, holds)| (act.as_str(), holds.as_str()))
        .collect();
    let (clear, all) = (
        type_in(""),
        "!note().includes('match') && seen()[0] === window.newest",
    );
    steps.push((&clear, all));
    answers(browser, "a letter of a search", &steps).await?;
    let one = (
        type_in("-00042"),
        "note() === '3 match' || note() === '1 match'",
    );
    answers(
        browser,
        "one video of all found, and all again",
        &[(&one.0, one.1), (&clear, all)],
    )
    .await
}

async fn dialogs(browser: &Browser) -> anyhow::Result<()> {
    let closed = (
        "one('dialog [aria-label=Close]').click()",
        "one('dialog') === null",
    );
    answers(
        browser,
        "a dialog with its picture, opened and closed",
        &[
            (
                "one('.cell button').click()",
                "one('dialog .screen img')?.naturalWidth > 0",
            ),
            closed,
        ],
    )
    .await?;
    answers(
        browser,
        "a dialog with its facts, opened and closed",
        &[
            (
                "[...document.querySelectorAll('.cell button')].at(4).click()",
                "one('dialog .facts') !== null",
            ),
            closed,
        ],
    )
    .await?;
    browser.act("one('.cell button').click()").await?;
    browser.until("one('dialog .facts') !== null").await?;
    for (what, holds) in [
        ("picture", "one('dialog .screen img')?.naturalWidth > 0"),
        ("facts", "one('dialog .facts') !== null"),
    ] {
        let another = format!("one('dialog h2').textContent !== window.title && {holds}");
        let go = |key: &str| {
            format!(
                "window.title = one('dialog h2').textContent; one('dialog').dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}', bubbles: true}}))"
            )
        };
        answers(
            browser,
            &format!("the next video with its {what}, and the one before"),
            &[
                (&go("ArrowRight"), &another),
                (&go("ArrowRight"), &another),
                (&go("ArrowLeft"), &another),
            ],
        )
        .await?;
    }
    browser.act(closed.0).await
}

/// The gallery at its beginning, its middle and its end.
async fn gallery(browser: &Browser, videos: usize) -> anyhow::Result<()> {
    let window = "document.scrollingElement";
    for (show, cells) in [("Videos", videos), ("All frames", videos * 3)] {
        browser
            .act(&format!("press('{show}', one('.gallery-head'))"))
            .await?;
        browser
            .act("scrollTo(0, 0); one('.gallery').scrollIntoView()")
            .await?;
        for to in [60, cells / 2, cells] {
            let mut reached = 0;
            while reached < to {
                reached = (reached + 5_000).min(to);
                browser.run(TRAVEL, json!(reached)).await?;
            }
            if to == cells {
                browser.act("scrollBy(0, -25000)").await?;
            }
            scroll(browser, &format!("{show}, near {to}"), window, 80).await?;
        }
    }
    browser
        .act("press('Videos', one('.gallery-head')); scrollTo(0, 0)")
        .await
}

/// As many uploads as there are failures.
async fn tray(browser: &Browser) -> anyhow::Result<()> {
    browser.act("
        const files = new DataTransfer();
        for (let n = 0; n < 300; n++) files.items.add(new File([new Uint8Array(200000)], `upload-${n}.mp4`));
        const input = one('input[type=file]');
        input.files = files.files;
        input.dispatchEvent(new Event('change', {bubbles: true}))").await?;
    browser
        .until("document.querySelectorAll('.upload').length > 50")
        .await?;
    scroll(
        browser,
        "300 uploads while they run",
        "one('.tray-list')",
        12,
    )
    .await?;
    browser.until_text(".tray", "All done").await?;
    scroll(
        browser,
        "300 uploads that are done",
        "one('.tray-list')",
        12,
    )
    .await
}
