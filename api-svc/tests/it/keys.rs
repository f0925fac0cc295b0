//! Every key that S3 allows and a worker processes can be asked for.

use anyhow::{Context as _, Result};
use contract::Prefixes;
use serde_json::json;
use url::form_urlencoded::byte_serialize;

use crate::support::{Api, manifest, put, stack};

const KEYS: [&str; 14] = [
    "uploads/../a.mp4",
    "uploads/./b/../../c.mp4",
    "uploads/d//e.mp4",
    "uploads//f.mp4",
    "uploads/line\nbreak.mp4",
    "uploads/tab\tand\u{1}control.mp4",
    "uploads/q?x=1&y=2#z.mp4",
    "uploads/100%.mp4",
    "uploads/%2E%2E/g.mp4",
    "uploads/+ +.mp4",
    "uploads/ü/日本.mp4",
    "uploads/ quote\"'<&> .mp4",
    "uploads/back\\slash;h=i.mp4",
    "uploads/storyboard.vtt/storyboard.json/j.mp4",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_legal_key_can_be_asked_for() -> Result<()> {
    let stack = stack().await?;
    let prefixes = Prefixes::default();
    for key in KEYS {
        let [name, ..] = prefixes.candidates(key).with_context(|| key.to_owned())?;
        let mut body = manifest("x");
        body["sourceKey"] = json!(key);
        put(&stack, &name.manifest(), body.to_string()).await?;
        let picture = name.manifest().replace(".json", "_1.jpg");
        put(&stack, &picture, "picture").await?;
    }
    let api = Api::start(&stack, &[]).await?;
    for key in KEYS {
        let [name, ..] = prefixes.candidates(key)?;
        for asked in [key.to_owned(), name.manifest()] {
            let query: String = byte_serialize(asked.as_bytes()).collect();
            let answer = api.get(&format!("/api/video?key={query}")).await?;
            assert_eq!(answer.status, 200, "{asked:?}: {}", answer.text);
            assert_eq!(answer.json()?["sourceKey"], key);
        }
    }
    // One odd key spoils no listing.
    api.metrics_when("all videos are in the index", |m| {
        m["indexComplete"] == true && m["videosProcessed"] == KEYS.len()
    })
    .await?;
    Ok(())
}
