//! Filling and keeping the index with a bounded number of requests a tick.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::SystemTime,
};

use aws_sdk_s3::{Client, types::EncodingType};
use contract::Prefixes;
use futures::{StreamExt as _, stream};
use percent_encoding::percent_decode_str;
use tokio::time::{Instant, timeout_at};

use super::{Index, object::Object, seconds_since_1970, store::Told};
use crate::{
    aws::AwsError,
    manifests::{Fetched, ManifestError, Manifests},
    sources::Sources,
};

/// Manifests read at the same time.
const CONCURRENCY: usize = 8;

/// Largest difference between the clocks of workers and of this machine, in milliseconds. The walk
/// finds videos whose entries are older than the last one by more.
const CLOCK_SKEW_MILLIS: u64 = 60_000;

/// Why the index could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CrawlError {
    #[error("cannot list {prefix:?}: {source}")]
    List { prefix: String, source: AwsError },
    #[error("a page of the bucket takes too long")]
    Slow,
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// Fills an [`Index`].
pub(crate) struct Crawler {
    s3: Client,
    bucket: String,
    prefixes: Prefixes,
    /// Most requests a tick.
    budget: usize,
    walk: Walk,
    journal: Journal,
}

/// Where the walk is.
#[derive(Default)]
struct Walk {
    /// The last key seen in this round, without the thumbnail prefix.
    after: Option<String>,
    /// [`Store::epoch`](super::store::Store::epoch) of the round.
    epoch: u64,
}

/// How far the journal is read.
struct Journal {
    /// The time of the latest entry, in milliseconds since 1970.
    latest: u64,
    /// Keys that the next listing will show again.
    seen: HashSet<String>,
    /// Names whose manifests are to be read.
    pending: VecDeque<String>,
}

/// A page of a listing.
struct Listing {
    /// Key, time and size.
    objects: Vec<(String, u32, u64)>,
    truncated: bool,
}

impl Crawler {
    pub(crate) fn new(sources: &Sources, prefixes: Prefixes, budget: usize) -> Self {
        Self {
            s3: sources.s3.clone(),
            bucket: sources.bucket.clone(),
            prefixes,
            budget,
            walk: Walk::default(),
            journal: Journal {
                latest: millis_since_1970(),
                seen: HashSet::new(),
                pending: VecDeque::new(),
            },
        }
    }

    /// Brings `index` up to date, as far as the budget and `deadline` allow. Cancelling loses
    /// nothing but the request under way.
    pub(crate) async fn tick(
        &mut self,
        index: &Index,
        manifests: &Manifests,
        deadline: Instant,
    ) -> Result<(), CrawlError> {
        let mut left = self.budget;
        self.read_journal(&mut left).await?;
        let new = self.read_new_videos(index, manifests, &mut left).await;
        // One manifest that cannot be read does not keep the rest from being listed.
        self.walk(index, &mut left, deadline).await?;
        self.measure(index, manifests, left, deadline).await;
        new
    }

    /// Lists the journal's new entries: one request for each thousand.
    async fn read_journal(&mut self, left: &mut usize) -> Result<(), CrawlError> {
        let since = self
            .journal
            .latest
            .min(millis_since_1970())
            .saturating_sub(CLOCK_SKEW_MILLIS);
        let mut after = self.prefixes.recent_since(since);
        let folder = self.prefixes.recent();
        self.journal.seen.retain(|key| *key > after);
        loop {
            let page = self.list(&folder, Some(&after)).await?;
            *left = left.saturating_sub(1);
            if let Some((last, ..)) = page.objects.last() {
                after.clone_from(last);
            }
            for (key, ..) in page.objects {
                let Some(entry) = self.prefixes.parse_recent(&key) else {
                    continue;
                };
                self.journal.latest = self.journal.latest.max(entry.millis);
                if self.journal.seen.insert(key) {
                    self.journal.pending.push_back(entry.name.to_string());
                }
            }
            if !page.truncated || *left == 0 {
                return Ok(());
            }
        }
    }

