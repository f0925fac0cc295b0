//! Which keyframes of an index are worth reading: told from their sizes and times alone.
//!
//! The size of a keyframe's packet measures its detail, since an intra picture is coded without
//! reference to others: a blank picture takes a few hundred bytes.

use std::ops::Range;

use crate::container::ListedKeyframe;

/// Part of the largest usual size (the ninth decile) under which a keyframe shows little.
const LITTLE: f64 = 0.35;
/// Times the median from which on a larger size is more likely noise than detail.
const MUCH: f64 = 1.5;
/// How far a keyframe's time may be off what its index lists, in microseconds.
pub(crate) const ROUNDING_US: i64 = 1000;
/// Bytes of further keyframes, or of what lies between them, that one picture may cost: 640 KiB, so
/// that three cost less than 2 MB.
pub(crate) const MAX_FURTHER: u64 = 640 << 10;

/// The `count` keyframes of `listed` within `reach` that promise the best pictures near
/// `target_us`, in the order of time: the reach is divided among those that have any detail, and
/// each part sends its most promising one. Without sizes, that in the middle.
pub(crate) fn promising(
    listed: &[ListedKeyframe],
    target_us: i64,
    reach: &Range<i64>,
    count: usize,
) -> Vec<ListedKeyframe> {
    let within = within(listed, reach);
    let sizes = sizes(within);
    let least = quantile(&sizes, 0.9) * LITTLE;
    let median = quantile(&sizes, 0.5).max(1.0);
    let detailed: Vec<_> = within
        .iter()
        .copied()
        .filter(|it| size(it) >= least)
        .collect();
    let widest = reach
        .start
        .abs_diff(target_us)
        .max(reach.end.abs_diff(target_us))
        .max(1);
    let promise = |it: &ListedKeyframe| {
        let ratio = size(it) / median;
        let detail = if ratio > MUCH {
            MUCH * MUCH / ratio
        } else {
            ratio
        };
        let distance = it.time_us.abs_diff(target_us) as f64 / widest as f64;
        detail * (1.0 - distance / 2.0)
    };
    let count = count.min(detailed.len());
    let part = |nth: usize| nth * detailed.len() / count.max(1);
    let chosen = (0..count).filter_map(|nth| {
        let part = &detailed[part(nth)..part(nth + 1)];
        if sizes.is_empty() {
            return part.get(part.len() / 2).copied();
        }
        part.iter()
            .max_by(|a, b| promise(a).total_cmp(&promise(b)))
            .copied()
    });
    affordable(chosen.collect(), &promise)
}

/// Up to `count` further keyframes of `listed` within `reach` that were not `tried`, the nearest to
/// `target_us` first, for a target whose picture shows nothing. Those with at least half the usual
/// size come before all others. `is_far` takes them from all of the reach instead.
pub(crate) fn further(
    listed: &[ListedKeyframe],
    target_us: i64,
    reach: &Range<i64>,
    tried: &[i64],
    (count, is_far): (usize, bool),
) -> Vec<ListedKeyframe> {
    let within = within(listed, reach);
    let half = quantile(&sizes(within), 0.5) / 2.0;
    let mut rest: Vec<_> = within
        .iter()
        .copied()
        .filter(|it| !tried.contains(&it.time_us))
        .collect();
    rest.sort_by_key(|it| (size(it) < half, it.time_us.abs_diff(target_us)));
    if is_far {
        let detailed = rest.iter().filter(|it| size(it) >= half).count();
        rest.truncate(if detailed > 0 { detailed } else { rest.len() });
        let step = rest.len().div_ceil(count.max(1)).max(1);
        // Those at one distance stand side by side: now from the one side, now from the other.
        let strides = rest.chunks(step).enumerate();
        rest = strides
            .filter_map(|(nth, stride)| match nth % 2 {
                0 => stride.last().copied(),
                _ => stride.first().copied(),
            })
            .collect();
    }
    rest.truncate(count);
    affordable(rest, &|it| -(it.time_us.abs_diff(target_us) as f64))
}

