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
}
