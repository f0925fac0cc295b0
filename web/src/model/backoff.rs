//! How long to wait before connecting again.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Doubles from one second to thirty. A quarter up or down by chance, so that a restarted server is not met by
/// everyone at once.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait; `chance` is between 0 and 1.
    pub(crate) fn next(&mut self, chance: f64) -> Duration {
        let doubled = FIRST * (1 << self.failures.min(5));
        self.failures += 1;
        doubled
            .mul_f64(0.75 + chance.clamp(0.0, 1.0) / 2.0)
            .clamp(FIRST, LONGEST)
    }

    /// The connection stood: start over.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_half_a_minute_and_starts_over() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..7).map(|_| backoff.next(0.5).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        backoff.reset();
        assert_eq!(backoff.next(0.5), FIRST);
    }

    #[test]
    fn chance_stays_within_the_limits() {
        for failures in [0, 1, 3, 5, 40] {
            for chance in [0.0, 0.3, 1.0] {
                let wait = Backoff { failures }.next(chance);
                assert!((FIRST..=LONGEST).contains(&wait), "{wait:?}");
            }
        }
        let wait = |chance| Backoff { failures: 3 }.next(chance);
        assert_eq!((wait(0.0).as_secs(), wait(1.0).as_secs()), (6, 10));
    }
}
