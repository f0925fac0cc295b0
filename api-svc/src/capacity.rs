//! How many connections, requests and WebSockets fit this process's file descriptors.

use service_kit::descriptors::Descriptors;

use crate::config::Config;

/// File descriptors for all but clients and their requests: the listener, the cluster's watch, the
/// sampler's requests, the sandbox, files of the dashboard.
const OWN: usize = 96;

/// Most file descriptors that are kept for HTTP beside WebSockets.
const MOST_RESERVED: usize = 1024;

/// Most connections that wait for their clients or for answers: each takes some kilobytes.
const MOST_CONNECTIONS: usize = 10_000;

/// What may be open at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// Connections that are no WebSockets.
    pub(crate) connections: usize,
    /// Requests that are worked on. Each may take another descriptor, for a request to AWS.
    pub(crate) requests: usize,
    pub(crate) websockets: usize,
}

impl Capacity {
    /// What `MAX_REQUESTS` and `MAX_WEBSOCKETS` ask for, as far as it fits. A quarter of the
    /// descriptors is kept for HTTP, so that probes are answered however many WebSockets there are.
    pub(crate) fn new(config: &Config, descriptors: Descriptors) -> Self {
        let open = descriptors.beyond(OWN);
        let reserve = (open / 4).clamp(2, MOST_RESERVED);
        // A connection of its own for each probe, though all requests are taken.
        let requests = config.max_requests.get().min(reserve / 2);
        let wanted = config.max_websockets.get();
        let websockets = wanted.min(open.saturating_sub(reserve + requests));
        if websockets < wanted {
            tracing::warn!(
                websockets,
                wanted,
                "MAX_WEBSOCKETS is more than the limit of file descriptors leaves"
            );
        }
        let connections = open.saturating_sub(websockets + requests);
        Self {
            connections: connections.clamp(2, MOST_CONNECTIONS),
            requests,
            websockets,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn capacity(descriptors: usize) -> Capacity {
        let settings = [
            "thumbnail-api",
            "--sqs-queue-url=http://127.0.0.1:1/q",
            "--s3-bucket=b",
        ];
        let config = Config::try_parse_from(settings).unwrap();
        Capacity::new(&config, Descriptors::of(descriptors))
    }

    #[test]
    fn what_is_promised_fits_and_http_has_its_share() {
        for descriptors in [64, 256, 1024, 4096, 20_000, 1 << 20] {
            let Capacity {
                connections,
                requests,
                websockets,
            } = capacity(descriptors);
            assert!(requests >= 1 && connections > requests, "{descriptors}");
            if descriptors > 100 {
                let all = connections + requests + websockets + OWN;
                assert!(all <= descriptors, "{all} of {descriptors}");
            }
        }
        let many = capacity(1 << 20);
        assert_eq!((many.requests, many.websockets), (512, 10_000));
        assert!(capacity(1024).websockets > 500);
    }
}
