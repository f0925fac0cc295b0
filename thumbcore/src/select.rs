//! Which frame: the keyframe that serves each target, or where decoding forward begins.

use crate::container::{Around, Keyframe};

/// Furthest that a video is decoded forward where the exact picture was not asked for: beyond half
/// a minute, decoding costs more than a picture at exactly that time is worth.
pub(crate) const MAX_FORWARD_US: i64 = 30_000_000;

/// What rounding to microseconds and to ticks may add to a distance.
const ROUNDING_US: u64 = 1000;

/// How one target's picture is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// This keyframe alone.
    Keyframe(Keyframe),
    /// Decode from the keyframe (or the start of the file) forward to a time.
    Forward {
        from: Option<Keyframe>,
        until_us: i64,
    },
}

impl Plan {
    /// The keyframe whose packets are read first; `None` where the file is read from its start.
    pub(crate) fn keyframe(&self) -> Option<&Keyframe> {
        match self {
            Self::Keyframe(keyframe) => Some(keyframe),
            Self::Forward { from, .. } => from.as_ref(),
        }
    }

    /// The time that is decoded forward to, in microseconds; `None` for a keyframe alone.
    pub(crate) fn until_us(&self) -> Option<i64> {
        match self {
            Self::Keyframe(_) => None,
            Self::Forward { until_us, .. } => Some(*until_us),
        }
    }
}

/// Plans the targets of one request, one after the other.
#[derive(Debug)]
pub(crate) struct Planner {
    /// How far a keyframe may lie from its target, in microseconds.
    tolerance_us: u64,
    /// Always decode forward to the target.
    is_exact: bool,
    /// Keyframes that earlier targets took.
    taken: Vec<Keyframe>,
}

impl Planner {
    pub(crate) fn new(tolerance_us: u64, is_exact: bool) -> Self {
        Self {
            tolerance_us,
            is_exact,
            taken: Vec::new(),
        }
    }

    /// The nearest keyframe within the tolerance that no earlier target took, else decoding
    /// forward, which gives different targets different pictures.
    pub(crate) fn plan(&mut self, target_us: i64, around: &Around) -> Plan {
        if !self.is_exact
            && let Some(keyframe) = self.nearest(target_us, around)
        {
            self.taken.push(keyframe.clone());
            return Plan::Keyframe(keyframe);
        }
        let from = around.before.clone();
        let until_us = match &from {
            Some(from) if !self.is_exact => {
                target_us.min(from.time_us.saturating_add(MAX_FORWARD_US))
            }
            _ => target_us,
        };
        Plan::Forward { from, until_us }
    }

    /// The keyframe of the two in `around` that is nearest to the target and not taken, if it is
    /// near enough or nothing else can be decoded for a fair price.
    fn nearest(&self, target_us: i64, around: &Around) -> Option<Keyframe> {
        let distance = |keyframe: &&Keyframe| keyframe.time_us.abs_diff(target_us);
        let nearest = [&around.before, &around.after]
            .into_iter()
            .flatten()
            .filter(|keyframe| !self.taken.contains(keyframe))
            .min_by_key(distance)?;
        let is_near = distance(&nearest) <= self.tolerance_us.saturating_add(ROUNDING_US);
        let is_only_choice = around
            .before
            .as_ref()
            .is_none_or(|from| target_us.saturating_sub(from.time_us) > MAX_FORWARD_US);
        (is_near || is_only_choice).then(|| nearest.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::Place;

    const SECOND: i64 = 1_000_000;

    /// Keyframes at these seconds.
    fn around(keyframes: &[i64], target: i64) -> Around {
        let at = |seconds: Option<&i64>| {
            seconds.map(|s| Keyframe {
                time_us: s * SECOND,
                place: Place::Counted(*s as usize),
            })
        };
        Around {
            before: at(keyframes.iter().rfind(|s| **s * SECOND <= target)),
            after: at(keyframes.iter().find(|s| **s * SECOND > target)),
        }
    }

    fn planned(keyframes: &[i64], targets: &[i64], tolerance: u64) -> Vec<(bool, Option<i64>)> {
        let mut planner = Planner::new(tolerance * SECOND as u64, false);
        let plans = targets.iter().map(|target| {
            let plan = planner.plan(target * SECOND, &around(keyframes, target * SECOND));
            let alone = matches!(plan, Plan::Keyframe(_));
            let seconds = plan.keyframe().map(|keyframe| keyframe.time_us / SECOND);
            (alone, seconds)
        });
        plans.collect()
    }

    #[test]
    fn the_nearest_keyframe_on_either_side_wins() {
        let every_five: Vec<i64> = (0..100).map(|i| i * 5).collect();
        assert_eq!(
            planned(&every_five, &[49, 251, 470], 25),
            [(true, Some(50)), (true, Some(250)), (true, Some(470))]
        );
    }

    #[test]
    fn one_keyframe_serves_one_target() {
        assert_eq!(
            planned(&[0], &[1, 5, 9], 1),
            [(true, Some(0)), (false, Some(0)), (false, Some(0))]
        );
        assert_eq!(
            planned(&[0, 10], &[4, 6], 100),
            [(true, Some(0)), (true, Some(10))]
        );
    }

    #[test]
    fn far_targets_are_not_decoded_towards_for_minutes() {
        assert_eq!(
            planned(&[0, 900], &[100, 500], 10),
            [(true, Some(0)), (true, Some(900))]
        );
        let target_us = 500 * SECOND;
        let until_us = |is_exact| {
            let mut planner = Planner::new(SECOND as u64, is_exact);
            planner.plan(target_us, &around(&[0], target_us));
            planner.plan(target_us, &around(&[0], target_us)).until_us()
        };
        assert_eq!(until_us(false), Some(MAX_FORWARD_US));
        assert_eq!(until_us(true), Some(target_us), "exact means exact");
    }

    #[test]
    fn without_any_keyframe_the_file_is_decoded_from_its_start() {
        assert_eq!(planned(&[], &[1], 1), [(false, None)]);
    }
}
