//! The test of the pipeline: copies the test bucket's videos into the uploads.
//!
//! A video whose name is taken in the uploads is skipped: the object there may be someone else's,
//! and workers skip a video that they have processed.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_s3::Client;
use contract::{Prefixes, api::TestQueued};
use futures::{StreamExt as _, stream};
use service_kit::aws::Written;

use super::{
    copy::{Sizes, Source, copy},
    progress::Progress,
};
use crate::aws::AwsError;

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

/// Why a test cannot run.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum SamplesError {
    #[error("there is no test bucket: TEST_SOURCE_BUCKET is not set")]
    NoBucket,
    #[error(transparent)]
    Aws(#[from] AwsError),
}

/// A video was not copied; the log has the reason.
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

    /// The test bucket's name.
    pub(crate) fn source(&self) -> Result<&str, SamplesError> {
        self.source.as_deref().ok_or(SamplesError::NoBucket)
    }

    /// Copies all videos of the test bucket.
    pub(crate) async fn run(&self, progress: &Progress) -> Result<TestQueued, SamplesError> {
        let source = self.source()?;
        let (queued, skipped, failed) = <(AtomicU64, AtomicU64, AtomicU64)>::default();
        let mut pages = self
            .client
            .list_objects_v2()
            .bucket(source)
            .into_paginator()
            .send();
        let mut found = 0;
        // A page is copied before the next is listed.
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| AwsError::new("listing the test bucket", error))?;
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

    /// Copies the object if it is a video whose name is free, and returns whether it did.
    async fn one(
        &self,
        source: &str,
        object: aws_sdk_s3::types::Object,
    ) -> Result<bool, CopyFailed> {
        let size = object.size.unwrap_or_default().max(0) as u64;
        let name = object.key.unwrap_or_default();
        let key = format!("{}{name}", self.prefixes.uploads());
        if size == 0 || self.prefixes.candidates(&key).is_err() {
            tracing::debug!(key = ?name, "not a video");
            return Ok(false);
        }
        let source = Source {
            bucket: source.to_owned(),
            key: name,
            etag: object.e_tag.unwrap_or_default(),
            size,
        };
        match copy(&self.client, &source, &self.bucket, &key, Sizes::default()).await {
            Ok(Written::Yes) => Ok(true),
            Ok(Written::Taken) => {
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
