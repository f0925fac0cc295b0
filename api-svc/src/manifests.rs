//! Manifests, read from the bucket when someone asks for them, and cached for a while.

use std::{
    borrow::Borrow,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use aws_sdk_s3::Client;
use contract::{Manifest, Prefixes};
use moka::future::Cache;

use crate::aws::{self, AwsError};

/// Largest manifest that is read. A manifest has one to two kilobytes, its reads up to ten more;
/// a hundred pictures make twenty.
const MAX_BYTES: i64 = 1 << 20;

/// How long a cached manifest is taken for current: a manifest changes when its video is uploaded
/// again.
const FRESH: Duration = Duration::from_secs(30);

/// Most manifests in the cache.
const MAX_CACHED: u64 = 2_000;

/// Reads manifests, and caches them.
pub(crate) struct Manifests {
    s3: Client,
    bucket: String,
    prefixes: Prefixes,
    cache: RwLock<Cached>,
}

type Cached = Cache<String, Option<Arc<Fetched>>>;

/// A manifest, and what S3 says of its object.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// The key of the object.
    pub(crate) key: String,
    /// The object's `ETag`, as S3 has it.
    pub(crate) etag: String,
    pub(crate) manifest: Manifest,
    pub(crate) modified: SystemTime,
    pub(crate) size: u32,
}

/// Why a manifest cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ManifestError {
    /// The object is something else.
    #[error("{key:?} is no manifest: {reason}")]
    Invalid { key: String, reason: String },
    /// S3 refused or did not answer.
    #[error("cannot read {key:?}: {source}")]
    Read { key: String, source: AwsError },
    /// The connection ended within the body.
    #[error("cannot read {key:?}: {reason}")]
    Body { key: String, reason: String },
}

impl ManifestError {
    /// Whether a retry cannot help.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Invalid { .. })
    }
}

impl Manifests {
    pub(crate) fn new(s3: Client, bucket: String, prefixes: Prefixes) -> Self {
        Self {
            s3,
            bucket,
            prefixes,
            cache: RwLock::new(empty()),
        }
    }

