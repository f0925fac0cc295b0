//! Accepting connections, without a storm of log lines or of attempts where none can be accepted.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, sleep_until},
};

use crate::sums::Sums;

/// First and longest pause after a failure to accept.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A listener that pauses while nothing can be accepted.
#[derive(Debug)]
pub(super) struct Acceptor {
    listener: TcpListener,
    pause: Duration,
    /// Nothing is accepted before; a field, since an acceptance may be given up and begun again.
    paused_until: Option<Instant>,
    failures: Sums,
    refusals: Sums,
    evictions: Sums,
}

impl Acceptor {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            pause: FIRST_PAUSE,
            paused_until: None,
            failures: Sums::default(),
            refusals: Sums::default(),
            evictions: Sums::default(),
        }
    }

    /// The next connection.
    pub(super) async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            if let Some(time) = self.paused_until {
                sleep_until(time).await;
                self.paused_until = None;
            }
            match self.listener.accept().await {
                Ok(accepted) => {
                    self.pause = FIRST_PAUSE;
                    return accepted;
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => self.failed(&error),
            }
        }
    }

    /// Notes that a connection found no seat.
    pub(super) fn refused(&self) {
        if let Some(connections) = self.refusals.add() {
            tracing::warn!(
                connections,
                "connections were refused: all others wait for this process"
            );
        }
    }

    /// Notes that a connection was ended to make room.
    pub(super) fn made_room(&self) {
        if let Some(connections) = self.evictions.add() {
            tracing::warn!(
                connections,
                "connections that waited for their clients made room for others"
            );
        }
    }

    fn failed(&mut self, error: &io::Error) {
        if let Some(failures) = self.failures.add() {
            tracing::error!(%error, failures, "cannot accept connections");
        }
        self.paused_until = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether the error says of one connection that its client has ended it already.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}
