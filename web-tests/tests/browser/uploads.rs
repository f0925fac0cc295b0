//! Sending videos.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;
use web_tests::{BrowserOptions, Screen, SiteOptions};

use crate::support::{REFUSAL, TOKEN, in_each_browser, open, open_fed, video};

in_each_browser!(a_dropped_video_is_uploaded_and_a_text_is_refused,);

async fn a_dropped_video_is_uploaded_and_a_text_is_refused(
    browser: BrowserOptions,
) -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), browser).await?;
    let bytes = fs::read(video()?)?;
    let script = "
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(argument)], 'dropped.mp4', {type: 'video/mp4'}));
        transfer.items.add(new File(['words'], 'notes.txt', {type: 'text/plain'}));
        const fire = name => window.dispatchEvent(new DragEvent(name, {dataTransfer: transfer, bubbles: true, cancelable: true}));
        fire('dragenter');
        await new Promise(shown => {
            const look = () => document.querySelector('.dropzone') ? shown() : requestAnimationFrame(look);
            look();
        });
        fire('drop');
        return true;";
    assert_eq!(open.browser.run(script, json!(bytes)).await?, json!(true));
    open.browser
        .until_text(".upload.bad", "not a video by its name")
        .await?;
    open.browser.until_text(".upload.good", "uploaded").await?;
    open.until_pictures(3).await?;
    open.browser.press("Clear").await?;
    open.browser
        .until("document.querySelector('.tray') === null")
        .await?;
    open.assert_quiet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_video_goes_in_parts_with_progress() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    // Over 64 MiB it is sent in parts.
    let folder = tempfile::tempdir()?;
    let path = padded(folder.path(), 70 << 20)?;
    let watch = "window.shares = new Set(); new MutationObserver(() => { \
                   const bar = document.querySelector('.upload progress'); \
                   if (bar) window.shares.add(bar.value); \
                 }).observe(document.body, {subtree: true, childList: true, attributes: true}); return true;";
    open.browser.run(watch, json!(null)).await?;
    open.browser
        .type_into("#files", &path.to_string_lossy())
        .await?;
    open.browser.until_text(".upload.good", "uploaded").await?;
    open.browser
        .until("[...window.shares].some(share => share > 0 && share < 100)")
        .await?;
    open.until_pictures(3).await?;
    open.assert_quiet().await
}

