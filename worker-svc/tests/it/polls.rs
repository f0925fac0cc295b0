//! A worker that cannot receive says so, and gets itself other credentials.

use std::path::Path;

use anyhow::{Context as _, Result};
use devstack::media::Clip;
use serde_json::{Value, json};

use crate::support::{Proxy, Worker, WorkerOptions, check, manifest, stack, until, upload_file};

/// The request that the tests have refused.
const RECEIVE: &str = "AmazonSQS.ReceiveMessage";

/// Settings of a worker whose credentials come from a program: `OLD` at first, then `NEW`.
fn changing_credentials(folder: &Path) -> Result<Vec<(&'static str, String)>> {
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    for name in ["OLD", "NEW"] {
        // Far from their end: the SDK would keep them.
        let credentials = json!({
            "Version": 1, "AccessKeyId": name, "SecretAccessKey": "secret",
            "SessionToken": "token", "Expiration": "2099-01-01T00:00:00Z",
        });
        std::fs::write(path(name), credentials.to_string())?;
    }
    let (old, new, asked) = (path("OLD"), path("NEW"), path("asked"));
    let script = format!("if [ -e {asked} ]; then cat {new}; else touch {asked}; cat {old}; fi");
    std::fs::write(path("script"), script)?;
    let config = format!("[default]\ncredential_process = sh {}\n", path("script"));
    std::fs::write(path("config"), config)?;
    Ok(vec![
        ("AWS_CONFIG_FILE", path("config")),
        // Static credentials would come first.
        ("AWS_ACCESS_KEY_ID", String::new()),
        ("AWS_SECRET_ACCESS_KEY", String::new()),
    ])
}

async fn health(worker: &Worker) -> Result<Value> {
    let answer = worker.http("/health").await?;
    let (_, body) = answer.split_once("\r\n\r\n").context("no body")?;
    Ok(serde_json::from_str(body)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_are_fetched_anew() -> Result<()> {
    let (stack, folder) = (stack(30).await?, tempfile::tempdir()?);
    let proxy = Proxy::counting(&stack).await?;
    proxy.refuse(&[RECEIVE, "Credential=OLD/"], 403, "ExpiredTokenException");
    let options = WorkerOptions {
        endpoint: Some(proxy.endpoint()),
        env: changing_credentials(folder.path())?,
        ..WorkerOptions::default()
    };
    let worker = Worker::start(&stack, options).await?;
    let etag = upload_file(&stack, "uploads/a.mp4", &Clip::new("mp4").make()?).await?;
    let manifest = manifest(&stack, "thumbnails/a.json").await?;
    check(&stack, &manifest, "uploads/a.mp4", &etag).await?;
    let failed = worker.metric("thumbnail_worker_receives_failed_total");
    assert_eq!(failed.await?, 1);
    let line = worker.logged("cannot receive").await?;
    assert_eq!(line["reason"], "credentials_refused");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_stay_refused_end_the_worker_with_the_reason() -> Result<()> {
    let stack = stack(30).await?;
    let proxy = Proxy::counting(&stack).await?;
    proxy.refuse(&[RECEIVE], 403, "InvalidClientTokenId");
    let options = WorkerOptions {
        endpoint: Some(proxy.endpoint()),
        ..WorkerOptions::default()
    };
    let mut worker = Worker::start(&stack, options).await?;
    assert_eq!(worker.exit().await?.code(), Some(1));
    let line = worker.logged("the service ends").await?;
    let error = line["error"].as_str().unwrap_or_default();
    for part in ["6 times in a row", "InvalidClientTokenId"] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(worker.log("cannot receive").len(), 5);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_that_is_never_answered_is_told_and_the_next_one_goes_on() -> Result<()> {
    let stack = stack(30).await?;
    let proxy = Proxy::counting(&stack).await?;
    proxy.ignore(&[RECEIVE]);
    let options = WorkerOptions {
        endpoint: Some(proxy.endpoint()),
        // Polls are no longer than that.
        env: vec![("SHUTDOWN_GRACE_SECONDS", "1".to_owned())],
        ..WorkerOptions::default()
    };
    let worker = Worker::start(&stack, options).await?;
    let line = worker.logged("cannot receive").await?;
    assert_eq!(line["reason"], "timeout");
    proxy.accept_all();
    let etag = upload_file(&stack, "uploads/a.mp4", &Clip::new("mp4").make()?).await?;
    let manifest = manifest(&stack, "thumbnails/a.json").await?;
    check(&stack, &manifest, "uploads/a.mp4", &etag).await
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_health_say_why_nothing_is_received() -> Result<()> {
    let stack = stack(30).await?;
    let proxy = Proxy::counting(&stack).await?;
    let options = WorkerOptions {
        endpoint: Some(proxy.endpoint()),
        ..WorkerOptions::default()
    };
    let worker = Worker::start(&stack, options).await?;
    let good = until("a good poll", async || {
        Ok(health(&worker).await?["lastPoll"]
            .as_str()
            .map(ToOwned::to_owned))
    })
    .await?;
    for (code, status, reason) in [
        ("AccessDeniedException", 403, "denied"),
        ("ThrottlingException", 400, "throttled"),
        ("AWS.SimpleQueueService.NonExistentQueue", 400, "missing"),
    ] {
        proxy.refuse(&[RECEIVE], status, code);
        until(reason, async || {
            let health = health(&worker).await?;
            Ok((health["receiveFailure"] == reason).then_some(()))
        })
        .await?;
        let text = worker.http("/metrics").await?;
        let series = format!("thumbnail_worker_receives_failed_total{{reason=\"{reason}\"}}");
        let line = text.lines().find(|line| line.starts_with(&series));
        assert!(line.is_some_and(|line| !line.ends_with(" 0")), "{line:?}");
        proxy.accept_all();
    }
    let again = until("a good poll after the failures", async || {
        let health = health(&worker).await?;
        let is_well = health["receiveFailure"].is_null();
        Ok(health["lastPoll"]
            .as_str()
            .filter(|_| is_well)
            .map(ToOwned::to_owned))
    })
    .await?;
    assert!(again > good, "{again} after {good}");
    let text = worker.http("/metrics").await?;
    assert!(
        text.contains("thumbnail_worker_last_poll_timestamp_seconds 1"),
        "{text}"
    );
    Ok(())
}
