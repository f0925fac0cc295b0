//! How fast bytes are sent, and how long the rest will take.

use std::collections::VecDeque;

/// Samples are this many milliseconds apart at least…
const APART_MS: f64 = 250.0;
/// …and not older than this.
const WINDOW_MS: f64 = 30_000.0;
/// A shorter stretch tells no pace.
const LEAST_MS: f64 = 2_000.0;

/// The pace of the last half minute.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pace {
    /// Times in milliseconds, and how many bytes had been sent in all by then.
    samples: VecDeque<(f64, u64)>,
}

impl Pace {
    /// Notes that `sent` bytes have been sent in all at `now`, in milliseconds. Where that is less
    /// than before, something starts over, and so does the pace.
    pub(crate) fn note(&mut self, now: f64, sent: u64) {
        if let Some(&(at, before)) = self.samples.back() {
            if sent < before || now < at {
                self.samples.clear();
            } else if now - at < APART_MS {
                return;
            }
        }
        self.samples.push_back((now, sent));
        while self
            .samples
            .front()
            .is_some_and(|(at, _)| now - at > WINDOW_MS)
        {
            self.samples.pop_front();
        }
    }

    /// Forgets everything, as after a pause.
    pub(crate) fn reset(&mut self) {
        self.samples.clear();
    }

    /// Seconds that `bytes` will take at this pace, if it is known.
    pub(crate) fn left(&self, bytes: u64) -> Option<f64> {
        let (&(start, first), &(end, last)) = (self.samples.front()?, self.samples.back()?);
        let sent = last.saturating_sub(first);
        if end - start < LEAST_MS || sent == 0 {
            return None;
        }
        Some(bytes as f64 * (end - start) / 1000.0 / sent as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_takes_as_long_as_the_last_half_minute_tells() {
        let mut pace = Pace::default();
        assert_eq!(pace.left(100), None);
        // A megabyte a second, and then half of that.
        for second in 0..=20_u32 {
            pace.note(f64::from(second) * 1000.0, u64::from(second) * 1_000_000);
        }
        assert_eq!(pace.left(5_000_000), Some(5.0));
        for second in 1..=60_u32 {
            let sent = 20_000_000 + u64::from(second) * 500_000;
            pace.note(20_000.0 + f64::from(second) * 1000.0, sent);
        }
        assert_eq!(pace.left(5_000_000), Some(10.0));
    }

    #[test]
    fn no_pace_is_told_after_a_pause_or_a_new_start() {
        let mut pace = Pace::default();
        for second in 0..5_u32 {
            pace.note(f64::from(second) * 1000.0, u64::from(second) * 100);
        }
        assert!(pace.left(1).is_some());
        pace.note(6_000.0, 10);
        assert_eq!(pace.left(1), None, "less is sent than before");
        pace.note(9_000.0, 40);
        assert!(pace.left(1).is_some());
        pace.reset();
        assert_eq!(pace.left(1), None);
    }
}
