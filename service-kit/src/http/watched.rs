//! A connection's stream and bodies, which tell its seat whom it waits for.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::seats::{Phase, Seat};

/// A connection's stream.
#[derive(Debug)]
pub(super) struct Stream {
    stream: TcpStream,
    seat: Arc<Seat>,
}

impl Stream {
    pub(super) fn new(stream: TcpStream, seat: Arc<Seat>) -> Self {
        Self { stream, seat }
    }

    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.seat.sent();
        }
        written
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.seat.received();
        }
        read
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A body that tells whom its connection waits for.
#[derive(Debug)]
pub(super) struct Watched<B> {
    body: B,
    seat: Arc<Seat>,
    /// What is waited for while the body has nothing to give.
    empty: Phase,
    /// What is waited for once it has given something.
    given: Phase,
    /// What is waited for once it is dropped, if that changes.
    dropped: Option<Phase>,
}

impl Watched<Incoming> {
    /// The body of a request.
    pub(super) fn question(body: Incoming, seat: Arc<Seat>) -> Self {
        Self {
            body,
            seat,
            empty: Phase::Body,
            given: Phase::Work,
            dropped: None,
        }
    }
}

impl Watched<Body> {
    /// The body of an answer. The connection is idle once the body is dropped.
    pub(super) fn answer(body: Body, seat: Arc<Seat>) -> Self {
        Self {
            body,
            seat,
            empty: Phase::Work,
            given: Phase::Answer,
            dropped: Some(Phase::Idle),
        }
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Watched<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        let phase = if frame.is_pending() {
            self.empty
        } else {
            self.given
        };
        self.seat.enter(phase);
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Watched<B> {
    fn drop(&mut self) {
        if let Some(phase) = self.dropped {
            self.seat.enter(phase);
        }
    }
}
