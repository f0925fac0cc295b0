//! What changes by itself.

use web_tests::{BrowserOptions, Screen, SiteOptions};

use crate::support::{REFUSAL, in_each_browser, open, video};

in_each_browser!(
    an_upload_by_anyone_shows_without_asking,
    what_is_shown_is_chosen_by_place_and_name,
    a_video_tells_what_it_is_and_what_was_read,
);

async fn an_upload_by_anyone_shows_without_asking(browser: BrowserOptions) -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), browser).await?;
    open.browser
        .until_text(".gallery", "No thumbnails yet")
        .await?;
    open.site.put("uploads/holiday.mp4", &video()?).await?;
    open.until_pictures(3).await?;
    open.browser.until_text(".cell .name", "holiday").await?;
    open.browser
        .until_text(".tile", "Thumbnails3of 1 video")
        .await?;
    open.assert_quiet().await
}

async fn what_is_shown_is_chosen_by_place_and_name(browser: BrowserOptions) -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), browser).await?;
    let video = video()?;
    open.site.put("uploads/beach.mp4", &video).await?;
    open.site.put("uploads/city.mp4", &video).await?;
    open.until_pictures(6).await?;
    open.browser.press("50 %").await?;
    open.until_pictures(2).await?;
    // Anywhere in the name, in any case.
    open.browser.type_into(".search input", "EAC").await?;
    open.until_pictures(1).await?;
    open.browser.until_text(".cell", "beach").await?;
    open.browser.press("All frames").await?;
    open.until_pictures(3).await?;
    let cells = "document.querySelectorAll('.cell').length";
    assert_eq!(open.browser.value(cells).await?, 3);
    open.browser.press("Videos").await?;
    open.browser.until(&format!("{cells} === 1")).await?;
    open.until_pictures(3).await?;
    open.browser.type_into(".search input", "x").await?;
    open.browser
        .until_text(".gallery", "No thumbnail matches")
        .await?;
    open.assert_quiet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn more_new_thumbnails_than_a_message_tells_are_offered() -> anyhow::Result<()> {
    let site = SiteOptions {
        without_worker: true,
        // Rarely, so that many come between two messages.
        sample_interval_ms: Some(8000),
        ..SiteOptions::default()
    };
    let open = open(site, BrowserOptions::default()).await?;
    open.site.fill(300).await?;
    open.browser.until_text(".tile", "Thumbnails300").await?;
    open.browser
        .until("(scrollTo(0, document.documentElement.scrollHeight), scrollY > 1500)")
        .await?;
    open.site.fill(900).await?;
    open.browser.until_text(".tile", "Thumbnails900").await?;
    // Nothing jumps under whoever reads.
    open.browser.until("scrollY > 1500").await?;
    open.browser.press("Show new thumbnails").await?;
    open.browser
        .until("document.querySelector('.news') === null")
        .await?;
    open.browser.until_text(".cell .name", "video-0002").await?;
    open.assert_quiet().await
}

async fn a_video_tells_what_it_is_and_what_was_read(browser: BrowserOptions) -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), browser).await?;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    open.until_pictures(3).await?;
    open.browser.click(".cell button").await?;
    open.browser.until_text(".dialog .facts", "h264").await?;
    // What was read, what for, and how long it took: a small video is one round trip.
    open.browser
        .until("document.querySelectorAll('.reading .read.at-ends title').length > 0")
        .await?;
    open.browser.until_text(".trips", "1start and end").await?;
    let took = "/\\d ms$/.test(document.querySelector('.trips tbody tr').textContent)";
    open.browser.until(took).await?;
    open.browser
        .until("document.querySelectorAll('.strip img').length === 3")
        .await?;
    // Any frame, by the scrubber: an object URL of our own instead of the picture's.
    let script = "const e = document.querySelector('input[type=range]'); e.value = 4; \
                  e.dispatchEvent(new Event('input', {bubbles: true}))";
    open.browser.act(script).await?;
    open.browser.until("(i => i.src.startsWith('blob:') && i.naturalWidth > 0)(document.querySelector('.screen img'))").await?;
    open.assert_quiet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scrubber_shows_keyframes_while_it_moves_and_the_exact_frame_at_rest()
-> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    open.browser.prepare(REFUSAL).await?;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    open.browser.open(&open.site.url(), Screen::WIDE).await?;
    open.until_pictures(3).await?;
    // Its tiles would be shown instead of keyframes.
    open.browser
        .act("window.refused['storyboard.json'] = 404")
        .await?;
    open.browser.click(".cell button").await?;
    open.browser
        .until("document.querySelector('input[type=range]') !== null")
        .await?;
    // The pointer does not rest before a keyframe is shown.
    let move_on = "const e = document.querySelector('input[type=range]'); \
                   window.at = 2; window.moving = setInterval(() => { \
                       e.value = window.at = window.at % 8 + 0.1; \
                       e.dispatchEvent(new Event('input', {bubbles: true})); }, 30)";
    open.browser.act(move_on).await?;
    let is_shown = "(i => i.src.startsWith('blob:') && i.naturalWidth > 0)\
                    (document.querySelector('.screen img'))";
    open.browser.until(is_shown).await?;
    let asked = "(mode => window.asked.filter(url => url.includes('/api/frame') \
                 && url.includes(`mode=${mode}`)).length)";
    open.browser
        .until(&format!("{asked}('keyframe') > 3"))
        .await?;
    assert_eq!(open.browser.value(&format!("{asked}('exact')")).await?, 0);
    open.browser.act("clearInterval(window.moving)").await?;
    open.browser
        .until(&format!("{asked}('exact') === 1"))
        .await?;
    open.browser
        .until("document.querySelector('.scrubber [role=status]') === null")
        .await?;
    let last = open.browser.value("window.asked.at(-1)").await?;
    let last = last.as_str().unwrap_or_default();
    assert!(last.contains("mode=exact"), "{last}");
    let at = open.browser.value("window.at.toFixed(3)").await?;
    let at = at.as_str().unwrap_or_default();
    assert!(last.contains(&format!("t={at}&")), "{last} at {at}");
    open.browser.until(is_shown).await?;
    open.assert_quiet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_are_renewed_before_they_end() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    // The first answers about a video end a minute and a second later.
    let soon = "const real = window.fetch; window.videos = 0; \
        window.fetch = async (request, ...rest) => { \
            const answer = await real(request, ...rest); \
            if (!(request.url ?? String(request)).includes('/api/videos/')) return answer; \
            const video = await answer.json(); \
            if (window.videos++ === 0) video.expiresAt = new Date(Date.now() + 61000).toISOString(); \
            return Response.json(video); };";
    open.browser.prepare(soon).await?;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    open.browser.open(&open.site.url(), Screen::WIDE).await?;
    open.until_pictures(3).await?;
    // Without a pointer, which would have the cell ask about the video.
    open.browser
        .act("document.querySelector('.cell button').click()")
        .await?;
    open.browser.until("window.videos === 2").await?;
    open.browser
        .until("document.querySelectorAll('.strip img').length === 3")
        .await?;
    open.assert_quiet().await
}
