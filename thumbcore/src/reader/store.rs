//! What is kept of one version of one source, from one call to the next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::{Call, ReadConfig, Reader, Reserve, cache::SparseCache};
use crate::{RangeSource, source::Stat};

/// A source at one version, the bytes of it that are held, and its connections. Whoever keeps a
/// video open keeps its store; each call reads through a [`Reader`] of its own.
#[derive(Debug)]
pub(crate) struct Store {
    pub(super) source: Arc<dyn RangeSource>,
    stat: Stat,
    config: ReadConfig,
    /// A permit a request under way.
    pub(super) connections: Semaphore,
    cache: Mutex<SparseCache>,
}

impl Store {
    pub(super) fn new(source: Arc<dyn RangeSource>, stat: Stat, config: ReadConfig) -> Self {
        Self {
            source,
            stat,
            connections: Semaphore::new(config.concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            cache: Mutex::new(SparseCache::new(config.cache)),
            config,
        }
    }

    /// The view of `call`.
    pub(crate) fn reader(self: &Arc<Self>, call: Call) -> Reader {
        Reader {
            store: Arc::clone(self),
            call: Arc::new(call),
            reserve: Reserve::Nothing,
        }
    }

    /// Length and version of what is read.
    pub(crate) fn stat(&self) -> &Stat {
        &self.stat
    }

    /// Bytes held in memory.
    #[allow(dead_code, reason = "for whoever keeps a video open")]
    pub(crate) fn held_bytes(&self) -> usize {
        self.cache().held()
    }

    pub(super) fn config(&self) -> &ReadConfig {
        &self.config
    }

    pub(super) fn cache(&self) -> MutexGuard<'_, SparseCache> {
        // The cache is valid after every statement, so a panic elsewhere does not spoil it.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
