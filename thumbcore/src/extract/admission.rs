//! Which calls are worked on: a call that is not costs neither a thread nor a byte.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::cpu::Cpus;
use crate::{
    Error, MemoryBudget,
    memory::BEGINNING,
    patience::{Patience, Resource},
};

/// Calls for each CPU, by default: 16. A call waits for the network some ten times as long as it
/// decodes (three round trips of 30 to 200 ms, three keyframes of 25 ms), so fewer would leave CPUs
/// idle, and more would only hold memory.
const CALLS_A_CPU: usize = 16;

/// The calls that an extractor works on at once.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    places: Arc<Semaphore>,
}

/// The right of one call to be worked on, which its threads share.
#[derive(Debug, Clone)]
pub(super) struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
}

impl Admission {
    pub(super) fn new(calls: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(calls.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// How many calls keep `cpus` busy and begin within `memory`.
    pub(super) fn default_calls(cpus: &Cpus, memory: Option<&MemoryBudget>) -> usize {
        let busy = cpus.count().saturating_mul(CALLS_A_CPU);
        let fitting = memory.map_or(usize::MAX, |memory| (memory.limit() / BEGINNING) as usize);
        busy.min(fitting).max(1)
    }

    /// A place for a call, first come, first served.
    pub(super) async fn enter(&self, patience: &Patience) -> Result<Place, Error> {
        let place = Arc::clone(&self.places).acquire_owned();
        let permit = patience.wait(Resource::Place, place).await?;
        let permit = permit.map_err(|error| Error::Internal {
            reason: error.to_string(),
        })?;
        Ok(Place {
            _permit: Arc::new(permit),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_let_in_for_what_it_needs_first() {
        let calls = |memory: Option<u64>| {
            let memory = memory.map(MemoryBudget::new);
            Admission::default_calls(&Cpus::new(2), memory.as_ref())
        };
        assert_eq!(calls(None), 32);
        assert_eq!(calls(Some(1 << 40)), 32);
        assert_eq!(calls(Some(160 << 20)), 5);
        assert_eq!(calls(Some(1 << 20)), 1);
    }
}
