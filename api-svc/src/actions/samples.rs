//! `POST /api/test`: copies the test bucket's videos into the uploads.
//!
//! A video whose name is taken in the uploads is skipped: it may be somebody's, and the same video
//! again would be found done.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_s3::Client;
use contract::{Prefixes, api::TestQueued};
use futures::{StreamExt as _, stream};

use super::{
    aws_problem, conflict,
    copy::{Copied, Sizes, Source, copy},
    progress::Progress,
};
use crate::problem::Problem;

/// Copies at the same time.
const CONCURRENCY: usize = 16;

/// The test bucket.
#[derive(Debug)]
pub(crate) struct Samples {
    client: Client,
    source: Option<String>,
    bucket: String,
    prefixes: Prefixes,
}

/// The log has the reason.
struct CopyFailed;

impl Samples {
    pub(crate) fn new(
        client: Client,
        source: Option<String>,
        bucket: String,
        prefixes: Prefixes,
    ) -> Self {
        Self {
            client,
            source,
            bucket,
            prefixes,
        }
    }

    /// Where the videos come from.
    pub(crate) fn source(&self) -> Result<&str, Problem> {
        self.source
            .as_deref()
            .ok_or_else(|| conflict("there is no test bucket: TEST_SOURCE_BUCKET is not set"))
    }

    /// Copies them all.
    pub(crate) async fn run(&self, progress: &Progress) -> Result<TestQueued, Problem> {
        let source = self.source()?;
        let (queued, skipped, failed) = <(AtomicU64, AtomicU64, AtomicU64)>::default();
        let mut pages = self
            .client
            .list_objects_v2()
            .bucket(source)
            .into_paginator()
            .send();
        let mut found = 0;
        // A page is copied before the next is asked for.
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| aws_problem("listing the test bucket", &error))?;
            let objects = page.contents.unwrap_or_default();
            found += objects.len() as u64;
            if page.is_truncated != Some(true) {
                progress.set_total(found);
            }
            stream::iter(objects)
                .for_each_concurrent(CONCURRENCY, |object| {
                    let (queued, skipped, failed) = (&queued, &skipped, &failed);
                    async move {
                        let count = match self.one(source, object).await {
                            Ok(true) => queued,
                            Ok(false) => skipped,
                            Err(CopyFailed) => failed,
                        };
                        count.fetch_add(1, Ordering::Relaxed);
                        progress.add(1);
                    }
                })
                .await;
        }
        Ok(TestQueued {
            queued: queued.into_inner(),
            skipped: skipped.into_inner(),
            failed: failed.into_inner(),
        })
    }

    /// Whether the object is a video whose name is free, and so was copied.
    async fn one(
        &self,
        source: &str,
        object: aws_sdk_s3::types::Object,
    ) -> Result<bool, CopyFailed> {
        let size = object.size.unwrap_or_default().max(0) as u64;
        let name = object.key.unwrap_or_default();
        let key = format!("{}{name}", self.prefixes.uploads());
        if size == 0 || !contract::is_announced(&key) || self.prefixes.candidates(&key).is_err() {
            tracing::debug!(key = ?name, "no video");
            return Ok(false);
        }
        let source = Source {
            bucket: source.to_owned(),
            key: name,
            etag: object.e_tag.unwrap_or_default(),
            size,
        };
        match copy(&self.client, &source, &self.bucket, &key, Sizes::default()).await {
            Ok(Copied::Yes) => Ok(true),
            Ok(Copied::Taken) => {
                tracing::info!(?key, "there is an object of this name already");
                Ok(false)
            }
            Err(error) => {
                tracing::warn!(?key, error, "cannot copy");
                Err(CopyFailed)
            }
        }
    }
}
