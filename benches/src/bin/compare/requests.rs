//! What a client asked of the server, and what that amounts to.

use serde::{Deserialize, Serialize};

/// One request as the server saw it. Times are in microseconds since the server's start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) path: String,
    /// When its head had arrived.
    pub(crate) start: u64,
    /// When the first byte of the answer left; `None` where the client was gone before.
    pub(crate) first: Option<u64>,
    /// Bytes of the answer's body that were given to the connection.
    pub(crate) bytes: u64,
}

/// Sums of a contender's requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Traffic {
    pub(crate) bytes: u64,
    pub(crate) requests: u64,
    pub(crate) round_trips: u64,
}

impl Traffic {
    pub(crate) fn of(requests: &[Request]) -> Self {
        Self {
            bytes: requests.iter().map(|request| request.bytes).sum(),
            requests: requests.len() as u64,
            round_trips: chain(requests),
        }
    }
}

/// The longest chain of requests of which each began after the first byte of the one before had
/// left: those may have depended on each other. What was asked while none of another's answer was
/// there cannot depend on it.
fn chain(requests: &[Request]) -> u64 {
    let mut spans: Vec<_> = requests
        .iter()
        .map(|request| (request.first.unwrap_or(request.start), request.start))
        .collect();
    // As with any choice of disjoint spans: the one that ends first leaves most room.
    spans.sort_unstable();
    let mut length = 0;
    let mut ended = None;
    for (first, start) in spans {
        if ended.is_none_or(|ended| start >= ended) {
            length += 1;
            ended = Some(first);
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(start: u64, first: u64) -> Request {
        Request {
            path: String::new(),
            start,
            first: Some(first),
            bytes: 1,
        }
    }

    #[test]
    fn requests_side_by_side_are_one_round_trip() {
        let side_by_side = [request(0, 30), request(1, 33), request(2, 31)];
        assert_eq!(chain(&side_by_side), 1);
    }

    #[test]
    fn requests_after_each_other_add_up() {
        let two_then_one = [request(0, 30), request(1, 31), request(40, 70)];
        assert_eq!(chain(&two_then_one), 2);
        // The body of the first goes on; its first byte was there.
        assert_eq!(chain(&[request(0, 30), request(31, 60)]), 2);
        assert_eq!(chain(&[]), 0);
    }
}
