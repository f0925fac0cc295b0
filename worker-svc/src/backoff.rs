//! Exponential backoff, with jitter so that workers do not retry in step.

use std::time::Duration;

/// First and longest wait of the receiving loop after failures.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// Longest wait before a message is delivered again. SQS allows 12 hours.
pub(crate) const LONGEST_RETRY: Duration = Duration::from_mins(15);

/// Counts failures in a row.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait after one more failure.
    pub(crate) fn failed(&mut self) -> Duration {
        let wait = doubled(FIRST, self.failures).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        jittered(wait)
    }

    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
    }
}

/// How long to wait before a message that failed in its `receive_count`-th delivery (from 1) is
/// delivered again. The first wait is the queue's visibility timeout, so that an outage does not
/// use up the deliveries that the redrive policy allows.
pub(crate) fn retry_delay(visibility: Duration, receive_count: u32) -> Duration {
    jittered(doubled(visibility, receive_count.saturating_sub(1)).min(LONGEST_RETRY))
}

fn doubled(base: Duration, times: u32) -> Duration {
    base.saturating_mul(2_u32.saturating_pow(times))
}

/// Between half of `wait` and all of it.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_start_again() {
        let mut backoff = Backoff::default();
        let first = backoff.failed();
        assert!(first <= FIRST && first >= FIRST / 2);
        for _ in 0..100 {
            assert!(backoff.failed() <= LONGEST);
        }
        assert!(backoff.failed() >= LONGEST / 2);
        backoff.succeeded();
        assert!(backoff.failed() <= FIRST);
    }

    #[test]
    fn retries_start_from_the_visibility_timeout() {
        let visibility = Duration::from_secs(30);
        assert!(retry_delay(visibility, 1) <= visibility);
        assert!(retry_delay(visibility, 3) >= visibility * 2);
        assert!(retry_delay(visibility, u32::MAX) <= LONGEST_RETRY);
    }
}
