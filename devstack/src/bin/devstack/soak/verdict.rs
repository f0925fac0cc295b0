//! What is in the bucket and among the dead letters, beside what must be there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
    time::Duration,
};

use anyhow::{Context, ensure};
use aws_sdk_s3::operation::get_object::GetObjectError;
use bytes::Bytes;
use contract::Manifest;
use devstack::{Stack, oracle};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::uploads::{self, Kind, Upload};
use crate::service::{Service, WORKER, free_address};

/// The least likeness of a picture and ffmpeg's frame of its time.
const LEAST_SSIM: f64 = 0.9;
/// How long the videos may take without faults.
const UNDISTURBED: Duration = Duration::from_mins(2);

/// A video's pictures: each key's bytes, in the manifest's order.
type Pictures = Vec<Bytes>;

/// The pictures of each good kind, by name.
#[derive(Debug)]
pub(super) struct References(BTreeMap<String, Pictures>);

impl References {
    /// Lets a worker make the pictures without any fault, and compares the pictures with ffmpeg's.
    pub(super) async fn make(stack: &Stack, kinds: &[Kind]) -> anyhow::Result<Self> {
        let grace = [("SHUTDOWN_GRACE_SECONDS", "5")];
        let mut worker = Service::start(&WORKER, stack, free_address(0)?, &grace).await?;
        let uploads = Upload::each(kinds);
        uploads::send(stack, &uploads).await?;
        let all = timeout(UNDISTURBED, Self::wait(stack, &uploads));
        let references = all
            .await
            .context("the videos take too long")
            .and_then(|made| made)
            .with_context(|| worker.log_tail())?;
        worker.stop().await?;
        Ok(references)
    }

    async fn wait(stack: &Stack, uploads: &[Upload<'_>]) -> anyhow::Result<Self> {
        const PERIOD: Duration = Duration::from_millis(100);
        let mut references = BTreeMap::new();
        for upload in uploads {
            let (manifest, pictures) = loop {
                if let Some(made) = made(stack, upload).await? {
                    break made;
                }
                sleep(PERIOD).await;
            };
            let file = upload
                .kind
                .file
                .as_deref()
                .context("a video without file")?;
            judge(file, &manifest, &pictures)?;
            references.insert(upload.kind.name.clone(), pictures);
        }
        Ok(Self(references))
    }
}

/// Compares pictures with ffmpeg's frames of their times.
fn judge(file: &Path, manifest: &Manifest, pictures: &Pictures) -> anyhow::Result<()> {
    for (thumbnail, picture) in manifest.thumbnails.iter().zip(pictures) {
        let ours = image::load_from_memory(picture)?.to_rgb8();
        let (width, height) = ours.dimensions();
        let theirs = oracle::frame_at(file, thumbnail.actual_s, width, height)?;
        let ssim = oracle::ssim(&ours, &theirs);
        ensure!(
            ssim >= LEAST_SSIM,
            "{} is unlike ffmpeg's frame: SSIM {ssim:.3}",
            thumbnail.key
        );
    }
    Ok(())
}

/// What is not as it must be.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Verdict {
    /// Good videos without pictures.
    lost: Vec<String>,
    /// Videos with other pictures than they must have.
    wrong: Vec<String>,
    /// Good videos among the dead letters.
    innocent: Vec<String>,
    /// Bad videos that are not among the dead letters.
    missing: Vec<String>,
}

