//! Work that blocks, on a thread of its own.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::Duration,
};

use tokio::sync::oneshot;
use tracing::{Span, dispatcher};

use super::admission::Place;
use crate::{Error, panic::message, patience::Resource};

/// Does `work` on a thread of its own and waits for it without blocking. A panic is an error, and
/// so is a thread that the system refuses. The thread goes on where the caller has gone, until
/// `work` finds that out, and keeps `place` until then.
///
/// The runtime's blocking pool will not do: `work` waits for reads that may need a thread of the
/// same pool.
pub(super) async fn on_thread<T: Send + 'static>(
    place: Place,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let internal = |reason: String| Error::Internal { reason };
    let (give, result) = oneshot::channel();
    let work = traced(work);
    let started = thread::Builder::new()
        .name("thumbcore".to_owned())
        .spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
                Err(internal(format!(
                    "a panic was stopped: {}",
                    message(&*panic)
                )))
            });
            // Nobody takes it where the caller has gone.
            let _ = give.send(result);
            drop(place);
        });
    if let Err(error) = started {
        tracing::warn!(%error, "the system refuses a thread");
        return Err(Resource::Thread.busy(Duration::ZERO));
    }
    let result = result.await;
    result.unwrap_or_else(|error| Err(internal(error.to_string())))
}

/// `work`, wherever it is done, within the span and for the subscriber of whoever calls this.
pub(super) fn traced<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let (span, subscriber) = (Span::current(), dispatcher::get_default(Clone::clone));
    move || dispatcher::with_default(&subscriber, || span.in_scope(work))
}
