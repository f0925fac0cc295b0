//! Watches the service from outside: lists the bucket and reads the dead letters.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use aws_sdk_sqs::types::Message;
use contract::Prefixes;
use devstack::Stack;
use serde_json::Value;
use tokio::time::sleep;

use super::{term, upload::Video};

const PREFIX: &str = "thumbnails/";
const PERIOD: Duration = Duration::from_millis(50);

/// Thumbnails of a video where `THUMBNAIL_POSITIONS` is not set.
const PICTURES: usize = 3;

/// An upload whose thumbnails are awaited.
struct Expected {
    key: String,
    uploaded: Instant,
    pictures: usize,
}

/// Everything seen so far.
pub(crate) struct Watch<'a> {
    stack: &'a Stack,
    /// Whether a dead letter is an error.
    once: bool,
    /// Thumbnails of one video.
    pictures: usize,
    expected: Vec<Expected>,
    seen: HashSet<String>,
    dead: HashSet<String>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(stack: &'a Stack, once: bool) -> Self {
        let positions = std::env::var("THUMBNAIL_POSITIONS").ok();
        Self {
            stack,
            once,
            pictures: positions.map_or(PICTURES, |list| list.split(',').count()),
            expected: Vec::new(),
            seen: HashSet::new(),
            dead: HashSet::new(),
        }
    }

    /// Awaits the thumbnails of `video` from now on.
    pub(crate) fn expect(&mut self, video: &Video) {
        self.expected.push(Expected {
            key: video.key.clone(),
            uploaded: Instant::now(),
            pictures: 0,
        });
    }

    /// Keys of the videos that lack thumbnails.
    pub(crate) fn missing(&self) -> Vec<&str> {
        self.expected
            .iter()
            .filter(|video| video.pictures < self.pictures)
            .map(|video| video.key.as_str())
            .collect()
    }

    /// How many thumbnails exist.
    pub(crate) fn pictures(&self) -> usize {
        self.seen.len()
    }

    /// How many dead letters there are.
    pub(crate) fn dead(&self) -> usize {
        self.dead.len()
    }

    /// Watches while `work` is done.
    pub(crate) async fn during<T>(&mut self, work: impl Future<Output = T>) -> anyhow::Result<T> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                result = &mut work => return Ok(result),
                result = self.look() => result?,
            }
        }
    }

    /// Watches until each expected video has its thumbnails or, except with `--once`, is a dead
    /// letter.
    pub(crate) async fn until_settled(&mut self) -> anyhow::Result<()> {
        while self.missing().len() > self.dead.len() {
            self.look().await?;
        }
        Ok(())
    }

    /// Watches until something fails.
    pub(crate) async fn forever(&mut self) -> anyhow::Result<()> {
        loop {
            self.look().await?;
        }
    }

    /// Pauses, then looks once. Dropping this future loses nothing: the next look sees the same.
    async fn look(&mut self) -> anyhow::Result<()> {
        sleep(PERIOD).await;
        self.thumbnails().await?;
        self.dead_letters().await
    }

    async fn thumbnails(&mut self) -> anyhow::Result<()> {
        let mut pages = self
            .stack
            .s3()
            .list_objects_v2()
            .bucket(self.stack.bucket())
            .prefix(PREFIX)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            for object in page.context("cannot list the thumbnails")?.contents() {
                let Some(key) = object.key() else { continue };
                if is_no_picture(key) || self.seen.contains(key) {
                    continue;
                }
                let video = self
                    .expected
                    .iter_mut()
                    .filter(|video| video.pictures < self.pictures)
                    .find(|video| is_picture_of(key, &video.key));
                let age = video.map(|video| {
                    video.pictures += 1;
                    video.uploaded.elapsed()
                });
                term::thumbnail(key, object.size().unwrap_or(0).unsigned_abs(), age);
                self.seen.insert(key.to_owned());
            }
        }
        Ok(())
    }

    async fn dead_letters(&mut self) -> anyhow::Result<()> {
        let answer = self
            .stack
            .sqs()
            .receive_message()
            .queue_url(self.stack.dlq_url())
            .max_number_of_messages(10)
            .message_attribute_names("All")
            // Leaves the message visible to other readers.
            .visibility_timeout(0)
            .send()
            .await
            .context("cannot read the dead letters")?;
        for message in answer.messages.unwrap_or_default() {
            if self
                .dead
                .insert(message.message_id().unwrap_or_default().to_owned())
            {
                let letter = describe(&message);
                if self.once {
                    bail!("a dead letter: {letter}");
                }
                println!("  dead letter: {letter}");
            }
        }
        Ok(())
    }
}

/// Whether `key` is what the worker writes beside a video's pictures: its manifest or the journal's
/// entry.
fn is_no_picture(key: &str) -> bool {
    let manifest = key
        .rsplit_once('.')
        .is_some_and(|(_, extension)| extension == "json");
    manifest || key.starts_with(&Prefixes::default().recent())
}

/// Whether `key` is a numbered picture of the upload `video`: `thumbnails/a/b_1.jpg` of
/// `uploads/a/b.mp4`, or `thumbnails/a/b.mp4_1.jpg` where another upload has that name.
fn is_picture_of(key: &str, video: &str) -> bool {
    let strip = || {
        let name = key.strip_prefix(PREFIX)?;
        let video = video.strip_prefix("uploads/")?;
        let stem = video.rsplit_once('.').map_or(video, |(stem, _)| stem);
        name.strip_prefix(video)
            .or_else(|| name.strip_prefix(stem))?
            .strip_prefix('_')?
            .split_once('.')
    };
    strip().is_some_and(|(number, _)| number.parse::<u32>().is_ok())
}

/// The keys in a dead letter, and the reasons that its attributes give.
fn describe(message: &Message) -> String {
    let body = message.body().unwrap_or_default();
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    let keys: Vec<_> = json["Records"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|record| record["s3"]["object"]["key"].as_str())
        .collect();
    let subject = if keys.is_empty() {
        body.to_owned()
    } else {
        keys.join(", ")
    };
    let reasons: Vec<_> = message
        .message_attributes()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some(format!("{name}: {}", value.string_value()?)))
        .collect();
    if reasons.is_empty() {
        subject
    } else {
        format!("{subject} ({})", reasons.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::MessageAttributeValue;

    use super::*;

    #[test]
    fn pictures_belong_to_their_upload() {
        let video = "uploads/a/b.mp4";
        for key in ["thumbnails/a/b_1.jpg", "thumbnails/a/b.mp4_3.webp"] {
            assert!(is_picture_of(key, video), "{key}");
        }
        for key in [
            "thumbnails/a/b.json",
            "thumbnails/a/b_1_1.jpg",
            "thumbnails/a/b.mov_1.jpg",
            "thumbnails/b_1.jpg",
            "thumbnails/a/bc_1.jpg",
        ] {
            assert!(!is_picture_of(key, video), "{key}");
        }
    }

    #[test]
    fn a_dead_letter_tells_key_and_reason() {
        let reason = MessageAttributeValue::builder()
            .data_type("String")
            .string_value("corrupt")
            .build()
            .unwrap();
        let message = Message::builder()
            .body(r#"{"Records":[{"s3":{"object":{"key":"uploads/a.mp4"}}}]}"#)
            .message_attributes("reason", reason)
            .build();
        assert_eq!(describe(&message), "uploads/a.mp4 (reason: corrupt)");
        let other = Message::builder().body("odd").build();
        assert_eq!(describe(&other), "odd");
    }
}
