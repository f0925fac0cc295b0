//! How a stream of PES packets ends.

use std::{
    collections::BTreeMap,
    ops::{Range, RangeInclusive},
};

use super::Times;
use crate::{
    Error,
    container::{
        Timeline,
        search::{Anchor, Scanner, last_picture},
    },
    reader::{Reader, Reason},
};

/// Bytes from the end in which the last times are looked for, one after the other.
const TAILS: [u64; 2] = [64 << 10, 1 << 20];
/// Bytes of a look for the last picture where sound goes on behind it.
const LOOK: RangeInclusive<u64> = 64 << 10..=256 << 10;

/// How a stream ends.
pub(in super::super) struct End {
    /// When the last audio or picture ends, in microseconds.
    pub(in super::super) last_us: i64,
    /// When the last picture ends.
    picture_us: i64,
    /// Where the search for a picture ends.
    pub(in super::super) anchor: Anchor,
}

impl End {
    /// Looks at the end of `media`, whose stream `video` is what `scanner` scans for; `times_of`
    /// tells the times of each stream in a stretch of bytes. `None` where there is no picture.
    pub(in super::super) async fn find(
        reader: &Reader,
        scanner: &dyn Scanner,
        video: u16,
        media: Range<u64>,
        times_of: impl Fn(&[u8]) -> BTreeMap<u16, Times>,
    ) -> Result<Option<Self>, Error> {
        let mut sound_us = None;
        for tail in TAILS {
            let start = media.end.saturating_sub(tail);
            let bytes = reader.read(start..media.end, Reason::Index).await?;
            let times = times_of(&bytes);
            let is_sound_alone = times.values().any(Times::are_long);
            let picture_us = times.get(&video).cloned().and_then(Times::end_us);
            let end_us = times.into_values().filter_map(Times::end_us).max();
            if let (Some(picture_us), Some(end_us)) = (picture_us, end_us) {
                let position = media.end;
                return Ok(Some(Self {
                    last_us: end_us,
                    picture_us,
                    anchor: Anchor {
                        position,
                        time_us: end_us,
                    },
                }));
            }
            sound_us = end_us;
            if is_sound_alone {
                break;
            }
        }
        let Some(sound_us) = sound_us else {
            return Ok(None);
        };
        let last = last_picture(reader, scanner, media, LOOK).await?;
        Ok(last.map(|last| Self {
            last_us: sound_us.max(last.time_us),
            picture_us: last.time_us,
            anchor: last,
        }))
    }

    /// The timeline of a stream that starts at `start_us`.
    pub(in super::super) fn timeline(&self, start_us: i64) -> Timeline {
        let duration_us = self.last_us.saturating_sub(start_us);
        Timeline::new(start_us, Some(duration_us)).with_last_picture(Some(self.picture_us))
    }
}
