//! One movie fragment: its samples' times and places, and the fragment that replaces it in a
//! splice.

use std::ops::Range;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::movie::{Defaults, Movie, TrackHead};
use crate::container::mp4::{
    boxes::{BoxHeader, child, children},
    samples::TableSample,
};

/// Samples of one fragment at most: hours of audio, far from what would fill memory.
const MAX_SAMPLES: usize = 1 << 18;
/// Pictures of a fragment that share size, duration and flags: more than two minutes of them are a
/// trap.
const MAX_UNIFORM_SAMPLES: usize = 4096;

/// A movie fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fragment {
    /// Its `moof` box.
    pub(super) moof: Range<u64>,
    /// The number that its header gives it.
    pub(super) number: u32,
    /// What may hold its samples: the `mdat` box behind it.
    pub(super) media: Range<u64>,
    /// Its samples, by track.
    pub(super) runs: Vec<Run>,
    /// Later fragments may say where their samples are by the offset in the file, so that they
    /// cannot be read from a splice.
    pub(super) is_absolute: bool,
}

/// The samples of one track in a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) track: u32,
    /// Decoding time of the first, in ticks; 0 where that is not told.
    pub(super) time: i64,
    /// That time is told.
    pub(super) is_timed: bool,
    /// They need a key.
    pub(super) is_encrypted: bool,
    pub(super) samples: Vec<Sample>,
}

/// One compressed frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) at: u64,
    pub(super) size: u32,
    /// In ticks.
    pub(super) duration: u32,
    pub(super) flags: u32,
    /// From decoding to presentation, in ticks.
    pub(super) delay: i32,
}

/// Flags of a sample that is not decodable by itself.
const NON_SYNC: u32 = 0x0001_0000;

impl From<TableSample> for Sample {
    fn from(sample: TableSample) -> Self {
        Self {
            at: sample.at,
            size: sample.size,
            duration: sample.duration,
            flags: if sample.is_sync { 0 } else { NON_SYNC },
            delay: sample.delay,
        }
    }
}

impl Sample {
    /// Decodable by itself, as libav judges it: neither "non-sync" nor "depends on others".
    fn is_keyframe(&self) -> bool {
        self.flags & 0x0101_0000 == 0
    }

    pub(super) fn end(&self) -> u64 {
        self.at.saturating_add(u64::from(self.size))
    }
}

impl Run {
    /// Ticks by which libav moves presentation so that no picture is shown before it is decoded.
    fn shift(&self) -> i64 {
        let least = self.samples.iter().map(|sample| sample.delay).min();
        -i64::from(least.unwrap_or(0).min(0))
    }

    /// Ticks from the first sample's decoding to its presentation.
    pub(super) fn lead(&self) -> i64 {
        let delay = self.samples.first().map_or(0, |first| first.delay);
        i64::from(delay) + self.shift()
    }

    /// Presentation time of the first sample, in ticks.
    pub(super) fn start(&self) -> i64 {
        self.time + self.lead()
    }

    /// Ticks of all samples.
    pub(super) fn ticks(&self) -> i64 {
        let ticks = self.samples.iter().map(|sample| i64::from(sample.duration));
        ticks.sum()
    }

    /// When the decoding time after the last sample is, in ticks.
    pub(super) fn end(&self) -> i64 {
        self.time + self.ticks()
    }

    pub(super) fn starts_with_keyframe(&self) -> bool {
        self.samples.first().is_some_and(Sample::is_keyframe)
    }

    /// One past the bytes of the last sample decoded at `time` or before; `None` where more follow.
    pub(super) fn end_of(&self, time: i64) -> Option<u64> {
        let mut decoded = self.time;
        let mut end = None;
        for sample in &self.samples {
            if decoded > time {
                return end;
            }
            end = end.max(Some(sample.end()));
            decoded += i64::from(sample.duration);
        }
        None
    }

    /// Presentation times of its keyframes, each with the sample's number.
    pub(super) fn keyframes(&self) -> impl Iterator<Item = (i64, usize)> {
        let shift = self.shift();
        let mut time = self.time;
        self.samples
            .iter()
            .enumerate()
            .filter_map(move |(nth, sample)| {
                let decoded = time;
                time += i64::from(sample.duration);
                sample
                    .is_keyframe()
                    .then_some((decoded + i64::from(sample.delay) + shift, nth))
            })
    }
}

impl Fragment {
    /// What the movie box at `place` holds itself, as if it were a fragment. It ends where
    /// `first`, the first fragment proper, begins.
    pub(super) fn of_movie(place: Range<u64>, runs: Vec<Run>, first: &Self) -> Option<Self> {
        let samples = || runs.iter().flat_map(|run| &run.samples);
        let start = samples().map(|sample| sample.at).min()?;
        let end = samples().map(Sample::end).max()?;
        let is_in_front = end <= first.moof.start;
        let end = if is_in_front { first.moof.start } else { end };
        Some(Self {
            moof: place,
            number: 0,
            media: start..end,
            runs,
            is_absolute: first.is_absolute || !is_in_front,
        })
    }

