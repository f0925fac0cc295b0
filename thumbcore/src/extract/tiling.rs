//! Pictures that become the tiles of a sheet.

use std::{ops::Range, time::Duration};

use bytes::Bytes;

#[cfg(sandbox)]
use super::outcome::Rendition;
use super::request::Request;
use crate::{
    container::{Around, Keyframe},
    libav::Planes,
    reader::ReadConfig,
    select::Plan,
};

/// What rounding to microseconds and to ticks may add to a time.
const ROUNDING_US: i64 = 1000;

/// Each picture of a request is a tile: it stands for a stretch of the video, in whose middle its
/// position lies, and is left as planes for a sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Tiling {
    /// Length of each stretch.
    pub(crate) interval: Duration,
    /// Width and height of a tile in pixels, both even.
    pub(crate) tile: (u32, u32),
}

impl Tiling {
    /// The stretch in whose middle `target_us` lies. What rounding could put into the next stretch
    /// belongs to neither.
    fn stretch_us(&self, target_us: i64) -> Range<i64> {
        let half_us = self.half_us();
        let end_us = target_us.saturating_add(half_us - ROUNDING_US);
        target_us.saturating_sub(half_us)..end_us
    }

    /// Whether a picture, whoever made it, can be put onto a sheet.
    #[cfg(sandbox)]
    pub(super) fn fits(&self, picture: &Rendition) -> bool {
        let (width, height) = (picture.width, picture.height);
        let is_side = |side: u32, most: u32| side > 0 && side.is_multiple_of(2) && side <= most;
        let samples = u64::from(width) * u64::from(height) * 3 / 2;
        is_side(width, self.tile.0)
            && is_side(height, self.tile.1)
            && picture.image.len() as u64 == samples
    }

    /// Half of a stretch, in microseconds.
    pub(super) fn half_us(&self) -> i64 {
        i64::try_from(self.interval.as_micros() / 2).unwrap_or(i64::MAX / 2)
    }

    /// How far from its target a picture of the stretch may lie, in microseconds, whatever rounding
    /// adds.
    pub(super) fn tolerance_us(&self) -> u64 {
        (self.half_us() - 2 * ROUNDING_US).max(0).unsigned_abs()
    }

    /// The keyframe of the stretch that is nearest to the target, else decoding forward into the
    /// stretch, no further than `affordable_us`: only as far as its start, which is little where
    /// keyframes are hardly further apart than tiles. Stretches do not overlap, so no two tiles
    /// have one keyframe.
    pub(super) fn plan(&self, target_us: i64, around: &Around, affordable_us: i64) -> Plan {
        let stretch = self.stretch_us(target_us);
        let distance = |keyframe: &&Keyframe| keyframe.time_us.abs_diff(target_us);
        let own = [&around.before, &around.after]
            .into_iter()
            .flatten()
            .filter(|keyframe| keyframe.place.is_shown() && stretch.contains(&keyframe.time_us))
            .min_by_key(distance);
        match own {
            Some(keyframe) => Plan::Keyframe(keyframe.clone()),
            None => Plan::Forward {
                from: around.before.clone(),
                until_us: stretch.start.min(affordable_us),
            },
        }
    }
}

impl Request {
    /// The latest time that decoding forward to a target goes to.
    pub(super) fn forward_to_us(&self, target_us: i64) -> i64 {
        let half_us = self.tiling.map_or(0, |tiling| tiling.half_us());
        target_us.saturating_sub(half_us)
    }

    /// `ranges` by their starts. Those of tiles are joined where reading the gap costs less than a
    /// request.
    pub(super) fn joined(
        &self,
        mut ranges: Vec<Range<u64>>,
        config: &ReadConfig,
    ) -> Vec<Range<u64>> {
        if self.tiling.is_none() {
            return ranges;
        }
        let gap = config.gap_among(ranges.len());
        ranges.sort_by_key(|range| range.start);
        let mut joined: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match joined.last_mut() {
                Some(last) if range.start <= last.end.saturating_add(gap) => {
                    last.end = last.end.max(range.end);
                }
                _ => joined.push(range),
            }
        }
        joined
    }
}

/// The samples of all three planes, one after the other: luma, blue difference, red difference.
/// Those of chroma are half as wide and high, rounded up.
pub(super) fn packed(planes: &Planes<u8>) -> Bytes {
    [&planes.y[..], &planes.u, &planes.v].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::Place;

    const SECOND: i64 = 1_000_000;

    fn tiling() -> Tiling {
        Tiling {
            interval: Duration::from_secs(10),
            tile: (320, 180),
        }
    }

    fn planned(keyframes: &[f64], target: f64, affordable: f64) -> Plan {
        let us = |seconds: f64| (seconds * SECOND as f64) as i64;
        let keyframes: Vec<_> = keyframes
            .iter()
            .map(|seconds| Keyframe {
                time_us: us(*seconds),
                place: Place::Counted(us(*seconds) as usize),
            })
            .collect();
        let around = Around::among(&keyframes, us(target));
        tiling().plan(us(target), &around, us(affordable))
    }

    fn alone_at(plan: &Plan) -> Option<i64> {
        match plan {
            Plan::Keyframe(keyframe) => Some(keyframe.time_us),
            Plan::Forward { .. } | Plan::RollIn { .. } => None,
        }
    }

    #[test]
    fn a_tile_takes_a_keyframe_of_its_own_stretch_alone() {
        // One at each boundary belongs to the stretch that it begins.
        let every_ten = [0.0, 10.0, 20.0, 30.0];
        for (target, expected) in [(5.0, 0), (15.0, 10), (25.0, 20)] {
            let plan = planned(&every_ten, target, target);
            assert_eq!(alone_at(&plan), Some(expected * SECOND));
        }
        let nearest = planned(&[1.0, 4.0, 5.5, 9.0], 5.0, 5.0);
        assert_eq!(alone_at(&nearest), Some(5_500_000));
        assert_eq!(alone_at(&planned(&[0.0, 19.9995], 15.0, 15.0)), None);
    }

    #[test]
    fn without_one_a_tile_is_decoded_to_the_start_of_its_stretch() {
        let until_us = |affordable| match planned(&[9.6, 20.0], 15.0, affordable) {
            Plan::Forward { from, until_us } => (from.map(|from| from.time_us), until_us),
            plan => panic!("{plan:?}"),
        };
        assert_eq!(until_us(10.0), (Some(9_600_000), 10 * SECOND));
        assert_eq!(until_us(9.8), (Some(9_600_000), 9_800_000));
    }

    #[test]
    fn tiles_join_ranges_whose_gap_costs_less_than_a_request() {
        let config = ReadConfig::default();
        let mut request = Request::new();
        let ranges = vec![500_000..600_000, 0..10, 30_000..40_000];
        assert_eq!(request.joined(ranges.clone(), &config), ranges);
        request.tiling = Some(tiling());
        let joined = request.joined(ranges, &config);
        assert_eq!(joined, [0..40_000, 500_000..600_000]);
    }
}
