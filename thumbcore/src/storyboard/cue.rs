//! From when to when each tile is shown.

use std::time::Duration;

use super::Index;

/// Cues are written in milliseconds, and are no shorter.
const MILLISECOND: Duration = Duration::from_millis(1);

/// From when to when a tile is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cue {
    pub(super) start: Duration,
    pub(super) end: Duration,
    /// The tile's number.
    pub(super) tile: usize,
}

/// Cues without gaps from the start to the end of the video, of which each holds the time of its
/// tile's frame: the tile's own stretch, made longer or shorter where a frame lies elsewhere. A
/// tile whose frame is out of order has none.
pub(super) fn cues(index: &Index) -> Vec<Cue> {
    let shown = in_order(index);
    let layout = &index.layout;
    let mut cues: Vec<Cue> = Vec::with_capacity(shown.len());
    for tile in shown {
        let actual = index.tiles[tile].actual;
        let start = match cues.last_mut() {
            None => Duration::ZERO,
            Some(before) => {
                let earliest = index.tiles[before.tile].actual + MILLISECOND;
                let start = layout.start(tile).clamp(earliest.min(actual), actual);
                before.end = start;
                start
            }
        };
        let end = layout.duration.max(actual + MILLISECOND);
        cues.push(Cue { start, end, tile });
    }
    cues
}

/// The numbers of the tiles whose frames follow each other, by a millisecond at least. Where two
/// are out of order, the one in its own stretch stays.
fn in_order(index: &Index) -> Vec<usize> {
    let actual = |tile: usize| index.tiles[tile].actual;
    let is_own = |tile: &usize| {
        let stretch = index.layout.start(*tile)..index.layout.end(*tile);
        stretch.contains(&actual(*tile))
    };
    let follows = |before: usize, after: usize| actual(after) >= actual(before) + MILLISECOND;
    let mut shown: Vec<usize> = Vec::with_capacity(index.tiles.len());
    for tile in 0..index.tiles.len() {
        if is_own(&tile) {
            while shown
                .last()
                .is_some_and(|last| !is_own(last) && !follows(*last, tile))
            {
                shown.pop();
            }
        }
        if shown.last().is_none_or(|last| follows(*last, tile)) {
            shown.push(tile);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{super::tests::index, *};

    /// Start, end and tile of each cue, in seconds, of frames at these seconds in a video of
    /// 10 s a tile.
    fn cues_of(frames: &[f64]) -> Vec<(f64, f64, usize)> {
        let cues = cues(&index(frames));
        let seconds = |time: Duration| time.as_secs_f64();
        cues.iter()
            .map(|cue| (seconds(cue.start), seconds(cue.end), cue.tile))
            .collect()
    }

    #[test]
    fn frames_of_their_own_stretches_keep_those() {
        let expected = [(0.0, 10.0, 0), (10.0, 20.0, 1), (20.0, 30.0, 2)];
        assert_eq!(cues_of(&[4.0, 10.0, 29.0]), expected);
    }

    #[test]
    fn a_cue_grows_to_hold_its_frame() {
        let early = [(0.0, 8.0, 0), (8.0, 20.0, 1), (20.0, 30.0, 2)];
        assert_eq!(cues_of(&[4.0, 8.0, 25.0]), early);
        let late = [(0.0, 12.001, 0), (12.001, 20.0, 1), (20.0, 30.0, 2)];
        assert_eq!(cues_of(&[12.0, 13.0, 25.0]), late);
    }

    #[test]
    fn a_frame_out_of_order_has_no_cue() {
        assert_eq!(
            cues_of(&[4.0, 4.0, 25.0]),
            [(0.0, 20.0, 0), (20.0, 30.0, 2)]
        );
        assert_eq!(
            cues_of(&[4.0, 28.0, 25.0]),
            [(0.0, 20.0, 0), (20.0, 30.0, 2)]
        );
        assert_eq!(
            cues_of(&[28.0, 14.0, 25.0]),
            [(0.0, 20.0, 1), (20.0, 30.0, 2)]
        );
    }
}
