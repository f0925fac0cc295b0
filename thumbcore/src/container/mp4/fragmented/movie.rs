//! What the movie box of a fragmented file says: the tracks, their clocks and defaults, and the
//! samples that it holds itself.

use std::collections::BTreeMap;

use bytes::{Buf, Bytes};

use super::{
    fragment::{Run, Sample},
    index::Tally,
};
use crate::container::{
    film::{self, Candidate},
    mp4::{
        boxes::{child, children, descendant},
        description, edits,
        header::{duration, timescale},
        samples::SampleTables,
    },
};

/// Samples in the movie box at most, beside those in fragments: two hours of video and audio.
const MAX_OWN_SAMPLES: u32 = 1 << 20;
/// The boxes that place a track's samples and tell their times.
const SAMPLE_TABLES: [&[u8; 4]; 11] = [
    b"stts", b"ctts", b"stss", b"stsz", b"stz2", b"stsc", b"stco", b"co64", b"sdtp", b"sbgp",
    b"stps",
];

/// The movie box of a file with samples in fragments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Movie {
    pub(super) tracks: Vec<TrackHead>,
    /// The film's place among them.
    video: usize,
    /// The places of all video tracks among them, with what they are chosen by.
    videos: Vec<(usize, Candidate)>,
}

/// One track of audio or video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TrackHead {
    pub(super) id: u32,
    /// Ticks a second, not 0.
    pub(super) timescale: u32,
    /// What its edit list takes off each time, in ticks.
    pub(super) offset: i64,
    /// As its header has it, in ticks; often 0.
    pub(super) duration: i64,
    pub(super) defaults: Defaults,
}

/// What samples are like unless their fragment says otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Defaults {
    pub(super) duration: u32,
    pub(super) size: u32,
    pub(super) flags: u32,
}

impl Movie {
    /// Reads a whole `moov` box's payload. `None` unless fragments are announced, a track is video,
    /// and there are at most `max_tracks`, so that a look through all of them costs little:
    /// anything else is libav's.
    pub(super) fn parse(moov: &[u8], max_tracks: usize) -> Option<Self> {
        let timescale = timescale(child(moov, b"mvhd")?)?;
        let extends = child(moov, b"mvex")?;
        let traks = || children(moov).filter(|(kind, _)| kind == b"trak");
        if traks().count() > max_tracks {
            return None;
        }
        let defaults = defaults(extends);
        let mut tracks = Vec::new();
        let mut videos = Vec::new();
        for (_, trak) in traks() {
            let handler = descendant(trak, &[b"mdia", b"hdlr"])?.get(8..12)?;
            if handler == b"vide" {
                videos.push((tracks.len(), description::candidate(trak, None)));
            } else if handler != b"soun" {
                continue;
            }
            tracks.push(TrackHead::parse(trak, &defaults, timescale)?);
        }
        let (video, _) = film::choose(&videos, |(_, candidate)| *candidate)?;
        Some(Self {
            video: *video,
            tracks,
            videos,
        })
    }

    pub(super) fn has_several_videos(&self) -> bool {
        self.videos.len() > 1
    }

    /// The numbers of the video tracks.
    pub(super) fn videos(&self) -> impl Iterator<Item = u32> {
        self.videos.iter().map(|(nth, _)| self.tracks[*nth].id)
    }

    /// Chooses the film anew, by what is told of each track's pictures as well.
    pub(super) fn choose_film(&mut self, tallies: &[Tally]) {
        let told = |(nth, candidate): &(usize, Candidate)| {
            let track = &self.tracks[*nth];
            let tally = tallies.iter().find(|tally| tally.track == track.id);
            let last = tally.and_then(|tally| tally.last);
            Candidate {
                // There may be more behind the first.
                frames: tally.map(|tally| tally.samples.max(2)),
                lasts_us: last.map(|ticks| track.micros(ticks).max(0)),
                ..*candidate
            }
        };
        let film = film::choose(
            self.videos.iter().map(|video| (video.0, told(video))),
            |it| it.1,
        );
        if let Some((video, _)) = film {
            self.video = video;
        }
    }

    /// The samples that `moov`, the payload that this was read from, holds itself: those of the
    /// first fragment, in files whose writer left them there. `None` where they are too many.
    pub(super) fn own_samples(&self, moov: &[u8]) -> Option<Vec<Run>> {
        let traks = children(moov).filter(|(kind, _)| kind == b"trak");
        let mut runs = Vec::new();
        let mut left = MAX_OWN_SAMPLES;
        for (_, trak) in traks {
            let Some(tables) = SampleTables::parse(trak).filter(|tables| tables.count > 0) else {
                continue;
            };
            let Some(track) = track_id(trak).filter(|id| self.track(*id).is_some()) else {
                continue;
            };
            left = left.checked_sub(tables.count)?;
            runs.push(Run {
                track,
                time: 0,
                is_timed: true,
                is_encrypted: false,
                samples: tables.samples().map(Sample::from).collect(),
            });
        }
        runs.retain(|run| !run.samples.is_empty());
        Some(runs)
    }

