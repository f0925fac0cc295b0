//! The loop: receive messages, process them, settle them, and stop.
//!
//! The worker receives a message only when a slot is free for it, so no message waits in this
//! process while another worker could take it. The records of one message are processed one after
//! the other: a slot is one video at a time.

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
    aws::Fault,
    backoff::{LONGEST_RETRY, retry_delay},
    failure::{Failure, Failures},
    foreign::Foreign,
    lease::Lease,
    metrics as names,
    plan::Plan,
    polls::Polls,
    process::Processor,
    queue::{BATCH, Delivery, Queue, QueueError},
};

/// Longest that returning messages may take at the end of the grace period.
const RETURN_TIME: Duration = Duration::from_secs(3);

/// Longest that the answer of the last poll is waited for after the grace period.
const POLL_OVERDUE: Duration = Duration::from_secs(1);

/// A long poll under way.
type Poll = AbortOnDropHandle<Result<Vec<Delivery>, QueueError>>;

#[derive(Debug, Clone)]
pub(crate) struct Consumer {
    queue: Arc<Queue>,
    processor: Arc<Processor>,
    prefixes: Arc<Prefixes>,
    foreign: Arc<Foreign>,
    polls: Arc<Polls>,
    /// Cancelled at the end of the grace period: unfinished messages go back to the queue.
    give_up: CancellationToken,
}

impl Consumer {
    pub(crate) fn new(
        queue: Queue,
        processor: Processor,
        prefixes: Prefixes,
        polls: Arc<Polls>,
    ) -> Self {
        Self {
            queue: Arc::new(queue),
            processor: Arc::new(processor),
            prefixes: Arc::new(prefixes),
            foreign: Arc::default(),
            polls,
            give_up: CancellationToken::new(),
        }
    }

    /// Works until `stop`, then finishes the messages in hand within `grace`.
    ///
    /// # Errors
    /// The queue refused the worker's credentials too often in a row; the messages in hand were
    /// finished or returned as for `stop`, as far as the credentials allow.
    pub(crate) async fn run(
        &self,
        slots: usize,
        grace: Duration,
        stop: &CancellationToken,
    ) -> Result<(), QueueError> {
        let tasks = TaskTracker::new();
        let (poll, result) = match self.receive(slots, &tasks, stop).await {
            Ok(poll) => (poll, Ok(())),
            Err(error) => (None, Err(error)),
        };
        let late = poll.map(|poll| AbortOnDropHandle::new(tokio::spawn(self.clone().refuse(poll))));
        self.finish(tasks, late, grace).await;
        result
    }

    /// Finishes the messages in hand within `grace`, and `late`, the return of the last poll's.
    async fn finish(
        &self,
        tasks: TaskTracker,
        late: Option<AbortOnDropHandle<()>>,
        grace: Duration,
    ) {
        tasks.close();
        if !tasks.is_empty() {
            tracing::info!(messages = tasks.len(), "finishing the messages in hand");
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
            // The messages of the last poll go back at once. SQS would go on with an abandoned
            // poll and hide the messages it finds for their whole visibility timeout, among them
            // those that are returned below.
            let _ = timeout_at(over.max(Instant::now() + POLL_OVERDUE), late).await;
        }
        self.foreign.finish();
        if finished {
            return;
        }
        self.give_up.cancel();
        if timeout(RETURN_TIME, tasks.wait()).await.is_err() {
            tracing::warn!(
                messages = tasks.len(),
                "some messages return only when their visibility timeout ends"
            );
        }
    }

    /// Receives messages and spawns their processing until `stop`. Returns the poll that is under
    /// way then.
    ///
    /// # Errors
    /// The queue refused the worker's credentials too often in a row.
    async fn receive(
        &self,
        slots: usize,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<Option<Poll>, QueueError> {
        let slots = Arc::new(Semaphore::new(slots));
        loop {
            let mut permits = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(None),
                permits = free_slots(&slots) => permits,
            };
            let mut poll = Poll::new(tokio::spawn({
                let (queue, most) = (self.queue.clone(), permits.num_permits());
                async move { queue.receive(most).await }
            }));
            let received = tokio::select! {
                biased;
                received = &mut poll => received,
                () = stop.cancelled() => return Ok(Some(poll)),
            };
            let received = received.unwrap_or_else(|error| {
                Err(QueueError::Service {
                    operation: "ReceiveMessage",
                    fault: Fault::Other,
                    reason: error.to_string(),
                })
            });
            let since = Instant::now();
            match received {
                Ok(deliveries) => {
                    self.polls.succeeded();
                    for delivery in deliveries {
                        // SQS never gives more than it was asked for.
                        let Some(permit) = permits.split(1) else {
                            break;
                        };
                        tasks.spawn(self.clone().handle(delivery, since, permit));
                    }
                }
                Err(error) => {
                    let Some(wait) = self.polls.failed(&error) else {
                        return Err(error);
                    };
                    let (reason, wait_ms) = (error.fault().as_str(), wait.as_millis() as u64);
                    tracing::error!(%error, reason, wait_ms, "cannot receive");
                    tokio::select! {
                        () = stop.cancelled() => return Ok(None),
                        () = sleep(wait) => {}
                    }
                }
            }
        }
    }

