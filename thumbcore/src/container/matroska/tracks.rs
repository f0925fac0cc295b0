//! The segment's facts about time and tracks: Info and Tracks.

use super::ebml::{children, float, id, uint};
use crate::container::{
    Searched,
    film::{self, Candidate},
};

/// From Info.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Info {
    /// Nanoseconds a tick.
    pub(super) scale: u64,
    /// In ticks.
    pub(super) duration: Option<f64>,
}

/// One track that may hold packets.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TrackEntry {
    pub(super) number: u64,
    pub(super) kind: Kind,
    /// Nanoseconds that the codec puts before the first sample: times count from after them.
    pub(super) codec_delay: u64,
    /// Its blocks need a key.
    pub(super) is_encrypted: bool,
    /// What it is chosen by among video tracks.
    candidate: Candidate,
    /// Ticks are those of the segment, as in every file of the last decade.
    is_plain: bool,
}

/// What a track holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Video,
    Audio,
    Other,
}

impl Info {
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        let mut info = Self {
            scale: 1_000_000,
            duration: None,
        };
        for (id, value) in children(payload) {
            match id {
                id::TIMESTAMP_SCALE => info.scale = uint(value),
                id::DURATION => info.duration = float(value),
                _ => {}
            }
        }
        info.duration = info
            .duration
            .filter(|ticks| *ticks > 0.0 && ticks.is_finite());
        (1..=1_000_000_000).contains(&info.scale).then_some(info)
    }

    /// Ticks in microseconds.
    pub(super) fn micros(&self, ticks: i64) -> i64 {
        let micros = (i128::from(ticks) * i128::from(self.scale)).div_euclid(1000);
        i64::try_from(micros).unwrap_or(if ticks < 0 { i64::MIN } else { i64::MAX })
    }

    /// The stated duration in microseconds.
    pub(super) fn duration_us(&self) -> Option<i64> {
        let micros = self.duration? * self.scale as f64 / 1000.0;
        (1.0..1e17).contains(&micros).then_some(micros as i64)
    }

    /// A codec's delay in ticks, rounded as libav does.
    pub(super) fn delay(&self, entry: &TrackEntry) -> i64 {
        let half = self.scale / 2;
        i64::try_from(entry.codec_delay.saturating_add(half) / self.scale).unwrap_or(0)
    }
}

impl TrackEntry {
    fn parse(payload: &[u8]) -> Option<Self> {
        let mut number = None;
        let mut entry = Self {
            number: 0,
            kind: Kind::Other,
            codec_delay: 0,
            is_encrypted: false,
            candidate: Candidate {
                is_still_codec: false,
                frames: None,
                lasts_us: None,
                is_default: true,
                area: 0,
            },
            is_plain: true,
        };
        for (id, value) in children(payload) {
            match id {
                id::TRACK_NUMBER => number = Some(uint(value)),
                id::TRACK_TYPE => {
                    entry.kind = match uint(value) {
                        1 => Kind::Video,
                        2 => Kind::Audio,
                        _ => Kind::Other,
                    };
                }
                id::FLAG_DEFAULT => entry.candidate.is_default = uint(value) != 0,
                id::CODEC_DELAY => entry.codec_delay = uint(value),
                id::TRACK_TIMESTAMP_SCALE => {
                    entry.is_plain = float(value).is_none_or(|scale| (scale - 1.0).abs() < 1e-9);
                }
                id::CONTENT_ENCODINGS => entry.is_encrypted = has_encryption(value),
                id::CODEC_ID => entry.candidate.is_still_codec = value.starts_with(b"V_MJPEG"),
                id::VIDEO => entry.candidate.area = area(value),
                _ => {}
            }
        }
        entry.number = number?;
        Some(entry)
    }
}

fn area(video: &[u8]) -> u64 {
    let side = |wanted| {
        children(video)
            .find(|(id, _)| *id == wanted)
            .map_or(0, |(_, value)| uint(value))
    };
    side(id::PIXEL_WIDTH).saturating_mul(side(id::PIXEL_HEIGHT))
}