    /// Reads the `moof` box at `at` of a file, the whole of which is at the start of `bytes`, and
    /// the header of the box behind it. `None` where it is no valid fragment.
    pub(super) fn parse(bytes: &[u8], at: u64, len: u64, movie: &Movie) -> Option<Self> {
        let header = BoxHeader::parse(bytes)?;
        let size = header.size.filter(|_| header.kind == *b"moof")?;
        let payload = bytes.get(header.header_len as usize..usize::try_from(size).ok()?)?;
        let number = child(payload, b"mfhd")?.get(4..8);
        let number = number.and_then(|number| number.try_into().ok());
        let moof = at..at.checked_add(size)?;
        let media = bytes
            .get(size as usize..)
            .and_then(BoxHeader::parse)
            .filter(|header| header.kind == *b"mdat")
            .map_or(moof.end..moof.end, |header| {
                let end = header
                    .size
                    .map_or(len, |size| moof.end.saturating_add(size));
                moof.end.saturating_add(header.header_len).min(len)..end.min(len)
            });
        let mut reading = Reading {
            moof_at: at,
            next: at,
            left: MAX_SAMPLES,
            is_absolute: false,
        };
        let mut runs = Vec::new();
        for (kind, traf) in children(payload) {
            if kind == *b"traf" {
                runs.extend(reading.track(traf, movie)?);
            }
        }
        Some(Self {
            moof,
            number: number.map_or(0, u32::from_be_bytes),
            media,
            runs: joined(runs),
            is_absolute: reading.is_absolute,
        })
    }

    pub(super) fn run(&self, track: &TrackHead) -> Option<&Run> {
        self.runs.iter().find(|run| run.track == track.id)
    }

    /// One past the last byte of it.
    pub(super) fn end(&self) -> u64 {
        self.media.end.max(self.moof.end)
    }

    /// A fragment that holds the samples of `run` from the `nth` on and expects the file's bytes
    /// from that sample on behind it, up to the end of this fragment. Also where that sample is.
    ///
    /// libav reads a stream it cannot seek in front to back, so everything that a fragment stores
    /// before the keyframe would have to be fetched; and a fragment may start long before it.
    pub(super) fn starting_at_sample(&self, run: &Run, nth: usize) -> Option<(Bytes, Range<u64>)> {
        let first = *run.samples.get(nth)?;
        let bytes = first.at..first.end();
        if first.size == 0 || bytes.start < self.media.start || bytes.end > self.media.end {
            return None;
        }
        let passed = &run.samples[..nth];
        let time = run.time + passed.iter().map(|s| i64::from(s.duration)).sum::<i64>();
        let samples: Vec<_> = run.samples[nth..]
            .iter()
            .take_while(|sample| sample.at >= first.at && sample.end() <= self.media.end)
            .collect();
        let stretches: Vec<_> = samples
            .chunk_by(|before, after| before.end() == after.at)
            .collect();
        let moof_len = 8 + 16 + 8 + 16 + 20 + 20 * stretches.len() + 16 * samples.len();
        let mut made = BytesMut::with_capacity(moof_len + 16);
        let begin = |made: &mut BytesMut, size: usize, kind: &[u8; 4], flags: Option<u32>| {
            made.put_u32(size as u32);
            made.put_slice(kind);
            if let Some(flags) = flags {
                made.put_u32(flags);
            }
        };
        begin(&mut made, moof_len, b"moof", None);
        begin(&mut made, 16, b"mfhd", Some(0));
        made.put_u32(1);
        begin(&mut made, moof_len - 24, b"traf", None);
        begin(&mut made, 16, b"tfhd", Some(0x0002_0000));
        made.put_u32(run.track);
        begin(&mut made, 20, b"tfdt", Some(0x0100_0000));
        made.put_i64(time);
        for stretch in stretches {
            begin(
                &mut made,
                20 + 16 * stretch.len(),
                b"trun",
                Some(0x0100_0f01),
            );
            made.put_u32(stretch.len() as u32);
            let start = stretch.first().map_or(first.at, |sample| sample.at) - first.at;
            made.put_i32(i32::try_from(moof_len as u64 + 16 + start).ok()?);
            for sample in stretch {
                made.put_u32(sample.duration);
                made.put_u32(sample.size);
                made.put_u32(sample.flags);
                made.put_i32(sample.delay);
            }
        }
        begin(&mut made, 1, b"mdat", None);
        made.put_u64(self.media.end - first.at + 16);
        Some((made.freeze(), bytes))
    }
}

/// A track may have several `traf` boxes in a fragment.
fn joined(runs: Vec<Run>) -> Vec<Run> {
    let mut joined: Vec<Run> = Vec::with_capacity(runs.len());
    for mut run in runs {
        match joined.iter_mut().find(|known| known.track == run.track) {
            Some(known) => known.samples.append(&mut run.samples),
            None => joined.push(run),
        }
    }
    joined.retain(|run| !run.samples.is_empty());
    joined
}

