//! The loop: receive, hand out, settle, and stop.
//!
//! A message is received only when a slot is free for it, so none waits in this process while
//! another worker could have it. Records of one message are worked on one after the other: a slot
//! is a video at a time.

use std::{sync::Arc, time::Duration};

use contract::Prefixes;
use metrics::{counter, gauge};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};
use tracing::Instrument as _;

use crate::{
    backoff::{Backoff, retry_delay},
    failure::Failure,
    lease::Lease,
    metrics as names,
    plan::Plan,
    process::Processor,
    queue::{BATCH, Delivery, Queue, QueueError},
};

/// How long returning messages may take at the end of the grace period.
const RETURN_TIME: Duration = Duration::from_secs(3);

/// How late the answer of a poll may come at the end of the grace period.
const POLL_OVERDUE: Duration = Duration::from_secs(1);

/// A long poll under way.
type Poll = AbortOnDropHandle<Result<Vec<Delivery>, QueueError>>;

#[derive(Debug, Clone)]
pub(crate) struct Consumer {
    queue: Arc<Queue>,
    processor: Arc<Processor>,
    prefixes: Arc<Prefixes>,
    /// Cancelled when the grace period is over: what is not finished goes back.
    give_up: CancellationToken,
}

impl Consumer {
    pub(crate) fn new(queue: Arc<Queue>, processor: Arc<Processor>, prefixes: Prefixes) -> Self {
        Self {
            queue,
            processor,
            prefixes: Arc::new(prefixes),
            give_up: CancellationToken::new(),
        }
    }

    /// Works until `stop`, then finishes what is in hand within `grace`.
    pub(crate) async fn run(&self, slots: usize, grace: Duration, stop: &CancellationToken) {
        let tasks = TaskTracker::new();
        let poll = self.receive(slots, &tasks, stop).await;
        let late = poll.map(|poll| AbortOnDropHandle::new(tokio::spawn(self.clone().refuse(poll))));
        tasks.close();
        if !tasks.is_empty() {
            tracing::info!(messages = tasks.len(), "finishing what is in hand");
        }
        let over = Instant::now() + grace;
        let finished = timeout_at(over, tasks.wait()).await.is_ok();
        if !finished {
            tracing::warn!(
                messages = tasks.len(),
                "grace period over: returning messages"
            );
        }
        if let Some(late) = late {
            // What it took goes back at once. SQS goes on with a poll that nobody waits for, and
            // hides what it finds for the whole visibility timeout; nor must it take
            // what is returned below.
            let _ = timeout_at(over.max(Instant::now() + POLL_OVERDUE), late).await;
        }
        if finished {
            return;
        }
        self.give_up.cancel();
        if timeout(RETURN_TIME, tasks.wait()).await.is_err() {
            tracing::warn!(
                messages = tasks.len(),
                "some messages return by their timeout only"
            );
        }
    }

    /// Gives the poll that is under way when it stops.
    async fn receive(
        &self,
        slots: usize,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Option<Poll> {
        let slots = Arc::new(Semaphore::new(slots));
        let mut backoff = Backoff::default();
        loop {
            let mut permits = tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                permits = free_slots(&slots) => permits,
            };
            let mut poll = Poll::new(tokio::spawn({
                let (queue, most) = (self.queue.clone(), permits.num_permits());
                async move { queue.receive(most).await }
            }));
            let received = tokio::select! {
                biased;
                received = &mut poll => received,
                () = stop.cancelled() => return Some(poll),
            };
            let received = received.unwrap_or_else(|error| {
                Err(QueueError::Service {
                    operation: "ReceiveMessage",
                    reason: error.to_string(),
                })
            });
            let since = Instant::now();
            match received {
                Ok(deliveries) => {
                    backoff.succeeded();
                    for delivery in deliveries {
                        // SQS never gives more than it was asked for.
                        let Some(permit) = permits.split(1) else {
                            break;
                        };
                        tasks.spawn(self.clone().handle(delivery, since, permit));
                    }
                }
                Err(error) => {
                    let wait = backoff.failed();
                    tracing::error!(%error, wait_ms = wait.as_millis() as u64, "cannot receive");
                    tokio::select! {
                        () = stop.cancelled() => return None,
                        () = sleep(wait) => {}
                    }
                }
            }
        }
    }

