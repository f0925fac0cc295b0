//! Manifests, read from the bucket when someone asks, and kept for a while.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_sdk_s3::{Client, operation::get_object::GetObjectError};
use contract::Manifest;
use moka::future::Cache;

use crate::aws::told;

/// A manifest of ours has one to two kilobytes, its reads up to ten more; a hundred pictures make
/// twenty.
const MAX_BYTES: i64 = 1 << 20;

/// A manifest changes when a video is uploaded again.
const FRESH: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Clone)]
pub(crate) struct Manifests {
    s3: Client,
    bucket: String,
    cache: Cache<String, Option<Arc<Fetched>>>,
}

/// A manifest and what S3 says of it.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) manifest: Manifest,
    pub(crate) modified: SystemTime,
    pub(crate) size: u32,
}

/// Why a manifest cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ManifestError {
    /// The object is something else.
    #[error("{key:?} is no manifest: {reason}")]
    Invalid { key: String, reason: String },
    /// S3 did not do as it was asked.
    #[error("cannot read {key:?}: {reason}")]
    Read { key: String, reason: String },
}

impl ManifestError {
    /// Whether trying again is pointless.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Invalid { .. })
    }
}

impl Manifests {
    pub(crate) fn new(s3: Client, bucket: String) -> Self {
        let cache = Cache::builder()
            .max_capacity(2_000)
            .time_to_live(FRESH)
            .build();
        Self { s3, bucket, cache }
    }

    /// The manifest of this key, perhaps a little old; `None` if there is none. Requests for the
    /// same key share one read.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<Arc<Fetched>>, ManifestError> {
        self.cache
            .try_get_with_by_ref(key, async { Ok(self.fetch(key).await?.map(Arc::new)) })
            .await
            .map_err(|error: Arc<ManifestError>| ManifestError::clone(&error))
    }

    /// The manifest of this key, as it is now.
    pub(crate) async fn fetch(&self, key: &str) -> Result<Option<Fetched>, ManifestError> {
        metrics::counter!(crate::prometheus::S3_GETS).increment(1);
        let invalid = |reason: String| ManifestError::Invalid {
            key: key.to_owned(),
            reason,
        };
        let read = |reason: String| ManifestError::Read {
            key: key.to_owned(),
            reason,
        };
        let request = self.s3.get_object().bucket(&self.bucket).key(key);
        let object = match request.send().await {
            Ok(object) => object,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetObjectError::is_no_such_key) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(read(told("reading a manifest", &error))),
        };
        if object.content_length.is_none_or(|bytes| bytes > MAX_BYTES) {
            return Err(invalid("too large".to_owned()));
        }
        let modified = object
            .last_modified
            .and_then(|time| SystemTime::try_from(time).ok())
            .unwrap_or_else(SystemTime::now);
        let body = object.body.collect().await;
        let body = body.map_err(|error| read(error.to_string()))?.into_bytes();
        let manifest = serde_json::from_slice(&body).map_err(|error| invalid(error.to_string()))?;
        Ok(Some(Fetched {
            manifest,
            modified,
            size: body.len() as u32,
        }))
    }

    pub(crate) fn clear(&self) {
        self.cache.invalidate_all();
    }
}
