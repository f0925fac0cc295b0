//! The dead-letter queue, and the way back.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use aws_sdk_sqs::types::MessageAttributeValue;
use devstack::Stack;
use serde_json::json;

use crate::support::{Api, stack, until};

/// Buries a message as the worker does; gives its id.
async fn bury(stack: &Stack, body: &str, kind: &str, message: &str) -> Result<String> {
    let attribute = |value: &str| {
        MessageAttributeValue::builder()
            .data_type("String")
            .string_value(value)
            .build()
    };
    let sent = stack
        .sqs()
        .send_message()
        .queue_url(stack.dlq_url())
        .message_body(body)
        .message_attributes("error-kind", attribute(kind)?)
        .message_attributes("error-message", attribute(message)?)
        .send()
        .await?;
    sent.message_id.context("no id")
}

/// The bodies in a queue that tests put there, taken out.
async fn drain(stack: &Stack, url: &str) -> Result<BTreeSet<String>> {
    let mut bodies = BTreeSet::new();
    loop {
        let answer = stack.sqs().receive_message().queue_url(url);
        let answer = answer.max_number_of_messages(10).send().await?;
        let messages = answer.messages.unwrap_or_default();
        if messages.is_empty() {
            return Ok(bodies);
        }
        let found = messages.into_iter().filter_map(|message| message.body);
        // S3 tested the notification.
        bodies.extend(found.filter(|body| !body.contains("s3:TestEvent")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_tells_the_reasons_and_hides_nothing() -> Result<()> {
    let stack = stack().await?;
    let api = Api::start(&stack).await?;
    let empty = api.get("/api/failures").await?.json()?;
    assert_eq!(empty, json!({"failures": [], "total": 0}));

    let event = json!({"Records": [{"eventName": "ObjectCreated:Put", "s3": {
        "bucket": {"name": stack.bucket()}, "object": {"key": "uploads/a+b.mp4"}}}]});
    let first = bury(&stack, &event.to_string(), "corrupt", "no picture of it").await?;
    for n in 1..25 {
        bury(&stack, &format!("uploads/{n}.mp4"), "not_found", "gone").await?;
    }
    let seen = until("all are seen", async || {
        let seen = api.get("/api/failures").await?.json()?;
        Ok((seen["total"] == 25).then_some(seen))
    })
    .await?;
    let failures = seen["failures"].as_array().context("no list")?;
    assert_eq!(failures.len(), 25);
    let found = failures.iter().find(|failure| failure["id"] == *first);
    let found = found.context("not listed")?;
    assert_eq!(found["keys"], json!(["uploads/a b.mp4"]));
    assert_eq!(found["kind"], "corrupt");
    assert_eq!(found["message"], "no picture of it");
    assert!(
        found["sentAt"]
            .as_str()
            .is_some_and(|time| time.ends_with('Z'))
    );

    // Others get them at once.
    assert_eq!(drain(&stack, stack.dlq_url()).await?.len(), 25);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn some_or_all_go_back_and_none_is_lost() -> Result<()> {
    let stack = stack().await?;
    let api = Api::start(&stack).await?;
    let mut ids = Vec::new();
    for n in 0..25 {
        ids.push(bury(&stack, &format!("uploads/{n}.mp4"), "corrupt", "x").await?);
    }
    let body = json!({"ids": [ids[3], ids[17], "nobody"]});
    let redriven = api.post("/api/failures/redrive", &body).await?.json()?;
    assert_eq!(redriven, json!({"redriven": 2, "missing": ["nobody"]}));
    let back: BTreeSet<String> = ["uploads/3.mp4", "uploads/17.mp4"].map(String::from).into();
    assert_eq!(drain(&stack, stack.queue_url()).await?, back);
    let left = api.get("/api/failures").await?.json()?;
    assert_eq!(left["total"], 23);

    let redriven = api
        .post("/api/failures/redrive", &json!({}))
        .await?
        .json()?;
    assert_eq!(redriven, json!({"redriven": 23, "missing": []}));
    assert_eq!(drain(&stack, stack.queue_url()).await?.len(), 23);
    let left = api.get("/api/failures").await?.json()?;
    assert_eq!(left["total"], 0);

    let many: Vec<String> = (0..1001).map(|n| n.to_string()).collect();
    api.post("/api/failures/redrive", &json!({"ids": many}))
        .await?
        .problem(422)?;
    let line = api
        .audit("/api/failures/redrive")
        .into_iter()
        .next()
        .context("no line")?;
    assert_eq!(line["about"], "2 messages");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dismissed_is_gone_and_nothing_else() -> Result<()> {
    let stack = stack().await?;
    let api = Api::start(&stack).await?;
    let mut ids = Vec::new();
    for n in 0..12 {
        ids.push(bury(&stack, &format!("uploads/{n}.mp4"), "corrupt", "x").await?);
    }
    let body = json!({"ids": [ids[3], ids[7], "nobody"]});
    let dismissed = api.post("/api/failures/dismiss", &body).await?;
    assert_eq!(
        dismissed.json()?,
        json!({"dismissed": 2, "missing": ["nobody"]})
    );
    assert_eq!(drain(&stack, stack.queue_url()).await?, BTreeSet::new());
    let left = drain(&stack, stack.dlq_url()).await?;
    assert_eq!(left.len(), 10);
    assert!(!left.contains("uploads/3.mp4") && !left.contains("uploads/7.mp4"));
    // Everything is never meant by leaving something out.
    for body in [json!({}), json!({"ids": null})] {
        let answer = api.post("/api/failures/dismiss", &body).await?;
        answer.problem(422)?;
    }
    let line = api.audit("/api/failures/dismiss").into_iter().next();
    assert_eq!(line.context("no line")?["about"], "2 messages");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_back_stays() -> Result<()> {
    let stack = stack().await?;
    let lost = stack.queue_url().replace("video-uploads", "no-such-queue");
    let env = [
        ("API_TOKEN", crate::support::TOKEN),
        ("SQS_QUEUE_URL", &lost),
    ];
    let api = Api::start_with(&stack, &env).await?;
    bury(&stack, "uploads/a.mp4", "corrupt", "x").await?;
    let answer = api.post("/api/failures/redrive", &json!({})).await?;
    answer.problem(502)?;
    assert_eq!(drain(&stack, stack.dlq_url()).await?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_dead_letter_queue_that_is_said() -> Result<()> {
    let stack = stack().await?;
    let env = [("API_TOKEN", crate::support::TOKEN), ("SQS_DLQ_URL", "")];
    let api = Api::start_with(&stack, &env).await?;
    let detail = api.get("/api/failures").await?.problem(409)?;
    assert!(detail.contains("SQS_DLQ_URL"), "{detail}");
    api.post("/api/failures/redrive", &json!({}))
        .await?
        .problem(409)?;
    Ok(())
}
