//! Edit lists: which parts of a track are shown, one after the other.
//!
//! Source: ISO/IEC 14496-12, section 8.6.6.

use bytes::Buf;

/// Time of the media of an edit that shows nothing for a while.
const EMPTY: i64 = -1;

/// One entry of an edit list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edit {
    /// In ticks of the movie.
    duration: u64,
    /// Where in the media it begins, in ticks of the track.
    time: i64,
}

/// The entries of an `elst` box's payload, as far as it holds them.
fn edits(mut list: &[u8]) -> impl Iterator<Item = Edit> {
    let version = list.try_get_u32().map_or(0, |word| word >> 24);
    let count = list.try_get_u32().unwrap_or(0);
    (0..count).map_while(move |_| {
        let (duration, time) = if version == 1 {
            (list.try_get_u64().ok()?, list.try_get_i64().ok()?)
        } else {
            let duration = u64::from(list.try_get_u32().ok()?);
            (duration, i64::from(list.try_get_i32().ok()?))
        };
        // The rate, which libav takes for 1.
        list.try_get_u32().ok()?;
        Some(Edit { duration, time })
    })
}

/// What an edit list takes off each time: the start of the media shown first, less the empty time
/// before it. Later edits are ignored, as libav does in fragments.
pub(super) fn offset(list: &[u8], timescale: u32, movie_timescale: u32) -> i64 {
    let mut empty = 0;
    for edit in edits(list).take(2) {
        if edit.time >= 0 {
            return edit.time.saturating_sub(empty);
        }
        if edit.time == EMPTY {
            let scaled = u128::from(edit.duration) * u128::from(timescale);
            empty = i64::try_from(scaled / u128::from(movie_timescale.max(1))).unwrap_or(0);
        }
    }
    -empty
}

/// Edits that are looked at: more than anybody cuts a film into.
const MAX_EDITS: usize = 4096;

/// A stretch of a track that an edit list shows without a break. All times are in ticks of the
/// track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// The first time of the media that is shown.
    pub(crate) from: i64,
    /// The end of the last.
    pub(crate) until: i64,
    /// From a time of the media to when it is shown.
    pub(crate) shift: i64,
}

/// How the ticks of a track relate to those of the movie, and how many it has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub(super) timescale: u32,
    pub(super) movie_timescale: u32,
    pub(super) ticks: u64,
}

impl Scale {
    /// Ticks of the movie in those of the track.
    fn ticks_of(self, movie_ticks: u64) -> i64 {
        let scaled = u128::from(movie_ticks) * u128::from(self.timescale);
        let scaled = scaled / u128::from(self.movie_timescale.max(1));
        i64::try_from(scaled).unwrap_or(i64::MAX)
    }
}

/// Whether an edit list puts several parts of a track one after the other.
pub(super) fn is_cut(list: &[u8]) -> bool {
    let media = edits(list).take(MAX_EDITS).filter(|edit| edit.time >= 0);
    media.take(2).count() > 1
}

/// What an edit list shows of a track, in the order of showing.
pub(super) fn stretches(list: &[u8], scale: Scale) -> Vec<Stretch> {
    let end = i64::try_from(scale.ticks).unwrap_or(i64::MAX);
    let mut shown: u64 = 0;
    let mut stretches: Vec<Stretch> = Vec::new();
    for edit in edits(list).take(MAX_EDITS) {
        let at = scale.ticks_of(shown);
        shown = shown.saturating_add(edit.duration);
        if !(0..end).contains(&edit.time) {
            continue;
        }
        let until = match edit.duration {
            // All of the rest.
            0 => end,
            _ => edit.time.saturating_add(scale.ticks_of(shown) - at),
        };
        let stretch = Stretch {
            from: edit.time,
            until,
            shift: at - edit.time,
        };
        match stretches.last_mut() {
            Some(last) if last.until == stretch.from && last.shift == stretch.shift => {
                last.until = stretch.until;
            }
            _ => stretches.push(stretch),
        }
    }
    stretches
}

/// When a track whose edit list is `list` begins, in microseconds: after the empty time before its
/// first picture.
pub(super) fn lead_us(list: &[u8], movie_timescale: u32) -> i64 {
    let empty = edits(list).take_while(|edit| edit.time == EMPTY);
    let ticks = empty.fold(0, |ticks: u64, edit| ticks.saturating_add(edit.duration));
    let lead_us = u128::from(ticks) * 1_000_000 / u128::from(movie_timescale.max(1));
    i64::try_from(lead_us).unwrap_or(i64::MAX)
}

