//! The pipeline in three dimensions.

use contract::api::{Metrics, Update};
use web_tests::{
    BrowserOptions, Graphics, SiteOptions,
    feed::{Feed, metrics},
    keys,
};

use crate::support::{Open, SEE, in_each_browser, open, open_fed_in, video};

in_each_browser!(without_a_graphics_card_there_is_a_picture);

/// A browser with a graphics card.
fn with_card() -> BrowserOptions {
    BrowserOptions {
        graphics: Graphics::Real,
        ..BrowserOptions::default()
    }
}

/// Waits until the first look at the bucket is over: what comes then moves.
async fn until_counted(open: &Open) -> anyhow::Result<()> {
    open.browser
        .until_text(".tile", "Thumbnails0of 0 videos")
        .await?;
    open.browser
        .until("!document.querySelector('.tiles').textContent.includes('counting')")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn less_motion_stills_the_scene() -> anyhow::Result<()> {
    let browser = BrowserOptions {
        reduced_motion: true,
        ..with_card()
    };
    let open = open(SiteOptions::default(), browser).await?;
    open.browser
        .until("matchMedia('(prefers-reduced-motion: reduce)').matches")
        .await?;
    until_counted(&open).await?;
    open.browser
        .act(
            "window.moved = false; const canvas = document.querySelector('.scene canvas'); \
             const look = () => { window.moved ||= canvas.dataset.particles === 'yes'; }; \
             new MutationObserver(look).observe(canvas, {attributes: true})",
        )
        .await?;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    open.until_pictures(3).await?;
    open.browser.until_text(".label-3d", "Thumbnails3").await?;
    let moved = open.browser.value("window.moved").await?;
    assert_eq!(moved, serde_json::json!(false));
    let animations = open
        .browser
        .value("document.getAnimations().length")
        .await?;
    assert_eq!(animations, 0);
    open.assert_quiet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_motion_each_video_is_seen_to_move() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), with_card()).await?;
    until_counted(&open).await?;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    open.browser
        .until("document.querySelector('.scene canvas').dataset.particles === 'yes'")
        .await?;
    open.browser
        .until("document.querySelector('.scene canvas').dataset.particles === 'no'")
        .await
}

async fn assert_still(options: BrowserOptions) -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), options).await?;
    open.browser
        .until("document.querySelectorAll('.still li').length === 4")
        .await?;
    open.browser
        .until("document.querySelector('.scene canvas') === null")
        .await?;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    open.browser.until_text(".still .thumbnails", "3").await?;
    open.until_pictures(3).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_webgl_there_is_a_picture() -> anyhow::Result<()> {
    assert_still(BrowserOptions {
        graphics: Graphics::Missing,
        ..BrowserOptions::default()
    })
    .await
}

/// The processor would draw, and do nothing else.
async fn without_a_graphics_card_there_is_a_picture(browser: BrowserOptions) -> anyhow::Result<()> {
    assert_still(browser).await
}

/// Figures after which `videos` were seen to be done.
fn done(videos: u64) -> Update {
    Update {
        metrics: Some(Metrics {
            videos_processed: videos,
            total_thumbnails: videos * 3,
            ..metrics()
        }),
        ..Update::default()
    }
}

/// Put before the page's own scripts: counts what is drawn, and what the graphics card holds.
const COUNT: &str = "
    window.draws = 0;
    window.held = {};
    const gl = WebGL2RenderingContext.prototype;
    const draw = gl.drawArraysInstanced;
    gl.drawArraysInstanced = function (...a) { window.draws++; return draw.apply(this, a); };
    for (const kind of ['Buffer', 'VertexArray', 'Program']) {
        const [create, free] = [gl['create' + kind], gl['delete' + kind]];
        window.held[kind] = new Set();
        gl['create' + kind] = function () {
            const made = create.call(this);
            window.held[kind].add(made);
            return made;
        };
        gl['delete' + kind] = function (made) { window.held[kind].delete(made); return free.call(this, made); };
    }";

const DRAWN: &str = "document.querySelector('.scene canvas')?.dataset.particles !== undefined";
/// Where the first node's name is: it follows the view.
const VIEW: &str = "document.querySelector('.label-3d').style.transform";

