//! The tests' stack, their worker process, and waiting for conditions.

pub(crate) mod hostile;
mod worker;

use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_s3::{operation::get_object::GetObjectError, primitives::ByteStream};
use aws_sdk_sqs::types::Message;
use contract::{Manifest, ManifestRendition, ManifestThumbnail};
use devstack::{Stack, StackOptions};
pub(crate) use devstack::{program::until, proxy::Proxy};

pub(crate) use self::worker::{Worker, WorkerOptions};

/// A stack whose messages come back fast.
pub(crate) async fn stack(visibility_seconds: u64) -> Result<Stack> {
    Stack::start(StackOptions {
        visibility_timeout: Duration::from_secs(visibility_seconds),
        max_receive_count: 2,
        ..StackOptions::default()
    })
    .await
}

/// Puts an object; gives its `ETag` without quotes.
pub(crate) async fn upload(
    stack: &Stack,
    key: &str,
    body: impl Into<ByteStream>,
) -> Result<String> {
    let put = stack
        .s3()
        .put_object()
        .bucket(stack.bucket())
        .key(key)
        .body(body.into())
        .send()
        .await?;
    Ok(put.e_tag.context("no ETag")?.trim_matches('"').to_owned())
}

pub(crate) async fn upload_file(
    stack: &Stack,
    key: &str,
    path: &std::path::Path,
) -> Result<String> {
    upload(stack, key, tokio::fs::read(path).await?).await
}

pub(crate) async fn send(stack: &Stack, body: &str) -> Result<()> {
    stack
        .sqs()
        .send_message()
        .queue_url(stack.queue_url())
        .message_body(body)
        .send()
        .await?;
    Ok(())
}

/// The body of an S3 event about these keys, encoded as S3 does.
pub(crate) fn event(stack: &Stack, keys: &[&str]) -> String {
    let records: Vec<_> = keys
        .iter()
        .map(|key| {
            let key: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
            serde_json::json!({
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "s3": {
                    "bucket": {"name": stack.bucket()},
                    "object": {"key": key.replace("%2F", "/")},
                },
            })
        })
        .collect();
    serde_json::json!({ "Records": records }).to_string()
}

/// The body of an S3 event about one version of an object.
pub(crate) fn event_of(stack: &Stack, key: &str, size: u64, etag: &str) -> String {
    let text = event(stack, &[key]);
    let mut body: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let object = &mut body["Records"][0]["s3"]["object"];
    object["size"] = size.into();
    object["eTag"] = etag.into();
    body.to_string()
}

/// Empties the queue of the stack's own notifications.
pub(crate) async fn purge(stack: &Stack) -> Result<()> {
    stack
        .sqs()
        .purge_queue()
        .queue_url(stack.queue_url())
        .send()
        .await?;
    Ok(())
}

/// Waits until the queue holds nothing, in flight or not.
pub(crate) async fn queue_is_empty(stack: &Stack) -> Result<()> {
    until("the queue is empty", async || {
        Ok((stack.depth(stack.queue_url()).await? == (0, 0)).then_some(()))
    })
    .await
}

pub(crate) async fn dlq_depth(stack: &Stack) -> Result<u32> {
    let (visible, hidden) = stack.depth(stack.dlq_url()).await?;
    Ok(visible + hidden)
}

/// Waits for a message in the dead-letter queue.
pub(crate) async fn dead_letter(stack: &Stack) -> Result<Message> {
    until("a message in the dead-letter queue", async || {
        // ministack sweeps a queue into its dead-letter queue when the queue is looked at.
        stack.depth(stack.queue_url()).await?;
        let output = stack
            .sqs()
            .receive_message()
            .queue_url(stack.dlq_url())
            .message_attribute_names("All")
            .send()
            .await?;
        Ok(output.messages.unwrap_or_default().into_iter().next())
    })
    .await
}

/// The object's bytes and all that comes with them; `None` if there is none.
pub(crate) struct Output {
    pub(crate) body: Vec<u8>,
    pub(crate) content_type: String,
    pub(crate) cache_control: String,
    pub(crate) etag: String,
    pub(crate) last_modified: aws_sdk_s3::primitives::DateTime,
    pub(crate) metadata: std::collections::HashMap<String, String>,
}

