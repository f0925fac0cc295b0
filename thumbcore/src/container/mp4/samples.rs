//! The sample tables of one track in the movie box.
//!
//! Source: ISO/IEC 14496-12, sections 8.6.1 (`stts`, `ctts`, `stss`) and 8.7 (`stsz`, `stz2`,
//! `stsc`, `stco`, `co64`).

use super::boxes::{child, descendant};

/// A sample as the tables describe it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TableSample {
    /// Where it lies in the file.
    pub(super) at: u64,
    pub(super) size: u32,
    /// In ticks.
    pub(super) duration: u32,
    /// From decoding to presentation, in ticks.
    pub(super) delay: i32,
    /// Decodable by itself.
    pub(super) is_sync: bool,
}

impl TableSample {
    /// One past its last byte.
    pub(super) fn end(&self) -> u64 {
        self.at.saturating_add(u64::from(self.size))
    }
}

/// The tables of one track, as payloads behind version, flags and count.
#[derive(Debug, Clone, Copy)]
pub(super) struct SampleTables<'a> {
    /// Samples.
    pub(super) count: u32,
    sizes: Sizes<'a>,
    durations: &'a [u8],
    delays: &'a [u8],
    /// Numbers of the samples that are decodable by themselves; `None` where all are.
    sync: Option<&'a [u8]>,
    stretches: &'a [u8],
    chunks: &'a [u8],
    /// Bytes of an entry of `chunks`.
    chunk_width: usize,
}

/// Where the sizes of samples are told.
#[derive(Debug, Clone, Copy)]
enum Sizes<'a> {
    /// All are of one size.
    Same(u32),
    /// Entries of so many bits.
    Each(&'a [u8], u32),
}

impl<'a> SampleTables<'a> {
    /// The tables of `trak`, a track box's payload; `None` where one that is needed is missing.
    pub(super) fn parse(trak: &'a [u8]) -> Option<Self> {
        let table = descendant(trak, &[b"mdia", b"minf", b"stbl"])?;
        let (count, sizes) = sizes(table)?;
        let (chunks, chunk_width) = match child(table, b"stco") {
            Some(chunks) => (counted(chunks, 4)?, 4),
            None => (counted(child(table, b"co64")?, 8)?, 8),
        };
        let runs = |kind| child(table, kind).and_then(|table| counted(table, 8));
        let sync = child(table, b"stss").and_then(|table| counted(table, 4));
        Some(Self {
            count,
            sizes,
            durations: runs(b"stts")?,
            delays: runs(b"ctts").unwrap_or_default(),
            sync: sync.filter(|numbers| !numbers.is_empty()),
            stretches: counted(child(table, b"stsc")?, 12)?,
            chunks,
            chunk_width,
        })
    }

    /// Whether pictures are reordered, so that presentation differs from decoding.
    pub(super) fn is_reordered(&self) -> bool {
        !self.delays.is_empty()
    }

    /// Ticks of all samples.
    pub(super) fn ticks(&self) -> u64 {
        let runs = self.durations.chunks_exact(8);
        let ticks = runs.map(|run| u64::from(word(run, 0)) * u64::from(word(run, 4)));
        ticks.fold(0, u64::saturating_add)
    }

    /// Ticks of the last sample.
    pub(super) fn last_duration(&self) -> u32 {
        let last = self.durations.chunks_exact(8).next_back();
        last.map_or(0, |run| word(run, 4))
    }

    /// Ticks by which libav moves presentation so that no picture is shown before it is decoded.
    /// libav leaves the last two runs out.
    pub(super) fn shift(&self) -> i64 {
        let runs = self.delays.chunks_exact(8);
        let looked_at = runs.len().saturating_sub(2);
        let least = runs.take(looked_at).map(|run| word(run, 4) as i32).min();
        -i64::from(least.unwrap_or(0).min(0))
    }

    /// The samples in the order of decoding, as far as the tables place them.
    pub(super) fn samples(&self) -> Samples<'a> {
        Samples {
            tables: *self,
            nth: 0,
            durations: Runs::new(self.durations),
            delays: Runs::new(self.delays),
            sync: self.sync.unwrap_or_default(),
            chunk: 0,
            stretch: 0,
            left: 0,
            at: 0,
        }
    }
}

/// Number and sizes of the samples.
fn sizes(table: &[u8]) -> Option<(u32, Sizes<'_>)> {
    if let Some(sizes) = child(table, b"stsz") {
        let (same, count) = (word_at(sizes, 4)?, word_at(sizes, 8)?);
        let each = Sizes::Each(sizes.get(12..)?, 32);
        return Some((count, if same > 0 { Sizes::Same(same) } else { each }));
    }
    let sizes = child(table, b"stz2")?;
    let bits = u32::from(*sizes.get(7)?);
    let is_valid = matches!(bits, 4 | 8 | 16);
    is_valid.then_some((word_at(sizes, 8)?, Sizes::Each(sizes.get(12..)?, bits)))
}

/// The entries, of `width` bytes each, of a table's payload.
pub(super) fn counted(table: &[u8], width: usize) -> Option<&[u8]> {
    let len = (word_at(table, 4)? as usize).checked_mul(width)?;
    let entries = table.get(8..)?;
    Some(entries.get(..len).unwrap_or(entries))
}

fn word_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(four.try_into().ok()?))
}

/// The word at `at`; 0 beyond the end.
pub(super) fn word(bytes: &[u8], at: usize) -> u32 {
    word_at(bytes, at).unwrap_or(0)
}

/// Values that are stored as runs: a count, and what all of them are.
#[derive(Debug, Clone)]
struct Runs<'a> {
    rest: &'a [u8],
    left: u32,
    value: u32,
}

