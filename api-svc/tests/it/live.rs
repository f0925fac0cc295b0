//! The WebSocket.

use anyhow::Result;
use contract::api::Update;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Error;

use crate::support::{Api, Bucket, Client, fields, publish, stack, until};

#[tokio::test(flavor = "multi_thread")]
async fn the_state_on_connect_then_what_changes() -> Result<()> {
    let stack = stack().await?;
    publish(&stack, "a").await?;
    let api = Api::start(&stack, &[]).await?;
    api.metrics_when("the index is read", |m| m["videosMeasured"] == 1)
        .await?;
    let mut client = Client::connect(&api).await?;
    let hello = client.json().await?;
    let mut names = fields(&hello);
    names.sort_unstable();
    assert_eq!(names, ["acts", "metrics", "pods", "queue", "thumbnails"]);
    assert_eq!(hello["thumbnails"], api.json("/api/thumbnails").await?);
    let mut state: Update = serde_json::from_value(hello)?;

    // Nothing happens: a tick is its new point of the history and nothing else.
    let tick = client.json().await?;
    assert_eq!(fields(&tick), ["queue"]);

    publish(&stack, "b").await?;
    while state.thumbnails.as_ref().map(Vec::len) != Some(6)
        || state.metrics.as_ref().map(|m| m.videos_measured) != Some(2)
    {
        state.merge(client.update().await?);
    }
    assert_eq!(state.metrics.as_ref().map(|m| m.total_thumbnails), Some(6));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_on_which_nothing_happens_still_says_so() -> Result<()> {
    let bucket = Bucket::start(0).await?;
    // One look, and then none for a minute.
    let api = bucket.api(&[("SAMPLE_INTERVAL_MS", "60000")]).await?;
    let mut client = Client::connect(&api).await?;
    while client.update().await?.queue.is_none() {}
    assert!(fields(&client.json().await?).is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_gets_every_tick() -> Result<()> {
    const CLIENTS: usize = 200;
    const TICKS: u64 = 10;
    let bucket = Bucket::start(10).await?;
    let api = bucket.api(&[]).await?;
    api.metrics_when("the index is read", |m| m["videosMeasured"] == 10)
        .await?;
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let mut client = Client::connect(&api).await?;
        clients.spawn(async move {
            // The stand-in's queue grows by one with each look, so that a missed tick shows.
            let mut depth = client.update().await?.queue.map(|queue| queue.depth);
            for _ in 0..TICKS {
                let next = client.update().await?.queue.map(|queue| queue.depth);
                assert_eq!(next, depth.map(|depth| depth + 1));
                depth = next;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = clients.join_next().await {
        done??;
    }
    let metrics = api.get("/metrics").await?;
    assert!(
        metrics
            .text
            .contains("thumbnail_api_websockets_dropped_total 0")
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_allowed_origins_may_connect() -> Result<()> {
    let bucket = Bucket::start(0).await?;
    let api = bucket
        .api(&[("ALLOWED_ORIGINS", "https://dashboard.example")])
        .await?;
    let own = format!("http://{}", api.address());
    for origin in [own.as_str(), "https://dashboard.example"] {
        let answer = Client::try_connect(&api, &[("origin", origin)]).await?;
        assert!(answer.is_ok(), "{origin}");
    }
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        match Client::try_connect(&api, &[("origin", origin)]).await? {
            Err(Error::Http(response)) => assert_eq!(response.status(), 403, "{origin}"),
            other => panic!("{origin}: {:?}", other.map(|_| ())),
        }
    }
    api.get("/ws").await?.problem(400)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_an_end_to_clients_and_to_what_they_may_send() -> Result<()> {
    let bucket = Bucket::start(0).await?;
    let api = bucket.api(&[("MAX_WEBSOCKETS", "1")]).await?;
    let mut client = Client::connect(&api).await?;
    client.text().await?;
    match Client::try_connect(&api, &[]).await? {
        Err(Error::Http(response)) => assert_eq!(response.status(), 503),
        other => panic!("{:?}", other.map(|_| ())),
    }
    client.send("x".repeat(1 << 20)).await.ok();
    while client.message().await.is_ok() {}
    // Its place is free again.
    until("another may connect", async || {
        Ok(Client::try_connect(&api, &[]).await?.ok())
    })
    .await?;
    Ok(())
}
