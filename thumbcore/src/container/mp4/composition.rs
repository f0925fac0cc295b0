//! When samples are shown: libav's index tells decoding times only, and where pictures are
//! reordered, or a gap lies between two of them, a keyframe may be shown minutes after it.

use bytes::Bytes;

use super::{
    boxes::{child, children, descendant},
    description,
    edits::{self, Scale, Stretch},
    fragmented::track_id,
    header::timescale,
    samples::SampleTables,
};

/// Keyframes whose delays are kept, at 16 bytes each: a million, which is a film of which every
/// picture is a keyframe for nine hours.
const MAX_KEYFRAMES: usize = 1 << 20;

/// What the movie box tells beside libav's index.
#[derive(Debug, Clone)]
pub(crate) struct Composition {
    /// The payload of the movie box.
    movie: Bytes,
    /// The demuxer leaves edit lists to us.
    applies_edits: bool,
}

/// The facts of one track that libav's index leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TrackComposition {
    /// Where keyframes lie and how many ticks after its decoding each is shown, by place. Empty
    /// where all are shown as they are decoded.
    delays: Vec<(u64, i64)>,
    /// Ticks of the last sample.
    pub(crate) last_duration: u32,
    /// What an edit list shows, in the demuxer's times; empty where the demuxer heeds that list
    /// itself.
    pub(crate) stretches: Vec<Stretch>,
}

impl Composition {
    /// `applies_edits` where the demuxer was told to ignore edit lists, which are followed here.
    pub(super) fn new(movie: Bytes, applies_edits: bool) -> Self {
        Self {
            movie,
            applies_edits,
        }
    }

    /// When the first track begins, in microseconds, where edit lists are followed here.
    pub(crate) fn start_us(&self) -> Option<i64> {
        if !self.applies_edits {
            return None;
        }
        let movie_timescale = timescale(child(&self.movie, b"mvhd")?)?;
        let traks = children(&self.movie).filter(|(kind, _)| kind == b"trak");
        let media = traks.filter(|(_, trak)| description::is_media(trak));
        let lead_us = media.map(|(_, trak)| {
            descendant(trak, &[b"edts", b"elst"])
                .map_or(0, |list| edits::lead_us(list, movie_timescale))
        });
        lead_us.min()
    }

    /// What the edit list of `trak` shows, in the demuxer's times.
    fn stretches(&self, trak: &[u8], tables: &SampleTables<'_>) -> Option<Vec<Stretch>> {
        let list = descendant(trak, &[b"edts", b"elst"]).filter(|_| self.applies_edits)?;
        let scale = Scale {
            timescale: timescale(descendant(trak, &[b"mdia", b"mdhd"])?)?,
            movie_timescale: timescale(child(&self.movie, b"mvhd")?)?,
            ticks: tables.ticks(),
        };
        let mut stretches = edits::stretches(list, scale);
        let moved = tables.shift();
        for stretch in &mut stretches {
            stretch.from += moved;
            stretch.until = stretch.until.saturating_add(moved);
            stretch.shift -= moved;
        }
        Some(stretches)
    }

    /// The facts of the track that libav numbers `id`; `None` where the tables do not tell.
    pub(crate) fn of_track(&self, id: i32) -> Option<TrackComposition> {
        let trak = self.trak(id)?;
        let tables = SampleTables::parse(trak)?;
        let mut delays = Vec::new();
        if tables.is_reordered() {
            let shift = tables.shift();
            let keyframes = tables.samples().filter(|sample| sample.is_sync);
            let keyframes = keyframes.take(MAX_KEYFRAMES + 1);
            delays.extend(keyframes.map(|sample| (sample.at, i64::from(sample.delay) + shift)));
            if delays.len() > MAX_KEYFRAMES {
                return None;
            }
            delays.sort_unstable();
        }
        Some(TrackComposition {
            delays,
            last_duration: tables.last_duration(),
            stretches: self.stretches(trak, &tables).unwrap_or_default(),
        })
    }

    /// Ticks from decoding to presentation of the keyframe at `position` of the track that libav
    /// numbers `id`. Reads the tables up to that keyframe only.
    pub(crate) fn delay_at(&self, id: i32, position: u64) -> i64 {
        let tables = self.tables(id).filter(SampleTables::is_reordered);
        let delay = tables.and_then(|tables| {
            let mut samples = tables.samples();
            let sample = samples.find(|sample| sample.is_sync && sample.at == position)?;
            Some(i64::from(sample.delay) + tables.shift())
        });
        delay.unwrap_or(0)
    }

    fn tables(&self, id: i32) -> Option<SampleTables<'_>> {
        SampleTables::parse(self.trak(id)?)
    }

    /// The payload of the track box that libav numbers `id`.
    fn trak(&self, id: i32) -> Option<&[u8]> {
        let mut traks = children(&self.movie).filter(|(kind, _)| kind == b"trak");
        let (_, trak) = traks.find(|(_, trak)| {
            let own = track_id(trak);
            own.is_some_and(|own| own as i32 == id)
        })?;
        Some(trak)
    }
}

impl TrackComposition {
    /// Whether a keyframe may be shown later than it is decoded.
    pub(crate) fn is_reordered(&self) -> bool {
        !self.delays.is_empty()
    }

    /// Ticks from decoding to presentation of the keyframe that lies at `position`.
    pub(crate) fn delay_at(&self, position: u64) -> i64 {
        let nth = self.delays.binary_search_by_key(&position, |(at, _)| *at);
        nth.map_or(0, |nth| self.delays[nth].1)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{fragmented::tests::boxed, samples::tests::trak},
        *,
    };

    #[test]
    fn keyframes_are_shown_after_their_own_delays() {
        let header = [&[0; 12][..], &7u32.to_be_bytes(), &[0; 4]].concat();
        let trak = [boxed(b"tkhd", &header), trak()].concat();
        let composition = Composition::new(boxed(b"trak", &trak).into(), false);
        let track = composition.of_track(7).unwrap();
        assert!(track.is_reordered());
        assert_eq!([1000, 2020, 1].map(|at| track.delay_at(at)), [20, 0, 0]);
        let delays = [1000, 2020, 1].map(|at| composition.delay_at(7, at));
        assert_eq!(delays, [20, 0, 0]);
        assert_eq!(track.last_duration, 30);
        assert_eq!(composition.of_track(8), None);
    }
}