    pub(super) fn video(&self) -> &TrackHead {
        &self.tracks[self.video]
    }

    pub(super) fn track(&self, id: u32) -> Option<&TrackHead> {
        self.tracks.iter().find(|track| track.id == id)
    }
}

impl TrackHead {
    fn parse(
        trak: &[u8],
        defaults: &BTreeMap<u32, Defaults>,
        movie_timescale: u32,
    ) -> Option<Self> {
        let id = track_id(trak)?;
        let header = descendant(trak, &[b"mdia", b"mdhd"])?;
        let timescale = timescale(header)?;
        let duration = duration(header).and_then(|ticks| i64::try_from(ticks).ok());
        let offset = descendant(trak, &[b"edts", b"elst"])
            .map_or(0, |list| edits::offset(list, timescale, movie_timescale));
        Some(Self {
            id,
            timescale,
            offset,
            duration: duration.unwrap_or(0),
            defaults: defaults.get(&id).copied().unwrap_or_default(),
        })
    }

    /// A time of this track's media in microseconds of the presentation, rounded down.
    pub(super) fn micros(&self, ticks: i64) -> i64 {
        let presented = i128::from(ticks) - i128::from(self.offset);
        (presented * 1_000_000).div_euclid(i128::from(self.timescale)) as i64
    }

    /// The media time of `micros`, rounded down.
    pub(super) fn ticks(&self, micros: i64) -> i64 {
        let ticks = (i128::from(micros) * i128::from(self.timescale)).div_euclid(1_000_000) as i64;
        ticks.saturating_add(self.offset)
    }
}

impl Defaults {
    /// Reads a `trex` box's payload, which names the track.
    fn parse(mut trex: &[u8]) -> Option<(u32, Self)> {
        trex = trex.get(4..)?;
        let track = trex.try_get_u32().ok()?;
        trex = trex.get(4..)?;
        let defaults = Self {
            duration: trex.try_get_u32().ok()?,
            size: trex.try_get_u32().ok()?,
            flags: trex.try_get_u32().ok()?,
        };
        Some((track, defaults))
    }
}

/// What an `mvex` box says of each track, the first to speak of it. Read once, since there may be
/// hundreds of thousands of boxes in it.
fn defaults(extends: &[u8]) -> BTreeMap<u32, Defaults> {
    let mut defaults = BTreeMap::new();
    for (kind, trex) in children(extends) {
        if kind == *b"trex"
            && let Some((track, own)) = Defaults::parse(trex)
        {
            defaults.entry(track).or_insert(own);
        }
    }
    defaults
}

/// The number that a track's header gives it.
pub(in crate::container::mp4) fn track_id(trak: &[u8]) -> Option<u32> {
    let mut header = child(trak, b"tkhd")?;
    let skipped = if header.first()? & 1 == 1 { 20 } else { 12 };
    header = header.get(skipped..)?;
    header.try_get_u32().ok()
}

/// The movie box whose payload is `moov`, without the tables of its own samples: in a splice the
/// places that these name hold something else.
pub(super) fn without_samples(moov: &[u8]) -> Bytes {
    emptied(b"moov", moov).into()
}

/// The box of `kind` around `payload`, without sample tables.
fn emptied(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    const NESTED: [&[u8; 4]; 4] = [b"trak", b"mdia", b"minf", b"stbl"];
    let mut emptied_box = vec![0; 4];
    emptied_box.extend_from_slice(kind);
    for (child, inner) in children(payload) {
        if NESTED.contains(&&child) {
            emptied_box.extend(emptied(&child, inner));
        } else if !SAMPLE_TABLES.contains(&&child) {
            emptied_box.extend_from_slice(&(inner.len() as u32 + 8).to_be_bytes());
            emptied_box.extend_from_slice(&child);
            emptied_box.extend_from_slice(inner);
        }
    }
    let len = (emptied_box.len() as u32).to_be_bytes();
    emptied_box[..4].copy_from_slice(&len);
    emptied_box
}