/// Whether one of a track's content encodings is an encryption.
fn has_encryption(encodings: &[u8]) -> bool {
    const ENCRYPTION: u64 = 1;
    children(encodings)
        .filter(|(id, _)| *id == id::CONTENT_ENCODING)
        .flat_map(|(_, encoding)| children(encoding))
        .any(|(id, value)| match id {
            id::CONTENT_ENCODING_TYPE => uint(value) == ENCRYPTION,
            id::CONTENT_ENCRYPTION => true,
            _ => false,
        })
}

/// The tracks of a payload of Tracks.
pub(super) fn tracks(payload: &[u8]) -> Vec<TrackEntry> {
    children(payload)
        .filter(|(id, _)| *id == id::TRACK_ENTRY)
        .filter_map(|(_, entry)| TrackEntry::parse(entry))
        .collect()
}

/// What is told of a track's pictures before it is chosen: by the index, and by the blocks that
/// are held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) blocks: u64,
    /// The last time that an index names, in microseconds.
    pub(super) last_us: Option<i64>,
}

/// The video tracks.
fn videos(tracks: &[TrackEntry]) -> impl Iterator<Item = &TrackEntry> {
    tracks.iter().filter(|track| track.kind == Kind::Video)
}

/// Whether the film must be told from other video tracks.
pub(super) fn has_several_videos(tracks: &[TrackEntry]) -> bool {
    videos(tracks).count() > 1
}

/// The video track that pictures are taken from, and which of libav's streams it is. `None` where
/// there is none, or its times are not the segment's.
pub(super) fn choose(
    tracks: &[TrackEntry],
    tally: impl Fn(u64) -> Tally,
) -> Option<(Searched, &TrackEntry)> {
    let film = film::choose(videos(tracks).enumerate(), |(_, track)| {
        let Tally { blocks, last_us } = tally(track.number);
        Candidate {
            // There may be more behind the first.
            frames: Some(blocks.max(2)).filter(|_| blocks > 0),
            lasts_us: last_us,
            ..track.candidate
        }
    });
    let (nth, track) = film.filter(|(_, track)| track.is_plain)?;
    let searched = if has_several_videos(tracks) {
        Searched::NthVideo(nth)
    } else {
        Searched::Chosen
    };
    Some((searched, track))
}

#[cfg(test)]
mod tests {
    use super::{
        super::ebml::build::{element, number},
        *,
    };

    fn video(track: u64, default: u64, width: u64) -> Vec<u8> {
        let size = [
            number(id::PIXEL_WIDTH, width),
            number(id::PIXEL_HEIGHT, 100),
        ]
        .concat();
        let fields = [
            number(id::TRACK_NUMBER, track),
            number(id::TRACK_TYPE, 1),
            number(id::FLAG_DEFAULT, default),
            element(id::VIDEO, &size, 1),
        ];
        element(id::TRACK_ENTRY, &fields.concat(), 2)
    }

    #[test]
    fn default_and_large_tracks_come_first() {
        let number = |entries: &[Vec<u8>]| {
            choose(&tracks(&entries.concat()), |_| Tally::default()).map(|(_, track)| track.number)
        };
        assert_eq!(number(&[video(1, 0, 900), video(2, 1, 100)]), Some(2));
        assert_eq!(number(&[video(1, 1, 100), video(7, 1, 900)]), Some(7));
        assert_eq!(number(&[video(3, 1, 100), video(4, 1, 100)]), Some(3));
        assert_eq!(number(&[]), None);
    }

    #[test]
    fn times_are_scaled() {
        let payload = [
            number(id::TIMESTAMP_SCALE, 100_000),
            element(id::DURATION, &25_000f64.to_be_bytes(), 1),
        ];
        let info = Info::parse(&payload.concat()).unwrap();
        assert_eq!(info.duration_us(), Some(2_500_000));
        assert_eq!(info.micros(-15), -1500);
        assert_eq!(Info::parse(&number(id::TIMESTAMP_SCALE, 0)), None);
    }
}
