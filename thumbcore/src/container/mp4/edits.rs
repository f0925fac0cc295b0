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
