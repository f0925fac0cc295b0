//! A child of the zygote, on its way from a fork to a process without rights.

use std::{os::unix::net::UnixStream, process, thread};

use rustix::{
    io::Errno,
    process::{Resource, Rlimit, setrlimit},
    thread::set_name,
};

use super::{
    frame::Frame,
    locks::{self, Lock},
    message::{Allowance, Refusal},
    zygote::{Begun, end_with},
};
use crate::confined;

/// Address space beside the video's own memory: code that is loaded late, stacks, encoders, which
/// no budget counts.
const UNCOUNTED: u64 = 512 << 20;

/// Address space for each CPU, whose thread has a stack and an arena of the allocator.
const A_CPU: u64 = 72 << 20;

/// Locks this process in, tells the program so, and serves it until it is gone.
pub(super) fn run(begun: Begun, serve: fn(UnixStream)) {
    let locked = lock(&begun);
    let is_locked = locked.is_ok();
    let Ok(hello) = postcard::to_stdvec(&locked) else {
        return;
    };
    // Where the program is gone, nobody is left to serve or to tell.
    if Frame::of(hello).write_to(&begun.socket).is_ok() && is_locked {
        serve(begun.socket);
    }
}

/// Takes this process's rights. The zygote has set what all children inherit.
fn lock(begun: &Begun) -> Result<(), Refusal> {
    end_with(begun.parent).map_err(Refusal::of(Lock::ParentDeath))?;
    set_name(c"thumbcore-child").map_err(|error| Refusal::to("naming the process", error))?;
    crash_plainly();
    limit(begun.allowance, begun.prepared.base)
        .map_err(|error| error.to_string())
        .map_err(Refusal::of(Lock::ResourceLimits))?;
    let filters = begun.prepared.filters.clone();
    let filters = filters.of_process(process::id().cast_signed());
    let applied = filters.apply().map_err(|error| error.to_string());
    applied.map_err(Refusal::of(Lock::Seccomp))?;
    confined::confine();
    Ok(())
}

/// Lets the kernel end the process at once where memory is not the process's own. The standard
/// library's handlers would look whether a stack has overflowed, and need calls for it that are not
/// allowed.
fn crash_plainly() {
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        // SAFETY: resets a signal to its default; no other thread runs that could rely on a
        // handler.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

fn limit(allowance: Allowance, base: u64) -> Result<(), Errno> {
    let cpus = thread::available_parallelism().map_or(1, usize::from) as u64;
    let space = base + allowance.memory + UNCOUNTED + cpus * A_CPU;
    locks::set(Resource::As, space)?;
    // Those that are open stay so.
    locks::set(Resource::Nofile, 0)?;
    // Renewed for each call on the video, so it must be possible to raise it.
    let cpu = Rlimit {
        current: Some(allowance.cpu_seconds),
        maximum: None,
    };
    setrlimit(Resource::Cpu, cpu)
}
