//! Starting, stopping, and going on without a source.

use anyhow::Result;
use serde_json::json;
use tokio::{net::TcpListener, process::Command};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Api, Bucket, Client, stack, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_setting_is_named() -> Result<()> {
    for (variable, value) in [
        ("API_ADDR", "8000"),
        ("SQS_QUEUE_URL", "nowhere"),
        ("S3_THUMBNAIL_PREFIX", "/x"),
        ("RUST_LOG", "a=b=c"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_thumbnail-api"))
            .env("SQS_QUEUE_URL", "http://127.0.0.1:1/q")
            .env("S3_BUCKET", "b")
            .env("API_ADDR", "127.0.0.1:0")
            .env(variable, value)
            .output()
            .await?;
        assert!(!output.status.success(), "{variable}");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(variable), "{text}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_closes_websockets_and_ends_well() -> Result<()> {
    let stack = stack().await?;
    let mut api = Api::start(&stack, &[]).await?;
    let mut client = Client::connect(&api).await?;
    client.text().await?;
    let closed = async {
        loop {
            if let Message::Close(frame) = client.message().await? {
                return anyhow::Ok(frame);
            }
        }
    };
    let (status, frame) = tokio::try_join!(api.terminate(), closed)?;
    assert!(status.success());
    assert_eq!(frame.map(|frame| u16::from(frame.code)), Some(1001));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_is_marked_and_holds_nobody_up() -> Result<()> {
    let bucket = Bucket::start(5).await?;
    let api = bucket.api(&[]).await?;
    api.metrics_when("the bucket is listed", |m| m["totalThumbnails"] == 15)
        .await?;
    bucket.break_down(Some("the disk is on fire"));
    let metrics = api
        .metrics_when("the bucket is unavailable", |m| {
            m["sources"]["bucket"]["state"] == "unavailable"
        })
        .await?;
    let source = &metrics["sources"]["bucket"];
    // What anyone may know; S3's words are for the log.
    let reason = source["reason"].as_str().unwrap_or_default();
    assert!(
        reason.contains("AccessDenied") && !reason.contains("fire"),
        "{source}"
    );
    assert!(api.raw_log().contains("the disk is on fire"));
    assert!(
        source["since"].is_string() && source["lastAnswer"].is_string(),
        "{source}"
    );
    // What was known is still shown, and the queue's figures are new.
    assert_eq!(metrics["totalThumbnails"], 15);
    assert_eq!(metrics["sources"]["queue"], json!({"state": "available"}));
    let depth = metrics["queueDepth"].as_u64();
    api.metrics_when("the queue is looked at", |m| {
        m["queueDepth"].as_u64() > depth
    })
    .await?;
    let detail = api.get("/ready").await?.problem(503)?;
    assert!(detail.contains("S3"), "{detail}");
    bucket.break_down(None);
    api.metrics_when("the bucket is back", |m| {
        m["sources"]["bucket"]["state"] == "available"
    })
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_taken_though_nobody_watches() -> Result<()> {
    let bucket = Bucket::start(0).await?;
    let api = bucket.api(&[]).await?;
    until("sixty-five looks", async || {
        Ok((bucket.counts().2 >= 65).then_some(()))
    })
    .await?;
    let queue = api.json("/api/queue").await?;
    let depths: Vec<_> = queue["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["depth"].as_u64().unwrap())
        .collect();
    assert_eq!(depths.len(), 60);
    assert!(
        depths.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{depths:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_routes_share_one_limit_of_requests() -> Result<()> {
    // The kernel accepts connections, and nobody answers.
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", silent.local_addr()?);
    let bucket = Bucket::start(0).await?;
    let limits = [
        ("MAX_REQUESTS", "1"),
        ("AWS_ENDPOINT_URL_S3", endpoint.as_str()),
    ];
    let api = bucket.api(&limits).await?;
    let request = api.request("GET", "/ready")?;
    // Sent again where it is refused itself, because the other route was first.
    let waiting = tokio::spawn(async move {
        while let Some(again) = request.try_clone() {
            let _ = again.send().await;
        }
    });
    until("another route is refused", async || {
        let answer = api.get("/api/queue").await?;
        Ok((answer.status == 503).then_some(()))
    })
    .await?;
    waiting.abort();
    until("there is room again", async || {
        let answer = api.get("/api/queue").await?;
        Ok((answer.status == 200).then_some(()))
    })
    .await?;
    Ok(())
}