    /// Returns at once what a poll brings after the worker stopped.
    async fn refuse(self, poll: Poll) {
        for delivery in poll.await.into_iter().flatten().flatten() {
            self.unhide(&delivery, Duration::ZERO).await;
        }
    }

    async fn handle(self, delivery: Delivery, since: Instant, permit: OwnedSemaphorePermit) {
        let span = tracing::info_span!("message", id = delivery.id);
        let lease = Lease::new(self.queue.clone(), delivery.receipt.clone(), since);
        let _in_flight = InFlight::new();
        async {
            let work = tokio::select! {
                biased;
                worst = self.work(&delivery) => Some(worst),
                () = lease.lost() => {
                    counter!(names::MESSAGES_LOST).increment(1);
                    tracing::warn!("the message went to another worker; stopping work on it");
                    return;
                }
                () = self.give_up.cancelled() => None,
            };
            match work {
                Some(worst) => self.settle(&delivery, lease, worst).await,
                None => self.hide(&delivery, lease, Duration::ZERO).await,
            }
        }
        .instrument(span)
        .await;
        drop(permit);
    }

    /// Does all a message asks for; gives the failure that decides what becomes of the message.
    async fn work(&self, delivery: &Delivery) -> Option<Failure> {
        let plan = Plan::new(&delivery.body, self.processor.bucket(), &self.prefixes);
        for (what, why) in &plan.ignored {
            counter!(names::RECORDS_IGNORED).increment(1);
            tracing::info!(what, why, "ignored");
        }
        let mut worst: Option<Failure> = None;
        let mut fail = |failure: Failure, key: Option<&str>| {
            counter!(names::VIDEOS_FAILED, "kind" => failure.kind()).increment(1);
            tracing::error!(
                key,
                kind = failure.kind(),
                transient = failure.is_transient(),
                receive_count = delivery.receive_count,
                error = service_kit::causes(&failure),
                "failed"
            );
            // A retry that may help one record outweighs one that cannot help another.
            if worst.as_ref().is_none_or(|worst| !worst.is_transient()) {
                worst = Some(failure);
            }
        };
        for failure in plan.failures {
            fail(failure, None);
        }
        for job in &plan.jobs {
            if let Err(failure) = self.processor.process(job).await {
                fail(failure, Some(&job.key));
            }
        }
        worst
    }

    /// Deletes, buries, or leaves the message for another try.
    async fn settle(&self, delivery: &Delivery, lease: Lease, worst: Option<Failure>) {
        match worst {
            None => {
                // If this fails the message comes again, and is found done.
                if let Err(error) = self.queue.delete(&delivery.receipt).await {
                    tracing::warn!(%error, "cannot delete the message");
                }
            }
            Some(failure) if failure.is_transient() => {
                let delay = retry_delay(self.queue.visibility(), delivery.receive_count);
                self.hide(delivery, lease, delay).await;
            }
            Some(failure) if self.queue.has_dlq() => {
                match self.queue.bury(delivery, &failure).await {
                    Ok(()) => tracing::info!("moved to the dead-letter queue"),
                    Err(error) => {
                        tracing::warn!(%error, "cannot move the message to the dead-letter queue");
                    }
                }
            }
            // It shows itself again when its timeout ends, until the redrive policy takes it.
            Some(_) => lease.end().await,
        }
    }

    async fn hide(&self, delivery: &Delivery, lease: Lease, time: Duration) {
        // Before its next extension, which would undo this.
        lease.end().await;
        self.unhide(delivery, time).await;
    }

    async fn unhide(&self, delivery: &Delivery, time: Duration) {
        if let Err(error) = self.queue.set_visibility(&delivery.receipt, time).await {
            tracing::warn!(%error, "cannot return the message; its timeout will");
        }
    }
}

/// Waits for a free slot and takes as many as one receive can fill.
async fn free_slots(slots: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    let mut permits = match slots.clone().acquire_owned().await {
        Ok(permit) => permit,
        // Only a closed semaphore fails, and this one is never closed.
        Err(_) => std::future::pending().await,
    };
    while permits.num_permits() < BATCH
        && let Ok(another) = slots.clone().try_acquire_owned()
    {
        permits.merge(another);
    }
    permits
}

/// Counts a message in hand for as long as it lives.
struct InFlight;

impl InFlight {
    fn new() -> Self {
        gauge!(names::IN_FLIGHT).increment(1.0);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!(names::IN_FLIGHT).decrement(1.0);
    }
}
