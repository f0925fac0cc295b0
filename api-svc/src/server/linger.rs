//! Reads the rest of a refused request's body.
//!
//! Closing a connection with unread bytes resets it, and a client that is still sending may then
//! never see why it was refused. So the rest is read and discarded first, within limits, as nginx
//! does (`lingering_close`).

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream, HttpBody as _},
    extract::{Request, State},
    http::header,
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Most bytes that are read and discarded.
const MAX_REST: usize = 64 << 20;

/// Longest time to read the rest.
const MAX_TIME: Duration = Duration::from_secs(5);

/// The same from the service's stop on.
const MAX_TIME_AT_THE_END: Duration = Duration::from_secs(1);

/// A body that a handler reads. The rest of it stays readable when the handler drops its share.
struct Shared(Arc<Mutex<BodyDataStream>>);

impl Stream for Shared {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        body.poll_next_unpin(context)
    }
}

/// Lets a client finish sending before it sees that it was refused.
pub(crate) async fn linger(
    State(stop): State<CancellationToken>,
    request: Request,
    next: Next,
) -> Response {
    // A client that waits for leave to send (`Expect: 100-continue`) has sent nothing yet.
    if request.body().is_end_stream() || request.headers().contains_key(header::EXPECT) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let body = Arc::new(Mutex::new(body.into_data_stream()));
    let seen = Body::from_stream(Shared(body.clone()));
    let response = next.run(Request::from_parts(parts, seen)).await;
    if response.status().is_client_error() {
        // A rest that is too long or too slow stays unread.
        let at_the_end = async {
            stop.cancelled().await;
            sleep(MAX_TIME_AT_THE_END).await;
        };
        tokio::select! {
            _ = timeout(MAX_TIME, discard(Shared(body))) => {}
            () = at_the_end => {}
        }
    }
    response
}

async fn discard(mut rest: Shared) {
    let mut taken = 0;
    while let Some(Ok(bytes)) = rest.next().await {
        taken += bytes.len();
        if taken > MAX_REST {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, http::StatusCode, middleware, routing::get};
    use tokio::time::Instant;
    use tower::ServiceExt as _;

    use super::*;

    /// How long a refused client is waited for that sends nothing.
    async fn wait_for_silence(stop: CancellationToken) -> Duration {
        let router = Router::new()
            .route("/", get(async || ()))
            .layer(middleware::from_fn_with_state(stop, linger));
        let silence = Body::from_stream(futures::stream::pending::<Result<Bytes, axum::Error>>());
        let request = Request::post("/").body(silence).unwrap();
        let asked = Instant::now();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        asked.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_wait_for_a_refused_body() {
        let stop = CancellationToken::new();
        assert!(wait_for_silence(stop.clone()).await >= MAX_TIME);
        stop.cancel();
        assert!(wait_for_silence(stop).await < Duration::from_secs(2));
    }
}
