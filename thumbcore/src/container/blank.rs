//! Stretches of a file that hold nothing: space that a recorder reserved, or parts that a download
//! never fetched, read as zeros (or as ones, from flash memory).

use std::ops::Range;

use bytes::Bytes;
use futures::future::try_join_all;

use crate::{
    Error,
    reader::{Reader, Reason},
};

/// Bytes that must be alike to count as blank: 4 KiB, of which no compressed media consist.
pub(super) const PROBE: u64 = 4 << 10;
/// Places looked at at once: a round trip costs more than so few bytes.
const WAYS: u64 = 8;

/// Whether `bytes` hold nothing.
pub(crate) fn is_blank(bytes: &[u8]) -> bool {
    matches!(bytes, [0 | 0xff, ..]) && bytes.windows(2).all(|pair| pair[0] == pair[1])
}

/// Whether the file holds nothing at `at`.
pub(super) async fn is_hole(reader: &Reader, at: u64) -> Result<bool, Error> {
    let bytes = reader
        .read(at..at.saturating_add(PROBE), Reason::Index)
        .await?;
    Ok(is_blank(&bytes))
}

/// Whether the last bytes of a stretch that was read hold nothing.
pub(super) fn ends_blank(bytes: &[u8]) -> bool {
    let last = bytes.len().checked_sub(PROBE as usize);
    last.is_some_and(|last| is_blank(&bytes[last..]))
}

/// Whether the first bytes of a stretch that was read hold nothing.
pub(super) fn begins_blank(bytes: &[u8]) -> bool {
    bytes.get(..PROBE as usize).is_some_and(is_blank)
}

/// One past the last byte of the file that holds something. Costs nothing but a look at the tail,
/// which is held, where that is not blank.
pub(super) async fn data_end(reader: &Reader) -> Result<u64, Error> {
    let len = reader.len();
    let start = len.saturating_sub(PROBE);
    if !is_hole(reader, start).await? {
        return Ok(len);
    }
    let low = last_written(reader, 0..start, PROBE).await?;
    let bytes = reader.read(low..low + 3 * PROBE, Reason::Search).await?;
    let blank = bytes.last().copied().unwrap_or(0);
    let data = bytes.iter().rposition(|byte| *byte != blank);
    Ok(low + data.map_or(0, |last| last as u64 + 1))
}

/// Where the data end of a file that holds something before `among` and nothing behind it: too
/// early by a 500th of the file at most, since a round trip less is worth more than the last
/// pictures of such a file. `None` where something is at the end.
pub(crate) async fn data_end_among(
    reader: &Reader,
    among: Range<u64>,
) -> Result<Option<u64>, Error> {
    let len = reader.len();
    if !is_hole(reader, len.saturating_sub(PROBE)).await? {
        return Ok(None);
    }
    let slack = (len / 500).max(PROBE);
    last_written(reader, among, slack).await.map(Some)
}

/// A place where something is, nothing being at one at most `slack` behind it: something is before
/// `among`, and nothing at its end.
async fn last_written(reader: &Reader, among: Range<u64>, slack: u64) -> Result<u64, Error> {
    let (mut low, mut high) = (among.start, among.end);
    while high.saturating_sub(low) > slack {
        let step = (high - low).div_ceil(WAYS + 1).max(1);
        let places = (1..=WAYS).map(|nth| low + nth * step);
        let places: Vec<_> = places.filter(|place| *place < high).collect();
        let probes = places
            .iter()
            .map(|place| reader.read(*place..place + PROBE, Reason::Search));
        let probes: Vec<Bytes> = try_join_all(probes).await?;
        let last = probes.iter().rposition(|bytes| !is_blank(bytes));
        let next = last.map_or(0, |last| last + 1);
        high = places.get(next).copied().unwrap_or(high);
        low = last.map_or(low, |last| places[last]);
    }
    Ok(low)
}

/// A place behind the blank stretch that reaches to `from`, looked for in growing strides; `end`
/// where it reaches as far.
pub(super) async fn behind_blank(reader: &Reader, from: u64, end: u64) -> Result<u64, Error> {
    let mut at = from;
    let mut stride = 16 * PROBE;
    while at < end {
        let bytes = reader.read(at..at + PROBE, Reason::Search).await?;
        if !is_blank(&bytes) {
            return Ok(at);
        }
        at = at.saturating_add(stride);
        stride = stride.saturating_mul(2);
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{Limits, MemorySource, ReadConfig, reader::Call};

    async fn opened(file: Vec<u8>) -> Reader {
        let source = Arc::new(MemorySource::new("m", file));
        let call = Call::new(Limits::default(), CancellationToken::new());
        let reader = Reader::open(source, None, ReadConfig::default(), call).await;
        reader.unwrap()
    }

    fn file(data: usize, blank: usize) -> Vec<u8> {
        let mut file: Vec<u8> = (0..data).map(|nth| (nth % 251) as u8 | 1).collect();
        file.resize(data + blank, 0);
        file
    }

    #[tokio::test]
    async fn reserved_space_behind_the_data_costs_a_few_small_probes() {
        let reader = opened(file(3_000_000, 40_000_000)).await;
        let opened = reader.bytes_fetched();
        assert_eq!(data_end(&reader).await.unwrap(), 3_000_000);
        assert!(reader.bytes_fetched() - opened < 300 << 10);
        assert!(reader.costs().round_trips <= 7, "{:?}", reader.costs());
        let whole = self::opened(file(3_000_000, 100)).await;
        let before = whole.bytes_fetched();
        assert_eq!(data_end(&whole).await.unwrap(), 3_000_100);
        assert_eq!(whole.bytes_fetched(), before);
    }

    #[tokio::test]
    async fn a_rough_end_costs_three_round_trips() {
        let (data, blank) = (30_000_000, 60_000_000);
        let reader = opened(file(data, blank)).await;
        let opened = reader.costs().round_trips;
        let end = data_end_among(&reader, 0..80_000_000).await.unwrap();
        let most = (data + blank) as u64 / 500;
        let end = end.unwrap();
        assert!(end <= data as u64 && end + most >= data as u64, "{end}");
        let costs = reader.costs();
        assert!(costs.round_trips - opened <= 3, "{costs:?}");
        let whole = self::opened(file(data, 100)).await;
        assert_eq!(data_end_among(&whole, 0..20).await.unwrap(), None);
    }

    proptest! {
        #[test]
        fn the_end_of_data_is_found_anywhere(data in 1usize..300_000, blank in 5000usize..400_000) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            let found = runtime.unwrap().block_on(async {
                data_end(&opened(file(data, blank)).await).await.unwrap()
            });
            prop_assert_eq!(found, data as u64);
        }
    }
}