/// A video with a large box that players skip.
fn padded(folder: &Path, bytes: u32) -> anyhow::Result<PathBuf> {
    let path = folder.join("large.mp4");
    let mut content = fs::read(video()?)?;
    content.extend(bytes.to_be_bytes());
    content.extend(b"free");
    content.resize(content.len() + bytes as usize - 8, 0);
    fs::write(&path, content)?;
    Ok(path)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_upload_leaves_nothing_and_may_be_tried_again() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    let browser = &open.browser;
    let folder = tempfile::tempdir()?;
    // In parts, which would be left in the bucket and cost.
    let path = padded(folder.path(), 70 << 20)?;
    open.network(false, 100_000).await?;
    browser.type_into("#files", &path.to_string_lossy()).await?;
    browser
        .until("document.querySelector('.upload progress')?.value > 0")
        .await?;
    // Leaving would end it: the browser asks first.
    let warned = "const event = new Event('beforeunload', {cancelable: true}); window.dispatchEvent(event); return event.defaultPrevented;";
    assert_eq!(browser.run(warned, json!(null)).await?, true);
    browser.click("[aria-label='Cancel large.mp4']").await?;
    browser.until_text(".upload", "Cancelled").await?;
    browser
        .until("document.activeElement.textContent === 'Try again'")
        .await?;
    assert_eq!(browser.run(warned, json!(null)).await?, false);
    open.network(false, -1).await?;
    open.until_no_parts().await?;
    let listed = open
        .site
        .stack()
        .s3()
        .list_objects_v2()
        .bucket(open.site.stack().bucket())
        .send()
        .await?;
    assert_eq!(listed.key_count(), Some(0));
    browser.press("Try again").await?;
    browser.until_text(".upload.good", "uploaded").await?;
    open.until_pictures(3).await?;
    open.assert_quiet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_meanwhile_costs_no_second_sending() -> anyhow::Result<()> {
    let site = SiteOptions {
        token: Some(TOKEN.to_owned()),
        ..SiteOptions::default()
    };
    let open = open(site, BrowserOptions::default()).await?;
    let browser = &open.browser;
    browser.prepare(REFUSAL).await?;
    browser
        .prepare(
            "window.sendings = 0; const send = XMLHttpRequest.prototype.send; \
             XMLHttpRequest.prototype.send = function (...a) { window.sendings++; return send.apply(this, a); };",
        )
        .await?;
    browser
        .act(&format!("sessionStorage.setItem('token', '{TOKEN}')"))
        .await?;
    browser.open(&open.site.url(), Screen::WIDE).await?;
    browser.until_text("header button", "Signed in").await?;
    browser
        .act("window.refused['/api/uploads/complete'] = 401")
        .await?;
    browser
        .type_into("#files", &video()?.to_string_lossy())
        .await?;
    browser
        .until_text(".upload.bad", "Waiting: sign in")
        .await?;
    // It is said nowhere any more that someone is signed in.
    browser.until_text("header button", "Sign in").await?;
    assert_eq!(
        browser.value("sessionStorage.getItem('token')").await?,
        json!(null)
    );
    browser.act("window.refused = {}").await?;
    browser.click(".tray .card-head .button").await?;
    browser.type_into("input[name=token]", TOKEN).await?;
    browser.click(".dialog .button.primary").await?;
    browser.until_text(".upload.good", "uploaded").await?;
    assert_eq!(browser.value("window.sendings").await?, 1);
    open.until_pictures(3).await
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_whose_joining_was_not_answered_are_found_joined() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    let browser = &open.browser;
    // The first answer to completing is lost on its way: the request itself gets through.
    browser
        .prepare(
            "const ask = window.fetch; window.completions = 0; \
             window.fetch = async (request, ...rest) => { \
                 const answer = await ask(request, ...rest); \
                 if (request.url?.includes('/api/uploads/complete') && window.completions++ === 0) throw new TypeError('lost'); \
                 return answer; \
             };",
        )
        .await?;
    browser.open(&open.site.url(), Screen::WIDE).await?;
    let folder = tempfile::tempdir()?;
    let path = padded(folder.path(), 70 << 20)?;
    browser.type_into("#files", &path.to_string_lossy()).await?;
    // It is asked again by itself, and finds the parts joined.
    browser.until_text(".upload.good", "uploaded").await?;
    browser.until("window.completions > 1").await?;
    open.until_pictures(3).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_whose_answer_was_lost_is_found_done() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    let browser = &open.browser;
    // The first PUT gets through, and its answer is lost; what is sent again finds the object
    // there.
    browser
        .prepare(
            "window.statuses = []; \
             const status = Object.getOwnPropertyDescriptor(XMLHttpRequest.prototype, 'status'); \
             Object.defineProperty(XMLHttpRequest.prototype, 'status', {get() { \
                 const real = status.get.call(this); \
                 window.statuses.push(real); \
                 return window.statuses.length === 1 ? 0 : real; \
             }});",
        )
        .await?;
    browser.open(&open.site.url(), Screen::WIDE).await?;
    browser
        .type_into("#files", &video()?.to_string_lossy())
        .await?;
    browser.until_text(".upload.good", "uploaded").await?;
    let statuses = browser.value("window.statuses").await?;
    assert_eq!(statuses, json!([200, 412]));
    open.until_pictures(3).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_pauses_without_a_network_and_goes_on_with_it() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    let browser = &open.browser;
    let folder = tempfile::tempdir()?;
    // In parts, and in the middle of them when the network goes.
    let large = padded(folder.path(), 70 << 20)?;
    let mut paths = vec![large.to_string_lossy().into_owned()];
    for name in ["a", "b", "c"] {
        let path = folder.path().join(format!("{name}.mp4"));
        fs::copy(video()?, &path)?;
        paths.push(path.to_string_lossy().into_owned());
    }
    open.network(false, 2_000_000).await?;
    browser.type_into("#files", &paths.join("\n")).await?;
    browser
        .until("document.querySelector('.upload progress')?.value > 0")
        .await?;
    open.network(true, -1).await?;
    browser.until_text(".overall", "paused").await?;
    open.network(false, -1).await?;
    browser
        .until("document.querySelectorAll('.upload.good').length === 4")
        .await?;
    let failed = "document.querySelectorAll('.upload.bad').length";
    assert_eq!(browser.value(failed).await?, 0);
    browser
        .until("document.querySelector('.overall') === null")
        .await?;
    open.until_pictures(12).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tray_shows_first_what_goes_on() -> anyhow::Result<()> {
    let open = open_fed(&[REFUSAL]).await?;
    let browser = &open.browser;
    open.network(false, 20_000).await?;
    let drop = "
        const transfer = new DataTransfer();
        const add = (name, bytes) => transfer.items.add(new File([new Uint8Array(bytes)], name));
        for (let index = 0; index < 56; index++) add(`${index}.mp4`, 100_000);
        add('notes.txt', 9);
        window.dispatchEvent(new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true}));";
    browser.act(drop).await?;
    browser
        .until("document.querySelector('.upload progress')?.value > 0")
        .await?;
    browser
        .until_text(".tray-list > :first-child .upload", "0.mp4")
        .await?;
    browser.until_text("summary", "Waiting 55").await?;
    browser.until_text("details", "and 5 more").await?;
    browser.until_text("summary", "No videos 1").await?;
    browser
        .until_text(".tray .card-note", "56 to go, 1 not uploaded")
        .await?;
    browser.until_text(".overall", " of 5.6 MB").await?;
    // How long it takes is told once that is known.
    browser.until_text(".overall", " left").await?;
    // What fails is shown above what waits, and all of it is tried again at once.
    browser.act("window.refused['/api/uploads'] = 422").await?;
    open.network(false, -1).await?;
    browser
        .until("document.querySelectorAll('.tray-list > div .upload.bad').length === 50")
        .await?;
    browser.act("window.refused = {}").await?;
    browser.press("Try all again").await?;
    // The one that was on its way is in the bucket, and not known to be.
    browser.until_text("summary", "Uploaded 55").await?;
    browser
        .until_text(
            ".tray-list > div .upload.bad",
            "there is a video of this name",
        )
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_taken_is_changed_in_place() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    let browser = &open.browser;
    let path = video()?;
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    open.site.put(&format!("uploads/{name}"), &path).await?;
    browser.type_into("#files", &path.to_string_lossy()).await?;
    browser
        .until_text(".upload.bad", "there is a video of this name")
        .await?;
    browser.press("Upload under this name").await?;
    browser.until_text(".upload.good", "uploaded").await?;
    let next = name.replace(".mp4", "-2.mp4");
    browser.until_text(".upload.good", &next).await?;
    open.until_pictures(6).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_folder_is_looked_into() -> anyhow::Result<()> {
    let open = open(SiteOptions::default(), BrowserOptions::default()).await?;
    let browser = &open.browser;
    let folder = tempfile::tempdir()?;
    let below = folder.path().join("holiday/first day");
    fs::create_dir_all(&below)?;
    fs::copy(video()?, below.join("a.mp4"))?;
    fs::copy(video()?, below.join("../b.MOV"))?;
    fs::write(below.join("notes.txt"), "words")?;
    let drop = async |name: &str| -> anyhow::Result<()> {
        let files = [folder.path().join(name)];
        let data = json!({"items": [], "files": files, "dragOperationsMask": 1});
        for kind in ["dragEnter", "dragOver", "drop"] {
            let event = json!({"type": kind, "x": 300, "y": 500, "data": data});
            browser.devtools("Input.dispatchDragEvent", event).await?;
        }
        Ok(())
    };
    drop("holiday").await?;
    browser
        .until("document.querySelectorAll('.upload.good').length === 2")
        .await?;
    browser
        .until_text(".upload.good", "holiday/first day/a.mp4")
        .await?;
    let refused = "document.querySelectorAll('.upload.bad').length";
    assert_eq!(
        browser.value(refused).await?,
        0,
        "other files are no mistake"
    );
    fs::create_dir(folder.path().join("texts"))?;
    fs::write(folder.path().join("texts/notes.txt"), "words")?;
    drop("texts").await?;
    for extension in ["mp4", "3gp", "mpeg"] {
        browser.until_text(".notice.bad", extension).await?;
    }
    open.until_pictures(6).await
}
