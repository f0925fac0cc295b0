//! Which frame: where in a video pictures are taken, and which keyframe serves for each.

use std::{fmt, str::FromStr, time::Duration};

use crate::{
    Error,
    container::{Around, Keyframe},
};

/// A place in a video.
///
/// ```
/// use std::time::Duration;
/// use thumbcore::Position;
///
/// assert_eq!("10%".parse::<Position>()?, Position::Fraction(0.1));
/// assert_eq!("2.5s".parse::<Position>()?, Position::Time(Duration::from_millis(2500)));
/// # Ok::<(), thumbcore::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Position {
    /// A fraction of the duration, 0 to 1.
    Fraction(f64),
    /// A time from the start.
    Time(Duration),
}

impl Position {
    /// The time this means in a video of `duration`; a fraction of an unknown duration is 0.
    #[must_use]
    pub fn resolve(self, duration: Option<Duration>) -> Duration {
        match self {
            Self::Fraction(fraction) => duration
                .unwrap_or_default()
                .mul_f64(fraction.clamp(0.0, 1.0)),
            Self::Time(time) => time,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fraction(fraction) => write!(f, "{}%", (fraction * 1e9).round() / 1e7),
            Self::Time(time) => write!(f, "{}s", time.as_secs_f64()),
        }
    }
}

impl FromStr for Position {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self, Error> {
        let s = s.trim();
        let invalid = || Error::Invalid {
            option: "position",
            reason: format!("{s:?} is neither a percentage (10%) nor seconds (2.5s)"),
        };
        if let Some(percent) = s.strip_suffix('%') {
            let percent: f64 = percent.trim().parse().map_err(|_| invalid())?;
            if (0.0..=100.0).contains(&percent) {
                return Ok(Self::Fraction(percent / 100.0));
            }
            return Err(invalid());
        }
        let seconds: f64 = s
            .strip_suffix('s')
            .unwrap_or(s)
            .parse()
            .map_err(|_| invalid())?;
        Duration::try_from_secs_f64(seconds)
            .map(Self::Time)
            .map_err(|_| invalid())
    }
}

/// Furthest that a video is decoded forward to reach a target: beyond it, decoding costs more than
/// a picture at exactly that time is worth.
pub(crate) const MAX_FORWARD_US: i64 = 30_000_000;

/// What rounding to microseconds and to ticks may add to a distance.
const ROUNDING_US: u64 = 1000;

/// How keyframes are chosen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// How far a keyframe may lie from its target.
    pub(crate) tolerance_us: i64,
    /// Always decode forward to the target.
    pub(crate) exact: bool,
}

/// How the picture for one target is come by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rung {
    /// This keyframe alone.
    Keyframe(Keyframe),
    /// Decode from the keyframe (or the start of the file) forward to a time.
    Forward {
        from: Option<Keyframe>,
        target_us: i64,
    },
}

impl Rung {
    pub(crate) fn keyframe(&self) -> Option<&Keyframe> {
        match self {
            Self::Keyframe(keyframe) => Some(keyframe),
            Self::Forward { from, .. } => from.as_ref(),
        }
    }
}

/// Chooses a rung for each target: the nearest keyframe within the tolerance that no earlier target
/// took, else decoding forward, which gives different targets different pictures.
pub(crate) fn plan(targets: &[i64], around: &[Around], rules: &Rules) -> Vec<Rung> {
    let mut taken: Vec<Keyframe> = Vec::new();
    targets
        .iter()
        .zip(around)
        .map(|(target_us, around)| {
            let distance = |keyframe: &&Keyframe| keyframe.time_us.abs_diff(*target_us);
            let mut near: Vec<_> = [&around.before, &around.after]
                .into_iter()
                .flatten()
                .filter(|keyframe| !taken.contains(keyframe))
                .collect();
            near.sort_by_key(distance);
            let nearest = near.first().copied();
            let from = around.before.clone();
            let forward_us = from
                .as_ref()
                .map_or(0, |from| target_us.saturating_sub(from.time_us));
            let within = |keyframe: &&Keyframe| {
                distance(keyframe) <= rules.tolerance_us.unsigned_abs() + ROUNDING_US
                    || forward_us > MAX_FORWARD_US
                    || from.is_none()
            };
            if let Some(keyframe) = nearest.filter(within)
                && !rules.exact
            {
                taken.push(keyframe.clone());
                return Rung::Keyframe(keyframe.clone());
            }
            let reach = from
                .as_ref()
                .map_or(i64::MAX, |from| from.time_us.saturating_add(MAX_FORWARD_US));
            Rung::Forward {
                target_us: (*target_us).min(reach),
                from,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::Place;

    #[test]
    fn positions_that_mean_nothing_are_refused_by_name() {
        for bad in [
            "", "%", "101%", "-1%", "NaN%", "-3s", "abc", "1e400", "infs",
        ] {
            let error = bad.parse::<Position>().unwrap_err();
            assert!(error.to_string().contains(&format!("{bad:?}")), "{error}");
        }
    }

    #[test]
    fn display_reads_back() {
        for text in ["10%", "50%", "95%", "33.3333333%", "2.5s", "0s"] {
            assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
        }
    }

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

    fn planned(keyframes: &[i64], targets: &[i64], tolerance: i64) -> Vec<(bool, Option<i64>)> {
        let targets: Vec<_> = targets.iter().map(|s| s * SECOND).collect();
        let around: Vec<_> = targets.iter().map(|t| around(keyframes, *t)).collect();
        let rules = Rules {
            tolerance_us: tolerance * SECOND,
            exact: false,
        };
        plan(&targets, &around, &rules)
            .iter()
            .map(|rung| {
                let alone = matches!(rung, Rung::Keyframe(_));
                (
                    alone,
                    rung.keyframe().map(|keyframe| keyframe.time_us / SECOND),
                )
            })
            .collect()
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
        let targets = [500 * SECOND; 2];
        let near = [around(&[0], targets[0]), around(&[0], targets[1])];
        let rules = Rules {
            tolerance_us: SECOND,
            exact: false,
        };
        let Rung::Forward { target_us, .. } = plan(&targets, &near, &rules)[1] else {
            panic!("the only keyframe was given twice");
        };
        assert_eq!(target_us, MAX_FORWARD_US);
    }

    #[test]
    fn without_any_keyframe_the_file_is_decoded_from_its_start() {
        assert_eq!(planned(&[], &[1], 1), [(false, None)]);
    }
}
