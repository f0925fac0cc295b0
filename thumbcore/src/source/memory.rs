//! A file held in memory.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;

use super::{RangeSource, Stat, past_the_end};
use crate::{SourceError, text::shown};

/// A file held in memory: for uploads that are already there, and for tests.
///
/// ```
/// use thumbcore::{MemorySource, RangeSource};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let source = MemorySource::new("clip.mp4", &b"0123456789"[..]);
/// assert_eq!(&source.read(2..5).await?[..], b"234");
/// assert!(source.read(8..11).await.is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct MemorySource {
    name: String,
    bytes: Bytes,
}

impl MemorySource {
    /// Wraps `bytes`; `name` is what errors call it.
    pub fn new(name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self {
            name: shown(&name.into()).into_owned(),
            bytes: bytes.into(),
        }
    }
}

impl std::fmt::Debug for MemorySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemorySource")
            .field("name", &self.name)
            .field("len", &self.bytes.len())
            .finish()
    }
}

#[async_trait]
impl RangeSource for MemorySource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn stat(&self) -> Result<Stat, SourceError> {
        Ok(Stat {
            len: self.bytes.len() as u64,
            validator: None,
        })
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, SourceError> {
        past_the_end(&self.name, &range, self.bytes.len() as u64)?;
        // As any other source, so that reads started together run side by side, and are counted so.
        tokio::task::yield_now().await;
        Ok(self.bytes.slice(range.start as usize..range.end as usize))
    }
}