impl<'a> Runs<'a> {
    fn new(rest: &'a [u8]) -> Self {
        Self {
            rest,
            left: 0,
            value: 0,
        }
    }

    /// The next value; the last goes on where the table ends early.
    fn next(&mut self) -> u32 {
        while self.left == 0 {
            let Some((run, rest)) = self.rest.split_at_checked(8) else {
                return self.value;
            };
            self.rest = rest;
            (self.left, self.value) = (word(run, 0), word(run, 4));
        }
        self.left -= 1;
        self.value
    }
}

/// Goes through the samples of a track.
#[derive(Debug, Clone)]
pub(super) struct Samples<'a> {
    tables: SampleTables<'a>,
    /// Samples given so far.
    nth: u32,
    durations: Runs<'a>,
    delays: Runs<'a>,
    /// Numbers, from 1 on, of the decodable samples to come.
    sync: &'a [u8],
    /// Chunks begun so far.
    chunk: u32,
    /// The stretch of chunks that the chunk is in.
    stretch: usize,
    /// Samples to come in the chunk.
    left: u32,
    /// Where the next sample of the chunk lies.
    at: u64,
}

impl Samples<'_> {
    /// Goes on to the next chunk that has samples.
    fn next_chunk(&mut self) -> Option<()> {
        while self.left == 0 {
            let width = self.tables.chunk_width;
            let place = (self.chunk as usize).checked_mul(width)?;
            let entry = self.tables.chunks.get(place..place + width)?;
            self.at = entry.iter().fold(0, |at, byte| at << 8 | u64::from(*byte));
            self.chunk += 1;
            let stretch = |nth: usize| self.tables.stretches.get(nth * 12..nth * 12 + 12);
            if stretch(self.stretch + 1).is_some_and(|next| word(next, 0) <= self.chunk) {
                self.stretch += 1;
            }
            self.left = word(stretch(self.stretch)?, 4);
        }
        Some(())
    }

    fn size(&self) -> Option<u32> {
        let nth = self.nth as usize;
        match self.tables.sizes {
            Sizes::Same(size) => Some(size),
            Sizes::Each(entries, 32) => word_at(entries, nth.checked_mul(4)?),
            Sizes::Each(entries, 16) => {
                let two = entries.get(nth * 2..nth * 2 + 2)?;
                Some(u32::from(u16::from_be_bytes(two.try_into().ok()?)))
            }
            Sizes::Each(entries, 8) => entries.get(nth).map(|size| u32::from(*size)),
            Sizes::Each(entries, _) => {
                let both = u32::from(*entries.get(nth / 2)?);
                Some(if nth.is_multiple_of(2) {
                    both >> 4
                } else {
                    both & 15
                })
            }
        }
    }

    fn is_sync(&mut self) -> bool {
        if self.tables.sync.is_none() {
            return true;
        }
        while let Some(number) = word_at(self.sync, 0)
            && number <= self.nth
        {
            self.sync = &self.sync[4..];
        }
        word_at(self.sync, 0) == Some(self.nth + 1)
    }
}

impl Iterator for Samples<'_> {
    type Item = TableSample;

    fn next(&mut self) -> Option<TableSample> {
        if self.nth >= self.tables.count {
            return None;
        }
        self.next_chunk()?;
        let sample = TableSample {
            at: self.at,
            size: self.size()?,
            duration: self.durations.next(),
            delay: self.delays.next() as i32,
            is_sync: self.is_sync(),
        };
        self.nth += 1;
        self.left -= 1;
        self.at = sample.end();
        Some(sample)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::{super::fragmented::tests::boxed, *};

    fn table(kind: &[u8; 4], words: &[u32]) -> Vec<u8> {
        let words: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        boxed(kind, &words)
    }

    /// The payload of a track of five samples in three chunks.
    pub(in crate::container::mp4) fn trak() -> Vec<u8> {
        let tables = [
            table(b"stts", &[0, 2, 4, 10, 1, 30]),
            table(b"ctts", &[0, 3, 1, 20, 3, 0, 1, 10]),
            table(b"stss", &[0, 2, 1, 4]),
            table(b"stsz", &[0, 0, 5, 100, 10, 20, 200, 30]),
            table(b"stsc", &[0, 2, 1, 2, 1, 3, 1, 1]),
            table(b"stco", &[0, 3, 1000, 2000, 3000]),
        ];
        let table = boxed(b"minf", &boxed(b"stbl", &tables.concat()));
        boxed(b"mdia", &table)
    }

    #[test]
    fn tables_tell_each_samples_place_and_times() {
        let trak = trak();
        let tables = SampleTables::parse(&trak).unwrap();
        let samples: Vec<_> = tables
            .samples()
            .map(|s| (s.at, s.size, s.duration, s.delay, s.is_sync))
            .collect();
        let expected = [
            (1000, 100, 10, 20, true),
            (1100, 10, 10, 0, false),
            (2000, 20, 10, 0, false),
            (2020, 200, 10, 0, true),
            (3000, 30, 30, 10, false),
        ];
        assert_eq!(samples, expected);
        assert_eq!((tables.ticks(), tables.last_duration()), (70, 30));
        assert!(tables.is_reordered());
    }

    proptest! {
        #[test]
        fn any_damage_ends(at in 0usize..400, byte in any::<u8>(), cut in 0usize..400) {
            let mut bytes = trak();
            let len = bytes.len();
            bytes[at % len] = byte;
            bytes.truncate(len - cut.min(len));
            if let Some(tables) = SampleTables::parse(&bytes) {
                tables.shift();
                prop_assert!(tables.samples().take(100_000).count() <= 100_000);
            }
        }
    }
}