    /// Reads the manifests of the videos that the journal names.
    async fn read_new_videos(
        &mut self,
        index: &Index,
        manifests: &Manifests,
        left: &mut usize,
    ) -> Result<(), CrawlError> {
        // Half of the requests stay for the walk, however busy the workers are.
        let count = self.journal.pending.len().min(*left / 2);
        *left -= count;
        let names: Vec<String> = self.journal.pending.iter().take(count).cloned().collect();
        let pending = &mut self.journal.pending;
        // In order, so that the answer is always for the first pending name.
        let mut answers = stream::iter(names)
            .map(|name| async move {
                let answer = manifests.fetch(&format!("{name}.json")).await;
                (name, answer)
            })
            .buffered(CONCURRENCY);
        let mut failed = None;
        while let Some((name, answer)) = answers.next().await {
            // Removed only now: a tick that is cut off leaves the names that it did not read.
            pending.pop_front();
            match answer {
                Ok(Some(fetched)) => {
                    // A person may have changed one that is in the cache.
                    manifests.forget(&fetched.key).await;
                    add(index, &name, &fetched);
                }
                // Purged meanwhile.
                Ok(None) => {}
                Err(error) if error.is_final() => {
                    tracing::warn!(name, %error, "a manifest is unreadable");
                }
                Err(error) => {
                    pending.push_back(name);
                    failed = Some(CrawlError::from(error));
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Lists the next page; while the index is incomplete, as many as there are requests left.
    async fn walk(
        &mut self,
        index: &Index,
        left: &mut usize,
        deadline: Instant,
    ) -> Result<(), CrawlError> {
        let mut taken = 0;
        loop {
            let epoch = index.read().epoch();
            if self.walk.epoch != epoch {
                self.walk = Walk { after: None, epoch };
            }
            let Ok(page) = timeout_at(deadline, self.walk_page(index)).await else {
                // The bucket answers, though slowly: the next tick continues here.
                if taken > 0 {
                    return Ok(());
                }
                return Err(CrawlError::Slow);
            };
            let ended = page?;
            taken += 1;
            *left = left.saturating_sub(1);
            let complete = index.read().totals().complete;
            if ended || complete || *left == 0 || Instant::now() >= deadline {
                return Ok(());
            }
        }
    }

    /// Lists one page and returns whether it was the last of the round.
    async fn walk_page(&mut self, index: &Index) -> Result<bool, CrawlError> {
        let root = self.prefixes.thumbnails().to_owned();
        let journal = self.prefixes.recent();
        let after = self.walk.after.as_ref().map(|key| format!("{root}{key}"));
        let page = self.list(&root, after.as_deref()).await?;
        let last = page.objects.last().map(|(key, ..)| key.clone());
        let objects: Vec<_> = page
            .objects
            .into_iter()
            .filter(|(key, ..)| !key.starts_with(&journal))
            .filter_map(|(key, modified, size)| {
                let key = key.strip_prefix(&root)?;
                Some((key.to_owned(), Object::parse(key, modified, size)?))
            })
            .collect();
        let mut through = last.filter(|_| page.truncated);
        // The journal may be as long as the rest: the next page begins after its end.
        if through
            .as_ref()
            .is_some_and(|key| key.starts_with(&journal))
        {
            through = Some(format!("{}0", journal.trim_end_matches('/')));
        }
        let through = through.and_then(|key| key.strip_prefix(&root).map(str::to_owned));
        let mut store = index.write();
        if store.epoch() == self.walk.epoch {
            store.replace(self.walk.after.as_deref(), through.as_deref(), &objects);
            if through.is_none() {
                store.set_complete();
            }
        }
        drop(store);
        self.walk.after = through;
        Ok(self.walk.after.is_none())
    }

    /// Reads manifests that the walk found, with the requests that are left.
    async fn measure(&self, index: &Index, manifests: &Manifests, left: usize, deadline: Instant) {
        let names = index.read().unmeasured(left);
        let root = self.prefixes.thumbnails();
        let answers = stream::iter(names)
            .map(|name: Arc<str>| async move {
                let answer = manifests.fetch(&format!("{root}{name}.json")).await;
                (name, answer)
            })
            .buffer_unordered(CONCURRENCY);
        let mut answers = std::pin::pin!(answers);
        while let Ok(Some((name, answer))) = timeout_at(deadline, answers.next()).await {
            match answer {
                Ok(Some(fetched)) => {
                    // One that the walk found changed may be in the cache.
                    manifests.forget(&fetched.key).await;
                    index.write().measure(&name, &fetched.manifest);
                }
                Ok(None) => {}
                // The object is a manifest by name only. Counted as read: reading it in each tick
                // would starve the others.
                Err(error) if error.is_final() => index.write().measure(&name, Told::default()),
                Err(error) => {
                    tracing::debug!(%name, %error, "a manifest cannot be read now");
                    return;
                }
            }
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, CrawlError> {
        metrics::counter!(crate::prometheus::S3_LISTS).increment(1);
        let output = self
            .s3
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix)
            // Keys may have characters that XML cannot have.
            .encoding_type(EncodingType::Url)
            .set_start_after(after.map(str::to_owned))
            .send()
            .await
            .map_err(|error| CrawlError::List {
                prefix: prefix.to_owned(),
                source: AwsError::new("listing the bucket", error),
            })?;
        let truncated = output.is_truncated.unwrap_or_default();
        let is_encoded = output.encoding_type == Some(EncodingType::Url);
        let objects = output.contents.unwrap_or_default().into_iter();
        Ok(Listing {
            objects: objects
                .filter_map(|object| {
                    let modified = object.last_modified.map_or(0, |time| time.secs());
                    let size = object.size.unwrap_or_default();
                    let key = if is_encoded {
                        decoded(&object.key?)?
                    } else {
                        object.key?
                    };
                    Some((key, modified.max(0) as u32, size.max(0) as u64))
                })
                .collect(),
            truncated,
        })
    }
}

/// A key that S3 gives for the encoding type `url`: percent-encoded, with `+` for a space. `None`
/// if it is no text.
fn decoded(key: &str) -> Option<String> {
    let key = key.replace('+', " ");
    let text = percent_decode_str(&key).decode_utf8().ok()?;
    Some(text.into_owned())
}

fn add(index: &Index, name: &str, fetched: &Fetched) {
    let Some(name) = name.strip_prefix(index.prefix()) else {
        return;
    };
    let modified = seconds_since_1970(fetched.modified);
    index.add_video(name, &fetched.manifest, modified, fetched.size);
}

fn millis_since_1970() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_millis() as u64)
}
