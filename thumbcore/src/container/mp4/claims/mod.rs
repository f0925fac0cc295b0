//! What an mp4's movie box claims to hold: libav takes memory for it before it has seen any of it.
//!
//! A table of samples that are all of one size is a few bytes long, whatever their number, and
//! libav makes an entry of its index of each. So the claims are added up before libav opens the
//! file. The boxes are found as libav finds them: one that reaches beyond its parent is cut there,
//! and of several of a kind any may count.

use std::io::Read as _;

use bytes::Buf;
use flate2::read::ZlibDecoder;

use super::boxes::BoxHeader;
use crate::{Error, LimitError, Limits};

/// Samples of uncompressed audio that libav puts into one entry of its index.
const SOUND_SAMPLES: u64 = 1024;
/// Longest movie box that is unpacked: 64 MiB, an index of five million samples.
const MAX_UNPACKED: u32 = 64 << 20;
/// Memory of a sample in libav's index, in bytes.
const BYTES_A_SAMPLE: u64 = 24;

/// What a movie box claims.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::container) struct Claims {
    /// Tracks, or tracks whose fragments are announced where those are more.
    tracks: usize,
    /// Entries of libav's index, of all tracks together.
    samples: u64,
}

impl Claims {
    /// Adds up what `moov`, a whole movie box, claims.
    pub(in crate::container) fn of(moov: &[u8]) -> Result<Self, Error> {
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

    /// Memory that libav takes for its index, in bytes, without the tables themselves.
    pub(super) fn memory(self) -> u64 {
        self.samples.saturating_mul(BYTES_A_SAMPLE)
    }

    /// Refuses what is beyond `limits`.
    pub(in crate::container) fn check(self, limits: &Limits) -> Result<(), LimitError> {
        limits.check_streams(self.tracks)?;
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
    /// Each sample lasts one tick, as those of uncompressed audio do.
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

    /// Hours of uncompressed audio are hundreds of millions of samples: libav takes those of a
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

/// Bytes that the largest packed movie box in `moov` claims to unpack to, as far as that is
/// believed.
pub(super) fn unpacked_len(moov: &[u8]) -> u64 {
    let packed = named(moov, *b"moov").flat_map(|movie| named(movie, *b"cmov"));
    let lens = packed.filter_map(|cmov| packed_data(cmov).map(|(len, _)| len));
    u64::from(lens.max().unwrap_or(0).min(MAX_UNPACKED))
}

/// What a `cmov` box unpacks to: an old `QuickTime` could pack the movie box. Nothing where libav
/// refuses it.
fn unpacked(cmov: &[u8]) -> Result<Vec<u8>, Error> {
    let mut unpacked = Vec::new();
    let Some((len, data)) = packed_data(cmov) else {
        return Ok(unpacked);
    };
    if len > MAX_UNPACKED {
        return Err(corrupt(format!("a packed movie box of {len} bytes")));
    }
    let mut inflated = ZlibDecoder::new(data).take(u64::from(len));
    if inflated.read_to_end(&mut unpacked).is_err() {
        unpacked.clear();
    }
    Ok(unpacked)
}

/// The length that a `cmov` box's data claim to unpack to, and the data; `None` where libav refuses
/// them.
fn packed_data(cmov: &[u8]) -> Option<(u32, &[u8])> {
    // A box that names the method, then the header of one with the length and the data.
    let (head, data) = cmov.split_at_checked(24)?;
    if &head[4..12] != b"dcomzlib" || &head[16..20] != b"cmvd" {
        return None;
    }
    let mut len = &head[20..];
    Some((len.try_get_u32().ok()?, data))
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
mod tests;