/// The keyframes of `listed` whose groups of pictures lie within `reach`, at least in part: up to
/// `count`, those nearest to `target_us` first.
pub(crate) fn groups(
    listed: &[ListedKeyframe],
    target_us: i64,
    reach: &Range<i64>,
    count: usize,
) -> Vec<ListedKeyframe> {
    let first = listed.partition_point(|it| it.time_us <= reach.start);
    let end = listed.partition_point(|it| it.time_us <= reach.end);
    let mut within: Vec<_> = (first.saturating_sub(1)..end).collect();
    let distance = |nth: &usize| {
        let start_us = listed[*nth].time_us;
        let end_us = listed.get(nth + 1).map_or(i64::MAX, |next| next.time_us);
        let (ahead, behind) = (
            start_us.saturating_sub(target_us),
            target_us.saturating_sub(end_us),
        );
        ahead.max(behind).max(0)
    };
    within.sort_by_key(distance);
    within.truncate(count);
    within.into_iter().map(|nth| listed[nth]).collect()
}

/// When the group of pictures ends that begins with a keyframe at about `time_us`; `None` for the
/// last one of `listed`.
pub(crate) fn group_end(listed: &[ListedKeyframe], time_us: i64) -> Option<i64> {
    let next = listed.partition_point(|it| it.time_us <= time_us.saturating_add(ROUNDING_US));
    listed.get(next).map(|next| next.time_us)
}

/// Bytes a microsecond that a film takes between its keyframes, in the median of its groups of
/// pictures; `None` where an index tells no sizes, or of less than two groups.
pub(crate) fn usual_change(listed: &[ListedKeyframe]) -> Option<f64> {
    let rates = listed.windows(2).filter_map(|pair| {
        let [one, next] = pair else { return None };
        let bytes = next.position.checked_sub(one.position + one.size?)?;
        let time_us = next.time_us.checked_sub(one.time_us).filter(|it| *it > 0)?;
        Some(bytes as f64 / time_us as f64)
    });
    let mut rates: Vec<_> = rates.collect();
    let middle = rates.len() / 2;
    if rates.is_empty() {
        return None;
    }
    Some(*rates.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// Those of `chosen` whose sizes together are at most [`MAX_FURTHER`] beside the largest one's;
/// what promises least goes first.
fn affordable(
    mut chosen: Vec<ListedKeyframe>,
    promise: &impl Fn(&ListedKeyframe) -> f64,
) -> Vec<ListedKeyframe> {
    let bytes = |all: &[ListedKeyframe]| {
        let sizes = all.iter().filter_map(|it| it.size);
        let largest = sizes.clone().max().unwrap_or(0);
        sizes.fold(0, u64::saturating_add).saturating_sub(largest)
    };
    while chosen.len() > 1 && bytes(&chosen) > MAX_FURTHER {
        let least =
            (0..chosen.len()).min_by(|a, b| promise(&chosen[*a]).total_cmp(&promise(&chosen[*b])));
        chosen.remove(least.unwrap_or(0));
    }
    chosen
}

/// Those within `reach` of `listed`, which is sorted by time.
fn within<'a>(listed: &'a [ListedKeyframe], reach: &Range<i64>) -> &'a [ListedKeyframe] {
    let start = listed.partition_point(|it| it.time_us < reach.start);
    let end = listed.partition_point(|it| it.time_us <= reach.end);
    listed.get(start..end).unwrap_or_default()
}

fn size(listed: &ListedKeyframe) -> f64 {
    listed.size.map_or(f64::MAX.sqrt(), |size| size as f64)
}

/// The sizes by size; none where one is not told.
fn sizes(listed: &[ListedKeyframe]) -> Vec<u64> {
    let sizes: Option<Vec<_>> = listed.iter().map(|it| it.size).collect();
    let mut sizes = sizes.unwrap_or_default();
    sizes.sort_unstable();
    sizes
}

