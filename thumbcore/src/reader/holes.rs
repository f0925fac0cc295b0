//! Stretches of zeros in what a demuxer was given: parts of a file that were never written.

use std::{collections::VecDeque, ops::Range};

/// Bytes of zeros that no compressed picture has in it: 2 KiB.
const LEAST: u64 = 2 << 10;
/// Bytes of zeros that are no padding between packets: 32 KiB.
const NO_PADDING: u64 = 32 << 10;
/// Bytes that are looked at together: the first one that is not zero ends the look.
const BLOCK: usize = 1 << 10;
/// Holes that are remembered.
const KEPT: usize = 64;

/// The holes that a demuxer has read, in the order of reading.
#[derive(Debug, Default)]
pub(super) struct Holes {
    found: VecDeque<Range<u64>>,
    /// The zeros that reach to the end of what was read last.
    run: Option<Range<u64>>,
    /// A packet was given since the last seek.
    has_given: bool,
}

impl Holes {
    /// Takes in `bytes`, which were read at `at`.
    pub(super) fn see(&mut self, at: u64, bytes: &[u8]) {
        self.run.take_if(|run| run.end != at);
        let mut start = at;
        for block in bytes.chunks(BLOCK) {
            let end = start + block.len() as u64;
            let leading = start + zeros(block.iter());
            match &mut self.run {
                Some(run) => run.end = leading,
                none if leading == end => *none = Some(start..end),
                None => {}
            }
            if leading < end {
                self.note();
                let trailing = end - zeros(block.iter().rev());
                self.run = (trailing < end).then_some(trailing..end);
            }
            start = end;
        }
        self.note();
    }

    /// Remembers the zeros read last, if they are many enough.
    fn note(&mut self) {
        let Some(run) = self.run.clone().filter(|run| run.end - run.start >= LEAST) else {
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

    /// Whether zeros are part of the packet at `place`, or others were lost between the packet
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

fn zeros<'a>(bytes: impl Iterator<Item = &'a u8>) -> u64 {
    bytes.take_while(|byte| **byte == 0).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stretch of `data`, zeros, and as much data again.
    fn around(data: usize, blank: usize) -> Vec<u8> {
        [vec![7; data], vec![0; blank], vec![7; data]].concat()
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
            for step in [1 << 16, 4096, 3001, 1000] {
                let holes = seen(&around(data, blank), step);
                let expected = data as u64..(data + blank) as u64;
                assert_eq!(holes.found, [expected], "{data} {blank} {step}");
            }
        }
        assert!(seen(&around(5000, 2000), 4096).found.is_empty());
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
