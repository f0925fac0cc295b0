//! Decoding in processes without rights.
//!
//! Decoders are C, and videos are written by strangers. With a [`Sandbox`], each video is demuxed,
//! decoded, rendered and encoded in a process of its own, which has no network, no file, no
//! environment, no credential and no other video: its only way out is a socket on which it asks the
//! program for ranges of its video and hands out pictures. A video that takes that process over has
//! won nothing, and one that crashes it costs nobody else anything.
//!
//! ```no_run
//! use std::sync::Arc;
//! use thumbcore::{Extractor, FileSource, sandbox::{self, Sandbox}};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // First of all: the processes of the sandbox are this program, started anew.
//!     sandbox::init();
//!     let runtime = tokio::runtime::Runtime::new()?;
//!     runtime.block_on(async {
//!         let extractor = Extractor::builder().sandbox(Sandbox::start()?).build()?;
//!         let source = FileSource::open("holiday.mp4").await?;
//!         let extraction = extractor.extract(Arc::new(source)).await?;
//!         println!("{} pictures", extraction.thumbnails.len());
//!         Ok(())
//!     })
//! }
//! ```
//!
//! # Processes
//! The program starts itself anew as the zygote, with an environment of its own: nothing that the
//! program has in memory is in the zygote's. The zygote loads libav, has one thread, reads no
//! video, and forks a child for each. It ends with the program; where it dies before, the calls in
//! hand are tried once more with a new one.
//!
//! # Locks
//! Each child is locked in before it reads the first byte of its video. No privilege, user
//! namespace or profile is needed for it. [`Sandbox::locks`] tells which locks hold:
//!
//! | lock | what it stops |
//! | --- | --- |
//! | [`NoNewPrivileges`](Lock::NoNewPrivileges) | programs that give rights |
//! | [`Seccomp`](Lock::Seccomp) | every system call but those for memory, threads, time and the socket: it ends the process |
//! | [`Landlock`](Lock::Landlock) | files, ports and signals once more, where the kernel has it |
//! | [`ResourceLimits`](Lock::ResourceLimits) | taking more memory, CPU time or descriptors than [`Limits`](crate::Limits) allow |
//! | [`ParentDeath`](Lock::ParentDeath) | outliving the program |
//! | [`Descriptors`](Lock::Descriptors) | using what the program has open |
//!
//! What is left: a child can use the CPU time it is allowed, and give wrong pictures of its own
//! video. libav is set up with its defaults there, whatever [`libav::init`](crate::libav::init) was
//! told; spans and events of `tracing` stay in the child.

#[cfg(feature = "testing")]
use crate::extract::{Misdeeds, set_misdeeds};
pub use crate::jail::{Landlock, Lock, Locks, Sandbox, SandboxBuilder, Strength};
use crate::{extract::BODY, jail};

/// Becomes a process of the sandbox where this process was started as one, and does not return
/// then. Else it returns at once.
///
/// To be called first in `main`, before any thread is started: not in a function that
/// `#[tokio::main]` wraps. Without the call, [`Sandbox::start`] fails with
/// [`SandboxError::NotInitialised`](crate::SandboxError::NotInitialised).
pub fn init() {
    jail::enter(&BODY);
}

/// As [`init`], where children do wrong on purpose.
#[cfg(feature = "testing")]
#[doc(hidden)]
pub fn init_with(misdeeds: Misdeeds) {
    set_misdeeds(misdeeds);
    init();
}