fn quantile(sorted: &[u64], part: f64) -> f64 {
    let nth = (sorted.len() as f64 * part) as usize;
    sorted
        .get(nth.min(sorted.len().saturating_sub(1)))
        .map_or(0.0, |size| *size as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000_000;

    /// A keyframe a second, of these kilobytes.
    fn listed(sizes: &[u64]) -> Vec<ListedKeyframe> {
        let numbered = sizes.iter().enumerate();
        let listed = numbered.map(|(nth, size)| ListedKeyframe {
            time_us: nth as i64 * SECOND,
            position: 0,
            size: Some(size * 1000).filter(|size| *size > 0),
        });
        listed.collect()
    }

    fn seconds(chosen: &[ListedKeyframe]) -> Vec<i64> {
        chosen.iter().map(|it| it.time_us / SECOND).collect()
    }

    #[test]
    fn the_usual_change_is_that_of_the_middle_group() {
        let at = |second: i64, position: u64| ListedKeyframe {
            time_us: second * SECOND,
            position,
            size: Some(1000),
        };
        // 2,000, 9,000 and 4,000 bytes between the keyframes, in two seconds, one and one.
        let film = [at(0, 0), at(2, 3000), at(3, 13_000), at(4, 18_000)];
        assert_eq!(usual_change(&film), Some(4000.0 / 1e6));
        assert_eq!(usual_change(&film[..1]), None);
        let unsized_film = film.map(|it| ListedKeyframe { size: None, ..it });
        assert_eq!(usual_change(&unsized_film), None);
    }

    #[test]
    fn the_small_and_the_far_are_not_read() {
        let index = listed(&[9, 9, 1, 1, 1, 20, 21, 20, 1, 1, 50, 90]);
        let reach = 2 * SECOND..9 * SECOND;
        assert_eq!(
            seconds(&promising(&index, 4 * SECOND, &reach, 4)),
            [5, 6, 7]
        );
        assert_eq!(seconds(&promising(&index, 4 * SECOND, &reach, 1)), [5]);
        // Where sizes are not told, the middle of each part.
        let untold = listed(&[0; 12]);
        assert_eq!(seconds(&promising(&untold, 4 * SECOND, &reach, 2)), [4, 8]);
    }

    #[test]
    fn the_nearest_that_may_show_something_come_first() {
        let index = listed(&[20, 20, 20, 1, 1, 1, 1, 1, 20, 20, 20, 20]);
        let (target, reach) = (5 * SECOND, 0..11 * SECOND);
        let tried = [5 * SECOND];
        let near = further(&index, target, &reach, &tried, (4, false));
        assert_eq!(seconds(&near), [2, 8, 1, 9]);
        let tried = [5, 2, 8, 1, 9].map(|second| second * SECOND);
        let far = further(&index, target, &reach, &tried, (4, true));
        assert_eq!(seconds(&far), [0, 10, 11]);
    }

    #[test]
    fn groups_that_reach_into_the_reach_come_by_their_distance() {
        let index = listed(&[9; 12]);
        let reach = 3_500_000..7 * SECOND;
        let near = groups(&index, 5 * SECOND + 1, &reach, 9);
        assert_eq!(seconds(&near), [5, 4, 6, 3, 7]);
        assert_eq!(seconds(&groups(&index, 0, &(0..0), 2)), [0]);
        assert!(groups(&[], 0, &reach, 9).is_empty());
        assert_eq!(group_end(&index, 4 * SECOND - 500), Some(5 * SECOND));
        assert_eq!(group_end(&index, 11 * SECOND), None);
    }

    proptest! {
        #[test]
        fn choices_are_few_within_reach_and_affordable(
            sizes in prop::collection::vec(0_u64..900, 0..60),
            target in 0_i64..60,
            count in 1_usize..8,
        ) {
            let index = listed(&sizes);
            let reach = (target - 9) * SECOND..(target + 9) * SECOND;
            for chosen in [
                promising(&index, target * SECOND, &reach, count),
                further(&index, target * SECOND, &reach, &[target * SECOND], (count, false)),
                further(&index, target * SECOND, &reach, &[], (count, true)),
            ] {
                prop_assert!(chosen.len() <= count);
                let mut times: Vec<_> = chosen.iter().map(|it| it.time_us).collect();
                prop_assert!(times.iter().all(|time| *time >= reach.start && *time <= reach.end));
                times.sort_unstable();
                times.dedup();
                prop_assert_eq!(times.len(), chosen.len());
                let bytes = chosen.iter().filter_map(|it| it.size);
                let largest = bytes.clone().max().unwrap_or(0);
                prop_assert!(bytes.sum::<u64>() - largest <= MAX_FURTHER);
            }
        }
    }
}
