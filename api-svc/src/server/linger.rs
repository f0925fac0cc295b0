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
    extract::Request,
    http::header,
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use tokio::time::timeout;

/// Most bytes that are read and discarded.
const MAX_REST: usize = 64 << 20;

/// Longest time to read the rest.
const MAX_TIME: Duration = Duration::from_secs(5);

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
pub(crate) async fn linger(request: Request, next: Next) -> Response {
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
        let _ = timeout(MAX_TIME, discard(Shared(body))).await;
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
