//! Test and purge, and what everyone hears of them.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use devstack::Stack;
use futures::{StreamExt as _, future::try_join_all};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;

use crate::support::{Answer, Api, TOKEN, put, stack, until};

async fn keys(stack: &Stack, prefix: &str) -> Result<Vec<String>> {
    let listed = stack
        .s3()
        .list_objects_v2()
        .bucket(stack.bucket())
        .prefix(prefix);
    let listed = listed.send().await?.contents.unwrap_or_default();
    Ok(listed.into_iter().filter_map(|object| object.key).collect())
}

/// The operations that a WebSocket hears of, until one has ended.
async fn operations(api: &Api, kind: &str) -> Result<tokio::task::JoinHandle<Result<Vec<Value>>>> {
    let url = format!("ws{}/ws", api.base.trim_start_matches("http"));
    let (mut socket, _) = connect_async(url).await?;
    // The state on connect: from here on nothing is missed.
    socket.next().await.context("closed")??;
    let kind = kind.to_owned();
    Ok(tokio::spawn(async move {
        let mut heard = Vec::new();
        while let Some(message) = socket.next().await {
            let Ok(text) = message?.into_text() else {
                continue;
            };
            let Ok(update) = serde_json::from_str::<Value>(&text) else {
                continue;
            };
            let operation = &update["operation"];
            if operation["kind"] != *kind {
                continue;
            }
            heard.push(operation.clone());
            if operation["state"] != "running" {
                break;
            }
        }
        Ok(heard)
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_copies_videos_and_overwrites_nothing() -> Result<()> {
    let stack = stack().await?;
    let source = stack.sample_bucket();
    for (key, body) in [
        ("a.mp4", "one"),
        ("deep/b c+ü.MKV", "two"),
        ("mine.mp4", "three"),
        ("notes.txt", "text"),
        ("odd.Mp4", "four"),
        ("empty.mp4", ""),
    ] {
        let put = stack.s3().put_object().bucket(source).key(key);
        put.body(body.as_bytes().to_vec().into()).send().await?;
    }
    put(&stack, "uploads/mine.mp4", "somebody's").await?;
    let env = [("API_TOKEN", TOKEN), ("TEST_SOURCE_BUCKET", source)];
    let api = Api::start_with(&stack, &env).await?;
    let heard = operations(&api, "test").await?;
    let queued = Answer::of(api.request(Method::POST, "/api/test"))
        .await?
        .json()?;
    assert_eq!(queued, json!({"queued": 3, "skipped": 3, "failed": 0}));
    let expected = [
        "uploads/a.mp4",
        "uploads/deep/b c+ü.MKV",
        "uploads/mine.mp4",
        "uploads/odd.Mp4",
    ];
    assert_eq!(keys(&stack, "uploads/").await?, expected);
    let mine = stack
        .s3()
        .get_object()
        .bucket(stack.bucket())
        .key("uploads/mine.mp4");
    assert_eq!(
        mine.send().await?.body.collect().await?.to_vec(),
        b"somebody's"
    );

    let heard = heard.await??;
    let last = heard.last().context("nothing heard")?;
    assert_eq!(
        (&last["state"], &last["done"]),
        (&json!("finished"), &json!(6))
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_takes_every_version_under_both_prefixes_and_nothing_else() -> Result<()> {
    let stack = stack().await?;
    let versioned = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
    let request = stack.s3().put_bucket_versioning().bucket(stack.bucket());
    request
        .versioning_configuration(versioned.build())
        .send()
        .await?;
    // More than a page and than a batch of deletes, older versions, and delete markers.
    for n in 0..23 {
        let stack = &stack;
        let puts = (0..50).map(|m| async move {
            let key = format!("uploads/{n}/{m}.mp4");
            put(stack, &key, "v").await
        });
        try_join_all(puts).await?;
    }
    for n in 0..20 {
        put(&stack, &format!("uploads/0/{n}.mp4"), "newer").await?;
        put(&stack, &format!("thumbnails/{n}_1.jpg"), "picture").await?;
        let delete = stack.s3().delete_object().bucket(stack.bucket());
        delete.key(format!("uploads/1/{n}.mp4")).send().await?;
    }
    put(&stack, "elsewhere/a.mp4", "stays").await?;
    put(&stack, "uploads-not/a.mp4", "stays").await?;
    let versions = 23 * 50 + 20 + 20 + 20;

    let api = Api::start(&stack).await?;
    let dry = api.delete("/api/purge?dryRun=true").await?.json()?;
    assert_eq!(dry["deleted"], versions);
    assert_eq!(dry["dryRun"], true);
    let bytes = dry["bytes"].as_u64().context("no bytes")?;
    assert_eq!(bytes, 23 * 50 + 20 * 5 + 20 * 7);

    let heard = operations(&api, "purge").await?;
    let purged = api.delete("/api/purge").await?.json()?;
    assert_eq!(
        purged,
        json!({"deleted": versions, "bytes": bytes, "failed": 0, "dryRun": false})
    );
    let left = stack
        .s3()
        .list_object_versions()
        .bucket(stack.bucket())
        .send()
        .await?;
    let left: Vec<_> = left
        .versions()
        .iter()
        .filter_map(|version| version.key())
        .collect();
    // What all instances of the API share stays.
    let left: Vec<_> = left
        .into_iter()
        .filter(|key| *key != "thumbnails/.shared")
        .collect();
    assert_eq!(left, ["elsewhere/a.mp4", "uploads-not/a.mp4"]);
    let heard = heard.await??;
    let last = heard.last().context("nothing heard")?;
    assert_eq!(
        (&last["state"], &last["done"]),
        (&json!("finished"), &json!(versions))
    );
    ensure!(heard[0]["state"] == "running", "{heard:?}");
    until("the dashboard sees it", async || {
        let metrics = api.get("/api/metrics").await?.json()?;
        Ok((metrics["totalThumbnails"] == 0).then_some(()))
    })
    .await?;
    let again = api.delete("/api/purge").await?.json()?;
    assert_eq!(again["deleted"], 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_purge_at_a_time() -> Result<()> {
    let stack = stack().await?;
    for n in 0..50 {
        put(&stack, &format!("uploads/{n}.mp4"), "v").await?;
    }
    let api = Api::start(&stack).await?;
    let purges = try_join_all((0..8).map(|_| api.delete("/api/purge"))).await?;
    let mut deleted = 0;
    for purge in &purges {
        if purge.status == 200 {
            deleted += purge.json()?["deleted"].as_u64().context("no count")?;
        } else {
            purge.problem(409)?;
        }
    }
    assert_eq!(deleted, 50);
    assert!(keys(&stack, "uploads/").await?.is_empty());
    Ok(())
}
