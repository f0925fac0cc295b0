//! How many connections and WebSockets fit this process's file descriptors.

use service_kit::descriptors::Descriptors;

/// File descriptors for all but clients and the API: the listener, the dashboard's files.
const OWN: usize = 64;

/// Most connections, and most WebSockets.
const MOST: usize = 10_000;

/// What may be open at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Connections that are no WebSockets.
    pub(crate) connections: usize,
    /// Requests that wait for the API, each over a connection of its own.
    pub(crate) requests: usize,
    /// WebSockets, of two connections each.
    pub(crate) websockets: usize,
}

impl Capacity {
    /// Half of the descriptors are for WebSockets, and half for requests and their way to the API.
    #[must_use]
    pub fn new(descriptors: Descriptors) -> Self {
        let share = (descriptors.beyond(OWN) / 4).clamp(2, MOST);
        Self {
            connections: share,
            // A connection is left for a probe, however many requests wait.
            requests: share / 2,
            websockets: share,
        }
    }
}
