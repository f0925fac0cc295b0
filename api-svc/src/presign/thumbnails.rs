//! Presigned URLs of thumbnails.
//!
//! A signature covers the time it was made at, so signing a picture again would change its URL, and
//! browsers would fetch the picture again. URLs are therefore signed as of the last full half hour:
//! within it a picture keeps its URL, from every instance with the same credentials. Signing costs
//! some ten microseconds, so URLs are cached until the half hour or the session is over.
//!
//! A picture that a person has chosen lies under the key of the one before it, which browsers may
//! have in their caches. Its URL has a parameter of its own, [`REVISION`], which is signed as well:
//! S3 ignores parameters whose names begin with `x-`, and caches do not.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_sdk_s3::{config::http::HttpRequest, presigning::PresigningConfig};
use moka::future::Cache;

use super::{PresignError, Session, Sessions};
use crate::aws::reason;

/// How long pictures keep their URLs.
const WINDOW: Duration = Duration::from_mins(30);
/// How long a URL lasts at least, if the session does.
const LIFETIME: Duration = Duration::from_hours(1);
/// The parameter that tells what people have chosen from what was under the same key before.
const REVISION: &str = "x-revision";
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

/// A picture to sign a URL of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signable<'a> {
    pub(crate) key: &'a str,
    /// Tells the picture from others that were under the key before; digits.
    pub(crate) revision: Option<&'a str>,
}

impl<'a> From<&'a str> for Signable<'a> {
    /// An object that is not replaced by anybody's choice.
    fn from(key: &'a str) -> Self {
        Self {
            key,
            revision: None,
        }
    }
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

    /// The URLs of these pictures, in their order.
    pub(crate) async fn of<'a, P>(&self, pictures: &[P]) -> Result<Signed, PresignError>
    where
        P: Into<Signable<'a>> + Copy,
    {
        self.at(pictures, SystemTime::now()).await
    }

    pub(super) async fn at<'a, P>(
        &self,
        pictures: &[P],
        now: SystemTime,
    ) -> Result<Signed, PresignError>
    where
        P: Into<Signable<'a>> + Copy,
    {
        let batch = self.batch_at(now).await?;
        let mut urls = Vec::with_capacity(pictures.len());
        for picture in pictures {
            urls.push(batch.url(&self.bucket, (*picture).into()).await?);
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
    pub(super) async fn url(
        &self,
        bucket: &str,
        picture: Signable<'_>,
    ) -> Result<String, PresignError> {
        let Signable { key, revision } = picture;
        let name = match revision {
            Some(revision) => format!("{key}?{REVISION}={revision}"),
            None => key.to_owned(),
        };
        if let Some(url) = self.urls.get(&name).await {
            return Ok(url);
        }
        let get = self.session.client.get_object().bucket(bucket).key(key);
        let revision = revision.map(ToOwned::to_owned);
        let get = get.customize().mutate_request(move |request| {
            if let Some(revision) = &revision {
                revise(request, revision);
            }
        });
        let request = get.presigned(self.config.clone()).await;
        let request = request.map_err(|error| PresignError::new(reason(&error)))?;
        let url = request.uri().to_owned();
        self.urls.insert(name, url.clone()).await;
        Ok(url)
    }
}

/// Adds the parameter that tells a picture's revision, before the request is signed.
fn revise(request: &mut HttpRequest, revision: &str) {
    let uri = request.uri();
    let separator = if uri.contains('?') { '&' } else { '?' };
    let revised = format!("{uri}{separator}{REVISION}={revision}");
    // Digits leave a good address good.
    let _ = request.set_uri(revised);
}

/// The last full half hour.
fn window(now: SystemTime) -> SystemTime {
    let since_1970 = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since_1970 - since_1970 % WINDOW.as_secs())
}