    /// The manifest under this key, at most [`FRESH`] old; `None` if there is none. Concurrent
    /// calls for one key share one read.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<Arc<Fetched>>, ManifestError> {
        let cache = self.cache();
        cache
            .try_get_with_by_ref(key, async { Ok(self.fetch(key).await?.map(Arc::new)) })
            .await
            .map_err(|error: Arc<ManifestError>| ManifestError::clone(&error))
    }

    /// The manifest of the video that `key` means: the video's own key, its manifest's, or the name
    /// that its pictures share. `None` if there is none.
    pub(crate) async fn find(&self, key: &str) -> Result<Option<Arc<Fetched>>, ManifestError> {
        for candidate in self.candidates(key) {
            let found = self.get(&candidate).await;
            if let Some(found) = self.of_video(key, found)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The same as it is now, past the cache.
    pub(crate) async fn find_current(&self, key: &str) -> Result<Option<Fetched>, ManifestError> {
        for candidate in self.candidates(key) {
            let found = self.fetch(&candidate).await;
            if let Some(found) = self.of_video(key, found)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The keys that the manifest of the video that `key` means may have.
    fn candidates(&self, key: &str) -> Vec<String> {
        if self.is_output(key) {
            let name = key.strip_suffix(".json").unwrap_or(key);
            return vec![format!("{name}.json")];
        }
        let names = self.prefixes.candidates(key).into_iter().flatten();
        names.map(|name| name.manifest()).collect()
    }

    /// What was found, if it is of the video that `key` means: another video may have taken the
    /// name first.
    fn of_video<F: Borrow<Fetched>>(
        &self,
        key: &str,
        found: Result<Option<F>, ManifestError>,
    ) -> Result<Option<F>, ManifestError> {
        match found {
            Err(ManifestError::Invalid { .. }) => Ok(None),
            found => Ok(found?
                .filter(|found| self.is_output(key) || found.borrow().manifest.source_key == key)),
        }
    }

    fn is_output(&self, key: &str) -> bool {
        key.starts_with(self.prefixes.thumbnails())
    }

    /// The manifest under this key as it is now, past the cache.
    pub(crate) async fn fetch(&self, key: &str) -> Result<Option<Fetched>, ManifestError> {
        metrics::counter!(crate::prometheus::S3_GETS).increment(1);
        let invalid = |reason: String| ManifestError::Invalid {
            key: key.to_owned(),
            reason,
        };
        let found = aws::find(&self.s3, (&self.bucket, key), "reading a manifest").await;
        let found = found.map_err(|source| ManifestError::Read {
            key: key.to_owned(),
            source,
        })?;
        let Some(object) = found else {
            return Ok(None);
        };
        if object.content_length.is_none_or(|bytes| bytes > MAX_BYTES) {
            return Err(invalid("too large".to_owned()));
        }
        let etag = object.e_tag.unwrap_or_default();
        let modified = object
            .last_modified
            .and_then(|time| SystemTime::try_from(time).ok())
            .unwrap_or_else(SystemTime::now);
        let body = object
            .body
            .collect()
            .await
            .map_err(|error| ManifestError::Body {
                key: key.to_owned(),
                reason: error.to_string(),
            })?
            .into_bytes();
        let manifest = serde_json::from_slice(&body).map_err(|error| invalid(error.to_string()))?;
        Ok(Some(Fetched {
            key: key.to_owned(),
            etag,
            manifest,
            modified,
            size: body.len() as u32,
        }))
    }

    /// Forgets the cached manifest under this key, which was written just now.
    pub(crate) async fn forget(&self, key: &str) {
        self.cache().invalidate(key).await;
    }

    /// Forgets every cached manifest. Reads that are under way insert into the old cache, which is
    /// dropped with the last of them.
    pub(crate) fn clear(&self) {
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        *cache = empty();
    }

    fn cache(&self) -> Cached {
        let cache = self.cache.read().unwrap_or_else(PoisonError::into_inner);
        cache.clone()
    }
}

fn empty() -> Cached {
    Cache::builder()
        .max_capacity(MAX_CACHED)
        .time_to_live(FRESH)
        .build()
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use anyhow::{Context as _, Result};
    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
    use axum::{Router, extract::State, http::StatusCode};
    use tokio::{net::TcpListener, sync::Semaphore};

    use super::*;

    /// A store that answers a request when a test lets it, and counts requests.
    #[derive(Clone)]
    struct Store {
        asked: Arc<AtomicUsize>,
        leave: Arc<Semaphore>,
        body: Arc<Mutex<String>>,
    }

    async fn answer(State(store): State<Store>) -> (StatusCode, String) {
        store.asked.fetch_add(1, Ordering::SeqCst);
        let body = store.body.lock().unwrap().clone();
        if let Ok(leave) = store.leave.acquire().await {
            leave.forget();
        }
        (StatusCode::OK, body)
    }

    fn manifest(etag: &str) -> String {
        serde_json::json!({
            "schemaVersion": 1, "sourceKey": "uploads/a.mp4", "sourceEtag": etag,
            "sourceBytes": 1, "settings": "s", "createdAt": "2026-01-02T03:04:05Z",
            "media": {"container": "mp4", "codec": "h264", "width": 64, "height": 36},
            "thumbnails": [], "bytesFetched": 1, "requests": 1, "roundTrips": 1,
            "timings": {"extractMs": 1, "cpuMs": 2, "uploadMs": 3},
        })
        .to_string()
    }

    #[tokio::test]
    async fn a_read_that_a_purge_overtakes_is_not_cached() -> Result<()> {
        let store = Store {
            asked: Arc::default(),
            leave: Arc::new(Semaphore::new(0)),
            body: Arc::new(Mutex::new(manifest("before"))),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let router = Router::new().fallback(answer).with_state(store.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
            .endpoint_url(endpoint)
            .force_path_style(true)
            .build();
        let client = Client::from_conf(config);
        let manifests = Manifests::new(client, "b".to_owned(), Prefixes::default());
        let manifests = Arc::new(manifests);

        let reader = manifests.clone();
        let early = tokio::spawn(async move { reader.get("thumbnails/a.json").await });
        while store.asked.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        manifests.clear();
        *store.body.lock().unwrap() = manifest("after");
        store.leave.add_permits(2);
        let early = early.await??.context("no manifest")?;
        assert_eq!(early.manifest.source_etag, "before");
        let late = manifests.get("thumbnails/a.json").await?;
        assert_eq!(late.context("no manifest")?.manifest.source_etag, "after");
        Ok(())
    }
}
