//! Starting, stopping, and going on without a source.

use anyhow::Result;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    process::Command,
    time::timeout,
};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Api, Bucket, Client, DEADLINE, publish, stack, until};

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
        // The reason is one line of JSON.
        let last: Value = serde_json::from_str(text.lines().last().unwrap_or_default())?;
        assert_eq!(last["level"], "ERROR", "{text}");
        let error = last["error"].as_str().unwrap_or_default();
        assert!(error.contains(variable), "{variable}: {text}");
        let is_json = |line: &str| serde_json::from_str::<Value>(line).is_ok();
        assert!(text.lines().all(is_json), "{text}");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_long_is_refused_before_it_is_asked_for() -> Result<()> {
    let bucket = Bucket::start(0).await?;
    let api = bucket.api(&[]).await?;
    for (length, expected) in [(100, "HTTP/1.1 100 "), (1 << 30, "HTTP/1.1 413 ")] {
        let mut stream = TcpStream::connect(api.address()).await?;
        let head = format!(
            "POST /api/uploads HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n",
            api.address()
        );
        stream.write_all(head.as_bytes()).await?;
        let mut begin = [0; 13];
        timeout(DEADLINE, stream.read_exact(&mut begin)).await??;
        assert_eq!(String::from_utf8_lossy(&begin), expected);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_does_not_hold_up_the_end() -> Result<()> {
    let bucket = Bucket::start(0).await?;
    // Longer than this test waits for anything.
    let mut api = bucket.api(&[("SHUTDOWN_GRACE_SECONDS", "3600")]).await?;
    let mut half = TcpStream::connect(api.address()).await?;
    half.write_all(b"GET /health HTTP/1.1\r\nHos").await?;
    // The server has the connection: it accepts in order.
    assert_eq!(api.get("/health").await?.status, 200);
    assert!(api.terminate().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn not_even_a_log_at_trace_holds_a_secret() -> Result<()> {
    let stack = stack().await?;
    publish(&stack, "a").await?;
    let secrets = [
        ("AWS_SESSION_TOKEN", "session-token-of-the-test"),
        ("AWS_SECRET_ACCESS_KEY", "secret-key-of-the-test"),
        ("API_TOKEN", "bearer-token-of-the-test-0123456789"),
    ];
    let trace = [("RUST_LOG", "trace")];
    let api = Api::start(&stack, &[&trace[..], &secrets].concat()).await?;
    api.metrics_when("the index is read", |m| m["videosMeasured"] == 1)
        .await?;
    api.json("/api/videos/uploads/a.mp4").await?;
    let request = api.request("GET", "/api/frame?key=uploads/a.mp4&t=1")?;
    let token = secrets[2].1;
    api.send(request.bearer_auth(token)).await?;
    let said = api.raw_log();
    for (name, value) in secrets {
        let line = said.lines().find(|line| line.contains(value));
        assert!(line.is_none(), "{name}: {line:?}");
    }
    let signed = said.lines().find(|line| line.contains("Signature="));
    assert!(signed.is_none(), "{signed:?}");
    Ok(())
}
