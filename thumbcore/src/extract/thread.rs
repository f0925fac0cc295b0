//! Work that blocks, on a thread of its own.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use tokio::sync::oneshot;

use crate::Error;

/// Does `work` on a thread of its own and waits for it without blocking. A panic is an error. The
/// thread goes on where the caller has gone, until `work` finds that out.
///
/// The runtime's blocking pool will not do: `work` waits for reads that may need a thread of the
/// same pool.
pub(super) async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let internal = |reason: String| Error::Internal { reason };
    let (give, result) = oneshot::channel();
    thread::Builder::new()
        .name("thumbcore".to_owned())
        .spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(work))
                .unwrap_or_else(|_| Err(internal("a panic was stopped".to_owned())));
            // Nobody takes it where the caller has gone.
            let _ = give.send(result);
        })
        .map_err(|error| internal(error.to_string()))?;
    let result = result.await;
    result.unwrap_or_else(|error| Err(internal(error.to_string())))
}
