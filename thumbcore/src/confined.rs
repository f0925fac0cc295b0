//! Whether this process can do harm.

use std::sync::atomic::{AtomicBool, Ordering};

static IS_CONFINED: AtomicBool = AtomicBool::new(false);

/// This process has been locked in for good: from now on it may run code that strangers' videos can
/// take over.
#[cfg(sandbox)]
pub(crate) fn confine() {
    IS_CONFINED.store(true, Ordering::Relaxed);
}

/// Whether this process has been locked in.
pub(crate) fn is_confined() -> bool {
    IS_CONFINED.load(Ordering::Relaxed)
}
