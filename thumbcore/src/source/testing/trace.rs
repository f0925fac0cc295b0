//! A record of every call.

use std::{
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Ends, RangeSource, SourceError, Stat};

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// [`RangeSource::stat`].
    Stat,
    /// [`RangeSource::read`] of this range.
    Read(Range<u64>),
    /// [`RangeSource::read_if`] of this range.
    ReadIf(Range<u64>),
    /// [`RangeSource::ends`] with these lengths.
    Ends {
        /// Bytes asked for at the start.
        head: u64,
        /// Bytes asked for at the end.
        tail: u64,
    },
}

/// One call and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What was asked.
    pub call: Call,
    /// Calls under way when this one began, itself included: 1 if it was alone.
    pub concurrency: usize,
    /// Which round trip it belongs to, from 1: one more than that of any call that had ended by
    /// the time this one began.
    pub round: usize,
    /// Bytes delivered, or the [kind](SourceError::kind) of the error; `None` while it is under
    /// way, and for good if it was dropped.
    pub outcome: Option<Result<u64, &'static str>>,
}

/// Records what is asked of another source, in the order in which the calls begin.
///
/// ```
/// use std::sync::Arc;
/// use thumbcore::{MemorySource, RangeSource, source::testing::{Call, Trace}};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let memory = Arc::new(MemorySource::new("clip.mp4", &b"0123456789"[..]));
/// let source = Trace::new(memory);
/// source.read(2..5).await?;
/// assert_eq!(source.records()[0].call, Call::Read(2..5));
/// assert_eq!(source.bytes(), 3);
/// # Ok::<(), thumbcore::SourceError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Trace {
    inner: Arc<dyn RangeSource>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    records: Vec<Record>,
    under_way: usize,
    last_ended_round: usize,
}

impl Trace {
    /// Records what is asked of `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn RangeSource>) -> Self {
        Self {
            inner,
            state: Mutex::default(),
        }
    }

    /// Everything recorded so far.
    pub fn records(&self) -> Vec<Record> {
        self.lock().records.clone()
    }

    /// The ranges of all [`Call::Read`] and [`Call::ReadIf`], in order.
    pub fn reads(&self) -> Vec<Range<u64>> {
        let records = &self.lock().records;
        let reads = records.iter().filter_map(|record| match &record.call {
            Call::Read(range) | Call::ReadIf(range) => Some(range.clone()),
            Call::Stat | Call::Ends { .. } => None,
        });
        reads.collect()
    }

    /// Calls begun.
    pub fn calls(&self) -> usize {
        self.lock().records.len()
    }

    /// Bytes delivered.
    pub fn bytes(&self) -> u64 {
        let records = &self.lock().records;
        let bytes = records.iter().filter_map(|record| record.outcome?.ok());
        bytes.sum()
    }

    /// Most calls under way at once.
    pub fn max_concurrency(&self) -> usize {
        let records = &self.lock().records;
        let levels = records.iter().map(|record| record.concurrency);
        levels.max().unwrap_or_default()
    }

    /// Round trips one after another: the length of the longest chain of calls in which each began
    /// after the one before had ended.
    pub fn round_trips(&self) -> usize {
        let records = &self.lock().records;
        let rounds = records.iter().map(|record| record.round);
        rounds.max().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, call: Call) -> Pending<'_> {
        let mut state = self.lock();
        state.under_way += 1;
        let record = Record {
            call,
            concurrency: state.under_way,
            round: state.last_ended_round + 1,
            outcome: None,
        };
        state.records.push(record);
        Pending {
            trace: self,
            index: state.records.len() - 1,
        }
    }

    async fn record<T>(
        &self,
        call: Call,
        answer: impl Future<Output = Result<T, SourceError>> + Send,
        bytes: impl FnOnce(&T) -> u64 + Send,
    ) -> Result<T, SourceError> {
        let pending = self.begin(call);
        let result = answer.await;
        let outcome = result.as_ref().map(bytes).map_err(SourceError::kind);
        pending.end(outcome);
        result
    }
}

/// A call under way; dropping it takes it off the count, however it ends.
struct Pending<'a> {
    trace: &'a Trace,
    index: usize,
}

impl Pending<'_> {
    fn end(self, outcome: Result<u64, &'static str>) {
        let mut state = self.trace.lock();
        let Some(record) = state.records.get_mut(self.index) else {
            return;
        };
        record.outcome = Some(outcome);
        let round = record.round;
        state.last_ended_round = state.last_ended_round.max(round);
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.trace.lock().under_way -= 1;
    }
}

#[async_trait]
impl RangeSource for Trace {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn stat(&self) -> Result<Stat, SourceError> {
        self.record(Call::Stat, self.inner.stat(), |_| 0).await
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, SourceError> {
        let answer = self.inner.read(range.clone());
        self.record(Call::Read(range), answer, |bytes| bytes.len() as u64)
            .await
    }

    async fn read_if(&self, range: Range<u64>, expected: &Stat) -> Result<Bytes, SourceError> {
        let answer = self.inner.read_if(range.clone(), expected);
        self.record(Call::ReadIf(range), answer, |bytes| bytes.len() as u64)
            .await
    }

    async fn ends(&self, head: u64, tail: u64) -> Result<Ends, SourceError> {
        let answer = self.inner.ends(head, tail);
        self.record(Call::Ends { head, tail }, answer, |ends| ends.bytes_fetched)
            .await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::{FutureExt, future::join_all};

    use super::*;
    use crate::{
        MemorySource,
        source::testing::{Fault, Faults, Latency},
    };

    fn memory() -> Arc<dyn RangeSource> {
        Arc::new(MemorySource::new("m", &b"0123456789"[..]))
    }

    #[tokio::test]
    async fn calls_are_recorded_in_order_with_their_outcome() {
        let source = Trace::new(memory());
        source.stat().await.unwrap();
        source.read(2..5).await.unwrap();
        source.ends(2, 3).await.unwrap();
        source.read(5..11).await.unwrap_err();
        let outcomes: Vec<_> = source
            .records()
            .into_iter()
            .map(|record| (record.call, record.outcome))
            .collect();
        assert_eq!(
            outcomes,
            [
                (Call::Stat, Some(Ok(0))),
                (Call::Read(2..5), Some(Ok(3))),
                (Call::Ends { head: 2, tail: 3 }, Some(Ok(5))),
                (Call::Read(5..11), Some(Err("rejected"))),
            ]
        );
        assert_eq!(source.reads(), [2..5, 5..11]);
        assert_eq!((source.calls(), source.bytes()), (4, 8));
        assert_eq!((source.max_concurrency(), source.round_trips()), (1, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_calls_are_one_round_trip() {
        let slow = Latency::new(memory(), Duration::from_millis(10));
        let source = Trace::new(Arc::new(slow));
        join_all((0..8).map(|_| source.read(0..4))).await;
        join_all((0..3).map(|_| source.read(0..4))).await;
        assert_eq!((source.max_concurrency(), source.round_trips()), (8, 2));
    }

    #[tokio::test]
    async fn a_dropped_call_has_no_outcome_and_is_no_longer_under_way() {
        let faults = Faults::new(memory()).at(0, Fault::Stall);
        let source = Trace::new(Arc::new(faults));
        assert!(source.read(0..4).now_or_never().is_none());
        source.read(0..4).await.unwrap();
        let records = source.records();
        assert_eq!(records[0].outcome, None);
        assert_eq!(records[1].concurrency, 1);
    }
}
