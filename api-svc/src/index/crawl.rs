//! Filling and keeping the index, by a bounded number of requests a tick.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::SystemTime,
};

use aws_sdk_s3::Client;
use contract::Prefixes;
use futures::{StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};

use super::{Index, seconds_since_1970, store::Object};
use crate::{
    aws::told,
    videos::{Fetched, Manifests},
};

/// Requests for manifests under way at the same time.
const CONCURRENCY: usize = 8;

/// How far the clocks of workers and of this machine may differ. What is older than the last entry
/// by more is found by the walk.
const CLOCK_SKEW_MILLIS: u64 = 60_000;

/// Why the bucket could not be listed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct CrawlError(String);

/// Fills an [`Index`].
pub(crate) struct Crawler {
    s3: Client,
    bucket: String,
    prefixes: Prefixes,
    manifests: Manifests,
    /// Requests that a tick may send.
    budget: usize,
    walk: Walk,
    journal: Journal,
}

/// Where the walk is.
#[derive(Default)]
struct Walk {
    /// The last key seen in this round, without the prefix.
    after: Option<String>,
    /// [`Store::epoch`](super::store::Store::epoch) of the round.
    epoch: u64,
}

/// What was read of the journal.
struct Journal {
    /// The time of the latest entry, in milliseconds since 1970.
    latest: u64,
    /// The keys that the next listing shows again.
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
    pub(crate) fn new(
        s3: Client,
        bucket: String,
        prefixes: Prefixes,
        manifests: Manifests,
        budget: usize,
    ) -> Self {
        Self {
            s3,
            bucket,
            prefixes,
            manifests,
            budget,
            walk: Walk::default(),
            journal: Journal {
                latest: millis_since_1970(),
                seen: HashSet::new(),
                pending: VecDeque::new(),
            },
        }
    }

    /// Does what the budget allows until `deadline`. Cancelling it loses nothing but the request
    /// under way.
    pub(crate) async fn tick(
        &mut self,
        index: &Index,
        deadline: Instant,
    ) -> Result<(), CrawlError> {
        let mut left = self.budget;
        self.read_journal(&mut left).await?;
        let new = self.read_new_videos(index, &mut left).await;
        // One manifest that cannot be read does not keep the rest from being listed.
        self.walk(index, &mut left, deadline).await?;
        self.measure(index, left, deadline).await;
        new
    }

    /// Lists what is new in the journal: one request, if not a thousand videos were finished since
    /// the last.
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

    /// Reads the manifests of the videos that the journal told of.
    async fn read_new_videos(&mut self, index: &Index, left: &mut usize) -> Result<(), CrawlError> {
        // Something is left for the walk, however busy the workers are.
        let count = self.journal.pending.len().min(*left / 2);
        *left -= count;
        let names: Vec<String> = self.journal.pending.iter().take(count).cloned().collect();
        let (manifests, pending) = (&self.manifests, &mut self.journal.pending);
        // In order, so that the first one pending is always the one that was answered.
        let mut answers = stream::iter(names)
            .map(|name| async move {
                let answer = manifests.fetch(&format!("{name}.json")).await;
                (name, answer)
            })
            .buffered(CONCURRENCY);
        let mut failed = None;
        while let Some((name, answer)) = answers.next().await {
            // Only now: what a tick that is cut off did not read stays.
            pending.pop_front();
            match answer {
                Ok(Some(fetched)) => add(index, &name, &fetched),
                // Purged meanwhile.
                Ok(None) => {}
                Err(error) if error.is_final() => {
                    tracing::warn!(name, %error, "a manifest is unreadable");
                }
                Err(error) => {
                    pending.push_back(name);
                    failed = Some(CrawlError(error.to_string()));
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
                // The bucket answers, if slowly: the next tick goes on where this one is.
                if taken > 0 {
                    return Ok(());
                }
                return Err(CrawlError("a page of the bucket takes too long".to_owned()));
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

    /// Takes one page; whether it was the last of the round.
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
        // The journal may be as long as the rest; past its end is where the next page begins.
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
    async fn measure(&self, index: &Index, left: usize, deadline: Instant) {
        let names = index.read().unmeasured(left);
        let root = self.prefixes.thumbnails();
        let answers = stream::iter(names)
            .map(|name: Arc<str>| async move {
                let answer = self.manifests.fetch(&format!("{root}{name}.json")).await;
                (name, answer)
            })
            .buffer_unordered(CONCURRENCY);
        let mut answers = std::pin::pin!(answers);
        while let Ok(Some((name, answer))) = timeout_at(deadline, answers.next()).await {
            match answer {
                Ok(Some(fetched)) => {
                    let manifest = &fetched.manifest;
                    let mut store = index.write();
                    store.measure(&name, manifest.bytes_fetched, manifest.source_bytes);
                }
                Ok(None) => {}
                // It is a manifest by name only; reading it again and again would starve the
                // others.
                Err(error) if error.is_final() => index.write().measure(&name, 0, 0),
                Err(error) => {
                    tracing::debug!(%name, %error, "a manifest is to be read later");
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
            .set_start_after(after.map(str::to_owned))
            .send()
            .await
            .map_err(|error| {
                let told = told("listing the bucket", &error);
                CrawlError(format!("cannot list {prefix:?}: {told}"))
            })?;
        let truncated = output.is_truncated.unwrap_or_default();
        let objects = output.contents.unwrap_or_default().into_iter();
        Ok(Listing {
            objects: objects
                .filter_map(|object| {
                    let modified = object.last_modified.map_or(0, |time| time.secs());
                    let size = object.size.unwrap_or_default();
                    Some((object.key?, modified.max(0) as u32, size.max(0) as u64))
                })
                .collect(),
            truncated,
        })
    }
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