    /// Returns the messages of a poll that ends after the worker was told to stop.
    async fn refuse(self, poll: Poll) {
        for delivery in poll.await.into_iter().flatten().flatten() {
            self.redeliver_in(&delivery, Duration::ZERO).await;
        }
    }

    async fn handle(self, delivery: Delivery, since: Instant, permit: OwnedSemaphorePermit) {
        let span = tracing::info_span!("message", id = delivery.id);
        let lease = Lease::new(self.queue.clone(), delivery.receipt.clone(), since);
        let _in_flight = InFlight::new();
        async {
            let work = tokio::select! {
                biased;
                failures = self.work(&delivery) => Some(failures),
                () = lease.lost() => {
                    counter!(names::MESSAGES_LOST).increment(1);
                    tracing::warn!("another worker may have the message; work on it stops");
                    return;
                }
                () = self.give_up.cancelled() => None,
            };
            match work {
                Some(failures) => self.settle(&delivery, lease, failures).await,
                None => self.release(&delivery, lease, Duration::ZERO).await,
            }
        }
        .instrument(span)
        .await;
        drop(permit);
    }

    /// Processes all records of a message.
    async fn work(&self, delivery: &Delivery) -> Failures {
        let plan = Plan::new(&delivery.body, self.processor.bucket(), &self.prefixes);
        for (what, why) in &plan.ignored {
            counter!(names::RECORDS_IGNORED).increment(1);
            tracing::info!(what, why, "ignored");
        }
        let mut failures = Failures::default();
        for failure in plan.failures {
            self.report(delivery, None, &failure);
            failures.push(failure);
        }
        for job in &plan.jobs {
            // Boxed: the future of a video is large.
            match Box::pin(self.processor.process(job)).await {
                Ok(()) => {}
                Err(Failure::Gone { key }) => {
                    counter!(names::OBJECTS_GONE).increment(1);
                    tracing::warn!(key, "the video was deleted; nothing is left to do");
                }
                Err(failure) => {
                    self.report(delivery, Some(&job.key), &failure);
                    failures.push(failure);
                }
            }
        }
        failures
    }

    /// Counts and logs a failure.
    fn report(&self, delivery: &Delivery, key: Option<&str>, failure: &Failure) {
        counter!(names::VIDEOS_FAILED, "kind" => failure.kind()).increment(1);
        if let Failure::Foreign(error) = failure {
            self.foreign.add(&error.to_string());
            return;
        }
        tracing::error!(
            key,
            kind = failure.kind(),
            transient = failure.is_transient(),
            receive_count = delivery.receive_count,
            error = service_kit::causes(failure),
            "failed"
        );
    }

    /// Deletes the message, moves it to the dead-letter queue, or leaves it for a retry.
    async fn settle(&self, delivery: &Delivery, lease: Lease, failures: Failures) {
        match failures.decisive() {
            None => {
                // If this fails, the message comes again and its videos are found done.
                if let Err(error) = self.queue.delete(&delivery.receipt).await {
                    tracing::warn!(%error, "cannot delete the message");
                }
            }
            Some(failure) if failure.is_transient() => {
                let delay = if failure.needs_long_wait() {
                    LONGEST_RETRY
                } else {
                    retry_delay(self.queue.visibility(), delivery.receive_count)
                };
                self.release(delivery, lease, delay).await;
            }
            Some(failure) if self.queue.has_dlq() => {
                let (kind, reasons) = (failure.kind(), failures.reasons());
                match self.queue.move_to_dlq(delivery, kind, &reasons).await {
                    Ok(()) if failures.is_foreign() => {
                        tracing::debug!("moved to the dead-letter queue");
                    }
                    Ok(()) => tracing::info!("moved to the dead-letter queue"),
                    Err(error) => {
                        tracing::warn!(%error, "cannot move the message to the dead-letter queue");
                    }
                }
            }
            // The message becomes visible when its timeout ends, until the redrive policy moves it.
            Some(_) => lease.end().await,
        }
    }

    /// Ends the lease and has the message delivered again after `delay`.
    async fn release(&self, delivery: &Delivery, lease: Lease, delay: Duration) {
        // First, because an extension that follows would undo the delay.
        lease.end().await;
        self.redeliver_in(delivery, delay).await;
    }

    /// Keeps the message hidden for `delay` from now, after which any worker may receive it.
    async fn redeliver_in(&self, delivery: &Delivery, delay: Duration) {
        if let Err(error) = self.queue.set_visibility(&delivery.receipt, delay).await {
            tracing::warn!(%error, "cannot return the message; it returns when its timeout ends");
        }
    }
}

/// Waits for a free slot, then takes as many slots as one receive can fill.
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
