//! What an mp4's movie box claims to hold: libav takes memory for it before it has seen any of it.
//!
//! A table of samples that are all of one size is a few bytes long, whatever their number, and
//! libav makes an entry of its index of each. So the claims are added up before libav opens the
//! file. The boxes are found as libav finds them: one that reaches beyond its parent is cut there,
//! and of several of a kind any may count.

use std::io::Read as _;

use bytes::Buf;
use flate2::read::ZlibDecoder;

use super::mp4::BoxHeader;
use crate::{Error, LimitError, Limits};

/// Samples of plain sound that libav puts into one entry of its index.
const SOUND_SAMPLES: u64 = 1024;
/// Longest movie box that is unpacked: 64 MiB, an index of five million samples.
const MAX_UNPACKED: u32 = 64 << 20;

/// What a movie box claims.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    /// Tracks, or tracks whose fragments are announced where those are more.
    tracks: usize,
    /// Entries of libav's index, of all tracks together.
    samples: u64,
}

impl Claims {
    /// Adds up what `moov`, a whole movie box, claims.
    pub(crate) fn of(moov: &[u8]) -> Result<Self, Error> {
        let mut claims = Self::default();
        for movie in named(moov, *b"moov") {
            claims.add(movie);
            for packed in named(movie, *b"cmov") {
                let unpacked = unpacked(packed)?;
                for movie in named(&unpacked, *b"moov") {
                    if named(movie, *b"cmov").next().is_some() {
                        return Err(corrupt("a movie box packed twice".to_owned()));
                    }
                    claims.add(movie);
                }
            }
        }
        Ok(claims)
    }

    /// Adds what is in a movie box.
    fn add(&mut self, movie: &[u8]) {
        for trak in named(movie, *b"trak") {
            self.tracks += 1;
            self.samples = self.samples.saturating_add(Tables::of(trak).samples());
        }
        let announced = named(movie, *b"mvex").flat_map(|extends| named(extends, *b"trex"));
        self.tracks = self.tracks.max(announced.count());
    }

    /// Refuses what is beyond `limits`.
    pub(crate) fn check(self, limits: &Limits) -> Result<(), LimitError> {
        let (streams, limit) = (self.tracks, limits.max_streams);
        if streams > limit {
            return Err(LimitError::Streams { streams, limit });
        }
        let (samples, limit) = (self.samples, limits.max_samples);
        if samples > limit {
            return Err(LimitError::Samples { samples, limit });
        }
        Ok(())
    }
}

/// What the tables of one track say.
#[derive(Debug, Default)]
struct Tables<'a> {
    is_sound: bool,
    /// It is something else as well, which may be what libav believes.
    is_other: bool,
    /// Each sample lasts one tick, as those of uncompressed sound do.
    is_even: Option<bool>,
    /// Samples, by the table of their sizes.
    sizes: u64,
    /// Samples, by tables of runs of them.
    runs: u64,
    /// Chunks.
    chunks: u64,
    /// For stretches of chunks, 12 bytes each: the first, from 1 on, and the samples in each.
    stretches: &'a [u8],
}

impl<'a> Tables<'a> {
    fn of(trak: &'a [u8]) -> Self {
        let mut tables = Self::default();
        for media in named(trak, *b"mdia") {
            for (kind, payload) in boxes(media) {
                match &kind {
                    b"hdlr" => tables.handler(payload),
                    b"minf" => tables.information(payload),
                    _ => {}
                }
            }
        }
        tables
    }

    fn information(&mut self, minf: &'a [u8]) {
        for (kind, payload) in boxes(minf) {
            match &kind {
                // QuickTime has one here too, which says how data are stored.
                b"hdlr" => self.handler(payload),
                b"stbl" => {
                    for (kind, table) in boxes(payload) {
                        self.table(&kind, table);
                    }
                }
                _ => {}
            }
        }
    }

    fn handler(&mut self, hdlr: &[u8]) {
        match hdlr.get(8..12) {
            Some(b"soun") => self.is_sound = true,
            Some(b"vide" | b"subp" | b"clcp") => self.is_other = true,
            _ => {}
        }
    }

    /// Takes in a table; `None` where it is cut short and says nothing.
    fn table(&mut self, kind: &[u8; 4], mut table: &'a [u8]) -> Option<()> {
        let version = table.try_get_u32().ok()? >> 24;
        match kind {
            b"stsz" | b"stz2" => {
                table.try_get_u32().ok()?;
                self.sizes = self.sizes.max(u64::from(table.try_get_u32().ok()?));
            }
            b"stco" | b"co64" => {
                self.chunks = self.chunks.max(u64::from(table.try_get_u32().ok()?));
            }
            b"stts" => {
                let is_single = table.try_get_u32().ok()? == 1;
                table.try_get_u32().ok()?;
                let is_even = is_single && table.try_get_u32().ok()? == 1;
                self.is_even = Some(is_even && self.is_even != Some(false));
            }
            b"ctts" | b"sbgp" => {
                if kind == b"sbgp" {
                    let fields = if version == 1 { 8 } else { 4 };
                    table = table.get(fields..)?;
                }
                let count = table.try_get_u32().ok()?;
                let runs = table.chunks_exact(8).take(count as usize);
                let samples = runs.map(|mut run| u64::from(run.get_u32()));
                self.runs = self.runs.max(samples.sum());
            }
            b"stsc" => {
                let len = (table.try_get_u32().ok()? as usize).saturating_mul(12);
                self.stretches = table.get(..len).unwrap_or(table);
            }
            _ => {}
        }
        Some(())
    }

