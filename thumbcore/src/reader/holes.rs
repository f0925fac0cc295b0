//! Stretches of zeros, or of ones, in what a demuxer was given: parts of a file that were never
//! written.

use std::{collections::VecDeque, ops::Range};

/// Blank bytes that no compressed picture has in it: 2 KiB.
const LEAST: u64 = 2 << 10;
/// Blank bytes that are no padding between packets: 32 KiB.
const NO_PADDING: u64 = 32 << 10;
/// Bytes that are looked at together: the first one that is not blank ends the look.
const BLOCK: usize = 1 << 10;
/// Holes that are remembered.
const KEPT: usize = 64;
/// What zeros are read as where flash memory was never written.
const ONES: u8 = 0xff;
/// The bytes before the filler data of H.264 and of HEVC, which are ones: the last of the unit's
/// header (ITU-T H.264, section 7.3.2.7; H.265, section 7.3.2.8).
const BEFORE_FILLER: [u8; 2] = [0x0c, 0x01];

/// The holes that a demuxer has read, in the order of reading.
#[derive(Debug, Default)]
pub(super) struct Holes {
    found: VecDeque<Range<u64>>,
    /// The blank bytes that reach to the end of what was read last.
    run: Option<Run>,
    /// The last byte that was read, and where it ends.
    last: Option<(u64, u8)>,
    /// A packet was given since the last seek.
    has_given: bool,
}

/// Bytes that are all zeros, or all ones.
#[derive(Debug, Clone)]
struct Run {
    place: Range<u64>,
    fill: u8,
    /// A constant rate is filled up with it, on purpose.
    is_filler: bool,
}

impl Holes {
    /// Takes in `bytes`, which were read at `at`.
    pub(super) fn see(&mut self, at: u64, bytes: &[u8]) {
        self.last.take_if(|(end, _)| *end != at);
        self.run.take_if(|run| run.place.end != at);
        let mut start = at;
        for block in bytes.chunks(BLOCK) {
            self.see_block(start, block);
            start += block.len() as u64;
        }
        self.note();
    }

    fn see_block(&mut self, start: u64, block: &[u8]) {
        let Some(last) = block.last() else {
            return;
        };
        let end = start + block.len() as u64;
        let is_full = match &mut self.run {
            Some(run) => {
                let leading = alike(block.iter(), run.fill);
                run.place.end = start + leading;
                start + leading == end
            }
            None => false,
        };
        if !is_full {
            self.note();
            let trailing = end - alike(block.iter().rev(), *last);
            let before = match trailing.checked_sub(start + 1) {
                Some(before) => usize::try_from(before).ok().and_then(|nth| block.get(nth)),
                None => self.last.as_ref().map(|(_, byte)| byte),
            };
            let is_filler = *last == ONES && before.is_some_and(|it| BEFORE_FILLER.contains(it));
            self.run = matches!(*last, 0 | ONES).then_some(Run {
                place: trailing..end,
                fill: *last,
                is_filler,
            });
        }
        self.last = Some((end, *last));
    }

    /// Remembers the blank bytes read last, if they are many enough.
    fn note(&mut self) {
        let blank = self.run.as_ref().filter(|run| !run.is_filler);
        let place = blank.map(|run| run.place.clone());
        let Some(run) = place.filter(|place| place.end - place.start >= LEAST) else {
            return;
        };
        match self.found.back_mut().filter(|last| last.start == run.start) {
            Some(last) => last.end = run.end,
            None => self.found.push_back(run),
        }
        if self.found.len() > KEPT {
            self.found.pop_front();
        }
    }

    /// Whether blank bytes are part of the packet at `place`, or others were lost between the packet
    /// given before and this one.
    pub(super) fn damage(&mut self, place: Range<u64>) -> bool {
        let mut is_damaged = false;
        while let Some(hole) = self.found.front().filter(|hole| hole.start < place.end) {
            let is_behind = hole.end <= place.start;
            let is_wide = hole.end - hole.start >= NO_PADDING;
            is_damaged |= !is_behind || (is_wide && self.has_given);
            if !is_behind {
                break;
            }
            self.found.pop_front();
        }
        self.has_given = true;
        is_damaged
    }
}

/// How many of the first bytes are `fill`.
fn alike<'a>(bytes: impl Iterator<Item = &'a u8>, fill: u8) -> u64 {
    bytes.take_while(|byte| **byte == fill).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stretch of `data`, zeros, and as much data again.
    fn around(data: usize, blank: usize) -> Vec<u8> {
        filled(data, blank, 0)
    }

    fn filled(data: usize, blank: usize, fill: u8) -> Vec<u8> {
        [vec![7; data], vec![fill; blank], vec![7; data]].concat()
    }

    fn seen(bytes: &[u8], step: usize) -> Holes {
        let mut holes = Holes::default();
        for (nth, part) in bytes.chunks(step).enumerate() {
            holes.see((nth * step) as u64, part);
        }
        holes
    }

    #[test]
    fn holes_are_found_whole_however_they_are_read() {
        for (data, blank) in [(5000, 4500), (1024, 2048), (1, 99_999), (3000, 40_000)] {
            for (step, fill) in [1 << 16, 4096, 3001, 1000]
                .into_iter()
                .zip([0, ONES, 0, ONES])
            {
                let holes = seen(&filled(data, blank, fill), step);
                let expected = data as u64..(data + blank) as u64;
                assert_eq!(holes.found, [expected], "{data} {blank} {step}");
            }
        }
        assert!(seen(&around(5000, 2000), 4096).found.is_empty());
    }

    #[test]
    fn filler_data_of_a_constant_rate_is_no_hole() {
        for (data, before) in [(4096, 0x0c), (4096, 0x01), (5000, 0x0c)] {
            let mut bytes = filled(data, 9000, ONES);
            bytes[data - 1] = before;
            assert!(seen(&bytes, 3001).found.is_empty(), "{data} {before}");
            assert!(seen(&bytes, 4096).found.is_empty(), "{data} {before}");
        }
    }

    #[test]
    fn packets_in_a_hole_and_behind_it_are_damaged() {
        let mut holes = seen(&around(50_000, 50_000), 32 << 10);
        let places = [0..50_000, 50_000..60_000, 49_999..50_001, 100_000..101_000];
        let damage = places.map(|place| holes.damage(place));
        assert_eq!(damage, [false, true, true, true]);
        assert!(!holes.damage(101_000..102_000));
    }

    #[test]
    fn padding_loses_nothing_and_neither_does_what_precedes_the_first_packet() {
        let mut holes = seen(&around(50_000, 5000), 32 << 10);
        assert!(!holes.damage(0..50_000));
        assert!(!holes.damage(55_000..56_000));
        let mut holes = seen(&around(50_000, 50_000), 32 << 10);
        assert!(!holes.damage(100_000..101_000));
    }
}
