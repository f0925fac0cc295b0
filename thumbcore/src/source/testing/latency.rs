//! A network's delays.

use std::{ops::Range, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::{Instant, sleep_until};

use crate::{Ends, RangeSource, SourceError, Stat};

/// Delays another source as a network would: each request waits for its first byte, then for its
/// bytes at the bandwidth of one connection. Concurrent requests do not slow each other down, as
/// with object stores, where every request has a connection of its own.
///
/// What the source inside takes itself counts towards the delay. The delays are tokio's, so
/// they take no real time under `tokio::time::pause`. Failures wait for the first byte, too.
#[derive(Debug, Clone)]
pub struct Latency {
    inner: Arc<dyn RangeSource>,
    first_byte: Duration,
    bytes_per_second: Option<u64>,
}

impl Latency {
    /// Delays `inner`: `first_byte` for each request.
    #[must_use]
    pub fn new(inner: Arc<dyn RangeSource>, first_byte: Duration) -> Self {
        Self {
            inner,
            first_byte,
            bytes_per_second: None,
        }
    }

    /// Limits each request to this bandwidth, in bytes a second; zero counts as one.
    #[must_use]
    pub fn bandwidth(mut self, bytes_per_second: u64) -> Self {
        self.bytes_per_second = Some(bytes_per_second.max(1));
        self
    }

    async fn arrive(&self, started: Instant, bytes: usize) {
        let transfer = self.bytes_per_second.map_or(Duration::ZERO, |rate| {
            Duration::from_secs_f64(bytes as f64 / rate as f64)
        });
        sleep_until(started + self.first_byte + transfer).await;
    }
}

#[async_trait]
impl RangeSource for Latency {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn stat(&self) -> Result<Stat, SourceError> {
        let started = Instant::now();
        let result = self.inner.stat().await;
        self.arrive(started, 0).await;
        result
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, SourceError> {
        let started = Instant::now();
        let result = self.inner.read(range).await;
        self.arrive(started, result.as_ref().map_or(0, Bytes::len))
            .await;
        result
    }

    async fn read_if(&self, range: Range<u64>, expected: &Stat) -> Result<Bytes, SourceError> {
        let started = Instant::now();
        let result = self.inner.read_if(range, expected).await;
        self.arrive(started, result.as_ref().map_or(0, Bytes::len))
            .await;
        result
    }

    /// Head and tail travel at once: one round trip and the longer transfer of the two.
    async fn ends(&self, head: u64, tail: u64) -> Result<Ends, SourceError> {
        let started = Instant::now();
        let result = self.inner.ends(head, tail).await;
        let longest = result
            .as_ref()
            .map_or(0, |ends| ends.head.len().max(ends.tail.len()));
        self.arrive(started, longest).await;
        result
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;
    use crate::MemorySource;

    fn slow() -> Latency {
        let memory = MemorySource::new("m", vec![0; 10_000]);
        Latency::new(Arc::new(memory), Duration::from_millis(50)).bandwidth(1_000)
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_takes_its_first_byte_and_its_bandwidth() {
        let source = slow();
        let started = Instant::now();
        source.read(0..2_000).await.unwrap();
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(2_050), "{took:?}");
        assert!(took < Duration::from_millis(2_060), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_reads_do_not_add_up() {
        let source = slow();
        let started = Instant::now();
        join_all((0..64).map(|_| source.read(0..1_000))).await;
        let took = started.elapsed();
        assert!(took < Duration::from_millis(1_060), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn ends_are_one_round_trip() {
        let source = slow();
        let started = Instant::now();
        let ends = source.ends(1_000, 3_000).await.unwrap();
        assert_eq!(ends.tail.len(), 3_000);
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(3_050), "{took:?}");
        assert!(took < Duration::from_millis(3_060), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn failures_arrive_late_too() {
        let source = slow();
        let started = Instant::now();
        assert!(source.read(0..20_000).await.is_err());
        assert!(started.elapsed() >= Duration::from_millis(50));
    }
}