#[cfg(test)]
pub(in crate::container::mp4) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn boxed(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
        let mut bytes = (payload.len() as u32 + 8).to_be_bytes().to_vec();
        bytes.extend_from_slice(kind);
        bytes.extend_from_slice(payload);
        bytes
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    /// The payload of a `moov` with one video track, number 1, of 1000 ticks a second.
    pub(crate) fn moov(edits: &[(u32, i32)], samples: u32) -> Vec<u8> {
        let mut list = words(&[0, edits.len() as u32]);
        for (duration, time) in edits {
            list.extend(words(&[*duration, *time as u32, 0x10000]));
        }
        let sizes = boxed(b"stsz", &words(&[0, 0, samples]));
        let table = boxed(b"minf", &boxed(b"stbl", &sizes));
        let handler = [&[0; 8][..], b"vide", &[0; 13]].concat();
        let header = words(&[0, 0, 0, 1000, 0]);
        let media = [boxed(b"mdhd", &header), boxed(b"hdlr", &handler), table].concat();
        let trak = [
            boxed(b"tkhd", &words(&[0, 0, 0, 1, 0])),
            boxed(b"edts", &boxed(b"elst", &list)),
            boxed(b"mdia", &media),
        ];
        let extends = boxed(b"trex", &words(&[0, 1, 1, 40, 500, 0x0101_0000]));
        let movie = words(&[0, 0, 0, 600, 0]);
        [
            boxed(b"mvhd", &movie),
            boxed(b"trak", &trak.concat()),
            boxed(b"mvex", &extends),
        ]
        .concat()
    }

    #[test]
    fn a_movie_box_tells_its_tracks() {
        let movie = Movie::parse(&moov(&[(300, -1), (0, 80)], 0), 64).unwrap();
        let video = movie.video();
        let facts = (video.id, video.timescale, video.offset);
        // Empty for half a second of the movie's 600 ticks, then from tick 80 on.
        assert_eq!(facts, (1, 1000, 80 - 500));
        assert_eq!(video.defaults.duration, 40);
        assert_eq!(video.micros(80), 500_000);
        assert_eq!(video.ticks(500_000), 80);
    }

    #[test]
    fn a_header_for_splices_has_no_samples() {
        let bytes = moov(&[(300, -1), (0, 80)], 7);
        let emptied = without_samples(&bytes);
        let movie = child(&emptied, b"moov").unwrap();
        assert_eq!(Movie::parse(movie, 64), Movie::parse(&bytes, 64));
        let tables = [b"trak", b"mdia", b"minf", b"stbl"];
        assert_eq!(descendant(movie, &tables), Some(&[][..]));
    }

    #[test]
    fn of_several_videos_the_enabled_one_is_the_film() {
        let second = |enabled: u32| {
            let handler = [&[0; 8][..], b"vide", &[0; 13]].concat();
            let media = [
                boxed(b"mdhd", &words(&[0, 0, 0, 1000, 0])),
                boxed(b"hdlr", &handler),
            ];
            let header = boxed(b"tkhd", &words(&[enabled, 0, 0, 9, 0]));
            boxed(b"trak", &[header, boxed(b"mdia", &media.concat())].concat())
        };
        let film = |enabled| {
            let movie = [moov(&[], 0), second(enabled)].concat();
            Movie::parse(&movie, 64).unwrap().video().id
        };
        assert_eq!([film(0), film(1)], [1, 9]);
    }

    #[test]
    fn a_movie_box_of_more_tracks_than_allowed_is_left_alone() {
        let with_tracks = |count: u32| {
            let mut bytes = moov(&[], 0);
            let handler = [&[0; 8][..], b"soun", &[0; 13]].concat();
            let header = boxed(b"mdhd", &words(&[0, 0, 0, 1000, 0]));
            let media = boxed(b"mdia", &[header, boxed(b"hdlr", &handler)].concat());
            for id in 2..=count {
                let header = boxed(b"tkhd", &words(&[0, 0, 0, id, 0]));
                bytes.extend(boxed(b"trak", &[header, media.clone()].concat()));
            }
            bytes
        };
        assert_eq!(Movie::parse(&with_tracks(64), 64).unwrap().tracks.len(), 64);
        assert_eq!(Movie::parse(&with_tracks(65), 64), None);
        assert_eq!(Movie::parse(&with_tracks(100_000), 64), None);
    }

    #[test]
    fn defaults_are_of_the_box_that_names_the_track_first() {
        let trex = |id, duration| boxed(b"trex", &words(&[0, id, 1, duration, 0, 0]));
        let cut_short = boxed(b"trex", &words(&[0, 7, 1]));
        let extends = [cut_short, trex(7, 1), trex(8, 2), trex(7, 3)].concat();
        let durations: Vec<_> = defaults(&extends)
            .into_iter()
            .map(|(track, defaults)| (track, defaults.duration))
            .collect();
        assert_eq!(durations, [(7, 1), (8, 2)]);
    }

    proptest! {
        #[test]
        fn any_damage_ends(at in 0usize..400, byte in any::<u8>(), cut in 0usize..400) {
            let mut bytes = moov(&[(300, -1), (0, 80)], 0);
            let len = bytes.len();
            bytes[at % len] = byte;
            bytes.truncate(len - cut.min(len));
            if let Some(movie) = Movie::parse(&bytes, 64) {
                prop_assert!(movie.video().timescale > 0);
                movie.video().micros(i64::MAX);
            }
        }
    }
}