impl Verdict {
    /// Judges the bucket and the dead letters.
    pub(super) async fn of(
        stack: &Stack,
        uploads: &[Upload<'_>],
        references: &References,
    ) -> anyhow::Result<Self> {
        let mut dead = dead_letters(stack).await?;
        let mut verdict = Self::default();
        for upload in uploads {
            let key = upload.key();
            let is_dead = dead.remove(&key);
            let made = made(stack, upload).await?.map(|(_, pictures)| pictures);
            // Of bad videos there are none.
            let right = references.0.get(&upload.kind.name);
            verdict.judge(key, right, made.as_ref(), is_dead);
        }
        verdict.innocent.extend(dead);
        Ok(verdict)
    }

    /// Judges what became of one video, whose pictures must be `right`, or none.
    fn judge(
        &mut self,
        key: String,
        right: Option<&Pictures>,
        made: Option<&Pictures>,
        is_dead: bool,
    ) {
        match (right, made) {
            (Some(_), None) => self.lost.push(key.clone()),
            (right, made) if right != made => self.wrong.push(key.clone()),
            _ => {}
        }
        match (right, is_dead) {
            (Some(_), true) => self.innocent.push(key),
            (None, false) => self.missing.push(key),
            _ => {}
        }
    }

    /// Fails if anything is not as it must be.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        ensure!(*self == Self::default(), "not everything is as it must be");
        Ok(())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = [
            ("lost", &self.lost),
            ("wrong", &self.wrong),
            ("good, and a dead letter", &self.innocent),
            ("bad, and no dead letter", &self.missing),
        ];
        for (nth, (what, keys)) in lines.into_iter().enumerate() {
            let end = if nth == 0 { "" } else { "\n" };
            write!(f, "{end}{what}: {}", keys.len())?;
            for key in keys {
                write!(f, "\n  {key}")?;
            }
        }
        Ok(())
    }
}

/// A video's manifest and pictures; `None` without a manifest.
async fn made(stack: &Stack, upload: &Upload<'_>) -> anyhow::Result<Option<(Manifest, Pictures)>> {
    let Some(manifest) = get(stack, &upload.manifest()).await? else {
        return Ok(None);
    };
    let manifest: Manifest = serde_json::from_slice(&manifest)?;
    let mut pictures = Vec::new();
    for thumbnail in &manifest.thumbnails {
        let picture = get(stack, &thumbnail.key).await?;
        pictures.push(picture.unwrap_or_default());
    }
    Ok(Some((manifest, pictures)))
}

/// An object's bytes; `None` if there is no such object.
async fn get(stack: &Stack, key: &str) -> anyhow::Result<Option<Bytes>> {
    let get = stack.s3().get_object().bucket(stack.bucket()).key(key);
    match get.send().await {
        Ok(object) => Ok(Some(object.body.collect().await?.into_bytes())),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(GetObjectError::is_no_such_key) =>
        {
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("cannot get {key}")),
    }
}

/// The keys of the videos among the dead letters.
async fn dead_letters(stack: &Stack) -> anyhow::Result<BTreeSet<String>> {
    let mut keys = BTreeSet::new();
    loop {
        let receive = stack.sqs().receive_message().queue_url(stack.dlq_url());
        let answer = receive.max_number_of_messages(10).send().await?;
        let messages = answer.messages.unwrap_or_default();
        if messages.is_empty() {
            return Ok(keys);
        }
        for message in messages {
            let body: Value = serde_json::from_str(message.body().unwrap_or_default())?;
            let records = body["Records"].as_array().into_iter().flatten();
            let named = records.filter_map(|record| record["s3"]["object"]["key"].as_str());
            keys.extend(named.map(str::to_owned));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_fault_is_told() {
        let (right, other) = (vec![Bytes::from("right")], vec![Bytes::from("other")]);
        let mut verdict = Verdict::default();
        for (key, right, made, is_dead) in [
            ("good", Some(&right), Some(&right), false),
            ("bad", None, None, true),
        ] {
            verdict.judge(key.to_owned(), right, made, is_dead);
        }
        assert!(verdict.check().is_ok(), "{verdict}");
        for (key, right, made, is_dead) in [
            ("lost", Some(&right), None, false),
            ("wrong", Some(&right), Some(&other), false),
            ("innocent", Some(&right), Some(&right), true),
            ("missing", None, None, false),
            ("made of nothing", None, Some(&other), true),
        ] {
            verdict.judge(key.to_owned(), right, made, is_dead);
        }
        assert!(verdict.check().is_err());
        assert_eq!(
            verdict.to_string(),
            "lost: 1\n  lost\n\
             wrong: 2\n  wrong\n  made of nothing\n\
             good, and a dead letter: 1\n  innocent\n\
             bad, and no dead letter: 1\n  missing"
        );
    }
}
