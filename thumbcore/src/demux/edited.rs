//! Films of which an edit list shows several stretches, one after the other.
//!
//! The demuxer gives the whole media then, and the same keyframe may serve several stretches.

use std::ops::Range;

use super::{Track, route::Index};
use crate::container::{Around, Keyframe, ListedKeyframe, Place, Stretch};

/// Stretches without a keyframe of their own that are passed over in search of the next keyframe.
const MAX_PASSED: usize = 16;

impl Track {
    /// What an edit list that the demuxer does not heed shows.
    fn stretches(&self) -> &[Stretch] {
        let composition = self.composition.as_ref();
        composition.map_or(&[], |composition| &composition.stretches)
    }

    /// The number of the stretch that is shown at a time.
    fn stretch_at(&self, time_us: i64) -> Option<usize> {
        let stretches = self.stretches();
        let begun = stretches.partition_point(|it| self.shown_us(it).start <= time_us);
        (!stretches.is_empty()).then(|| begun.saturating_sub(1))
    }

    fn micros_of(&self, ticks: i64) -> i64 {
        self.micros(Some(ticks)).unwrap_or(i64::MAX)
    }

    /// When a stretch is shown.
    fn shown_us(&self, stretch: &Stretch) -> Range<i64> {
        let shown = |ticks: i64| self.micros_of(ticks.saturating_add(stretch.shift));
        shown(stretch.from)..shown(stretch.until)
    }

    /// The times of the media that a stretch shows.
    fn media_of(&self, stretch: &Stretch) -> Range<i64> {
        self.micros_of(stretch.from)..self.micros_of(stretch.until)
    }

    /// The time of the media that is shown at a time.
    pub(super) fn media_us(&self, time_us: i64) -> i64 {
        let Some(stretch) = self.stretch_at(time_us).map(|nth| self.stretches()[nth]) else {
            return time_us;
        };
        let media = self.media_of(&stretch);
        let since_us = time_us.saturating_sub(self.shown_us(&stretch).start);
        let latest_us = media.end.saturating_sub(1).max(media.start);
        media
            .start
            .saturating_add(since_us)
            .clamp(media.start, latest_us)
    }

    /// When the last picture of an edited track begins and ends, and when the track ends, in
    /// microseconds; `None` where it is not edited.
    pub(super) fn edited_ends_us(&self) -> Option<(Range<i64>, i64)> {
        let end_us = self.shown_us(self.stretches().last()?).end;
        let last = self.composition.as_ref()?.last_duration;
        let last_us = end_us.saturating_sub(self.micros_of(i64::from(last)));
        Some((last_us..end_us, end_us))
    }

    /// A keyframe of the media as one of a stretch.
    fn in_stretch(&self, stretch: Stretch, keyframe: Keyframe) -> Keyframe {
        let media = self.media_of(&stretch);
        let since_us = keyframe.time_us.saturating_sub(media.start);
        let place = match keyframe.place {
            Place::Indexed { seek, bytes, .. } => Place::Indexed {
                seek,
                bytes,
                is_hidden: !media.contains(&keyframe.time_us),
                stretch: Some(stretch),
            },
            Place::Sample {
                timestamp, bytes, ..
            } => Place::Sample {
                timestamp,
                bytes,
                stretch: Some(stretch),
            },
            place => place,
        };
        Keyframe {
            time_us: self.shown_us(&stretch).start.saturating_add(since_us),
            place,
        }
    }
}

impl Index {
    /// See [`Session::around`](super::Session::around).
    pub(super) fn around(&mut self, track: &Track, time_us: i64) -> Around {
        let Some(nth) = track.stretch_at(time_us) else {
            return self.around_media(track, time_us);
        };
        let (stretch, later) = (track.stretches()[nth], &track.stretches()[nth + 1..]);
        let Around { before, after } = self.around_media(track, track.media_us(time_us));
        let media = track.media_of(&stretch);
        let after = after.filter(|keyframe| keyframe.time_us < media.end);
        let mut after = after.map(|keyframe| track.in_stretch(stretch, keyframe));
        for stretch in later.iter().take(MAX_PASSED) {
            after = after.or_else(|| self.first_in(track, *stretch));
        }
        Around {
            before: before.map(|keyframe| track.in_stretch(stretch, keyframe)),
            after,
        }
    }

    /// The first keyframe that a stretch shows.
    fn first_in(&mut self, track: &Track, stretch: Stretch) -> Option<Keyframe> {
        let media = track.media_of(&stretch);
        let around = self.around_media(track, media.start.saturating_sub(1));
        let first = around
            .after
            .filter(|keyframe| media.contains(&keyframe.time_us));
        first.map(|keyframe| track.in_stretch(stretch, keyframe))
    }

    /// The entry at or before a time, keyframe or not.
    pub(super) fn entry_before(&mut self, track: &Track, time_us: i64) -> Option<Keyframe> {
        let entry = self.entry_before_media(track, track.media_us(time_us))?;
        let Some(nth) = track.stretch_at(time_us) else {
            return Some(entry);
        };
        Some(track.in_stretch(track.stretches()[nth], entry))
    }

    /// See [`Session::keyframes`](super::Session::keyframes).
    pub(super) fn keyframes(&self, track: &Track) -> Vec<ListedKeyframe> {
        let keyframes = self.media_keyframes(track);
        if track.stretches().is_empty() {
            return keyframes;
        }
        let shown = track.stretches().iter().flat_map(|stretch| {
            let media = track.media_of(stretch);
            let start_us = track.shown_us(stretch).start;
            let from = keyframes.partition_point(|it| it.time_us < media.start);
            let within = keyframes[from..].iter();
            within
                .take_while(move |it| it.time_us < media.end)
                .map(move |it| ListedKeyframe {
                    time_us: it.time_us - media.start + start_us,
                    ..*it
                })
        });
        // A list may show the whole film again and again.
        shown.take(keyframes.len().saturating_mul(2)).collect()
    }
}
