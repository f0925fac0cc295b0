//! What the work of one call has at hand.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::cpu::Cpus;
use crate::{
    Error,
    reader::{Reader, Reserve},
};

/// One call's reader, and the CPUs that it shares with all others.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) reader: Arc<Reader>,
    pub(super) runtime: Handle,
    pub(super) cpus: Cpus,
}

impl Task {
    /// Does `work`, which decodes or encodes and reads nothing, once a CPU is free.
    pub(super) fn run<T>(&self, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        self.cpus.run(&self.runtime, &self.reader, work)
    }

    /// The same task, with `reserve` of its budgets out of reach.
    pub(super) fn within(&self, reserve: Reserve) -> Self {
        Self {
            reader: Arc::new(self.reader.within(reserve)),
            ..self.clone()
        }
    }
}
