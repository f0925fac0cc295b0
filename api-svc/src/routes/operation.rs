//! Operations that may take long: test, purge, redrive.
//!
//! Each runs as a task of its own. A client that goes away does not interrupt it, and everyone sees
//! its progress over the WebSocket.

use std::{future::Future, sync::Arc};

use axum::http::{HeaderMap, HeaderName};
use contract::api::OperationKind;

use super::problem::Problem;
use crate::{actions::progress::Progress, app::Service, watch::Watch};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Tells every WebSocket that an operation starts. The operation's id is that of the request.
pub(super) fn start(
    watch: &Arc<Watch>,
    headers: &HeaderMap,
    kind: OperationKind,
    dry_run: bool,
) -> Progress {
    let id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let watch = Arc::clone(watch);
    Progress::start(id.unwrap_or_default(), kind, dry_run, move |operation| {
        watch.shared.note(&operation);
        watch.feed.tell(operation);
    })
}

/// Runs an operation to its end, whether or not its client waits. A shutdown interrupts it.
pub(super) async fn run<T, F>(
    service: &Service,
    progress: Progress,
    work: impl FnOnce(Arc<Progress>) -> F,
) -> Result<T, Problem>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Problem>> + Send + 'static,
{
    let progress = Arc::new(progress);
    let work = work(Arc::clone(&progress));
    let stop = service.stop.clone();
    let task = service.tasks.spawn(async move {
        let done = tokio::select! {
            done = work => done,
            () = stop.cancelled() => {
                Err(Problem::unavailable("the service is stopping; the operation was interrupted"))
            }
        };
        match &done {
            Ok(_) => progress.finish(),
            Err(problem) => progress.fail(&problem.detail),
        }
        done
    });
    task.await.unwrap_or_else(|error| {
        tracing::error!(%error, "an operation broke");
        Err(Problem::internal(
            "the operation broke; the API's log has the reason",
        ))
    })
}
