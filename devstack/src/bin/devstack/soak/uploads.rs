//! What is uploaded: good videos of many containers, and some that can never be processed.

use std::path::PathBuf;

use anyhow::Context;
use bytes::Bytes;
use devstack::{Stack, media::Clip};

/// One of so many uploads can never be processed.
const BAD_ONE_OF: usize = 10;
/// One of so many uploads is announced a second time.
const REPEATED_ONE_OF: usize = 5;

/// The containers of the good videos.
const GOOD: [&str; 8] = ["mp4", "mov", "mkv", "webm", "ts", "avi", "flv", "wmv"];

/// A video that is uploaded under many keys.
#[derive(Debug)]
pub(super) struct Kind {
    /// Its extension, and what is wrong with it.
    pub(super) name: String,
    extension: &'static str,
    body: Bytes,
    /// The file of a good video.
    pub(super) file: Option<PathBuf>,
}

impl Kind {
    /// All kinds, whose files are made first if they are missing.
    pub(super) async fn all() -> anyhow::Result<Vec<Self>> {
        tokio::task::spawn_blocking(Self::make_all).await?
    }

    fn make_all() -> anyhow::Result<Vec<Self>> {
        let mut kinds = Vec::new();
        for extension in GOOD {
            let file = Clip::new(extension).make()?;
            kinds.push(Self {
                name: extension.to_owned(),
                extension,
                body: std::fs::read(&file)?.into(),
                file: Some(file),
            });
        }
        // Without its end, which has the index.
        let cut = kinds[0].body.slice(..kinds[0].body.len() / 2);
        let mut noise = vec![0; 64 << 10];
        fastrand::Rng::with_seed(7).fill(&mut noise);
        let script = b"export const answer: number = 42;\n".repeat(100);
        kinds.extend([
            Self::bad("cut", "mp4", cut),
            Self::bad("noise", "mkv", noise.into()),
            Self::bad("script", "ts", script.into()),
        ]);
        Ok(kinds)
    }

    fn bad(name: &str, extension: &'static str, body: Bytes) -> Self {
        Self {
            name: name.to_owned(),
            extension,
            body,
            file: None,
        }
    }

    pub(super) fn is_good(&self) -> bool {
        self.file.is_some()
    }
}

/// A video under a key of its own.
#[derive(Debug)]
pub(super) struct Upload<'a> {
    pub(super) kind: &'a Kind,
    /// The key without prefix and extension.
    name: String,
    is_repeated: bool,
}

impl<'a> Upload<'a> {
    /// One upload of each good kind.
    pub(super) fn each(kinds: &'a [Kind]) -> Vec<Self> {
        let good = kinds.iter().filter(|kind| kind.is_good());
        good.map(|kind| Self {
            kind,
            name: format!("undisturbed/{}", kind.name),
            is_repeated: false,
        })
        .collect()
    }

    /// So many uploads.
    pub(super) fn some(kinds: &'a [Kind], uploads: usize, chance: &mut fastrand::Rng) -> Vec<Self> {
        let (good, bad): (Vec<_>, Vec<_>) = kinds.iter().partition(|kind| kind.is_good());
        let mut some: Vec<_> = (0..uploads)
            .map(|nth| {
                let (nth, of) = if nth % BAD_ONE_OF == BAD_ONE_OF - 1 {
                    (nth / BAD_ONE_OF, &bad)
                } else {
                    (nth, &good)
                };
                of[nth % of.len()]
            })
            .enumerate()
            .map(|(nth, kind)| Self {
                kind,
                name: format!("soak/{nth}-{}", kind.name),
                is_repeated: kind.is_good() && nth % REPEATED_ONE_OF == 0,
            })
            .collect();
        chance.shuffle(&mut some);
        some
    }

    /// The video's key.
    pub(super) fn key(&self) -> String {
        format!("uploads/{}.{}", self.name, self.kind.extension)
    }

    /// The key of its manifest.
    pub(super) fn manifest(&self) -> String {
        format!("thumbnails/{}.json", self.name)
    }
}

/// Uploads everything, which the bucket announces to the queue, and announces some once more.
pub(super) async fn send(stack: &Stack, uploads: &[Upload<'_>]) -> anyhow::Result<()> {
    for upload in uploads {
        let key = upload.key();
        let put = stack.s3().put_object().bucket(stack.bucket()).key(&key);
        let put = put.body(upload.kind.body.clone().into()).send();
        put.await.with_context(|| format!("cannot upload {key}"))?;
        if upload.is_repeated {
            announce(stack, &key).await?;
        }
    }
    Ok(())
}

/// Sends the bucket's event about a key, which needs no escaping.
async fn announce(stack: &Stack, key: &str) -> anyhow::Result<()> {
    let event = serde_json::json!({ "Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": { "bucket": { "name": stack.bucket() }, "object": { "key": key } },
    }]});
    let send = stack.sqs().send_message().queue_url(stack.queue_url());
    send.message_body(event.to_string()).send().await?;
    Ok(())
}

/// How many uploads there are, and of what.
pub(super) fn summary(uploads: &[Upload<'_>]) -> String {
    let bad = uploads.iter().filter(|upload| !upload.kind.is_good());
    let repeated = uploads.iter().filter(|upload| upload.is_repeated);
    format!(
        "{} videos, {} of them bad, {} announced twice",
        uploads.len(),
        bad.count(),
        repeated.count()
    )
}
