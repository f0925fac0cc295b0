//! Every thumbnail in the bucket, newest first, in memory.
//!
//! S3 lists by key only, so that 'the newest' cannot be asked for, and listing a million objects
//! every few seconds is what this index avoids. Each tick of the sampler fills and keeps the index
//! in two ways, whose costs do not depend on how many thumbnails there are ([`crawl`]):
//!
//! - **The walk** lists the thumbnail prefix page by page, round and round; each page replaces what
//!   the index held between the page's first and last key. The first round takes as many pages a
//!   tick as the budget allows, later rounds take one: they find objects that others deleted, and
//!   those that the journal missed.
//! - **The journal** (`thumbnails/.recent/<milliseconds>/<name>`) is where workers leave an empty
//!   object for each video they finish. Its keys are in the order of time, so one listing a tick,
//!   starting a little before the last one seen, finds all new videos, however many old ones there
//!   are; then one read of its manifest gives a video's pictures.
//!
//! [`store`] holds the [`object`]s compactly; [`page`] answers a [`query`] from it.

mod crawl;
mod object;
mod page;
mod query;
mod store;

use std::{
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::SystemTime,
};

use contract::Manifest;

pub(crate) use self::{
    crawl::Crawler,
    page::{Entry, Page},
    query::{Cursor, Paging, Query, QueryError, Sort},
    store::Totals,
};
use self::{
    object::Object,
    store::{Store, Told},
};

/// Every thumbnail in the bucket, with what its manifest tells.
pub(crate) struct Index {
    store: RwLock<Store>,
    prefix: String,
    frames: Vec<Option<u32>>,
}

/// A name's manifest and pictures, as the index knows them.
pub(crate) struct NamedVideo {
    /// The key of the manifest.
    pub(crate) manifest_key: String,
    /// When it was written, in seconds since 1970.
    pub(crate) modified: u32,
    /// In the order of their numbers.
    pub(crate) pictures: Vec<Entry>,
}

impl Index {
    /// `prefix` is the thumbnail prefix; `frames` has the percentage of each picture.
    pub(crate) fn new(prefix: &str, frames: Vec<Option<u32>>) -> Self {
        Self {
            store: RwLock::new(Store::default()),
            prefix: prefix.to_owned(),
            frames,
        }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn totals(&self) -> Totals {
        self.read().totals()
    }

    /// Videos whose first picture was written in the last `seconds`.
    pub(crate) fn finished_within(&self, seconds: u32) -> usize {
        let since = seconds_since_1970(SystemTime::now()).saturating_sub(seconds);
        self.read().finished_since(since)
    }

    /// A page, newest first. Sends nothing to S3.
    pub(crate) fn page(&self, query: &Query) -> Page {
        self.read().page(query, &self.prefix)
    }

    /// Videos that have a manifest, newest first, with their pictures. Sends nothing to S3.
    pub(crate) fn videos(&self, query: &Query) -> (Vec<NamedVideo>, Option<Cursor>) {
        self.read().videos(query, &self.prefix)
    }

    /// The percentage of picture `number`, which counts from 1.
    pub(crate) fn frame(&self, number: u16) -> Option<u32> {
        *self.frames.get(usize::from(number).checked_sub(1)?)?
    }

    /// The number of the picture taken at `frame` percent.
    pub(crate) fn number(&self, frame: u32) -> Option<u16> {
        let index = self.frames.iter().position(|f| *f == Some(frame))?;
        u16::try_from(index + 1).ok()
    }

    /// Forgets everything; the walk starts again.
    pub(crate) fn clear(&self) {
        self.write().clear();
    }

    fn read(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a video that the journal names: its pictures, and its manifest of `size` bytes, written
    /// at `modified`.
    pub(crate) fn add_video(&self, name: &str, manifest: &Manifest, modified: u32, size: u32) {
        let pictures = manifest.thumbnails.iter().filter_map(|thumbnail| {
            let key = thumbnail.key.strip_prefix(&self.prefix)?;
            Object::parse(key, modified, thumbnail.bytes)
        });
        let (pictures, told): (Vec<_>, _) = (pictures.collect(), Told::from(manifest));
        let mut store = self.write();
        store.upsert_video(name, &pictures, &told);
        store.upsert_manifest(name, modified, size);
        store.measure(name, told);
    }
}

pub(crate) fn seconds_since_1970(time: SystemTime) -> u32 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs() as u32)
}
