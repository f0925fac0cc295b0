//! Which video track is the film.

/// What is known of a video track before any packet of it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Its codec is one of still pictures.
    pub(crate) is_still_codec: bool,
    /// Its number of pictures, where the header says.
    pub(crate) frames: Option<u64>,
    pub(crate) is_default: bool,
    /// Pixels of a picture.
    pub(crate) area: u64,
}

impl Candidate {
    /// How much the track is like a film: one picture is a cover or a poster, however large or
    /// 'default' it is, and so is most likely a track of still pictures beside another.
    fn motion(&self) -> u8 {
        match (self.frames, self.is_still_codec) {
            (Some(0 | 1), _) => 0,
            (_, true) => 1,
            _ => 2,
        }
    }
}

/// The track that a player would show among `tracks`: the first of the largest of those that are
/// marked as default among those that move.
pub(crate) fn choose<T>(
    tracks: impl IntoIterator<Item = T>,
    candidate: impl Fn(&T) -> Candidate,
) -> Option<T> {
    tracks
        .into_iter()
        .enumerate()
        .max_by_key(|(nth, track)| {
            let track = candidate(track);
            let (motion, first) = (track.motion(), std::cmp::Reverse(*nth));
            (motion, track.is_default, track.area, first)
        })
        .map(|(_, track)| track)
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
}
