//! Sums up messages that no worker can read, of which a misdirected sender may send thousands.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Shortest time between two log lines.
const INTERVAL: Duration = Duration::from_secs(10);

/// Counts foreign messages and logs their number from time to time.
#[derive(Debug, Default)]
pub(crate) struct Foreign(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    logged: Option<Instant>,
    /// Messages since the last log line.
    count: u64,
}

impl Foreign {
    /// Counts a message. Logs the first at once, and later ones in sums.
    pub(crate) fn add(&self, reason: &str) {
        if let Some(messages) = self.add_at(Instant::now()) {
            log(messages, reason);
        }
    }

    /// Logs the messages that no log line has counted yet.
    pub(crate) fn finish(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.count > 0 {
            log(std::mem::take(&mut state.count), "see the earlier lines");
        }
    }

    /// Counts a message; the sum, if it is time to log it.
    fn add_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.count += 1;
        if state.logged.is_some_and(|logged| now < logged + INTERVAL) {
            return None;
        }
        state.logged = Some(now);
        Some(std::mem::take(&mut state.count))
    }
}

fn log(messages: u64, example: &str) {
    tracing::warn!(
        messages,
        example,
        "messages are neither S3 events nor keys of uploads"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_logged_at_once_and_others_in_sums() {
        let foreign = Foreign::default();
        let start = Instant::now();
        assert_eq!(foreign.add_at(start), Some(1));
        for _ in 0..100 {
            assert_eq!(foreign.add_at(start + INTERVAL / 2), None);
        }
        assert_eq!(foreign.add_at(start + INTERVAL), Some(101));
        assert_eq!(foreign.add_at(start + INTERVAL), None);
    }
}
