//! What sits between a [`RangeSource`](crate::RangeSource) and whoever wants bytes of it: the
//! locators, and libav through a blocking [`Cursor`].
//!
//! A first byte from S3 takes 30 to 200 ms, so requests that depend on each other cost more than
//! bytes, and bytes more than requests that run side by side. Hence [`Reader::open`] fetches head
//! and tail at once, [`Reader::prefetch`] takes many exact ranges at once, and only what nobody
//! planned is read by windows that start small and grow.
//!
//! A [`Store`] keeps what outlives a call: the source at one version, the bytes held of it, its
//! connections. A [`Reader`] is one call's view of a store, with the call's budgets, clock and
//! counters. Every byte is fetched through [`Reader::fetch`], which retries, keeps the budgets and
//! counts.

#[cfg(sandbox)]
mod broker;
mod cache;
mod call;
mod config;
mod cursor;
mod holes;
mod ledger;
mod losses;
mod open;
mod request;
mod store;
#[cfg(test)]
mod tests;

use std::{ops::Range, pin::pin, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures::future::try_join_all;

#[cfg(sandbox)]
pub(crate) use self::broker::Broker;
pub(crate) use self::{
    call::Call,
    cursor::{Cursor, CursorHandle, Piece, Splice},
    ledger::{Costs, Reserve},
    losses::{Losses, MakeLosses},
    store::Store,
};
pub use self::{
    config::ReadConfig,
    ledger::{RangeRead, Reason},
};
use crate::{Error, Limits, memory::Charge, patience::Resource};

/// One call's view of a [`Store`]: what it reads is charged to the call's budgets. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    store: Arc<Store>,
    call: Arc<Call>,
    /// The part of the call's budgets that this view leaves alone.
    reserve: Reserve,
}

/// Keeps a range in the cache; see [`Reader::pin`].
#[derive(Debug)]
pub(crate) struct Pin(Arc<Store>);

impl Drop for Pin {
    fn drop(&mut self) {
        self.0.cache().unpin();
    }
}

impl Reader {
    /// What outlives this call.
    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The same call, with `reserve` of its budgets out of reach.
    pub(crate) fn within(&self, reserve: Reserve) -> Self {
        Self {
            reserve,
            ..self.clone()
        }
    }

