//! What can go wrong with the sandbox itself.

use super::Cause;

/// Why there is no sandbox, or one that cannot be trusted.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The program would run as itself where a process of the sandbox is wanted.
    #[error("thumbcore::sandbox::init() was not called first in main()")]
    NotInitialised,
    /// A lock that is demanded cannot be had on this machine.
    #[error("the sandbox cannot have the lock {lock:?} here: {reason}")]
    Lock {
        /// The lock's name: see `thumbcore::sandbox::Lock`.
        lock: &'static str,
        /// The system's words.
        reason: String,
    },
    /// The system refuses a process.
    #[error("a process of the sandbox cannot be started: {reason}")]
    Start {
        /// What was tried.
        reason: String,
        /// What was behind it.
        #[source]
        cause: Option<Cause>,
    },
    /// A process of the sandbox has answered what none answers that is sound: the video has taken
    /// it over or damaged it. The process was ended.
    #[error("the sandboxed process broke its protocol: {reason}")]
    Protocol {
        /// What it did.
        reason: String,
    },
}

impl SandboxError {
    /// Whether the same call may succeed later: all but [`Protocol`](Self::Protocol) are faults of
    /// the machine or of the program, and none of the video.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::Protocol { .. })
    }
}
