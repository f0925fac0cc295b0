//! File descriptors: how many this process may open, and what follows for its connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The number of file descriptors that this process may have open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptors(usize);

impl Descriptors {
    /// Raises the soft limit to the hard one, and logs the result. What cannot be raised stays as
    /// it is: the caps that are derived from it are then smaller.
    #[must_use]
    pub fn raise() -> Self {
        let limit = getrlimit(Resource::Nofile);
        let wanted = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        let current = match setrlimit(Resource::Nofile, wanted) {
            Ok(()) => limit.maximum,
            Err(error) => {
                tracing::warn!(%error, "cannot raise the limit of file descriptors");
                limit.current
            }
        };
        let most = current.map_or(usize::MAX, |most| {
            usize::try_from(most).unwrap_or(usize::MAX)
        });
        tracing::info!(
            soft = limit.current,
            now = most,
            "file descriptors of this process"
        );
        Self(most)
    }

    /// A limit of `most` file descriptors.
    #[must_use]
    pub fn of(most: usize) -> Self {
        Self(most)
    }

    /// What is left of the limit when `reserve` are kept for other things.
    #[must_use]
    pub fn beyond(self, reserve: usize) -> usize {
        self.0.saturating_sub(reserve)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let hard = getrlimit(Resource::Nofile).maximum;
        let raised = Descriptors::raise();
        assert_eq!(getrlimit(Resource::Nofile).current, hard);
        assert_eq!(Some(raised.beyond(0) as u64), hard);
        assert_eq!(raised.beyond(usize::MAX), 0);
    }
}
