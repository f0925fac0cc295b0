//! Limits on what one video, which may be hostile, can cost.

use std::time::Duration;

use crate::LimitError;

/// Limits on one extraction.
///
/// `max_bytes`, `max_requests` and `max_time` are budgets, of each of which the last eighth is kept
/// back; `max_packets` bounds one search. A target whose picture would cost more gets the cheapest
/// one that is left. Only where that costs too much as well, or another limit is met, does the
/// extraction end in [`Error::Limit`](crate::Error::Limit), which says what was spent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
pub struct Limits {
    /// Most pixels in a coded picture, whatever its shape: 96 Mi, which is 12K with room. One
    /// picture of it takes about 150 MB decoded.
    pub max_pixels: u64,
    /// Most streams a container may declare: 64; broadcast streams carry a dozen.
    pub max_streams: usize,
    /// Most samples that the index of an mp4 may claim, all tracks together: 12 million, a day at
    /// 60 frames a second with audio. libav makes an entry of 24 bytes, and some more for
    /// reordered pictures, of each as it opens the file. (Uncompressed audio counts by its
    /// chunks.)
    pub max_samples: u64,
    /// Most video packets read to find one picture: 100,000, an hour of video.
    pub max_packets: usize,
    /// Longest CPU time spent on decoding forward to pictures that need not be
    /// [exact](crate::Request::exact), all of them together: 5 s, half a minute to some minutes of
    /// video. It is shared out among the pictures; one whose share is spent is the last that was
    /// reached.
    pub max_decoding: Duration,
    /// Most bytes fetched: 256 MiB, far more than any valid file needs.
    pub max_bytes: u64,
    /// Most requests sent: 512.
    pub max_requests: u64,
    /// Most memory, in bytes: 512 MiB, which an index of a day at 60 frames a second or the
    /// pictures of 8K UHD take. Counted as [`MemoryBudget`](crate::MemoryBudget) says.
    pub max_memory: u64,
    /// Longest wall-clock time of a call's own: 60 s. Waiting for what other calls use (a place
    /// among the calls in flight, memory, a CPU) is not counted, so that a video's pictures do not
    /// depend on its neighbours.
    pub max_time: Duration,
}

impl Limits {
    /// Refuses a coded picture of more pixels than may be decoded.
    pub(crate) fn check(&self, width: u32, height: u32) -> Result<(), LimitError> {
        let max_pixels = self.max_pixels;
        if u64::from(width) * u64::from(height) > max_pixels {
            return Err(LimitError::Dimensions {
                width,
                height,
                max_pixels,
            });
        }
        Ok(())
    }

    /// Refuses a container of more streams than it may declare.
    pub(crate) fn check_streams(&self, streams: usize) -> Result<(), LimitError> {
        let limit = self.max_streams;
        if streams > limit {
            return Err(LimitError::Streams { streams, limit });
        }
        Ok(())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_pixels: 96 << 20,
            max_streams: 64,
            max_samples: 12_000_000,
            max_packets: 100_000,
            max_decoding: Duration::from_secs(5),
            max_bytes: 256 << 20,
            max_requests: 512,
            max_memory: 512 << 20,
            max_time: Duration::from_mins(1),
        }
    }
}
