//! The HTTP server of the services: bounded in connections, and in the time that it waits for
//! clients.
//!
//! `axum::serve` waits for a client for ever and accepts until no file descriptor is left.
//! [`serve`] runs hyper's HTTP/1 connections instead, and keeps account of whom each one waits for:
//! a client that keeps its connection waiting for longer than [`Limits`] is disconnected, and where
//! all connections are taken, the one that has waited longest for its client makes room. A
//! connection that waits for this process is never ended before the shutdown's grace period is
//! over.
//!
//! A connection that became a WebSocket counts no longer; whoever upgrades it bounds how many.

mod accept;
mod seats;
mod watched;

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, header::CONTENT_LENGTH},
};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use self::{
    accept::Acceptor,
    seats::{Phase, Seat, Seats},
    watched::{Stream, Watched},
};

/// Largest body of a request in bytes: bodies are small JSON, and videos go straight to the bucket.
pub const LARGEST_BODY: usize = 256 << 10;

/// Whether a request's head announces a body longer than [`LARGEST_BODY`].
#[must_use]
pub fn announces_long_body(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    length.is_some_and(|length| length > LARGEST_BODY as u64)
}

/// How many connections a listener holds, and how long it waits for their clients.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    connections: usize,
    idle: Duration,
    head: Duration,
    body: Duration,
    answer: Duration,
}

impl Limits {
    /// Longest wait for the next request. A load balancer in front keeps its connections for a
    /// shorter time, or it sends requests over connections that are just being closed.
    pub const IDLE: Duration = Duration::from_secs(75);
    /// Longest wait for the rest of a request's head, from its first byte.
    pub const HEAD: Duration = Duration::from_secs(10);
    /// Longest pause within a request's body.
    pub const BODY: Duration = Duration::from_secs(30);
    /// Longest pause of a client in taking an answer.
    pub const ANSWER: Duration = Duration::from_secs(30);

    /// The defaults above, for at most `connections` connections.
    #[must_use]
    pub fn new(connections: usize) -> Self {
        Self {
            connections,
            idle: Self::IDLE,
            head: Self::HEAD,
            body: Self::BODY,
            answer: Self::ANSWER,
        }
    }

    /// Sets the longest wait for the next request.
    #[must_use]
    pub fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// Sets the longest wait for the rest of a request's head.
    #[must_use]
    pub fn head(mut self, head: Duration) -> Self {
        self.head = head;
        self
    }

    /// What clients get once the server stops: a second for a request's head, and pauses of little
    /// more in what is under way, so that the server ends within 2 s of the last piece of work.
    fn at_the_end() -> Self {
        const NOTHING_BEGUN: Duration = Duration::from_secs(1);
        const UNDER_WAY: Duration = Duration::from_millis(1500);
        Self {
            connections: 0,
            idle: NOTHING_BEGUN,
            head: NOTHING_BEGUN,
            body: UNDER_WAY,
            answer: UNDER_WAY,
        }
    }

    /// Longest wait in a phase; `None` for a phase in which the client is not waited for.
    fn of(&self, phase: Phase) -> Option<Duration> {
        match phase {
            Phase::Idle => Some(self.idle),
            Phase::Head => Some(self.head),
            Phase::Body => Some(self.body),
            Phase::Answer => Some(self.answer),
            Phase::Work | Phase::Left => None,
        }
    }
}

/// Serves `router` on `listener` until `stop`, and then, for at most `grace`, what is under way.
/// Returns whether all of it was finished.
///
/// Handlers find the client's address in `ConnectInfo<SocketAddr>`. Failures to accept are logged
/// in sums and tried again after growing pauses.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: &CancellationToken,
    grace: Duration,
) -> bool {
    let seats = Seats::new(limits.connections);
    let mut acceptor = Acceptor::new(listener);
    // Its tasks end with it, if this future is dropped or the grace period is over.
    let mut connections = JoinSet::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = acceptor.accept() => accepted,
        };
        let Some(seat) = seats.take().await else {
            acceptor.refused();
            continue;
        };
        if seat.made_room {
            acceptor.made_room();
        }
        let connection = Connection {
            seat: seat.seat,
            limits: limits.clone(),
            stop: stop.clone(),
        };
        connections.spawn(connection.run(stream, peer, router.clone()));
    }
    // Nobody is kept waiting for a connection that will not be served.
    drop(acceptor);
    let ended = async { while connections.join_next().await.is_some() {} };
    timeout(grace, ended).await.is_ok()
}

/// One connection.
struct Connection {
    seat: Arc<Seat>,
    limits: Limits,
    stop: CancellationToken,
}

impl Connection {
    /// Serves the connection until its client or its limits end it, or it becomes another
    /// protocol's.
    async fn run(self, stream: TcpStream, peer: SocketAddr, router: Router) {
        let Self {
            seat,
            mut limits,
            stop,
        } = self;
        // Dropped after the connection, also if this task is ended.
        let _leaves = seats::Leaves(seat.clone());
        // Answers are small, and somebody waits for them. A failure costs some milliseconds.
        let _ = stream.set_nodelay(true);
        let service = service_fn({
            let seat = seat.clone();
            move |request| answer(router.clone(), seat.clone(), peer, request)
        });
        let io = TokioIo::new(Stream::new(stream, seat.clone()));
        let mut connection = pin!(
            http1::Builder::new()
                .serve_connection(io, service)
                .with_upgrades()
        );
        // Waits count from the stop on, once the server stops.
        let mut from = Instant::now();
        let mut stopping = false;
        loop {
            tokio::select! {
                // How a connection breaks is its client's business.
                _ = connection.as_mut() => return,
                () = seat.evicted() => return,
                () = seat.overdue(&limits, from) => return,
                () = stop.cancelled(), if !stopping => {
                    stopping = true;
                    from = Instant::now();
                    limits = Limits::at_the_end();
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// Has the router answer a request.
async fn answer(
    router: Router,
    seat: Arc<Seat>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<axum::response::Response, Infallible> {
    seat.enter(Phase::Work);
    let mut request = request.map(|body| Body::new(Watched::question(body, seat.clone())));
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = router.oneshot(request).await?;
    seat.enter(Phase::Answer);
    Ok(response.map(|body| Body::new(Watched::answer(body, seat))))
}

#[cfg(test)]
mod tests;
