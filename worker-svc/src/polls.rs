//! How the polls of the queue fare: for the receiving loop, the metrics and `/health`.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use metrics::{counter, gauge};
use serde_json::{Value, json};
use service_kit::aws::Identities;

use crate::{aws::Fault, backoff::Backoff, metrics as names, queue::QueueError};

/// After so many polls in a row that AWS refuses for their credentials the worker ends: whoever
/// started it can give it others.
pub(crate) const MOST_REFUSALS: u32 = 6;

/// What became of the polls so far.
#[derive(Debug)]
pub(crate) struct Polls {
    identities: Identities,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last_good: Option<SystemTime>,
    /// The class of the last failure, if the last poll failed.
    failing: Option<Fault>,
    backoff: Backoff,
    /// Refusals of the credentials in a row.
    refusals: u32,
}

impl Polls {
    /// No poll so far. Refused credentials are fetched anew in `identities`.
    pub(crate) fn new(identities: Identities) -> Self {
        Self {
            identities,
            state: Mutex::default(),
        }
    }

    /// Notes a poll that was answered, with messages or without.
    pub(crate) fn succeeded(&self) {
        let now = SystemTime::now();
        let mut state = self.lock();
        state.last_good = Some(now);
        state.failing = None;
        state.backoff.succeeded();
        state.refusals = 0;
        gauge!(names::LAST_POLL).set(seconds(now));
    }

    /// Notes a poll that failed, and has refused credentials fetched anew. Gives the pause before
    /// the next poll; `None` if the credentials were refused too often.
    pub(crate) fn failed(&self, error: &QueueError) -> Option<Duration> {
        let fault = error.fault();
        counter!(names::RECEIVES_FAILED, "reason" => fault.as_str()).increment(1);
        let mut state = self.lock();
        state.failing = Some(fault);
        if fault == Fault::Refused {
            state.refusals += 1;
            self.identities.renew();
        } else {
            state.refusals = 0;
        }
        match state.refusals {
            // The new credentials are tried at once.
            1 => Some(Duration::ZERO),
            MOST_REFUSALS.. => None,
            _ => Some(state.backoff.failed()),
        }
    }

    /// What `/health` tells. The process lives whatever becomes of its polls, so the status is
    /// `ok`.
    pub(crate) fn health(&self) -> Value {
        let state = self.lock();
        json!({
            "status": "ok",
            "lastPoll": state.last_good.map(text),
            "receiveFailure": state.failing.map(Fault::as_str),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A time in RFC 3339, in whole seconds.
fn text(time: SystemTime) -> String {
    let whole = DateTime::from_secs(seconds(time) as i64);
    // Every time of this era can be written.
    whole.fmt(DateTimeFormat::DateTime).unwrap_or_default()
}

/// Seconds since 1970.
fn seconds(time: SystemTime) -> f64 {
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH);
    since_1970.unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(fault: Fault) -> QueueError {
        QueueError::Service {
            operation: "ReceiveMessage",
            fault,
            reason: "test".to_owned(),
        }
    }

    #[test]
    fn refusals_in_a_row_end_the_worker_and_others_do_not() {
        let polls = Polls::new(Identities::default());
        for fault in [Fault::Timeout, Fault::Denied, Fault::NoCredentials] {
            for _ in 0..2 * MOST_REFUSALS {
                assert!(polls.failed(&failure(fault)).is_some(), "{fault:?}");
            }
        }
        let refused = failure(Fault::Refused);
        assert_eq!(polls.failed(&refused), Some(Duration::ZERO));
        for _ in 2..MOST_REFUSALS {
            assert!(polls.failed(&refused).is_some_and(|wait| !wait.is_zero()));
        }
        polls.succeeded();
        assert_eq!(polls.failed(&refused), Some(Duration::ZERO));
        for _ in 2..MOST_REFUSALS {
            polls.failed(&refused);
        }
        assert_eq!(polls.failed(&refused), None);
    }

    #[test]
    fn health_tells_the_last_good_poll_and_why_polls_fail() {
        let polls = Polls::new(Identities::default());
        assert_eq!(polls.health()["lastPoll"], Value::Null);
        polls.failed(&failure(Fault::Throttled));
        assert_eq!(polls.health()["receiveFailure"], "throttled");
        polls.succeeded();
        let health = polls.health();
        assert_eq!(health["receiveFailure"], Value::Null);
        assert!(
            health["lastPoll"]
                .as_str()
                .is_some_and(|time| time.ends_with('Z'))
        );
    }
}
