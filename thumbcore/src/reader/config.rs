//! The numbers that shape reading, each with its reason.

use std::{ops::Range, time::Duration};

use crate::{Error, SourceError, time::sleep};

/// How a source is read.
///
/// The defaults follow a model of object storage: a round trip costs 30 to 200 ms, a megabyte 10 ms
/// (100 MB/s a connection), and a request that runs beside others next to nothing. So bytes that
/// may save a round trip are read unasked, as long as they take about as long as a short one: files
/// that are read [whole](Self::whole), and the index that lies in head or tail
/// ([`max_ends`](Self::max_ends)). Bytes that only save a request are read up to
/// [`gap`](Self::gap).
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
pub struct ReadConfig {
    /// Bytes read from the start, unasked: 64 KiB hold every header but an mp4 index, and often
    /// that.
    pub head: u64,
    /// Bytes read from the end at the same time: 64 KiB hold the Cues of a three-hour Matroska
    /// file, the `mfra` of a fragmented mp4, the last timestamps of a transport stream, and spare
    /// the round trip that would find them.
    pub tail: u64,
    /// Where the length is known before anything is read, head and tail grow to a thousandth of
    /// it, which is what an index weighs (550 bytes a second of video with audio, at 4 Mb/s),
    /// but no further than this: 2 MiB, 21 ms of transfer, the index of a file of 2 GB. Nor
    /// further than a quarter of the [`cache`](Self::cache).
    pub max_ends: u64,
    /// Files of at most this many bytes are read in one request where their length is known before
    /// anything is read: 8 MiB, 84 ms of transfer, where reading by parts takes one to five round
    /// trips more.
    pub whole: u64,
    /// Two ranges closer than this are read as one: 32 KiB take less time than the overhead of a
    /// request.
    pub gap: u64,
    /// First window of an unplanned read: 64 KiB, a typical keyframe of a small video.
    pub window: u64,
    /// The window doubles on sequential reads up to this: 2 MiB, where transfer time equals a
    /// typical first-byte time, so that larger ones gain little and waste more.
    pub max_window: u64,
    /// Bytes kept in memory for one video: 48 MiB, room for the index of a ten-hour file and
    /// three 4K keyframes. The last read is kept even if it alone is larger, and so is the movie
    /// box of an mp4 file while the file is opened, beside the others.
    pub cache: usize,
    /// Requests of one video under way at once: 32, as many as an S3 client opens connections for
    /// without being throttled; three pictures need three.
    pub concurrency: usize,
    /// Tries of one read beyond the first: 3, which outlast a throttled second.
    pub retries: u32,
    /// Wait before the first retry, doubled for each further one: 100 ms.
    pub retry_wait: Duration,
}

/// An index weighs about this part of its file.
const INDEX_SHARE: u64 = 1000;

impl Default for ReadConfig {
    fn default() -> Self {
        Self {
            head: 64 << 10,
            tail: 64 << 10,
            max_ends: 2 << 20,
            whole: 8 << 20,
            gap: 32 << 10,
            window: 64 << 10,
            max_window: 2 << 20,
            cache: 48 << 20,
            concurrency: 32,
            retries: 3,
            retry_wait: Duration::from_millis(100),
        }
    }
}

/// Bytes that a connection transfers while a request waits for its first byte: 30 ms at 100 MB/s.
const BYTES_A_FIRST_BYTE: u64 = 3_000_000;

impl ReadConfig {
    /// The widest gap, in bytes, that is read to save one of `requests` that are sent together.
    ///
    /// As long as all are under way at once, a request more costs its overhead, and the gap is
    /// [`gap`](Self::gap). Of more than [`concurrency`](Self::concurrency), each waits for
    /// another's place, so that it adds its share of a first byte's time: 30 ms / 32, in which a
    /// connection transfers 94 kB. In money, at 0.40 USD a million requests and 90 USD a TB to the
    /// internet, a request is worth 4.4 kB there, and any gap within a region, where bytes are
    /// free. Time decides, since 90 kB more in one of some hundred ranges are less than a per cent.
    pub(crate) fn gap_among(&self, requests: usize) -> u64 {
        if requests <= self.concurrency {
            return self.gap;
        }
        let share = BYTES_A_FIRST_BYTE / self.concurrency.max(1) as u64;
        self.gap.max(share)
    }

    /// What is read first of a file of `len` bytes: head and tail, or all of it as the head.
    pub(super) fn ends_of(&self, len: u64) -> [Range<u64>; 2] {
        if len <= self.whole {
            return [0..len, len..len];
        }
        // What is read unasked must leave the cache room for what is asked for.
        let most = self.max_ends.min(self.cache as u64 / 4);
        let index = (len / INDEX_SHARE).min(most);
        let head = self.head.max(index).min(len);
        let tail = self.tail.max(index).min(len - head);
        [0..head, len - tail..len]
    }

    /// Waits before the next try after `error`, or gives the error back where no try is left or
    /// none would help.
    pub(super) async fn back_off(
        &self,
        attempt: &mut u32,
        error: SourceError,
    ) -> Result<(), Error> {
        if *attempt >= self.retries || !error.is_retryable_read() {
            return Err(error.into());
        }
        tracing::debug!(%error, attempt, "retrying a read");
        let doubled = 2u32.saturating_pow(*attempt);
        sleep(self.retry_wait.saturating_mul(doubled)).await;
        *attempt += 1;
        Ok(())
    }
}
