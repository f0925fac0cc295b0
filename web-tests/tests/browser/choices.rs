//! A person decides which frame a picture is of.

use contract::Manifest;
use web_tests::{BrowserOptions, SiteOptions, axe};

use crate::support::{Open, open, video};

/// Opens the dialog of the one video that there is.
async fn open_video(worker: &[(&'static str, &'static str)]) -> anyhow::Result<Open> {
    let site = SiteOptions {
        worker: worker.to_vec(),
        ..SiteOptions::default()
    };
    let open = open(site, BrowserOptions::default()).await?;
    open.site.put("uploads/clip.mp4", &video()?).await?;
    open.until_pictures(3).await?;
    open.browser
        .act("document.querySelector('.cell button').click()")
        .await?;
    open.browser.until_text(".choice", "Other pictures").await?;
    Ok(open)
}

async fn manifest(open: &Open) -> anyhow::Result<Manifest> {
    let stack = open.site.stack();
    let get = stack.s3().get_object().bucket(stack.bucket());
    let object = get.key("thumbnails/clip.json").send().await?;
    let body = object.body.collect().await?.into_bytes();
    Ok(serde_json::from_slice(&body)?)
}

/// An exact frame is on the screen.
const FRAME: &str = "(i => i !== null && i.src.startsWith('blob:') && i.naturalWidth > 0)\
                     (document.querySelector('.screen img'))";

const STARS: &str = "document.querySelectorAll('.detail-stage > .strip .by-hand').length";

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_takes_the_place_of_a_picture_and_leaves_it_again() -> anyhow::Result<()> {
    let open = open_video(&[("THUMBNAIL_PICK", "best"), ("THUMBNAIL_COVER", "on")]).await?;
    let browser = &open.browser;
    let before = manifest(&open).await?;
    browser
        .until("document.querySelectorAll('.detail-stage > .strip button').length === 4")
        .await?;
    browser.press("Other pictures").await?;
    let candidates = "[...document.querySelectorAll('.choice .strip button')]";
    let count = before.thumbnails[0].candidates.len();
    assert!(count > 1, "{:?}", before.thumbnails[0]);
    browser
        .until(&format!(
            "{candidates}.length === {count} && \
             {candidates}.every(b => b.querySelector('img')?.naturalWidth > 0)"
        ))
        .await?;
    browser.act(&format!("{candidates}.at(-1).click()")).await?;
    browser.until(FRAME).await?;
    browser
        .until_text("[aria-label='Use this picture']", "Cover")
        .await?;
    let issues = axe::issues(browser).await?;
    assert!(issues.is_empty(), "{issues:#?}");
    browser.press("Picture 1").await?;
    browser
        .until_text(".notice", "Picture 1 is replaced.")
        .await?;
    // Here and in the gallery, with a URL that no cache knows.
    let revised = "document.querySelector('.screen img')?.src.includes('x-revision')";
    browser.until(revised).await?;
    browser.until(&format!("{STARS} === 1")).await?;
    let cell = "document.querySelector('.cell img').src.includes('x-revision') && \
                document.querySelector('.cell img').naturalWidth > 0";
    browser.until(cell).await?;
    browser
        .until_text(".choice", "Picture 1 was chosen by local,")
        .await?;
    let after = manifest(&open).await?;
    let last = before.thumbnails[0].candidates.last().map(|it| it.time_s);
    let taken = &after.thumbnails[0];
    assert!(taken.choice.is_some() && after.is_whole());
    assert_eq!(Some(taken.actual_s), last, "what was seen");

    browser
        .until_text(
            ".acts summary",
            "local chose picture 1 of thumbnails/clip at ",
        )
        .await?;
    browser.press("Undo").await?;
    browser.until(&format!("{STARS} === 0")).await?;
    browser.until(&format!("!({revised})")).await?;
    let undone = manifest(&open).await?;
    assert_eq!(undone.thumbnails, before.thumbnails);
    open.assert_quiet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_candidates_a_storyboard_is_offered() -> anyhow::Result<()> {
    let open = open_video(&[]).await?;
    let browser = &open.browser;
    browser.press("Other pictures").await?;
    let tiles = "document.querySelectorAll('.filmstrip button')";
    browser.until(&format!("{tiles}.length === 10")).await?;
    browser.act(&format!("{tiles}[6].click()")).await?;
    browser.until(FRAME).await?;
    browser.press("Picture 3").await?;
    browser.until(&format!("{STARS} === 1")).await?;
    let now = manifest(&open).await?;
    let third = &now.thumbnails[2];
    assert!((5.9..8.1).contains(&third.actual_s), "{third:?}");
    open.assert_quiet().await
}
