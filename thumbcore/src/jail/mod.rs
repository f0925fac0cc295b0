//! Processes without rights: how they are started, locked in, watched and ended.
//!
//! ```text
//! program ──exec──> zygote ──fork──> child      one a video
//!    └───────────── socket ────────────┘
//! ```
//!
//! The program ([`Sandbox`]) starts itself anew as a [`zygote`], which forks a [`child`] on demand.
//! What a child does, and what is said on its socket beyond [`frame`]s, is the business of
//! whoever uses this module.

#![allow(
    unsafe_code,
    reason = "fork, signals and clocks of other processes have no safe wrapper; every block states its reason"
)]

mod child;
mod clock;
mod filter;
pub(crate) mod frame;
mod keeper;
mod locks;
mod message;
mod zygote;

use std::{
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::runtime::{self, Handle, Runtime};

use self::keeper::{Zygote, start_error};
pub use self::locks::{Landlock, Lock, Locks, Strength};
pub(crate) use self::{
    keeper::{Child, End},
    message::{Allowance, Exit},
};
use crate::SandboxError;

/// What the processes of a sandbox do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body {
    /// Done once, before the first child is forked: what every child would have to do else.
    pub(crate) warm: fn(),
    /// Serves one video on its socket, in a child, until the program is gone.
    pub(crate) serve: fn(UnixStream),
}

/// Ends a child, without what libraries do at the end of a process: nothing of it is needed, and
/// there are a hundred libraries.
pub(crate) fn quit() -> ! {
    // SAFETY: the process ends. No other thread needs anything that `exit` would do.
    unsafe { libc::_exit(0) }
}

/// Gives memory that is free back to the system, before a child waits for its next call.
pub(crate) fn trim() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes the allocator's own locks, and moves nothing that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Whether [`enter`] was called.
static IS_ENTERED: AtomicBool = AtomicBool::new(false);

/// Becomes a process of the sandbox where this process was started as one, and returns only where
/// it was not.
pub(crate) fn enter(body: &Body) {
    IS_ENTERED.store(true, Ordering::Relaxed);
    zygote::enter(body);
}

/// Where an [`Extractor`](crate::Extractor) demuxes, decodes, renders and encodes: in processes
/// without rights, one for each video. Clones are the same sandbox.
///
/// A program that has one calls [`init`](crate::sandbox::init) first in its `main`.
#[derive(Debug, Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
}

/// Options of a [`Sandbox`].
#[derive(Debug, Clone, Default)]
pub struct SandboxBuilder {
    landlock: Landlock,
}

impl SandboxBuilder {
    /// What is asked of Landlock: as much as the kernel has, by default.
    #[must_use]
    pub fn landlock(mut self, landlock: Landlock) -> Self {
        self.landlock = landlock;
        self
    }

    /// Starts the sandbox, and waits until a first process was locked in: some 30 ms.
    ///
    /// # Errors
    /// [`SandboxError::NotInitialised`] without [`init`](crate::sandbox::init);
    /// [`SandboxError::Lock`] names a lock that cannot be had here.
    pub fn start(self) -> Result<Sandbox, SandboxError> {
        if !IS_ENTERED.load(Ordering::Relaxed) {
            return Err(SandboxError::NotInitialised);
        }
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("thumbcore-sandbox")
            .enable_io()
            .build()
            .map_err(|error| start_error("a runtime for its sockets", error))?;
        let (zygote, locks) = Zygote::start(self.landlock)?;
        let zygote = Arc::new(zygote);
        zygote.fork(NOTHING)?.try_out()?;
        Ok(Sandbox {
            shared: Arc::new(Shared {
                runtime: Some(runtime),
                landlock: self.landlock,
                locks,
                zygote: tokio::sync::Mutex::new(zygote),
            }),
        })
    }
}

/// The allowance of a child that only shows that it can be locked in.
const NOTHING: Allowance = Allowance {
    memory: 0,
    cpu_seconds: 1,
};

/// What all clones of a sandbox share.
#[derive(Debug)]
struct Shared {
    /// Moves bytes between the program and the children. `None` once the sandbox is dropped.
    runtime: Option<Runtime>,
    landlock: Landlock,
    locks: Locks,
    zygote: tokio::sync::Mutex<Arc<Zygote>>,
}

impl Sandbox {
    /// Starts a sandbox with the defaults.
    ///
    /// # Errors
    /// As [`SandboxBuilder::start`].
    pub fn start() -> Result<Self, SandboxError> {
        Self::builder().start()
    }

    /// Options for a sandbox.
    #[must_use]
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    /// Which locks hold for every process of the sandbox.
    #[must_use]
    pub fn locks(&self) -> &Locks {
        &self.shared.locks
    }

    /// A new child, which is locking itself in.
    pub(crate) async fn child(&self, allowance: Allowance) -> Result<Child, SandboxError> {
        let mut zygote = self.shared.zygote.lock().await;
        if let Ok(child) = zygote.fork(allowance) {
            return Ok(child);
        }
        tracing::warn!("the sandbox's zygote is gone; a new one is started");
        let landlock = self.shared.landlock;
        let started = self
            .runtime()?
            .spawn_blocking(move || Zygote::start(landlock));
        let started = started
            .await
            .map_err(|error| start_error("a zygote", error))?;
        let (started, locks) = started?;
        if locks != self.shared.locks {
            return Err(SandboxError::Start {
                reason: format!("its locks were {:?} and are {locks:?}", self.shared.locks),
                cause: None,
            });
        }
        *zygote = Arc::new(started);
        zygote.fork(allowance)
    }

    /// Where the sockets of children are read and written.
    pub(crate) fn runtime(&self) -> Result<&Handle, SandboxError> {
        let runtime = self.shared.runtime.as_ref().map(Runtime::handle);
        runtime.ok_or_else(|| SandboxError::Start {
            reason: "the sandbox is being dropped".to_owned(),
            cause: None,
        })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // May happen where blocking is not allowed.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
