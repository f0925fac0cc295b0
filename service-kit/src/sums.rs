//! Log lines that count: for what may happen thousands of times a second.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Shortest time between two log lines.
const INTERVAL: Duration = Duration::from_secs(10);

/// Counts events of one kind, and tells when it is time to log their number.
///
/// ```
/// use service_kit::sums::Sums;
///
/// let sums = Sums::default();
/// assert_eq!(sums.add(), Some(1)); // logged at once
/// assert_eq!(sums.add(), None); // the next line counts it
/// assert_eq!(sums.rest(), Some(1));
/// ```
#[derive(Debug, Default)]
pub struct Sums(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    logged: Option<Instant>,
    /// Events since the last log line.
    count: u64,
}

impl Sums {
    /// Counts an event. Gives the number of events to log: the first at once, later ones every ten
    /// seconds at most.
    pub fn add(&self) -> Option<u64> {
        self.add_at(Instant::now())
    }

    /// The events that no log line has counted yet, if there are any; for the end.
    pub fn rest(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = std::mem::take(&mut state.count);
        (count > 0).then_some(count)
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_logged_at_once_and_others_in_sums() {
        let sums = Sums::default();
        let start = Instant::now();
        assert_eq!(sums.add_at(start), Some(1));
        for _ in 0..100 {
            assert_eq!(sums.add_at(start + INTERVAL / 2), None);
        }
        assert_eq!(sums.add_at(start + INTERVAL), Some(101));
        assert_eq!(sums.add_at(start + INTERVAL), None);
        assert_eq!(sums.rest(), Some(1));
        assert_eq!(sums.rest(), None);
    }
}
