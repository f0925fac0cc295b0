//! What the tests share.

mod api;
mod bucket;
mod client;
mod cluster;

use anyhow::Result;
pub(crate) use devstack::program::{DEADLINE, until};
use devstack::{Stack, StackOptions};
use serde_json::{Value, json};

pub(crate) use self::{
    api::Api,
    bucket::{Bucket, EPOCH, MANIFESTS},
    client::Client,
    cluster::Cluster,
};

pub(crate) async fn stack() -> Result<Stack> {
    Stack::start(StackOptions::default()).await
}

/// Puts an object into the stack's bucket.
pub(crate) async fn put(stack: &Stack, key: &str, body: impl Into<Vec<u8>>) -> Result<()> {
    stack
        .s3()
        .put_object()
        .bucket(stack.bucket())
        .key(key)
        .body(body.into().into())
        .send()
        .await?;
    Ok(())
}

/// A manifest as the worker writes it, of a video that lies at `uploads/<path>.mp4`.
pub(crate) fn manifest(path: &str) -> Value {
    let thumbnails: Vec<_> = [(1, 1.0), (2, 5.0), (3, 9.5)]
        .map(|(number, seconds)| {
            json!({"key": format!("thumbnails/{path}_{number}.jpg"), "targetS": seconds, "actualS": seconds,
                   "width": 640, "height": 360, "bytes": 7, "origin": "keyframe"})
        })
        .into();
    json!({
        "schemaVersion": 1, "sourceKey": format!("uploads/{path}.mp4"), "sourceEtag": "e",
        "sourceBytes": 1000, "settings": "s", "createdAt": "2026-01-02T03:04:05Z",
        "media": {"container": "mp4", "codec": "h264", "width": 640, "height": 360, "durationS": 10.0},
        "thumbnails": thumbnails, "bytesFetched": 100, "requests": 2, "roundTrips": 1,
        "timings": {"extractMs": 1, "cpuMs": 2, "uploadMs": 3},
    })
}

/// Puts what a worker would: pictures, manifest and the journal's entry.
pub(crate) async fn publish(stack: &Stack, path: &str) -> Result<()> {
    for number in 1..=3 {
        put(stack, &format!("thumbnails/{path}_{number}.jpg"), "picture").await?;
    }
    let body = manifest(path).to_string();
    put(stack, &format!("thumbnails/{path}.json"), body).await?;
    let millis = std::time::SystemTime::now()
        .duration_since(std::time::SystemTime::UNIX_EPOCH)?
        .as_millis();
    put(stack, &format!("thumbnails/.recent/{millis}/{path}"), "").await
}

/// The names of a JSON object's fields.
pub(crate) fn fields(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .map(|object| object.keys().map(String::as_str).collect())
        .unwrap_or_default()
}
