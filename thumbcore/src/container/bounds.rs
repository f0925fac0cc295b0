//! Lengths that a file claims for an index.

use std::ops::Range;

use bytes::Bytes;

use crate::{
    Error,
    reader::{Reader, Reason},
};

/// What an index may claim.
#[derive(Debug, Clone, Copy)]
pub(super) struct IndexBounds {
    /// Bytes of the largest that is believed.
    pub(super) max_bytes: u64,
    /// Bytes of memory that the parsed index takes for each byte of the file, at most.
    pub(super) memory: u64,
}

impl IndexBounds {
    /// Whether an index at `range` is believed.
    pub(super) fn allow(self, range: &Range<u64>) -> bool {
        range.end.saturating_sub(range.start) <= self.max_bytes
    }

    /// Reads the index at `range`, and charges for what is made of it before anything is read.
    /// `None` where it is larger than is believed.
    pub(super) async fn read(
        self,
        reader: &Reader,
        range: Range<u64>,
    ) -> Result<Option<Bytes>, Error> {
        if !self.allow(&range) {
            return Ok(None);
        }
        self.charge(
            reader,
            range.end.min(reader.len()).saturating_sub(range.start),
        )?;
        reader.read(range, Reason::Index).await.map(Some)
    }

    /// Charges for what is made of an index of `len` bytes.
    pub(super) fn charge(self, reader: &Reader, len: u64) -> Result<(), Error> {
        reader.charge_while_open(len.saturating_mul(self.memory))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{LimitError, Limits, MemorySource, ReadConfig, reader::Call};

    #[tokio::test]
    async fn an_index_is_paid_for_before_it_is_read() {
        let source = Arc::new(MemorySource::new("m", vec![0; 1 << 20]));
        let limits = Limits {
            max_memory: 600 << 10,
            ..Limits::default()
        };
        let call = Call::new(limits, CancellationToken::new());
        let reader = Reader::open(source, None, ReadConfig::default(), call);
        let reader = reader.await.unwrap();
        let opened = reader.bytes_fetched();
        let bounds = IndexBounds {
            max_bytes: 200 << 10,
            memory: 4,
        };
        let claimed = 100 << 10..300 << 10;
        assert_eq!(
            bounds.read(&reader, 100 << 10..301 << 10).await.unwrap(),
            None
        );
        let error = bounds.read(&reader, claimed).await.unwrap_err();
        assert!(
            matches!(error, Error::Limit(LimitError::Memory { .. })),
            "{error:?}"
        );
        assert_eq!(reader.bytes_fetched(), opened);
        let small = bounds.read(&reader, 100 << 10..110 << 10).await.unwrap();
        assert_eq!(small.unwrap().len(), 10 << 10);
    }
}
