//! Presigned URLs of thumbnails.
//!
//! A signature covers the time it was made at, so signing a picture again would change its URL, and
//! browsers would fetch the picture again. URLs are therefore signed as of the last full half hour:
//! within it a picture keeps its URL, from every instance with the same credentials. Signing costs
//! some ten microseconds, so URLs are cached until the half hour or the session is over.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_sdk_s3::presigning::PresigningConfig;
use moka::future::Cache;

use super::{PresignError, Session, Sessions};
use crate::aws::reason;

/// How long pictures keep their URLs.
const WINDOW: Duration = Duration::from_mins(30);
/// How long a URL lasts at least, if the session does.
const LIFETIME: Duration = Duration::from_hours(1);
/// Most URLs in the cache; each has about a kilobyte.
const MAX_CACHED: u64 = 5_000;

/// Signs URLs of thumbnails, and caches them.
#[derive(Debug)]
pub(crate) struct ThumbnailUrls {
    sessions: Arc<Sessions>,
    bucket: String,
    current: Mutex<Option<Arc<Batch>>>,
}

/// URLs of one half hour and one session. A call that began with an earlier batch inserts into that
/// one, which is dropped with its last call: no URL gets among those of a later batch.
#[derive(Debug)]
pub(super) struct Batch {
    session: Arc<Session>,
    start: SystemTime,
    config: PresigningConfig,
    /// When the URLs end.
    end: SystemTime,
    urls: Cache<String, String>,
}

/// URLs that end at the same time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) urls: Vec<String>,
    pub(crate) end: SystemTime,
}

impl ThumbnailUrls {
    pub(crate) fn new(sessions: Arc<Sessions>, bucket: String) -> Self {
        Self {
            sessions,
            bucket,
            current: Mutex::default(),
        }
    }

    /// The URLs of these keys, in their order.
    pub(crate) async fn of(&self, keys: &[&str]) -> Result<Signed, PresignError> {
        self.at(keys, SystemTime::now()).await
    }

    pub(super) async fn at(&self, keys: &[&str], now: SystemTime) -> Result<Signed, PresignError> {
        let batch = self.batch_at(now).await?;
        let mut urls = Vec::with_capacity(keys.len());
        for key in keys {
            urls.push(batch.url(&self.bucket, key).await?);
        }
        Ok(Signed {
            urls,
            end: batch.end,
        })
    }

    /// The batch of the present session and half hour, or a later one that another call began
    /// meanwhile.
    pub(super) async fn batch_at(&self, now: SystemTime) -> Result<Arc<Batch>, PresignError> {
        let session = self.sessions.at(now).await?;
        let start = window(now);
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(batch) = &*current
            && (batch.session.number, batch.start) >= (session.number, start)
        {
            return Ok(Arc::clone(batch));
        }
        let (config, end) = session.presigning(start, WINDOW + LIFETIME)?;
        let batch = Arc::new(Batch {
            session,
            start,
            config,
            end,
            urls: Cache::new(MAX_CACHED),
        });
        Ok(Arc::clone(current.insert(batch)))
    }
}

impl Batch {
    pub(super) async fn url(&self, bucket: &str, key: &str) -> Result<String, PresignError> {
        if let Some(url) = self.urls.get(key).await {
            return Ok(url);
        }
        let get = self.session.client.get_object().bucket(bucket).key(key);
        let request = get.presigned(self.config.clone()).await;
        let request = request.map_err(|error| PresignError::new(reason(&error)))?;
        let url = request.uri().to_owned();
        self.urls.insert(key.to_owned(), url.clone()).await;
        Ok(url)
    }
}

/// The last full half hour.
fn window(now: SystemTime) -> SystemTime {
    let since_1970 = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since_1970 - since_1970 % WINDOW.as_secs())
}