#[tokio::test(flavor = "multi_thread")]
async fn a_drag_or_an_arrow_turns_it_and_nothing_else_does() -> anyhow::Result<()> {
    let open = open_fed_in(with_card(), &[]).await?;
    let browser = &open.browser;
    Feed::new(browser).say(&done(0)).await?;
    browser.until(DRAWN).await?;
    let start = browser.value(VIEW).await?;
    let canvas = "document.querySelector('.scene canvas').focus()";
    // The browser's own ways with these, and the context menu's button.
    browser.act(canvas).await?;
    browser.chord(&[keys::CONTROL], keys::LEFT).await?;
    browser.drag(".scene canvas", 2, (60, 0)).await?;
    browser
        .act("await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        .await?;
    assert_eq!(browser.value(VIEW).await?, start);
    browser.act(canvas).await?;
    browser.key(keys::LEFT).await?;
    browser.until(&format!("{VIEW} !== {start}")).await?;
    let turned = browser.value(VIEW).await?;
    browser.drag(".scene canvas", 0, (60, 0)).await?;
    browser.until(&format!("{VIEW} !== {turned}")).await?;
    open.assert_quiet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn out_of_sight_nothing_is_drawn() -> anyhow::Result<()> {
    let open = open_fed_in(with_card(), &[COUNT]).await?;
    let browser = &open.browser;
    let feed = Feed::new(browser);
    feed.say(&done(0)).await?;
    browser.until(DRAWN).await?;
    browser
        .act("document.body.style.paddingBottom = '3000px'; scrollTo(0, 2000)")
        .await?;
    // Two frames later everyone knows.
    let frames =
        "for (let i = 0; i < 3; i++) await new Promise(done => requestAnimationFrame(done))";
    browser.act(frames).await?;
    browser.act("window.draws = 0").await?;
    feed.say(&done(9)).await?;
    browser.until_text(".tile", "of 9 videos").await?;
    browser.act(frames).await?;
    assert_eq!(browser.value("window.draws").await?, 0);
    browser.act("scrollTo(0, 0)").await?;
    browser.until("window.draws > 0").await?;
    // Nor while the page itself is not seen.
    browser.act(&format!("{SEE}(false)")).await?;
    browser.act(frames).await?;
    browser.act("window.draws = 0").await?;
    feed.say(&done(11)).await?;
    browser.until_text(".tile", "of 11 videos").await?;
    browser.act(frames).await?;
    assert_eq!(browser.value("window.draws").await?, 0);
    browser.act(&format!("{SEE}(true)")).await?;
    feed.say(&done(12)).await?;
    browser
        .until("document.querySelector('.scene canvas').dataset.particles === 'yes'")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_graphics_card_is_asked_again_and_then_let_be() -> anyhow::Result<()> {
    let open = open_fed_in(with_card(), &[COUNT]).await?;
    let browser = &open.browser;
    Feed::new(browser).say(&done(3)).await?;
    for _ in 0..3 {
        browser.until(DRAWN).await?;
        browser
            .act(
                "const canvas = document.querySelector('.scene canvas'); \
                 canvas.getContext('webgl2').getExtension('WEBGL_lose_context').loseContext(); \
                 await new Promise(gone => { const look = () => canvas.isConnected ? requestAnimationFrame(look) : gone(); look(); })",
            )
            .await?;
    }
    browser.until_text(".still .thumbnails", "9").await?;
    // Longer than the pause before another try: nothing that could be waited for comes.
    browser
        .act("await new Promise(done => setTimeout(done, 3000))")
        .await?;
    assert_eq!(
        browser
            .value("document.querySelector('.scene canvas')")
            .await?,
        serde_json::Value::Null
    );
    // Nothing is left of the three.
    browser
        .until("Object.values(window.held).every(kind => kind.size === 0)")
        .await?;
    open.assert_quiet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_touches_nothing_but_the_canvas() -> anyhow::Result<()> {
    let open = open_fed_in(with_card(), &[COUNT]).await?;
    let browser = &open.browser;
    let feed = Feed::new(browser);
    feed.say(&done(0)).await?;
    browser.until(DRAWN).await?;
    feed.say(&done(9)).await?;
    let moves = "document.querySelector('.scene canvas').dataset.particles === 'yes'";
    browser.until(moves).await?;
    // Anything else would have the page laid out anew, 60 times a second.
    browser
        .act(
            "window.touched = []; window.draws = 0; \
             new MutationObserver(changes => window.touched.push(...changes.map(change => change.attributeName ?? change.type))) \
                 .observe(document.querySelector('.scene'), {subtree: true, attributes: true, childList: true, characterData: true})",
        )
        .await?;
    browser.until("window.draws >= 10").await?;
    assert_eq!(browser.value(moves).await?, true);
    let touched = browser.value("window.touched").await?;
    assert_eq!(touched, serde_json::json!([]));
    open.assert_quiet().await
}
