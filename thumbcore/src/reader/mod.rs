//! What sits between a [`RangeSource`](crate::RangeSource) and whoever wants bytes of it: the
//! locators, and libav through a blocking [`Cursor`].
//!
//! The costs it is shaped by: a first byte from S3 takes 30 to 200 ms, so requests that depend on
//! each other cost more than bytes, and bytes more than requests that run side by side. Hence
//! [`Reader::open`] fetches head and tail at once, [`Reader::prefetch`] takes many exact ranges at
//! once, and only what nobody planned is read by windows that start small and grow.
//!
//! Every byte is fetched through [`Reader::fetch`], which retries, keeps the budget and counts.

mod cache;
mod config;
mod cursor;
mod ledger;
mod request;

use std::{
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use futures::future::try_join_all;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use self::{cache::SparseCache, ledger::Ledger, request::may_follow_bytes};
pub use self::{
    config::ReadConfig,
    ledger::{RangeRead, Reason},
};
pub(crate) use self::{
    cursor::{Cursor, Piece, Splice},
    ledger::Reserve,
};
use crate::{Error, LimitError, Limits, RangeSource, source::Stat};

/// A source with a cache, a budget and counters; shared by everything that reads one video.
#[derive(Debug)]
pub(crate) struct Reader {
    source: Arc<dyn RangeSource>,
    stat: Stat,
    config: ReadConfig,
    limits: Limits,
    started: Instant,
    cancelled: CancellationToken,
    /// A permit a request under way.
    connections: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    cache: SparseCache,
    ledger: Ledger,
    /// The first error a cursor met: libav reports only "I/O error".
    failure: Option<Error>,
}

impl Reader {
    /// Opens `source` by reading its head and tail.
    pub(crate) async fn open(
        source: Arc<dyn RangeSource>,
        config: ReadConfig,
        limits: Limits,
        cancelled: CancellationToken,
    ) -> Result<Self, Error> {
        let started = Instant::now();
        let (mut attempt, mut broken) = (0, 0);
        let (ends, waited) = loop {
            let asked = Instant::now();
            let call = source.ends(config.head, config.tail);
            match guard(&cancelled, started, limits.max_time, call).await? {
                Ok(ends) => break (ends, asked.elapsed()),
                Err(error) => {
                    broken += u64::from(may_follow_bytes(&error));
                    let wait = config.back_off(&mut attempt, error);
                    guard(&cancelled, started, limits.max_time, wait).await??;
                }
            }
        };
        let mut cache = SparseCache::new(config.cache);
        let mut ledger = Ledger::default();
        let tail_start = ends.stat.len - ends.tail.len() as u64;
        cache.insert(0, &ends.head);
        cache.insert(tail_start, &ends.tail);
        ledger.opened(&ends, (u64::from(attempt), broken), waited);
        Ok(Self {
            source,
            stat: ends.stat,
            connections: Semaphore::new(config.concurrency.clamp(1, Semaphore::MAX_PERMITS)),
            config,
            limits,
            started,
            cancelled,
            state: Mutex::new(State {
                cache,
                ledger,
                failure: None,
            }),
        })
    }

    /// Length of the source in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.stat.len
    }

    pub(crate) fn config(&self) -> &ReadConfig {
        &self.config
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is valid after every statement, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes of `range`, fetched where they are not held. Cut at the end of the file.
    pub(crate) async fn read(&self, range: Range<u64>, reason: Reason) -> Result<Bytes, Error> {
        self.check_time()?;
        let range = self.clamp(range);
        {
            let mut state = self.state();
            if state.cache.gaps(range.clone()).is_empty() {
                state.ledger.hit();
            }
        }
        self.prefetch([range.clone()], reason).await?;
        if let Some(bytes) = self.cached(range.start)
            && bytes.len() as u64 >= range.end - range.start
        {
            return Ok(bytes.slice(..(range.end - range.start) as usize));
        }
        let mut joined = BytesMut::with_capacity((range.end - range.start) as usize);
        let mut position = range.start;
        while position < range.end {
            let piece = match self.cached(position) {
                Some(piece) => piece,
                // Evicted meanwhile: a range larger than the cache.
                None => self.fetch(position..range.end, reason).await?,
            };
            let piece = piece.slice(..piece.len().min((range.end - position) as usize));
            position += piece.len() as u64;
            joined.extend_from_slice(&piece);
        }
        Ok(joined.freeze())
    }

    /// Fetches what is missing of all `ranges` at once, joining those that lie closer than
    /// [`ReadConfig::gap`]. What is over budget is an error once all others have arrived.
    pub(crate) async fn prefetch(
        &self,
        ranges: impl IntoIterator<Item = Range<u64>>,
        reason: Reason,
    ) -> Result<(), Error> {
        let mut missing = {
            let mut state = self.state();
            let mut missing = Vec::new();
            for range in ranges {
                let range = self.clamp(range);
                // What arrives must not drive out what is held already.
                state.cache.renew(&range);
                missing.extend(state.cache.gaps(range));
            }
            missing.sort_by_key(|range| range.start);
            coalesce(missing, self.config.gap)
        };
        // The small ones first, which may fit the budget where a large one does not.
        missing.sort_by_key(|range| range.end - range.start);
        let fetches =
            missing
                .into_iter()
                .map(async |range| match self.fetch(range, reason).await {
                    Err(error) if error.is_budget() => Ok(Some(error)),
                    fetched => fetched.map(|_| None),
                });
        let denied = try_join_all(fetches).await?;
        denied.into_iter().flatten().next().map_or(Ok(()), Err)
    }

    fn clamp(&self, range: Range<u64>) -> Range<u64> {
        let end = range.end.min(self.len());
        range.start.min(end)..end
    }

    /// Held bytes from `position` on, as many as lie together.
    pub(crate) fn cached(&self, position: u64) -> Option<Bytes> {
        self.state().cache.at(position)
    }

    /// As [`cached`](Self::cached), counted as a read that cost no request.
    fn hit(&self, position: u64) -> Option<Bytes> {
        let mut state = self.state();
        let held = state.cache.at(position)?;
        state.ledger.hit();
        Some(held)
    }

    /// Keeps `reserve` out of reach, until it is called again.
    pub(crate) fn hold_back(&self, reserve: Reserve) {
        self.state().ledger.hold_back(reserve);
    }

    fn max_time(&self) -> Duration {
        self.state().ledger.max_time(&self.limits)
    }

    /// Waits for `work`, but no longer than the wall-clock budget and the caller last.
    pub(crate) async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        guard(&self.cancelled, self.started, self.max_time(), work).await
    }

    /// Whether the wall-clock budget is spent or the caller has gone.
    pub(crate) fn check_time(&self) -> Result<(), Error> {
        if self.cancelled.is_cancelled() {
            return Err(cancelled());
        }
        let spent = self.started.elapsed();
        let limit = self.max_time();
        if spent > limit {
            return Err(LimitError::Time { spent, limit }.into());
        }
        Ok(())
    }

    fn fail(&self, error: Error) {
        self.state().failure.get_or_insert(error);
    }

    /// Bytes fetched so far.
    pub(crate) fn bytes_fetched(&self) -> u64 {
        self.state().ledger.bytes()
    }

    /// Whether a cursor met an error that nobody has taken.
    pub(crate) fn has_failed(&self) -> bool {
        self.state().failure.is_some()
    }

    /// The error behind libav's last "I/O error".
    pub(crate) fn take_failure(&self) -> Option<Error> {
        self.state().failure.take()
    }

    /// Adds what reading has cost so far to `stats`.
    pub(crate) fn account(&self, stats: &mut crate::Stats) {
        stats.source_bytes = self.len();
        stats.wall = self.started.elapsed();
        self.state().ledger.account(stats);
    }
}

