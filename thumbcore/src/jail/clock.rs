//! What processes have used.

use std::{fs, io, mem::MaybeUninit};

use rustix::process::Pid;

/// Seconds of CPU time that all threads of `pid` have used, rounded up; `None` where it is gone.
pub(super) fn cpu_seconds(pid: Pid) -> Option<u64> {
    let mut clock = 0;
    // SAFETY: writes a clock's id to the integer; any process id may be asked for.
    let found = unsafe { libc::clock_getcpuclockid(pid.as_raw_nonzero().get(), &raw mut clock) };
    if found != 0 {
        return None;
    }
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: writes a time to the structure, which is as large as it takes it for.
    if unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: the call succeeded, so all of the structure was written.
    let time = unsafe { time.assume_init() };
    Some(time.tv_sec.unsigned_abs() + 1)
}

/// Bytes of address space that this process takes.
pub(super) fn address_space() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/self/statm")?;
    let pages: Option<u64> = text.split(' ').next().and_then(|pages| pages.parse().ok());
    let pages = pages.ok_or(io::ErrorKind::InvalidData)?;
    Ok(pages * rustix::param::page_size() as u64)
}
