//! How long to wait before connecting again.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// At most 2, 4, 8, 16, then 30 seconds, and by chance down to half of that: a restarted server is
/// not met by everyone at once.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait; `chance` is between 0 and 1.
    pub(crate) fn next(&mut self, chance: f64) -> Duration {
        self.failures += 1;
        let most = (SHORTEST * (1 << self.failures.min(5))).min(LONGEST);
        most.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
    }

    /// The connection stood: start over.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// Milliseconds after which a picture that is missing is looked for again, for the `tries`-th time:
/// ten seconds, doubled each time up to five minutes.
pub(crate) fn picture_pause(tries: u32) -> u32 {
    (10_000 << tries.min(5)).min(300_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_half_a_minute_and_starts_over() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..6).map(|_| backoff.next(1.0).as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 16, 30, 30]);
        backoff.reset();
        assert_eq!(backoff.next(0.0), SHORTEST);
    }

    #[test]
    fn a_missing_picture_is_looked_for_ever_less_often() {
        assert_eq!([0, 1, 4].map(picture_pause), [10_000, 20_000, 160_000]);
        assert_eq!(picture_pause(u32::MAX), 300_000);
    }

    #[test]
    fn another_chance_is_another_wait_within_the_limits() {
        for failures in [0, 1, 3, 5, 40] {
            let waits =
                (0..=100).map(|chance| Backoff { failures }.next(f64::from(chance) / 100.0));
            let waits: Vec<_> = waits.collect();
            assert!(waits.iter().all(|wait| (SHORTEST..=LONGEST).contains(wait)));
            assert!(waits.is_sorted_by(|a, b| a < b), "{waits:?}");
        }
    }
}
