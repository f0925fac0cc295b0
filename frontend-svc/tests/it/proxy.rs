//! What is handed to the API, and what comes back.

use anyhow::{Context as _, Result};
use reqwest::StatusCode;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::support::{DEADLINE, Stage, header};

#[tokio::test]
async fn the_api_gets_the_request_as_the_browser_sent_it() -> Result<()> {
    let stage = Stage::set().await?;
    let request = reqwest::Client::new()
        .delete(format!("{}/api/purge%2Fx?dryRun=true&a=%20", stage.base))
        .header("host", "dash.example")
        .header("origin", "https://dash.example")
        .header("authorization", "Bearer t")
        .header("x-forwarded-for", "203.0.113.9")
        .header("connection", "keep-alive, x-only-here, authorization")
        .header("x-only-here", "1");
    let answer = request.send().await?;
    assert_eq!(answer.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(header(&answer, "x-end"), "2");
    assert_eq!(header(&answer, "x-hop"), "", "named by Connection");
    assert_eq!(header(&answer, "x-frame-options"), "SAMEORIGIN");
    let told: Value = serde_json::from_str(&answer.text().await?)?;
    assert_eq!(told["method"], "DELETE");
    assert_eq!(told["uri"], "/api/purge%2Fx?dryRun=true&a=%20");
    let headers = &told["headers"];
    assert_eq!(headers["host"], "dash.example");
    assert_eq!(headers["origin"], "https://dash.example");
    assert_eq!(headers["authorization"], "Bearer t");
    assert_eq!(headers["x-forwarded-for"], "203.0.113.9, 127.0.0.1");
    assert_eq!(headers["x-forwarded-host"], "dash.example");
    assert_eq!(headers["x-forwarded-proto"], "http");
    assert_eq!(headers["x-only-here"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn health_is_the_apis_and_healthz_is_ours() -> Result<()> {
    let stage = Stage::set().await?;
    assert_eq!(stage.get("/health").await?.status(), 418);
    assert_eq!(stage.get("/api").await?.status(), 418);
    let ours = stage.get("/healthz").await?;
    assert_eq!(ours.text().await?, r#"{"status":"ok"}"#);
    Ok(())
}

#[tokio::test]
async fn bodies_stream_both_ways() -> Result<()> {
    let stage = Stage::set().await?;
    // The answer's first chunk arrives although the last never will.
    let mut answer = stage.get("/api/endless").await?;
    let first = timeout(DEADLINE, answer.chunk()).await??;
    assert_eq!(first.as_deref(), Some(b"first".as_slice()));

    // And so does the request's.
    let (send, receive) = tokio::sync::mpsc::channel::<Result<&str, std::io::Error>>(1);
    let body = futures::stream::unfold(receive, async |mut receive| {
        receive.recv().await.map(|chunk| (chunk, receive))
    });
    let request = reqwest::Client::new()
        .post(format!("{}/api/echo", stage.base))
        .body(reqwest::Body::wrap_stream(body));
    let sending = tokio::spawn(request.send());
    send.send(Ok("one")).await?;
    let mut answer = timeout(DEADLINE, sending).await???;
    let chunk = timeout(DEADLINE, answer.chunk())
        .await??
        .context("no chunk")?;
    assert_eq!(chunk, "one");
    send.send(Ok("two")).await?;
    let chunk = timeout(DEADLINE, answer.chunk())
        .await??
        .context("no chunk")?;
    assert_eq!(chunk, "two");
    Ok(())
}

#[tokio::test]
async fn an_api_that_is_gone_is_a_problem_and_the_page_still_there() -> Result<()> {
    let stage = Stage::set().await?;
    stage.end_api().await;
    let answer = stage.get("/api/metrics").await?;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(header(&answer, "content-type"), "application/problem+json");
    assert_eq!(header(&answer, "cache-control"), "no-store");
    let problem: Value = serde_json::from_str(&answer.text().await?)?;
    assert_eq!(problem["status"], 502);
    assert_eq!(problem["detail"], "the API does not answer");
    assert_eq!(stage.get("/").await?.status(), StatusCode::OK);
    assert_eq!(stage.get("/healthz").await?.status(), StatusCode::OK);
    Ok(())
}

#[tokio::test]
async fn a_request_in_hand_outlives_the_stop() -> Result<()> {
    let stage = Stage::set().await?;
    let (send, receive) = tokio::sync::mpsc::channel::<Result<&str, std::io::Error>>(1);
    let body = futures::stream::unfold(receive, async |mut receive| {
        receive.recv().await.map(|chunk| (chunk, receive))
    });
    let request = reqwest::Client::new()
        .post(format!("{}/api/echo", stage.base))
        .body(reqwest::Body::wrap_stream(body));
    let sending = tokio::spawn(request.send());
    send.send(Ok("before ")).await?;
    let answer = timeout(DEADLINE, sending).await???;
    stage.stop.cancel();
    send.send(Ok("after")).await?;
    drop(send);
    assert_eq!(timeout(DEADLINE, answer.text()).await??, "before after");
    timeout(DEADLINE, stage.serving).await??;
    Ok(())
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_before_it_is_asked_for() -> Result<()> {
    let stage = Stage::set().await?;
    let address = stage.base.trim_start_matches("http://");
    for (length, expected) in [(100, "HTTP/1.1 100 "), (1 << 30, "HTTP/1.1 413 ")] {
        let mut stream = TcpStream::connect(address).await?;
        let head = format!(
            "POST /api/echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let mut begin = [0; 13];
        timeout(DEADLINE, stream.read_exact(&mut begin)).await??;
        assert_eq!(String::from_utf8_lossy(&begin), expected);
    }
    Ok(())
}
