//! Which frame: the keyframe that serves each target, or where decoding forward begins.

mod rank;

pub(crate) use self::rank::{
    MAX_FURTHER, ROUNDING_US, further, group_end, groups, promising, usual_change,
};
use crate::container::{Around, Keyframe};

/// As far a video is decoded forward without asking what that costs: half a minute is a long group
/// of pictures.
pub(crate) const NEAR_US: i64 = 30_000_000;

/// What rounding to microseconds and to ticks may add to a distance.
const SLACK_US: u64 = 1000;

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
    /// Enter the stream somewhere before a time and decode until the pictures are whole: keyframes
    /// are far, or are not what the container says.
    RollIn {
        until_us: i64,
        /// Where decoding forward begins if that fails, as in [`Forward`](Self::Forward).
        otherwise: Option<Keyframe>,
    },
}

impl Plan {
    /// The keyframe whose packets are read first; `None` where the file is read from its start.
    pub(crate) fn keyframe(&self) -> Option<&Keyframe> {
        match self {
            Self::Keyframe(keyframe) => Some(keyframe),
            Self::Forward { from, .. } => from.as_ref(),
            Self::RollIn { .. } => None,
        }
    }

    /// The time that is decoded forward to, in microseconds; `None` for a keyframe alone.
    pub(crate) fn until_us(&self) -> Option<i64> {
        match self {
            Self::Keyframe(_) => None,
            Self::Forward { until_us, .. } | Self::RollIn { until_us, .. } => Some(*until_us),
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
    /// forward, which gives different targets different pictures: up to `affordable_us` where the
    /// picture need not be exact.
    pub(crate) fn plan(&mut self, target_us: i64, around: &Around, affordable_us: i64) -> Plan {
        if !self.is_exact
            && let Some(keyframe) = self.nearest(target_us, around, affordable_us)
        {
            self.taken.push(keyframe.clone());
            return Plan::Keyframe(keyframe);
        }
        let from = around.before.clone();
        let until_us = match &from {
            Some(_) if !self.is_exact => target_us.min(affordable_us),
            _ => target_us,
        };
        Plan::Forward { from, until_us }
    }

    /// The keyframe of the two in `around` that is nearest to the target and not taken, if it is
    /// near enough or nothing else can be decoded for a fair price.
    fn nearest(&self, target_us: i64, around: &Around, affordable_us: i64) -> Option<Keyframe> {
        let distance = |keyframe: &&Keyframe| keyframe.time_us.abs_diff(target_us);
        let nearest = [&around.before, &around.after]
            .into_iter()
            .flatten()
            .filter(|keyframe| keyframe.place.is_shown() && !self.taken.contains(keyframe))
            .min_by_key(distance)?;
        let is_near = self.is_near(nearest, target_us);
        let is_only_choice = around.before.is_none() || affordable_us < target_us;
        (is_near || is_only_choice).then(|| nearest.clone())
    }

    /// Whether `keyframe` lies within the tolerance of a target.
    fn is_near(&self, keyframe: &Keyframe, target_us: i64) -> bool {
        let distance = keyframe.time_us.abs_diff(target_us);
        distance <= self.tolerance_us.saturating_add(SLACK_US)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::Place;

    const SECOND: i64 = 1_000_000;

    /// Seconds up to which decoding forward is affordable.
    const AFFORDABLE: i64 = 600;

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
            let affordable_us = (*target).min(AFFORDABLE) * SECOND;
            let around = around(keyframes, target * SECOND);
            let plan = planner.plan(target * SECOND, &around, affordable_us);
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
    fn far_targets_are_decoded_towards_as_far_as_that_is_affordable() {
        assert_eq!(
            planned(&[0, 1000], &[100, 900], 10),
            [(false, Some(0)), (true, Some(1000))]
        );
        let until_us = |target: i64, is_exact| {
            let mut planner = Planner::new(SECOND as u64, is_exact);
            let around = around(&[0], target * SECOND);
            let affordable_us = target.min(AFFORDABLE) * SECOND;
            planner.plan(target * SECOND, &around, affordable_us);
            let plan = planner.plan(target * SECOND, &around, affordable_us);
            plan.until_us().map(|until| until / SECOND)
        };
        assert_eq!(until_us(500, false), Some(500));
        assert_eq!(until_us(900, false), Some(AFFORDABLE));
        assert_eq!(until_us(900, true), Some(900), "exact means exact");
    }

    #[test]
    fn without_any_keyframe_the_file_is_decoded_from_its_start() {
        assert_eq!(planned(&[], &[1], 1), [(false, None)]);
    }
}