/// What carries over from one track's part of a fragment to the next.
struct Reading {
    moof_at: u64,
    /// Where data lie whose place is not said: behind what came before.
    next: u64,
    /// Samples that may still come.
    left: usize,
    is_absolute: bool,
}

/// What the header of a `traf` says.
struct TrackPart {
    track: u32,
    /// Where offsets count from.
    base: u64,
    defaults: Defaults,
}

impl Reading {
    /// The samples of a `traf`; `None` inside where it is of no track of ours.
    #[expect(clippy::option_option, reason = "damaged, of another track, or ours")]
    fn track(&mut self, traf: &[u8], movie: &Movie) -> Option<Option<Run>> {
        let part = self.header(child(traf, b"tfhd")?, movie)?;
        let track = movie.track(part.track);
        let mut samples = Vec::new();
        self.next = part.base;
        for (kind, trun) in children(traf) {
            if kind == *b"trun" {
                self.samples(trun, &part, track.is_some(), &mut samples)?;
            }
        }
        let time = child(traf, b"tfdt").and_then(decoding_time);
        Some(track.map(|_| Run {
            track: part.track,
            time: time.unwrap_or(0),
            is_timed: time.is_some(),
            is_encrypted: is_encrypted(traf),
            samples,
        }))
    }

    fn header(&mut self, mut header: &[u8], movie: &Movie) -> Option<TrackPart> {
        let flags = header.try_get_u32().ok()?;
        let track = header.try_get_u32().ok()?;
        let mut base = if flags & 0x02_0000 != 0 {
            self.moof_at
        } else {
            self.next
        };
        if flags & 1 != 0 {
            self.is_absolute = true;
            base = header.try_get_u64().ok()?;
        }
        if flags & 2 != 0 {
            header.try_get_u32().ok()?;
        }
        let known = movie.track(track);
        let mut defaults = known.map(|known| known.defaults).unwrap_or_default();
        for (flag, field) in [
            (8, &mut defaults.duration),
            (0x10, &mut defaults.size),
            (0x20, &mut defaults.flags),
        ] {
            if flags & flag != 0 {
                *field = header.try_get_u32().ok()?;
            }
        }
        Some(TrackPart {
            track,
            base,
            defaults,
        })
    }

    /// Adds the samples of a `trun`, which is of a track of ours or not.
    fn samples(
        &mut self,
        mut trun: &[u8],
        part: &TrackPart,
        is_ours: bool,
        samples: &mut Vec<Sample>,
    ) -> Option<()> {
        let flags = trun.try_get_u32().ok()? & 0x00ff_ffff;
        let count = trun.try_get_u32().ok()? as usize;
        self.left = self.left.checked_sub(count)?;
        // Samples that take no bytes here would take memory for nothing.
        if is_ours && flags & 0xf00 == 0 && count > MAX_UNIFORM_SAMPLES {
            return None;
        }
        if flags & 1 != 0 {
            let offset = i64::from(trun.try_get_i32().ok()?);
            self.next = part.base.checked_add_signed(offset)?;
        }
        let first_flags = if flags & 4 != 0 {
            Some(trun.try_get_u32().ok()?)
        } else {
            None
        };
        for nth in 0..count {
            let mut field = |flag: u32, default: u32| {
                if flags & flag == 0 {
                    Some(default)
                } else {
                    trun.try_get_u32().ok()
                }
            };
            let duration = field(0x100, part.defaults.duration)?;
            let size = field(0x200, part.defaults.size)?;
            let own_flags = field(0x400, part.defaults.flags)?;
            let delay = field(0x800, 0)? as i32;
            samples.push(Sample {
                at: self.next,
                size,
                duration,
                flags: first_flags.filter(|_| nth == 0).unwrap_or(own_flags),
                delay,
            });
            self.next = self.next.checked_add(u64::from(size))?;
        }
        Some(())
    }
}

/// Whether a `traf` box says how its samples are decrypted: by Common Encryption, or by PIFF
/// before it.
fn is_encrypted(traf: &[u8]) -> bool {
    const PIFF: [u8; 16] = *b"\xa2\x39\x4f\x52\x5a\x9b\x4f\x14\xa2\x44\x6c\x42\x7c\x64\x8d\xf4";
    children(traf).any(|(kind, payload)| match &kind {
        b"senc" => true,
        b"uuid" => payload.starts_with(&PIFF),
        // A group of samples with keys of their own.
        b"sgpd" => payload.get(4..8) == Some(b"seig"),
        _ => false,
    })
}

/// The time in a `tfdt` box's payload, in ticks.
fn decoding_time(mut time: &[u8]) -> Option<i64> {
    let long = time.try_get_u32().ok()? >> 24 == 1;
    if !long {
        return time.try_get_u32().ok().map(i64::from);
    }
    // Times beyond this are damage, and would overflow sums.
    let ticks = time.try_get_i64().ok();
    ticks.filter(|ticks| (0..1 << 60).contains(ticks))
}

#[cfg(test)]
mod tests;
