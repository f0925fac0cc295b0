//! Which system calls a child may make: `filter.json`, compiled to seccomp filters.
//!
//! Two filters lie upon each other, of whose answers the kernel obeys the stricter. One ends the
//! process at any call that is not on its list. The other answers `ENOSYS` where the C library asks
//! for more than it needs and can do without.

use seccompiler::{BpfProgram, TargetArch, apply_filter, compile_from_json};

/// The lists, with the reason beside each entry that is not plain. `"PID"` stands for the process.
const LISTS: &str = include_str!("filter.json");

/// The filters of one child.
#[derive(Debug)]
pub(super) struct Filters {
    unavailable: BpfProgram,
    allowed: BpfProgram,
}

impl Filters {
    /// Compiles the filters of the process `pid` on this machine.
    pub(super) fn compile(pid: i32) -> Result<Self, String> {
        let arch =
            TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
        Self::compile_for(arch, pid)
    }

    fn compile_for(arch: TargetArch, pid: i32) -> Result<Self, String> {
        let lists = LISTS.replace("\"PID\"", &pid.to_string());
        let compiled = compile_from_json(lists.as_bytes(), arch);
        let mut filters = compiled.map_err(|error| error.to_string())?;
        let mut take = |name: &str| {
            let filter = filters.remove(name);
            filter.ok_or_else(|| format!("filter.json has no list {name:?}"))
        };
        Ok(Self {
            unavailable: take("unavailable")?,
            allowed: take("allowed")?,
        })
    }

    /// Filters the calling thread, and every thread that it starts from now on.
    pub(super) fn apply(&self) -> Result<(), seccompiler::Error> {
        apply_filter(&self.unavailable)?;
        // The last: it allows no further filter.
        apply_filter(&self.allowed)
    }
}

#[cfg(test)]
mod tests;