/// What an edit list that shows nothing of a track is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hiding {
    /// It tells when the track begins: a duration of 0 means all of the rest, as in fragments,
    /// though libav takes it for no time at all.
    Shift,
    /// Its times are not of the track's front.
    Nonsense,
}

/// How an edit list hides all of a track of `ticks`; `None` where it shows any.
pub(super) fn hiding(list: &[u8], ticks: u64) -> Option<Hiding> {
    let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
    let is_empty = edits(list).next().is_none();
    let mut media = edits(list).filter(|edit| edit.time != EMPTY).peekable();
    // Most of a film that is hidden is more than what decoders need before the first picture.
    let front = 0..ticks / 16;
    let is_shift = media.peek().is_none_or(|first| front.contains(&first.time));
    let shows_any = media.any(|edit| edit.duration > 0 && edit.time < ticks);
    match is_shift {
        _ if is_empty || shows_any => None,
        true => Some(Hiding::Shift),
        false => Some(Hiding::Nonsense),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(version: u8, edits: &[(u32, i32)]) -> Vec<u8> {
        let mut list = vec![version, 0, 0, 0];
        list.extend((edits.len() as u32).to_be_bytes());
        for (duration, time) in edits {
            if version == 1 {
                list.extend(u64::from(*duration).to_be_bytes());
                list.extend(i64::from(*time).to_be_bytes());
            } else {
                list.extend(duration.to_be_bytes());
                list.extend(time.to_be_bytes());
            }
            list.extend(0x1_0000_u32.to_be_bytes());
        }
        list
    }

    #[test]
    fn the_first_edits_shift_all_times() {
        for version in [0, 1] {
            let offset = |edits: &[(u32, i32)]| offset(&list(version, edits), 1000, 600);
            assert_eq!(offset(&[(0, 80)]), 80);
            assert_eq!(offset(&[(300, -1), (0, 80)]), 80 - 500);
            assert_eq!(offset(&[(300, -1)]), -500);
            // No time of anything.
            assert_eq!(offset(&[(300, -5)]), 0);
            assert_eq!(offset(&[]), 0);
        }
    }

    #[test]
    fn a_list_may_show_several_stretches() {
        let scale = Scale {
            timescale: 1000,
            movie_timescale: 600,
            ticks: 60_000,
        };
        let stretch = |from, until, shift| Stretch { from, until, shift };
        for version in [0, 1] {
            let stretches = |edits: &[(u32, i32)]| stretches(&list(version, edits), scale);
            let cut = [(3000, 2000), (600, -1), (6000, 20_000)];
            let shown = [stretch(2000, 7000, -2000), stretch(20_000, 30_000, -14_000)];
            assert_eq!(stretches(&cut), shown);
            assert_eq!(
                stretches(&[(600, 1000), (600, 2000)]),
                [stretch(1000, 3000, -1000)]
            );
            assert_eq!(stretches(&[(0, 500)]), [stretch(500, 60_000, -500)]);
            assert_eq!(stretches(&[(600, 60_000), (600, -7)]), []);
            assert!(is_cut(&list(version, &cut)));
            assert!(!is_cut(&list(version, &[(600, -1), (600, 0)])));
            assert_eq!(
                lead_us(&list(version, &[(300, -1), (600, 0)]), 600),
                500_000
            );
        }
    }

    #[test]
    fn a_list_may_hide_all() {
        for version in [0, 1] {
            let hiding = |edits: &[(u32, i32)]| hiding(&list(version, edits), 1000);
            assert_eq!(hiding(&[(0, 0)]), Some(Hiding::Shift));
            assert_eq!(hiding(&[(300, -1)]), Some(Hiding::Shift));
            assert_eq!(hiding(&[(300, -1), (0, 60)]), Some(Hiding::Shift));
            for time in [1000, 300] {
                assert_eq!(hiding(&[(0, time)]), Some(Hiding::Nonsense));
            }
            assert_eq!(hiding(&[(300, 1000)]), Some(Hiding::Nonsense));
            for shown in [&[(300, -1), (1, 80)][..], &[(300, 999)], &[(300, -5)], &[]] {
                assert_eq!(hiding(shown), None, "{shown:?}");
            }
        }
    }
}
