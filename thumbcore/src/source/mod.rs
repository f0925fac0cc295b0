//! Where bytes come from.
//!
//! A [`RangeSource`] is one immutable version of one file: it knows the file's length and a
//! validator, and reads byte ranges. Caching, prefetch, retries, budgets and counting happen above,
//! in the `reader` module, so a source stays small: one call, one request.

#[cfg(feature = "testing")]
pub mod conformance;
#[cfg(any(feature = "http", feature = "s3"))]
mod content_range;
mod file;
mod guard;
#[cfg(feature = "http")]
mod http;
mod memory;
#[cfg(any(feature = "http", feature = "s3"))]
mod remote;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "testing")]
pub mod testing;

use std::{fmt, ops::Range};

use async_trait::async_trait;
use bytes::Bytes;

pub(crate) use self::guard::Guard;
#[cfg(feature = "http")]
pub use self::http::HttpSource;
#[cfg(feature = "s3")]
pub use self::s3::S3Source;
pub use self::{file::FileSource, memory::MemorySource};
use crate::SourceError;

/// What identifies one version of a file: an `ETag`, or a modification time and length.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
pub struct Validator(pub String);

impl fmt::Display for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Length and version of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
pub struct Stat {
    /// Length in bytes.
    pub len: u64,
    /// The version every later read must match; `None` where the source cannot tell.
    pub validator: Option<Validator>,
}

impl Stat {
    /// A length in bytes and a version, as a listing or an event of S3 tells them. The quotes
    /// around an `ETag` may be missing: events leave them out.
    #[must_use]
    pub fn new(len: u64, validator: Option<Validator>) -> Self {
        Self { len, validator }
    }

    /// Whether both may describe the same version: of one length, and with the same validator
    /// where both have one.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        let bare = |validator: &'_ Validator| validator.0.trim_matches('"').to_owned();
        let validators = self.validator.as_ref().zip(other.validator.as_ref());
        self.len == other.len && validators.is_none_or(|(ours, theirs)| bare(ours) == bare(theirs))
    }
}

/// The first and last bytes of a source, read at once, and what was learned on the way.
#[derive(Debug, Clone)]
pub struct Ends {
    /// Length and version.
    pub stat: Stat,
    /// Bytes from offset 0: as many as asked for, or all there are.
    pub head: Bytes,
    /// Bytes up to the end: as many as asked for, or all there are. Where they overlap `head`, the
    /// overlap may be cut: empty then if `head` already holds the whole file.
    pub tail: Bytes,
    /// Requests this took.
    pub requests: u64,
    /// Bytes that crossed the wire for it.
    pub bytes_fetched: u64,
}

/// One version of one file, readable by byte range.
///
/// Implementations are cheap to share (`Arc<dyn RangeSource>`), may be read concurrently and are
/// cancelled by dropping the future. They do not retry and do not cache.
///
/// # Contract
/// - [`read`](Self::read) returns exactly `range.end - range.start` bytes or an error, never fewer;
///   a range that reaches past the end is an error, an empty range within the file is empty.
/// - Every read sees the version that the first successful call saw. If the file was replaced
///   since, the read fails with [`SourceError::Changed`]; it never mixes versions.
/// - [`read_if`](Self::read_if) reads the version it is told, and fails with
///   [`SourceError::Changed`] where the file is another one. A call that failed so leaves a source
///   that knew no version as it was: the next call sees the version that is there now.
/// - Errors name the source as a person may see it, without credentials or signed queries.
///
/// `thumbcore::source::conformance::run` (feature `testing`) checks all of this for any
/// implementation.
#[async_trait]
pub trait RangeSource: Send + Sync + fmt::Debug {
    /// The source's name as it may be shown and logged.
    fn name(&self) -> &str;

    /// Length and version; costs a request where nothing was read yet.
    async fn stat(&self) -> Result<Stat, SourceError>;

    /// Reads `range`, in one request.
    async fn read(&self, range: Range<u64>) -> Result<Bytes, SourceError>;

    /// Reads `range` on the condition that the file is `expected`, as its caller learnt elsewhere:
    /// from an event, a listing or an earlier extraction.
    ///
    /// A source that can send the condition along needs one request, and no other to learn length
    /// and version. This default compares with [`stat`](Self::stat) first.
    async fn read_if(&self, range: Range<u64>, expected: &Stat) -> Result<Bytes, SourceError> {
        if !expected.agrees_with(&self.stat().await?) {
            return Err(SourceError::changed(self.name()));
        }
        self.read(range).await
    }

    /// Reads the first `head` and the last `tail` bytes, in one round trip where the source can
    /// address its end without knowing its length (HTTP suffix ranges).
    async fn ends(&self, head: u64, tail: u64) -> Result<Ends, SourceError> {
        let stat = self.stat().await?;
        let head_end = head.min(stat.len);
        let tail_start = stat.len.saturating_sub(tail).max(head_end);
        let head = async {
            match head_end {
                0 => Ok(Bytes::new()),
                end => self.read(0..end).await,
            }
        };
        let tail = async {
            match tail_start..stat.len {
                empty if empty.is_empty() => Ok(Bytes::new()),
                range => self.read(range).await,
            }
        };
        let (head, tail) = futures::try_join!(head, tail)?;
        Ok(Ends {
            requests: 1 + u64::from(!tail.is_empty()),
            bytes_fetched: (head.len() + tail.len()) as u64,
            stat,
            head,
            tail,
        })
    }
}

/// Fails unless `range` is in order and lies within `len` bytes.
fn past_the_end(name: &str, range: &Range<u64>, len: u64) -> Result<(), SourceError> {
    let reason = if range.start > range.end {
        format!("range {range:?} ends before it begins")
    } else if range.end > len {
        format!("range {range:?} reaches past the end at {len}")
    } else {
        return Ok(());
    };
    Err(SourceError::rejected(name, reason))
}
