//! A bucket of many videos and a dead-letter queue of many failures, as if a worker had made them.

use std::time::Duration;

use anyhow::Context;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use contract::{
    Manifest, ManifestThumbnail, MediaFacts, Origin, Timings,
    api::{Act, ActKind, MOST_ACTS},
    manifest::SCHEMA_VERSION,
};
use devstack::Stack;
use serde_json::json;
use tokio::task::JoinSet;

/// Requests at a time.
const LANES: usize = 24;
/// Most messages that SQS takes at once.
const BATCH: usize = 10;
const FOLDERS: [&str; 5] = ["archive", "drone", "holidays", "lectures", "interviews"];
const WORDS: [&str; 8] = [
    "beach", "canyon", "evening", "harbour", "market", "night", "summit", "village",
];
/// Kinds and words of failures, as workers tell them.
const REASONS: [(&str, &str); 4] = [
    (
        "corrupt",
        "no picture could be decoded: the index points beyond the end of the file",
    ),
    ("unsupported", "no decoder for the codec dvhe"),
    ("no_video", "the file has sound only"),
    (
        "limit",
        "1073741824 bytes would have to be read, 67108864 are allowed",
    ),
];

/// A video of the bucket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Video(pub(crate) usize);

impl Video {
    /// Its key below the prefixes, without its extension.
    pub(crate) fn name(self) -> String {
        let Self(n) = self;
        let (folder, first) = (FOLDERS[n % FOLDERS.len()], WORDS[n / 3 % WORDS.len()]);
        format!("{folder}/{first}-{}-{n:05}", WORDS[n / 31 % WORDS.len()])
    }

    /// Its size in bytes: no two have the same.
    pub(crate) fn bytes(self) -> u64 {
        2_000_000 + (self.0 as u64 * 7_919_357) % 900_000_000
    }

    /// What was read of it.
    pub(crate) fn fetched(self) -> u64 {
        400_000 + (self.0 as u64 * 104_729) % 9_000_000
    }

    fn picture(self, number: usize) -> String {
        format!("thumbnails/{}_{number}.jpg", self.name())
    }

    fn manifest(self, picture: &[u8]) -> Manifest {
        let pictures =
            [(1, 60.0), (2, 300.0), (3, 570.0)].map(|(number, seconds)| ManifestThumbnail {
                key: self.picture(number),
                target_s: seconds,
                actual_s: seconds,
                width: 640,
                height: 360,
                bytes: picture.len() as u64,
                origin: Origin::Keyframe,
                score: None,
                candidates: Vec::new(),
                renditions: Vec::new(),
                choice: None,
                pending: false,
            });
        Manifest {
            schema_version: SCHEMA_VERSION,
            source_key: format!("uploads/{}.mp4", self.name()),
            source_etag: "0123456789abcdef".to_owned(),
            source_bytes: self.bytes(),
            settings: "0123456789abcdef".to_owned(),
            created_at: "2026-01-02T03:04:05Z".to_owned(),
            media: MediaFacts {
                container: "mp4".to_owned(),
                codec: "h264".to_owned(),
                width: 1920,
                height: 1080,
                duration_s: Some(600.0),
            },
            thumbnails: pictures.into(),
            cover: None,
            bytes_fetched: self.fetched(),
            requests: 6,
            round_trips: 3,
            reads: Vec::new(),
            timings: Timings {
                extract_ms: 80,
                cpu_ms: 60,
                upload_ms: 20,
            },
            storyboard: None,
            preview: None,
        }
    }
}

/// Puts `videos` into the bucket, three pictures and a manifest each, and the last changes.
pub(crate) async fn fill(stack: &Stack, videos: usize) -> anyhow::Result<()> {
    let picture = picture().await?;
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let (s3, bucket) = (stack.s3().clone(), stack.bucket().to_owned());
        let picture = picture.clone();
        lanes.spawn(async move {
            for video in (lane..videos).step_by(LANES).map(Video) {
                let manifest = serde_json::to_vec(&video.manifest(&picture))?;
                let pictures = [1, 2, 3].map(|number| (video.picture(number), picture.clone()));
                let manifest = (format!("thumbnails/{}.json", video.name()), manifest);
                for (key, body) in pictures.into_iter().chain([manifest]) {
                    let put = s3.put_object().bucket(&bucket).key(key);
                    put.body(ByteStream::from(body)).send().await?;
                }
            }
            anyhow::Ok(())
        });
    }
    while let Some(lane) = lanes.join_next().await {
        lane??;
    }
    let act = |n: usize| Act {
        id: n.to_string(),
        kind: ActKind::Redrive,
        who: format!("subject \"person-{}\"", n % 7),
        about: format!("{} messages", n + 1),
        at: format!("2026-01-02T03:{:02}:{:02}Z", n / 60, n % 60),
    };
    let acts: Vec<_> = (0..MOST_ACTS).map(act).collect();
    let shared = serde_json::to_vec(&json!({"acts": acts}))?;
    let put = stack.s3().put_object().bucket(stack.bucket());
    put.key("thumbnails/.shared")
        .body(shared.into())
        .send()
        .await?;
    Ok(())
}

/// Sends failures to the dead-letter queue, as workers do.
pub(crate) async fn fail(stack: &Stack, count: usize) -> anyhow::Result<()> {
    let attribute = |text: &str| {
        let value = MessageAttributeValue::builder().data_type("String");
        value.string_value(text).build()
    };
    let entry = |n: usize| {
        let (kind, reason) = REASONS[n % REASONS.len()];
        let event = json!({"Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "s3": {
                "bucket": {"name": stack.bucket()},
                "object": {"key": format!("uploads/broken/film-{n:04}.mp4"), "size": 1000, "eTag": "e"},
            },
        }]});
        let entry = SendMessageBatchRequestEntry::builder()
            .id(n.to_string())
            .message_body(event.to_string())
            .message_attributes("error-kind", attribute(kind)?)
            .message_attributes("error-message", attribute(reason)?);
        anyhow::Ok(entry.build()?)
    };
    for first in (0..count).step_by(BATCH) {
        let entries = (first..count.min(first + BATCH)).map(entry);
        let entries = entries.collect::<anyhow::Result<Vec<_>>>()?;
        let send = stack.sqs().send_message_batch().queue_url(stack.dlq_url());
        let sent = send.set_entries(Some(entries)).send().await?;
        anyhow::ensure!(sent.failed().is_empty(), "{:?}", sent.failed());
    }
    Ok(())
}

/// One frame of a test film, of the size that workers make.
async fn picture() -> anyhow::Result<Vec<u8>> {
    let output = tokio::process::Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=640x360",
            "-frames:v",
            "1",
        ])
        .args(["-q:v", "6", "-f", "mjpeg", "-"])
        .output();
    let output = tokio::time::timeout(Duration::from_secs(30), output).await??;
    anyhow::ensure!(
        output.status.success(),
        "ffmpeg: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(output.stdout)
        .filter(|picture| !picture.is_empty())
        .context("an empty picture")
}
