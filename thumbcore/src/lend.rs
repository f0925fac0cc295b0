//! What a process without budgets of its own borrows from the one that has them.

use std::fmt;

use async_trait::async_trait;

/// Lends memory and CPUs of another process, whose budgets several videos share.
#[async_trait]
pub(crate) trait Lender: Send + Sync + fmt::Debug {
    /// So many further bytes of memory, if they are free at once.
    fn spare_memory(&self, bytes: u64) -> bool;

    /// So many further bytes of memory, once they are free. Of what was lent before, `unused` bytes
    /// are not in use: where that is all, it is given back while this waits, so that nobody who
    /// waits holds what others wait for.
    async fn memory(&self, bytes: u64, unused: u64);

    /// A CPU, if nobody uses it or waits for it.
    fn spare_cpu(&self) -> bool;

    /// A CPU, once one is free.
    async fn cpu(&self);

    /// A CPU is used no more.
    fn return_cpu(&self);
}
