//! Which video track is the film.

/// What is known of a video track before any packet of it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Its codec is one of still pictures.
    pub(crate) is_still_codec: bool,
    /// Its number of pictures, where the header says.
    pub(crate) frames: Option<u64>,
    /// How long its pictures last, in microseconds, where an index or a header says.
    pub(crate) lasts_us: Option<i64>,
    pub(crate) is_default: bool,
    /// Pixels of a picture.
    pub(crate) area: u64,
}

/// What is far less than what another track has: an eighth of it.
const FAR: u64 = 8;
/// Pictures of a track that may be a selection from a film, at most: four seconds of a film.
const SELECTION: u64 = 100;

/// The most that any of several tracks of moving pictures has.
#[derive(Debug, Clone, Copy)]
struct Most {
    frames: u64,
    lasts_us: u64,
}

impl Most {
    fn of(tracks: &[Candidate]) -> Self {
        let moving = || tracks.iter().filter(|track| !track.is_still_codec);
        let frames = moving().filter_map(|track| track.frames).max();
        let lasts_us = moving().filter_map(Candidate::lasts_us).max();
        Self {
            frames: frames.unwrap_or(0),
            lasts_us: lasts_us.unwrap_or(0),
        }
    }
}

impl Candidate {
    fn lasts_us(&self) -> Option<u64> {
        u64::try_from(self.lasts_us?).ok()
    }

    /// How much the track is like a film, where other tracks have the `most`: one picture is a
    /// cover or a poster, however large or 'default' it is; few pictures beside many are the best
    /// ones of a film, or its trailer; and a track of still pictures is most likely a cover, too.
    fn motion(&self, most: Most) -> u8 {
        let is_far = |own: u64, most: u64| own.saturating_mul(FAR) < most;
        let is_selection = |own| own <= SELECTION && is_far(own, most.frames);
        let is_short = |own| is_far(own, most.lasts_us);
        match self.frames {
            Some(0 | 1) => 0,
            frames if frames.is_some_and(is_selection) => 1,
            _ if self.lasts_us().is_some_and(is_short) => 1,
            _ if self.is_still_codec => 2,
            _ => 3,
        }
    }
}

/// The track that a player would show among `tracks`: the first of the largest of those that are
/// marked as default among those that move.
pub(crate) fn choose<T>(
    tracks: impl IntoIterator<Item = T>,
    candidate: impl Fn(&T) -> Candidate,
) -> Option<T> {
    let tracks: Vec<_> = tracks.into_iter().collect();
    let candidates: Vec<_> = tracks.iter().map(candidate).collect();
    let most = Most::of(&candidates);
    tracks
        .into_iter()
        .zip(candidates)
        .enumerate()
        .max_by_key(|(nth, (_, track))| {
            let (motion, first) = (track.motion(most), std::cmp::Reverse(*nth));
            (motion, track.is_default, track.area, first)
        })
        .map(|(_, (track, _))| track)
}

/// Whether libav's `codec` is one of still pictures, of which covers are made.
pub(crate) fn is_still_codec(codec: &str) -> bool {
    matches!(
        codec,
        "mjpeg" | "png" | "gif" | "bmp" | "tiff" | "webp" | "jpeg2000"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILM: Candidate = Candidate {
        is_still_codec: false,
        frames: Some(500),
        lasts_us: None,
        is_default: false,
        area: 100,
    };

    /// The number of the one that is chosen.
    fn chosen<const N: usize>(tracks: [Candidate; N]) -> Option<usize> {
        let numbered = tracks.into_iter().enumerate();
        choose(numbered, |(_, track)| *track).map(|(nth, _)| nth)
    }

    #[test]
    fn one_picture_is_no_film_however_large_or_default() {
        let cover = Candidate {
            is_still_codec: true,
            frames: Some(1),
            lasts_us: None,
            is_default: true,
            area: 90_000,
        };
        assert_eq!(chosen([cover, FILM]), Some(1));
        let unknown = Candidate {
            frames: None,
            ..cover
        };
        let film = Candidate {
            frames: None,
            ..FILM
        };
        assert_eq!(chosen([unknown, film]), Some(1));
        assert_eq!(chosen([cover]), Some(0));
        assert_eq!(chosen([]), None);
    }

    #[test]
    fn default_and_large_tracks_come_first() {
        let default = Candidate {
            is_default: true,
            ..FILM
        };
        let large = Candidate { area: 900, ..FILM };
        assert_eq!(chosen([large, default]), Some(1));
        assert_eq!(chosen([FILM, large, large]), Some(1));
    }

    #[test]
    fn few_pictures_beside_many_are_no_film() {
        let best = Candidate {
            frames: Some(2),
            is_default: true,
            area: 900,
            ..FILM
        };
        assert_eq!(chosen([best, FILM]), Some(1));
        // Slides last as long as the film beside them.
        let slides = Candidate {
            frames: Some(150),
            ..best
        };
        let film = Candidate {
            frames: Some(5000),
            ..FILM
        };
        assert_eq!(chosen([slides, film]), Some(0));
        assert_eq!(chosen([best, best]), Some(0));
    }

    #[test]
    fn a_short_track_beside_a_long_one_is_no_film() {
        let lasting = |seconds: i64, area| Candidate {
            frames: None,
            lasts_us: Some(seconds * 1_000_000),
            area,
            ..FILM
        };
        let trailer = lasting(20, 900);
        assert_eq!(chosen([trailer, lasting(600, 100)]), Some(1));
        assert_eq!(chosen([lasting(300, 900), lasting(600, 100)]), Some(0));
        // How long a film of one known keyframe lasts is not compared with a track of covers.
        let covers = Candidate {
            is_still_codec: true,
            ..lasting(600, 900)
        };
        assert_eq!(chosen([covers, lasting(0, 100)]), Some(1));
    }
}