    /// Entries that libav makes of the track.
    fn samples(&self) -> u64 {
        if self.is_sound && !self.is_other && self.is_even == Some(true) {
            return self.sound_entries();
        }
        self.sizes.max(self.runs)
    }

    /// Hours of uncompressed sound are hundreds of millions of samples: libav takes those of a
    /// chunk together.
    fn sound_entries(&self) -> u64 {
        let stretches = || self.stretches.chunks_exact(12);
        let first = |mut stretch: &[u8]| u64::from(stretch.get_u32());
        let ends = stretches().skip(1).map(first).chain([self.chunks + 1]);
        stretches()
            .zip(ends)
            .map(|(mut stretch, end)| {
                let chunks = end.saturating_sub(u64::from(stretch.get_u32()));
                chunks * u64::from(stretch.get_u32()).div_ceil(SOUND_SAMPLES)
            })
            .fold(0, u64::saturating_add)
    }
}

/// What a `cmov` box unpacks to: an old `QuickTime` could pack the movie box. Nothing where libav
/// refuses it.
fn unpacked(cmov: &[u8]) -> Result<Vec<u8>, Error> {
    let mut unpacked = Vec::new();
    // A box that names the method, then the header of one with the length and the data.
    let Some((mut head, data)) = cmov.split_at_checked(24) else {
        return Ok(unpacked);
    };
    if &head[4..12] != b"dcomzlib" || &head[16..20] != b"cmvd" {
        return Ok(unpacked);
    }
    head.advance(20);
    let len = head.get_u32();
    if len > MAX_UNPACKED {
        return Err(corrupt(format!("a packed movie box of {len} bytes")));
    }
    let mut inflated = ZlibDecoder::new(data).take(u64::from(len));
    if inflated.read_to_end(&mut unpacked).is_err() {
        unpacked.clear();
    }
    Ok(unpacked)
}

fn corrupt(reason: String) -> Error {
    Error::Corrupt { reason }
}

/// The payloads of the boxes of a kind within `bytes`.
fn named(bytes: &[u8], wanted: [u8; 4]) -> impl Iterator<Item = &[u8]> {
    boxes(bytes).filter_map(move |(kind, payload)| (kind == wanted).then_some(payload))
}