    /// Length of the source in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.store.stat().len
    }

    pub(crate) fn config(&self) -> &ReadConfig {
        self.store.config()
    }

    pub(crate) fn limits(&self) -> &Limits {
        self.call.limits()
    }

    /// Charges `bytes` of memory to the video until the charge is dropped. Fetched bytes are
    /// charged by the reader itself. Everybody else who takes memory in a measure that the file
    /// decides (tables of a parser, a decoder's pictures) charges what the file claims before that
    /// memory is taken, and holds the charge as long as the memory:
    ///
    /// ```ignore
    /// let claimed = u64::from(header.entries) * size_of::<Entry>() as u64;
    /// let charge = reader.charge(claimed)?;
    /// let entries = Vec::with_capacity(header.entries as usize);
    /// Ok(Table { entries, charge })
    /// ```
    ///
    /// The error is [`LimitError::Memory`](crate::LimitError::Memory), which must be passed on: if
    /// others use the memory now, the video is begun anew once it is free.
    pub(crate) fn charge(&self, bytes: u64) -> Result<Charge, Error> {
        Ok(self.store.account().charge(bytes)?)
    }

    /// From now on libav reads `bytes` at `at`, where the file is wrong.
    pub(crate) fn patch(&self, at: u64, bytes: Bytes) {
        self.store.patch(at, bytes);
    }

    /// As [`charge`](Self::charge), for as long as the source is kept open: what libav makes of an
    /// index.
    pub(crate) fn charge_while_open(&self, bytes: u64) -> Result<(), Error> {
        self.store.keep(self.charge(bytes)?);
        Ok(())
    }

    /// The bytes of `range`, fetched where they are not held. Cut at the end of the file.
    pub(crate) async fn read(&self, range: Range<u64>, reason: Reason) -> Result<Bytes, Error> {
        self.check_time()?;
        let range = self.clamp(range);
        let is_held = self.store.cache().gaps(range.clone()).is_empty();
        if is_held {
            self.call.ledger().hit();
        }
        self.prefetch([range.clone()], reason).await?;
        if let Some(bytes) = self.cached(range.start)
            && bytes.len() as u64 >= range.end - range.start
        {
            return Ok(bytes.slice(..(range.end - range.start) as usize));
        }
        let _charge = self.charge(range.end - range.start)?;
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
    /// [`ReadConfig::gap`] with nothing held between them. What others fetch already is waited for
    /// and not fetched again. What is over budget is an error once all others have arrived.
    pub(crate) async fn prefetch(
        &self,
        ranges: impl IntoIterator<Item = Range<u64>>,
        reason: Reason,
    ) -> Result<(), Error> {
        let mut wanted: Vec<_> = ranges.into_iter().map(|range| self.clamp(range)).collect();
        let mut denied = None;
        loop {
            let mut landed = pin!(self.store.landed.notified());
            landed.as_mut().enable();
            let (mut flights, awaited) = self.store.depart(&wanted);
            // The small ones first, which may fit the budget where a large one does not.
            flights.sort_by_key(|flight| flight.range.end - flight.range.start);
            let fetches = flights.into_iter().map(async |flight| {
                match self.fetch(flight.range.clone(), reason).await {
                    Err(error) if error.is_budget() => Ok(Some(error)),
                    fetched => fetched.map(|_| None),
                }
            });
            let over_budget = try_join_all(fetches).await?;
            denied = denied.or(over_budget.into_iter().flatten().next());
            if awaited.is_empty() {
                return denied.map_or(Ok(()), Err);
            }
            self.in_time(landed).await?;
            wanted = awaited;
        }
    }

    fn clamp(&self, range: Range<u64>) -> Range<u64> {
        let end = range.end.min(self.len());
        range.start.min(end)..end
    }

    /// Held bytes from `position` on, as many as lie together.
    pub(crate) fn cached(&self, position: u64) -> Option<Bytes> {
        self.store.cache().at(position)
    }

    /// Keeps what is held of `range`, and what will be, whatever else is read, until the pin is
    /// dropped. There is one pin at a time.
    pub(crate) fn pin(&self, range: Range<u64>) -> Pin {
        self.store.cache().pin(range);
        Pin(Arc::clone(&self.store))
    }

    /// As [`cached`](Self::cached), counted as a read that cost no request.
    fn hit(&self, position: u64) -> Option<Bytes> {
        let held = self.cached(position)?;
        self.call.ledger().hit();
        Some(held)
    }

    /// Waits for `work`, but no longer than the wall-clock budget and the caller last.
    pub(crate) async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        self.call.in_time(self.reserve, work).await
    }

    /// Waits for `resource`, which others use and `given` gives. The wait is no part of the
    /// wall-clock budget.
    pub(crate) async fn wait<T>(
        &self,
        resource: Resource,
        given: impl Future<Output = T>,
    ) -> Result<T, Error> {
        self.call.wait(resource, given).await
    }

    /// Whether the wall-clock budget is spent or the caller has gone.
    pub(crate) fn check_time(&self) -> Result<(), Error> {
        self.call.check_time(self.reserve)
    }

    /// Bytes fetched so far.
    pub(crate) fn bytes_fetched(&self) -> u64 {
        self.call.ledger().bytes()
    }

    /// Round trips made so far.
    pub(crate) fn round_trips(&self) -> u64 {
        self.call.ledger().round_trips()
    }

    /// How many bytes of `range` are not held.
    pub(crate) fn missing(&self, range: Range<u64>) -> u64 {
        let gaps = self.store.cache().gaps(self.clamp(range));
        gaps.iter().map(|gap| gap.end - gap.start).sum()
    }

    /// What the call has cost so far.
    pub(crate) fn costs(&self) -> Costs {
        Costs {
            source_bytes: self.len(),
            wall: self.call.wall(),
            queued: self.call.waited(),
            ..self.call.ledger().costs()
        }
    }
}
