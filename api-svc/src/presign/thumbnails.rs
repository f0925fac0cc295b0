//! Presigned URLs of thumbnails.
//!
//! A signature covers the time it was made, so signing a picture again would give it another URL
//! and browsers would fetch it again. URLs are therefore signed as of the last full half hour:
//! within it the same picture has the same URL, from every instance. They are kept, since signing
//! costs some ten microseconds each, until the half hour or the credentials change.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_sdk_s3::{Client, presigning::PresigningConfig};
use moka::future::Cache;

use super::PresignError;
use crate::aws::reason;

/// How long pictures keep their URLs.
const WINDOW: Duration = Duration::from_mins(30);
/// How long a URL is good, at least.
const LIFETIME: Duration = Duration::from_hours(1);
/// URLs kept; each has about a kilobyte.
const KEPT: u64 = 5_000;

/// Signs URLs of thumbnails, and keeps them.
pub(crate) struct ThumbnailUrls {
    s3: Client,
    bucket: String,
    urls: Cache<String, String>,
    /// The URL of a key of no interest; see [`ThumbnailUrls::check`].
    example: Mutex<String>,
}

impl ThumbnailUrls {
    pub(crate) fn new(s3: Client, bucket: String) -> Self {
        Self {
            s3,
            bucket,
            urls: Cache::new(KEPT),
            example: Mutex::default(),
        }
    }

    /// The URLs of these keys, in their order.
    pub(crate) async fn of(&self, keys: &[&str]) -> Result<Vec<String>, PresignError> {
        self.check().await?;
        let mut urls = Vec::with_capacity(keys.len());
        for &key in keys {
            let url = if let Some(url) = self.urls.get(key).await {
                url
            } else {
                let url = self.sign(key, SystemTime::now()).await?;
                self.urls.insert(key.to_owned(), url.clone()).await;
                url
            };
            urls.push(url);
        }
        Ok(urls)
    }

    /// Drops the kept URLs if they would be others now. Signing is a pure function of key, window
    /// and credentials, so one example tells.
    async fn check(&self) -> Result<(), PresignError> {
        let example = self.sign("example", SystemTime::now()).await?;
        let mut known = self.example.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != example {
            self.urls.invalidate_all();
            *known = example;
        }
        Ok(())
    }

    async fn sign(&self, key: &str, now: SystemTime) -> Result<String, PresignError> {
        let since_1970 = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let into_window = Duration::from_secs(since_1970.as_secs() % WINDOW.as_secs());
        let start =
            SystemTime::UNIX_EPOCH + Duration::from_secs(since_1970.as_secs()) - into_window;
        let config = PresigningConfig::builder()
            .start_time(start)
            .expires_in(WINDOW + LIFETIME)
            .build()
            .map_err(|error| PresignError::new(error.to_string()))?;
        let get = self.s3.get_object().bucket(&self.bucket).key(key);
        let request = get
            .presigned(config)
            .await
            .map_err(|error| PresignError::new(reason(&error)))?;
        Ok(request.uri().to_owned())
    }
}
