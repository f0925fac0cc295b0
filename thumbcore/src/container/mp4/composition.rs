//! When samples are shown: libav's index tells decoding times only, and where pictures are
//! reordered, or a gap lies between two of them, a keyframe may be shown minutes after it.

use bytes::Bytes;

use super::{boxes::children, fragmented::track_id, samples::SampleTables};

/// Keyframes whose delays are kept, at 16 bytes each: a million, which is a film of which every
/// picture is a keyframe for nine hours.
const MAX_KEYFRAMES: usize = 1 << 20;

/// What the movie box tells beside libav's index.
#[derive(Debug, Clone)]
pub(crate) struct Composition {
    /// The payload of the movie box.
    movie: Bytes,
}

/// The facts of one track that libav's index leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TrackComposition {
    /// Where keyframes lie and how many ticks after its decoding each is shown, by place. Empty
    /// where all are shown as they are decoded.
    delays: Vec<(u64, i64)>,
    /// Ticks of the last sample.
    pub(crate) last_duration: u32,
}

impl Composition {
    pub(super) fn new(movie: Bytes) -> Self {
        Self { movie }
    }

    /// The facts of the track that libav numbers `id`; `None` where the tables do not tell.
    pub(crate) fn of_track(&self, id: i32) -> Option<TrackComposition> {
        let tables = self.tables(id)?;
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
        let mut traks = children(&self.movie).filter(|(kind, _)| kind == b"trak");
        let (_, trak) = traks.find(|(_, trak)| {
            let own = track_id(trak);
            own.is_some_and(|own| own as i32 == id)
        })?;
        SampleTables::parse(trak)
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
        let composition = Composition::new(boxed(b"trak", &trak).into());
        let track = composition.of_track(7).unwrap();
        assert!(track.is_reordered());
        assert_eq!([1000, 2020, 1].map(|at| track.delay_at(at)), [20, 0, 0]);
        let delays = [1000, 2020, 1].map(|at| composition.delay_at(7, at));
        assert_eq!(delays, [20, 0, 0]);
        assert_eq!(track.last_duration, 30);
        assert_eq!(composition.of_track(8), None);
    }
}
