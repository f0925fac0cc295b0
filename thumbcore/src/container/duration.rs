//! Which duration to believe.

/// How far a stated duration may be off what was measured, at least: a second, as sound may go on
/// behind the last picture.
const SLACK_US: i64 = 1_000_000;

/// The duration to believe, in microseconds: what a header states, unless what was measured (by an
/// index, or by the last time stamp) contradicts it by more than a twentieth. Headers of recorders
/// that were switched off hold zero, all ones, or another unit.
pub(crate) fn believed(stated_us: Option<i64>, measured_us: Option<i64>) -> Option<i64> {
    let stated_us = stated_us.filter(|us| *us > 0);
    let Some(measured) = measured_us.filter(|us| *us > 0) else {
        return stated_us;
    };
    let slack = (measured / 20).max(SLACK_US).unsigned_abs();
    stated_us
        .filter(|stated| stated.abs_diff(measured) <= slack)
        .or(Some(measured))
}

/// Sound that goes on for less than half a second behind the last picture is how all films end.
pub(super) const SOUND_BEHIND_US: i64 = 500_000;

/// How long the pictures last that end `film_us` behind the start, in microseconds, where sound
/// goes on longer.
pub(crate) fn film_within(duration_us: Option<i64>, film_us: Option<i64>) -> Option<i64> {
    film_us.filter(|film_us| {
        let sound_us = duration_us.map(|end_us| end_us.saturating_sub(*film_us));
        *film_us > 0 && sound_us.is_some_and(|sound_us| sound_us > SOUND_BEHIND_US)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_that_is_contradicted_is_not_believed() {
        let minute = 60_000_000;
        for (stated, expected) in [
            (Some(minute + 900_000), Some(minute + 900_000)),
            (Some(minute * 1000), Some(minute)),
            (Some(minute / 1000), Some(minute)),
            (Some(0), Some(minute)),
            (Some(i64::MAX), Some(minute)),
            (None, Some(minute)),
        ] {
            assert_eq!(believed(stated, Some(minute)), expected, "{stated:?}");
        }
        assert_eq!(believed(Some(minute), None), Some(minute));
        assert_eq!(believed(None, Some(-1)), None);
    }

    #[test]
    fn sound_shortens_a_film_that_ends_well_before_it() {
        let film = |sound_us, film_us| film_within(Some(sound_us), Some(film_us));
        assert_eq!(film(60_000_000, 20_000_000), Some(20_000_000));
        assert_eq!(film(60_000_000, 59_700_000), None);
        assert_eq!(film(60_000_000, 61_000_000), None);
        assert_eq!(film(60_000_000, 0), None);
        assert_eq!(film_within(None, Some(1)), None);
    }
}
