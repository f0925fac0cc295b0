//! Holding a message: a [`Lease`] keeps it hidden from other workers for as long as it lives.
//!
//! A task extends the message's visibility at half of the queue's visibility timeout, which leaves
//! time to retry an extension that fails. Dropping the lease stops the task, and the message
//! becomes visible when its current timeout ends. If no extension succeeds in time, another worker
//! may receive the message, and [`Lease::lost`] completes.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::queue::{Queue, QueueError};

/// Shortest pause between attempts at an extension that fails.
const RETRY: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(crate) struct Lease {
    task: AbortOnDropHandle<()>,
    lost: CancellationToken,
}

impl Lease {
    /// Holds a message that was hidden at `since`.
    pub(crate) fn new(queue: Arc<Queue>, receipt: String, since: Instant) -> Self {
        let lost = CancellationToken::new();
        let task = tokio::spawn({
            let lost = lost.clone();
            async move {
                extend(&queue, &receipt, since).await;
                lost.cancel();
            }
        });
        Self {
            task: AbortOnDropHandle::new(task),
            lost,
        }
    }

    /// Completes when another worker may have received the message.
    pub(crate) async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Stops extending; once this returns, no extension can follow.
    pub(crate) async fn end(self) {
        self.task.abort();
        // The expected result is a cancellation; a panic was reported by the runtime.
        let _ = self.task.await;
    }
}

/// Extends the message until the receipt is lost or the timeout passes.
async fn extend(queue: &Queue, receipt: &str, since: Instant) {
    let visibility = queue.visibility();
    let mut deadline = since + visibility;
    let mut next = since + visibility / 2;
    loop {
        sleep_until(next).await;
        let sent = Instant::now();
        match timeout_at(deadline, queue.set_visibility(receipt, visibility)).await {
            Ok(Ok(())) => {
                deadline = sent + visibility;
                next = sent + visibility / 2;
            }
            Ok(Err(QueueError::ReceiptLost)) | Err(_) => return,
            Ok(Err(error)) => {
                tracing::warn!(%error, "cannot extend a message's visibility");
                next = Instant::now() + ((deadline - Instant::now()) / 4).max(RETRY);
                if next >= deadline {
                    return;
                }
            }
        }
    }
}
