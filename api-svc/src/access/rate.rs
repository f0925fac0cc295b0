//! The rate limit of guarded requests.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock as _, DefaultClock},
};

use super::Principal;

/// Accounts from which on idle ones are removed.
const MANY: usize = 10_000;

/// The account that a request counts on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Account {
    Principal(Principal),
    /// An unidentified sender: the peer's address, or its /64 network for IPv6.
    Peer(IpAddr),
}

/// Counts guarded requests of each principal, and of each address that was refused.
#[derive(Clone)]
pub(crate) struct RateLimit {
    limiter: Arc<DefaultKeyedRateLimiter<Account>>,
}

impl RateLimit {
    /// Allows so many requests a minute, a sixth of them at once.
    pub(crate) fn per_minute(requests: NonZeroU32) -> Self {
        let burst = NonZeroU32::new(requests.get() / 6).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(requests).allow_burst(burst);
        Self {
            limiter: Arc::new(DefaultKeyedRateLimiter::keyed(quota)),
        }
    }

    /// Counts a request. The error of a request beyond the limit is the time to wait.
    pub(crate) fn check(
        &self,
        principal: Option<&Principal>,
        peer: IpAddr,
    ) -> Result<(), Duration> {
        if self.limiter.len() > MANY {
            self.limiter.retain_recent();
        }
        let account = match principal {
            Some(principal) => Account::Principal(principal.clone()),
            None => Account::Peer(network(peer)),
        };
        self.limiter
            .check_key(&account)
            .map_err(|until| until.wait_time_from(DefaultClock::default().now()))
    }
}

/// The network whose addresses belong to one subscriber.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_separate_and_run_out() {
        let limit = RateLimit::per_minute(NonZeroU32::new(12).unwrap());
        let peer = "2001:db8::1".parse().unwrap();
        let neighbour = "2001:db8::2".parse().unwrap();
        assert!(limit.check(None, peer).is_ok());
        assert!(limit.check(None, neighbour).is_ok());
        let wait = limit.check(None, peer).unwrap_err();
        assert!(
            wait > Duration::ZERO && wait <= Duration::from_secs(5),
            "{wait:?}"
        );
        assert!(limit.check(Some(&Principal::Token), peer).is_ok());
        let other = Principal::Subject("a".to_owned());
        assert!(limit.check(Some(&other), peer).is_ok());
        assert!(limit.check(None, "192.0.2.1".parse().unwrap()).is_ok());
    }
}