pub(crate) async fn get(stack: &Stack, key: &str) -> Result<Option<Output>> {
    let sent = stack
        .s3()
        .get_object()
        .bucket(stack.bucket())
        .key(key)
        .send()
        .await;
    let object = match sent {
        Ok(object) => object,
        Err(error)
            if error
                .as_service_error()
                .is_some_and(GetObjectError::is_no_such_key) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Some(Output {
        content_type: object.content_type.unwrap_or_default(),
        cache_control: object.cache_control.unwrap_or_default(),
        etag: object.e_tag.unwrap_or_default(),
        last_modified: object.last_modified.context("no Last-Modified")?,
        metadata: object.metadata.unwrap_or_default(),
        body: object.body.collect().await?.to_vec(),
    }))
}

pub(crate) async fn manifest(stack: &Stack, key: &str) -> Result<Manifest> {
    let output = until(&format!("manifest {key}"), || get(stack, key)).await?;
    Ok(serde_json::from_slice(&output.body)?)
}

/// The keys below a prefix, but for the journal's.
pub(crate) async fn keys(stack: &Stack, prefix: &str) -> Result<Vec<String>> {
    let output = stack
        .s3()
        .list_objects_v2()
        .bucket(stack.bucket())
        .prefix(prefix)
        .send()
        .await?;
    let objects = output.contents.unwrap_or_default();
    Ok(objects
        .into_iter()
        .filter_map(|object| object.key)
        .filter(|key| !key.contains("/.recent/"))
        .collect())
}

/// Checks that a manifest tells the truth about three sound pictures of one version of one video.
pub(crate) async fn check(
    stack: &Stack,
    manifest: &Manifest,
    source: &str,
    etag: &str,
) -> Result<()> {
    assert_eq!(manifest.source_key, source);
    assert_eq!(manifest.source_etag, etag);
    assert_eq!(manifest.thumbnails.len(), 3);
    for thumbnail in manifest.thumbnails.iter().chain(&manifest.cover) {
        check_thumbnail(stack, manifest, thumbnail).await?;
    }
    Ok(())
}

async fn check_thumbnail(
    stack: &Stack,
    manifest: &Manifest,
    thumbnail: &ManifestThumbnail,
) -> Result<()> {
    let first = ManifestRendition {
        key: thumbnail.key.clone(),
        width: thumbnail.width,
        height: thumbnail.height,
        bytes: thumbnail.bytes,
    };
    for rendition in [&first].into_iter().chain(&thumbnail.renditions) {
        let output = get(stack, &rendition.key)
            .await?
            .context(rendition.key.clone())?;
        assert_eq!(output.content_type, "image/jpeg");
        assert_eq!(output.body.len() as u64, rendition.bytes);
        assert!(
            output.cache_control.contains("max-age"),
            "{}",
            output.cache_control
        );
        let metadata = |name: &str| output.metadata.get(name).cloned().unwrap_or_default();
        assert_eq!(
            contract::metadata::decode_key(&metadata("source-key")).as_deref(),
            Some(manifest.source_key.as_str())
        );
        assert_eq!(metadata("source-etag"), manifest.source_etag);
        assert_eq!(metadata("settings"), manifest.settings);
        let target: f64 = metadata("target").parse()?;
        let actual: f64 = metadata("actual").parse()?;
        assert!((target - thumbnail.target_s).abs() < 0.001);
        assert!((actual - thumbnail.actual_s).abs() < 0.001);

        // ffprobe is the judge of what the picture is.
        let file = tempfile::Builder::new().suffix(".jpg").tempfile()?;
        std::fs::write(file.path(), &output.body)?;
        let facts = devstack::oracle::probe(file.path())?;
        assert_eq!(facts.codec, "mjpeg");
        assert_eq!(
            (facts.width, facts.height),
            (rendition.width, rendition.height)
        );
        let shape = |width: u32, height: u32| f64::from(width) / f64::from(height);
        let difference =
            shape(facts.width, facts.height) - shape(manifest.media.width, manifest.media.height);
        assert!(difference.abs() < 0.02, "{facts:?} {:?}", manifest.media);
    }
    Ok(())
}
