//! Links to originals: for whoever may act, for a while, and in no log.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use aws_sdk_s3::primitives::{ByteStream, DateTime, DateTimeFormat};
use reqwest::Method;

use crate::support::{Answer, Api, stack};

#[tokio::test(flavor = "multi_thread")]
async fn a_link_saves_the_video_for_a_quarter_of_an_hour() -> Result<()> {
    let stack = stack().await?;
    let api = Api::start(&stack).await?;
    let page = "<script>a page, not a video</script>";
    let put = stack.s3().put_object().bucket(stack.bucket());
    put.key("uploads/a/día 1.mp4")
        .content_type("text/html")
        .body(ByteStream::from_static(page.as_bytes()))
        .send()
        .await?;

    let path = "/api/original?key=uploads/a/d%C3%ADa%201.mp4";
    Answer::of(api.bare(Method::GET, path))
        .await?
        .problem(401)?;
    let answer = api.get(path).await?;
    assert_eq!(answer.header("cache-control"), "no-store");
    let link = answer.json()?;
    let url = link["url"].as_str().context("no URL")?;
    let ends = link["expiresAt"].as_str().context("no end")?;
    let ends = SystemTime::try_from(DateTime::from_str(ends, DateTimeFormat::DateTime)?)?;
    let left = ends.duration_since(SystemTime::now())?;
    let lifetime = Duration::from_mins(15);
    assert!(left <= lifetime && left + Duration::from_mins(1) > lifetime);
    assert!(url.contains("X-Amz-Expires=900&"), "{url}");

    let original = reqwest::get(url).await?;
    let field = |name| original.headers().get(name).and_then(|it| it.to_str().ok());
    // It is saved, whatever type it was uploaded with.
    assert_eq!(field("content-type"), Some("application/octet-stream"));
    assert_eq!(
        field("content-disposition"),
        Some("attachment; filename*=UTF-8''d%C3%ADa%201.mp4")
    );
    assert_eq!(original.text().await?, page);

    let lines = api.audit("/api/original");
    let told: Vec<_> = lines.iter().map(|line| &line["about"]).collect();
    assert_eq!(told.len(), 2, "{lines:?}");
    assert_eq!(told[1], "uploads/a/día 1.mp4");
    assert!(!api.raw_log().contains("X-Amz-"), "the log has the link");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_videos_has_a_link() -> Result<()> {
    let stack = stack().await?;
    let api = Api::start(&stack).await?;
    for key in [
        "thumbnails/a.json",
        "thumbnails/.shared",
        "uploads/secrets.txt",
        "elsewhere/a.mp4",
        "",
    ] {
        let answer = api.get(&format!("/api/original?key={key}")).await?;
        answer.problem(400).with_context(|| key.to_owned())?;
    }
    let answer = api.get("/api/original?key=uploads/none.mp4").await?;
    answer.problem(404)?;
    Ok(())
}
