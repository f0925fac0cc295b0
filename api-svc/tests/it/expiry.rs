//! When presigned URLs end: with the credentials that signed them.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use serde_json::json;

use crate::support::{Api, publish, stack};

/// An API whose credentials end at `end`, as those of a session do.
async fn start(stack: &devstack::Stack, end: &str) -> Result<(Api, tempfile::TempDir)> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    let credentials = json!({
        "Version": 1, "AccessKeyId": "session", "SecretAccessKey": "secret",
        "SessionToken": "token", "Expiration": end,
    });
    std::fs::write(path("credentials.json"), credentials.to_string())?;
    let process = path("credentials.json");
    let process = process.to_str().context("path")?;
    let config = format!("[default]\ncredential_process = cat {process}\n");
    std::fs::write(path("config"), config)?;
    let config = path("config");
    let env = [
        ("AWS_CONFIG_FILE", config.to_str().context("path")?),
        // Static credentials would come first.
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
    ];
    let api = Api::start(stack, &env).await?;
    Ok((api, folder))
}

fn text(time: SystemTime) -> Result<String> {
    Ok(DateTime::from(time).fmt(DateTimeFormat::DateTime)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_tell_when_they_end() -> Result<()> {
    let stack = stack().await?;
    publish(&stack, "a").await?;
    let seconds = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)?
        .as_secs();
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds + 30 * 60);
    let (api, _folder) = start(&stack, &text(end)?).await?;
    api.metrics_when("the index is read", |m| m["videosMeasured"] == 1)
        .await?;
    let expected = json!(format!("{}.000Z", text(end)?.trim_end_matches('Z')));
    let thumbnails = api.json("/api/thumbnails").await?;
    assert_eq!(thumbnails[0]["expiresAt"], expected);
    let video = api.json("/api/videos/uploads/a.mp4").await?;
    assert_eq!(video["expiresAt"], expected);
    for size in [5, 100 << 20] {
        let request = api
            .request("POST", "/api/uploads")?
            .header("content-type", "application/json")
            .body(json!({"name": "b.mp4", "size": size}).to_string());
        let ticket = api.send(request).await?.json()?;
        assert_eq!(ticket["expiresAt"], expected, "{ticket}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_without_an_end_sign_for_an_hour() -> Result<()> {
    let stack = stack().await?;
    publish(&stack, "a").await?;
    let api = Api::start(&stack, &[]).await?;
    api.metrics_when("the index is read", |m| m["videosMeasured"] == 1)
        .await?;
    let video = api.json("/api/videos/uploads/a.mp4").await?;
    let end = video["expiresAt"].as_str().context("no end")?;
    let left = |minutes| text(SystemTime::now() + Duration::from_mins(minutes));
    assert!(
        end > left(59)?.as_str() && end < left(91)?.as_str(),
        "{end}"
    );
    // An upload in parts that takes longer goes on with new URLs.
    let ask = async |body: serde_json::Value| {
        let request = api
            .request("POST", "/api/uploads")?
            .header("content-type", "application/json")
            .body(body.to_string());
        api.send(request).await
    };
    let first = json!({"name": "b.mp4", "size": 100 << 20});
    let ticket = ask(first.clone()).await?.json()?;
    let id = &ticket["target"]["uploadId"];
    let again = json!({"name": "b.mp4", "size": 100 << 20, "uploadId": id});
    let renewed = ask(again).await?.json()?;
    assert_eq!(&renewed["target"]["uploadId"], id);
    let small = json!({"name": "b.mp4", "size": 5, "uploadId": id});
    ask(small).await?.problem(422)?;
    Ok(())
}