fn cancelled() -> Error {
    Error::Internal {
        reason: "cancelled".to_owned(),
    }
}

/// Runs `call` until it is done, the time is up or the caller has gone.
async fn guard<T>(
    cancelled_token: &CancellationToken,
    started: Instant,
    limit: Duration,
    call: impl Future<Output = T>,
) -> Result<T, Error> {
    let left = limit.saturating_sub(started.elapsed());
    tokio::select! {
        biased;
        () = cancelled_token.cancelled() => Err(cancelled()),
        answer = tokio::time::timeout(left, call) => answer.map_err(|_| {
            LimitError::Time { spent: started.elapsed(), limit }.into()
        }),
    }
}

/// Joins sorted ranges that overlap or lie at most `gap` bytes apart.
fn coalesce(sorted: Vec<Range<u64>>, gap: u64) -> Vec<Range<u64>> {
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match joined.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(gap) => {
                last.end = last.end.max(range.end);
            }
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn coalescing_covers_everything_and_leaves_only_wide_gaps(
            mut ranges in prop::collection::vec((0u64..1000, 1u64..50), 0..30),
            gap in 0u64..40,
        ) {
            ranges.sort_unstable();
            let ranges: Vec<_> = ranges.into_iter().map(|(start, len)| start..start + len).collect();
            let joined = coalesce(ranges.clone(), gap);
            for range in &ranges {
                prop_assert!(joined.iter().any(|j| j.start <= range.start && range.end <= j.end));
            }
            for pair in joined.windows(2) {
                prop_assert!(pair[1].start > pair[0].end + gap);
            }
        }
    }
}
