//! The progress of an operation, told to every WebSocket.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use contract::api::{Operation, OperationKind, OperationState};

/// Shortest time between two messages: nobody reads faster.
const PAUSE: Duration = Duration::from_millis(250);

/// One operation, from its start to its end. An operation that is dropped before its end has
/// failed.
pub(crate) struct Progress {
    id: String,
    kind: OperationKind,
    dry_run: bool,
    tell: Arc<dyn Fn(Operation) + Send + Sync>,
    done: AtomicU64,
    /// How much there is to do; `None` while that is not known.
    total: Mutex<Option<u64>>,
    told: Mutex<Option<Instant>>,
    ended: AtomicBool,
}

impl Progress {
    /// Starts an operation, and tells so by `tell`.
    pub(crate) fn start(
        id: impl Into<String>,
        kind: OperationKind,
        dry_run: bool,
        tell: impl Fn(Operation) + Send + Sync + 'static,
    ) -> Self {
        let progress = Self {
            id: id.into(),
            kind,
            dry_run,
            tell: Arc::new(tell),
            done: AtomicU64::new(0),
            total: Mutex::new(None),
            told: Mutex::new(None),
            ended: AtomicBool::new(false),
        };
        progress.say(OperationState::Running, None);
        progress
    }

    /// Sets how much there is to do.
    pub(crate) fn set_total(&self, total: u64) {
        *self.total.lock().unwrap_or_else(PoisonError::into_inner) = Some(total);
    }

    /// Counts what is done, and tells so now and then.
    pub(crate) fn add(&self, done: u64) {
        self.done.fetch_add(done, Ordering::Relaxed);
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.is_some_and(|told| told.elapsed() < PAUSE) {
                return;
            }
            *told = Some(Instant::now());
        }
        self.say(OperationState::Running, None);
    }

    /// Ends the operation as finished.
    pub(crate) fn finish(&self) {
        self.ended.store(true, Ordering::Relaxed);
        self.say(OperationState::Finished, None);
    }

    /// Ends the operation as failed.
    pub(crate) fn fail(&self, reason: impl Into<String>) {
        self.ended.store(true, Ordering::Relaxed);
        self.say(OperationState::Failed, Some(reason.into()));
    }

    fn say(&self, state: OperationState, reason: Option<String>) {
        (self.tell)(Operation {
            id: self.id.clone(),
            kind: self.kind,
            state,
            done: self.done.load(Ordering::Relaxed),
            total: *self.total.lock().unwrap_or_else(PoisonError::into_inner),
            dry_run: self.dry_run,
            reason,
        });
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if !self.ended.load(Ordering::Relaxed) {
            self.say(
                OperationState::Failed,
                Some("the operation was interrupted".to_owned()),
            );
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(work: impl FnOnce(Progress)) -> Vec<Operation> {
        let said = Arc::new(Mutex::new(Vec::new()));
        let sink = said.clone();
        work(Progress::start(
            "7",
            OperationKind::Purge,
            true,
            move |operation| {
                sink.lock().unwrap().push(operation);
            },
        ));
        std::mem::take(&mut *said.lock().unwrap())
    }

    #[test]
    fn start_and_end_are_told_and_the_way_now_and_then() {
        let said = record(|progress| {
            progress.set_total(1000);
            for _ in 0..1000 {
                progress.add(1);
            }
            progress.finish();
        });
        assert_eq!(said[0].state, OperationState::Running);
        assert_eq!((said[0].done, said[0].total), (0, None));
        assert_eq!((said[1].done, said[1].total), (1, Some(1000)));
        assert!(said.len() < 100, "{}", said.len());
        let end = said.last().unwrap();
        assert_eq!((end.state, end.done), (OperationState::Finished, 1000));
        assert!(end.dry_run);
    }

    #[test]
    fn what_is_dropped_has_failed() {
        let said = record(drop);
        assert_eq!(said[1].state, OperationState::Failed);
        assert!(said[1].reason.is_some());
    }
}
