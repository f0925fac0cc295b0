//! Two processes of the API that agree: on whose turn it is, how far operations are, who did what.

use anyhow::{Context as _, Result};
use devstack::{Stack, proxy::Proxy};
use futures::{StreamExt as _, future::try_join_all};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;

use crate::support::{Answer, Api, TOKEN, put, stack, until};

const SHARED: &str = "thumbnails/.shared";

async fn start(stack: &Stack, endpoint: &str) -> Result<Api> {
    let env = [
        ("API_TOKEN", TOKEN),
        ("AWS_ENDPOINT_URL", endpoint),
        ("SAMPLE_INTERVAL_MS", "200"),
    ];
    Api::start_with(stack, &env).await
}

async fn acts(api: &Api) -> Result<Vec<Value>> {
    let acts = api.get("/api/acts").await?.json()?;
    Ok(acts.as_array().context("no list")?.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_of_one_instance_keeps_the_other_from_it_and_is_seen_there() -> Result<()> {
    let stack = stack().await?;
    for n in 0..5 {
        put(&stack, &format!("uploads/{n}.mp4"), "v").await?;
    }
    // The purge of the first one hangs at its deletes.
    let proxy = Proxy::counting(&stack).await?;
    proxy.ignore(&["POST /", "?delete"]);
    let endpoint = proxy.endpoint();
    let (one, other) = tokio::try_join!(start(&stack, &endpoint), start(&stack, stack.endpoint()))?;
    let url = format!("ws{}/ws", other.base.trim_start_matches("http"));
    let (mut socket, _) = connect_async(url).await?;
    let purge = tokio::spawn(Answer::of(one.request(Method::DELETE, "/api/purge")));
    let mut heard = async |state: &str| loop {
        let message = socket.next().await.context("closed")??;
        let update: Value = serde_json::from_str(message.to_text()?).unwrap_or_default();
        let operation = &update["operation"];
        if operation["kind"] == "purge" && operation["state"] == state {
            return anyhow::Ok(operation.clone());
        }
    };
    heard("running").await?;
    for method in [Method::DELETE, Method::POST] {
        let route = match method {
            Method::DELETE => "/api/purge?dryRun=true",
            _ => "/api/test",
        };
        let answer = Answer::of(other.request(method, route)).await?;
        let reason = answer.problem(409)?;
        assert!(
            reason.contains("is running") || reason.contains("TEST_SOURCE"),
            "{reason}"
        );
    }
    // An instance that dies takes nobody's turn for longer than a minute.
    purge.abort();
    drop(one);
    let object = stack.s3().get_object().bucket(stack.bucket()).key(SHARED);
    let body = object.send().await?.body.collect().await?.to_vec();
    let mut shared: Value = serde_json::from_slice(&body)?;
    assert!(shared["turn"]["holder"].is_string(), "{shared}");
    // As if a minute had passed.
    shared["turn"]["untilMs"] = json!(1);
    for running in shared["running"].as_array_mut().context("no list")? {
        running["untilMs"] = json!(1);
    }
    put(&stack, SHARED, shared.to_string()).await?;
    let lost = heard("failed").await?;
    assert!(
        lost["reason"]
            .as_str()
            .is_some_and(|it| it.contains("gone")),
        "{lost}"
    );
    let purged = other.delete("/api/purge").await?.json()?;
    assert_eq!(purged["deleted"], 5);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_purge_at_a_time_of_all_instances() -> Result<()> {
    let stack = stack().await?;
    for n in 0..50 {
        put(&stack, &format!("uploads/{n}.mp4"), "v").await?;
    }
    let (one, other) = tokio::try_join!(Api::start(&stack), Api::start(&stack))?;
    let purges = (0..8).map(|n| if n % 2 == 0 { &one } else { &other }.delete("/api/purge"));
    let mut deleted = 0;
    for purge in try_join_all(purges).await? {
        if purge.status == 200 {
            deleted += purge.json()?["deleted"].as_u64().context("no count")?;
        } else {
            purge.problem(409)?;
        }
    }
    assert_eq!(deleted, 50);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_hears_who_did_what() -> Result<()> {
    let stack = stack().await?;
    let endpoint = stack.endpoint();
    let (one, other) = tokio::try_join!(start(&stack, endpoint), start(&stack, endpoint))?;
    let redrive = one.post("/api/failures/redrive", &json!({})).await?;
    redrive.json()?;
    let dismiss = json!({"ids": ["there is none"]});
    other
        .post("/api/failures/dismiss", &dismiss)
        .await?
        .json()?;
    // What only looks, and what is refused, is none of it.
    one.delete("/api/purge?dryRun=true").await?.json()?;
    Answer::of(one.bare(Method::DELETE, "/api/purge"))
        .await?
        .problem(401)?;
    other.delete("/api/purge").await?.json()?;
    let agreed = until("both tell the same", async || {
        let (one, other) = (acts(&one).await?, acts(&other).await?);
        Ok((one.len() == 3 && one == other).then_some(one))
    })
    .await?;
    let kinds: Vec<_> = agreed.iter().map(|act| &act["kind"]).collect();
    assert_eq!(kinds, ["redrive", "dismiss", "purge"]);
    assert!(agreed.iter().all(|act| act["who"] == "token"), "{agreed:?}");
    assert_eq!(agreed[2]["about"], "0 versions");
    // A third one, started later, knows, too, and so does whoever connects.
    let third = start(&stack, endpoint).await?;
    until("the third one knows", async || {
        Ok((acts(&third).await? == agreed).then_some(()))
    })
    .await?;
    let url = format!("ws{}/ws", third.base.trim_start_matches("http"));
    let (mut socket, _) = connect_async(url).await?;
    let hello = socket.next().await.context("closed")??;
    let hello: Value = serde_json::from_str(hello.to_text()?)?;
    assert_eq!(hello["acts"], json!(agreed));
    Ok(())
}
