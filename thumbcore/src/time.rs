//! Timers of the machine's clock, on whichever thread they are waited for.
//!
//! Not tokio's: an embedder's runtime may have no timers, and a runtime whose clock is paused moves
//! the clock to the next timer as soon as its own tasks are idle, whatever other threads do.

use std::{task::Poll, time::Duration};

use futures::future::{Either, select};
use futures_timer::Delay;

/// The longest wait that is timed: a year. Timers cannot be set to the end of time.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// What `work` gives, unless that takes longer than `limit`.
pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = std::pin::pin!(work);
    // A timer wakes a thread: what is there already does without.
    if let Poll::Ready(done) = futures::poll!(work.as_mut()) {
        return Some(done);
    }
    match select(work, Delay::new(limit.min(LONGEST))).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(((), _)) => None,
    }
}

/// Waits for `time`.
pub(crate) async fn sleep(time: Duration) {
    Delay::new(time.min(LONGEST)).await;
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_ends_nothing_early() {
        let (tell, told) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            tell.send(7)
        });
        assert_eq!(within(Duration::from_mins(1), told).await, Some(Ok(7)));
        thread.join().unwrap().unwrap();
    }

    #[test]
    fn no_runtime_is_needed() {
        let wait = within(Duration::from_millis(1), pending::<()>());
        assert_eq!(futures::executor::block_on(wait), None);
        assert_eq!(
            futures::executor::block_on(within(Duration::MAX, ready(1))),
            Some(1)
        );
    }
}
