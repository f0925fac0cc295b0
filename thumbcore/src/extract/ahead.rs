//! What is fetched before it is decoded.

use std::slice;

use super::budget::Budget;
use crate::{Error, demux::Session, select::Rung};

/// Rungs whose bytes were fetched, all at once.
pub(super) struct Ahead {
    /// Whether each rung's bytes are within the budget.
    within: Vec<bool>,
}

impl Ahead {
    /// Fetches what `rungs` read, as far as its place is known and the budget allows.
    pub(super) fn fetch(
        session: &mut Session,
        rungs: &[Rung],
        budget: &mut Budget,
    ) -> Result<Self, Error> {
        let mut within = vec![true; rungs.len()];
        if Budget::default().allow(session.prefetch(rungs))?.is_none() {
            // Those that fit were fetched and cost nothing now.
            for (rung, within) in rungs.iter().zip(&mut within) {
                let fetched = session.prefetch(slice::from_ref(rung));
                *within = budget.allow(fetched)?.is_some();
            }
        }
        Ok(Self { within })
    }

    /// Whether the `nth` rung may be climbed: reading piece by piece what is over budget as a whole
    /// would leave the others nothing.
    pub(super) fn has(&self, nth: usize) -> bool {
        self.within.get(nth).copied().unwrap_or(false)
    }
}