/// The boxes within `bytes`; one that reaches further is cut.
fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let header = BoxHeader::parse(bytes)?;
        let size = header.size.and_then(|size| usize::try_from(size).ok());
        let size = size.unwrap_or(bytes.len()).min(bytes.len());
        let payload = bytes.get(header.header_len as usize..size)?;
        bytes = &bytes[size..];
        Some((header.kind, payload))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn boxed(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
        let mut bytes = (payload.len() as u32 + 8).to_be_bytes().to_vec();
        bytes.extend_from_slice(kind);
        bytes.extend_from_slice(payload);
        bytes
    }

    fn table(kind: &[u8; 4], words: &[u32]) -> Vec<u8> {
        let words: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        boxed(kind, &words)
    }

    fn trak(handler: &[u8; 4], tables: &[Vec<u8>]) -> Vec<u8> {
        let handler = boxed(b"hdlr", &[&[0; 8][..], handler, &[0; 13]].concat());
        let minf = boxed(b"minf", &boxed(b"stbl", &tables.concat()));
        boxed(b"trak", &boxed(b"mdia", &[handler, minf].concat()))
    }

    fn moov(children: &[Vec<u8>]) -> Vec<u8> {
        boxed(b"moov", &children.concat())
    }

    fn claims(moov: &[u8]) -> Claims {
        Claims::of(moov).unwrap()
    }

    fn samples(handler: &[u8; 4], tables: &[Vec<u8>]) -> u64 {
        claims(&moov(&[trak(handler, tables)])).samples
    }

    #[test]
    fn samples_of_all_tracks_are_added_up() {
        let of = |count| trak(b"vide", &[table(b"stsz", &[0, 1, count])]);
        let claimed = claims(&moov(&[of(7_000_000), of(u32::MAX), of(1)]));
        let samples = 7_000_001 + u64::from(u32::MAX);
        assert_eq!(claimed, Claims { tracks: 3, samples });
        let limits = Limits::default();
        let limit = limits.max_samples;
        assert_eq!(
            claimed.check(&limits),
            Err(LimitError::Samples { samples, limit })
        );
        assert_eq!(claims(&moov(&[of(7_000_000)])).check(&limits), Ok(()));
    }

    #[test]
    fn any_table_may_claim_samples() {
        let compact = [table(b"stz2", &[0, 4, 500])];
        assert_eq!(samples(b"vide", &compact), 500);
        let twice = [table(b"stsz", &[0, 1, 500]), table(b"stsz", &[0, 1, 2])];
        assert_eq!(samples(b"vide", &twice), 500);
        let delays = [
            table(b"stsz", &[0, 0, 3]),
            table(b"ctts", &[0, 2, 400, 0, 600, 9]),
        ];
        assert_eq!(samples(b"vide", &delays), 1000);
        let sync = u32::from_be_bytes(*b"sync");
        for group in [
            table(b"sbgp", &[0, sync, 1, 700, 1]),
            table(b"sbgp", &[0x0100_0000, sync, 0, 1, 700, 1]),
        ] {
            assert_eq!(samples(b"vide", &[group]), 700);
        }
        // Cut where its parent ends.
        let mut long = moov(&[trak(b"vide", &[table(b"stsz", &[0, 1, 500])])]);
        let at = long.len() - 20;
        long[at..at + 4].copy_from_slice(&2000u32.to_be_bytes());
        assert_eq!(claims(&long).samples, 500);
    }

    #[test]
    fn hours_of_plain_sound_are_few_entries() {
        const HOUR: u32 = 3600 * 48_000;
        let sizes = table(b"stsz", &[0, 4, HOUR]);
        // Half a second a chunk, and the last of one second.
        let stretches = table(b"stsc", &[0, 2, 1, 24_000, 1, 7199, 48_000, 1]);
        let chunks = table(b"stco", &[0, 7199]);
        let times = table(b"stts", &[0, 1, HOUR, 1]);
        let plain = [sizes.clone(), stretches.clone(), chunks.clone(), times];
        assert_eq!(samples(b"soun", &plain), 7198 * 24 + 47);
        // The same of video, or timed otherwise, is an entry a sample.
        assert_eq!(samples(b"vide", &plain), u64::from(HOUR));
        for times in [
            table(b"stts", &[0, 1, HOUR, 2]),
            table(b"stts", &[0, 2, 1, 1, HOUR - 1, 1]),
        ] {
            let tables = [sizes.clone(), stretches.clone(), chunks.clone(), times];
            assert_eq!(samples(b"soun", &tables), u64::from(HOUR));
        }
    }

    #[test]
    fn sound_may_not_claim_endless_chunks() {
        let tables = [
            table(b"stts", &[0, 1, 9, 1]),
            table(b"stsc", &[0, 1, 1, u32::MAX, 1]),
            table(b"stco", &[0, 100]),
        ];
        assert_eq!(samples(b"soun", &tables), 100 << 22);
    }

    #[test]
    fn tracks_are_counted_by_either_box() {
        let trex = || table(b"trex", &[0, 1, 1, 0, 0, 0]);
        let extends = |count| boxed(b"mvex", &vec![trex(); count].concat());
        let few = moov(&[trak(b"vide", &[]), extends(1)]);
        assert_eq!(claims(&few).check(&Limits::default()), Ok(()));
        let streams = 65;
        let refused = Err(LimitError::Streams { streams, limit: 64 });
        let many = moov(&[trak(b"vide", &[]), extends(65)]);
        assert_eq!(claims(&many).check(&Limits::default()), refused);
        let many = moov(&vec![trak(b"vide", &[]); 65]);
        assert_eq!(claims(&many).check(&Limits::default()), refused);
    }

    /// `moov` with what is in it packed, said to be `len` bytes long.
    fn packed(moov: &[u8], len: u32) -> Vec<u8> {
        let mut data = len.to_be_bytes().to_vec();
        let mut encoder = ZlibEncoder::new(&mut data, Compression::default());
        encoder.write_all(moov).unwrap();
        encoder.finish().unwrap();
        let method = boxed(b"dcom", b"zlib");
        boxed(
            b"moov",
            &boxed(b"cmov", &[method, boxed(b"cmvd", &data)].concat()),
        )
    }

    #[test]
    fn a_packed_movie_box_hides_nothing() {
        let plain = moov(&vec![trak(b"vide", &[table(b"stsz", &[0, 1, 500])]); 9]);
        let len = plain.len() as u32;
        assert_eq!(claims(&packed(&plain, len)), claims(&plain));
        for refused in [
            packed(&plain, u32::MAX),
            packed(&packed(&plain, len), 10_000),
        ] {
            let error = Claims::of(&refused).unwrap_err();
            assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
        }
    }

    proptest! {
        #[test]
        fn any_damage_ends(at in 0usize..400, byte in any::<u8>(), cut in 0usize..400) {
            let tables = [
                table(b"stsz", &[0, 1, 7]),
                table(b"stts", &[0, 1, 7, 1]),
                table(b"ctts", &[0, 1, 7, 1]),
                table(b"stsc", &[0, 1, 1, 7, 1]),
                table(b"stco", &[0, 1, 48]),
            ];
            let mut bytes = moov(&[trak(b"vide", &tables), trak(b"soun", &tables)]);
            let len = bytes.len();
            bytes[at % len] = byte;
            bytes.truncate(len - cut.min(len));
            let _ = Claims::of(&bytes).map(|claims| claims.check(&Limits::default()));
        }
    }
}
