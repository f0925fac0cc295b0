//! Which system calls a child may make: `filter.json`, compiled to seccomp filters.
//!
//! Two filters lie upon each other, of whose answers the kernel obeys the stricter. One ends the
//! process at any call that is not on its list. The other answers `ENOSYS` where the C library asks
//! for more than it needs and can do without.

use seccompiler::{BpfProgram, TargetArch, apply_filter, compile_from_json};

/// The lists, with the reason beside each entry that is not plain. `"PID"` stands for the process.
const LISTS: &str = include_str!("filter.json");

/// What stands for the process until it is there: no process has this number, and no other
/// constant of the lists is the same.
const ANY_PROCESS: i32 = i32::MAX - 14;

/// The filters of one child, or of those that are not there yet.
#[derive(Debug, Clone)]
pub(super) struct Filters {
    unavailable: BpfProgram,
    allowed: BpfProgram,
}

impl Filters {
    /// Compiles the filters for this machine, of any process: see [`Filters::of_process`].
    pub(super) fn compile() -> Result<Self, String> {
        let arch =
            TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
        Self::compile_for(arch)
    }

    fn compile_for(arch: TargetArch) -> Result<Self, String> {
        let lists = LISTS.replace("\"PID\"", &ANY_PROCESS.to_string());
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

    /// The filters of the process `pid`. To compile them anew in every child takes longer than all
    /// else that locks a child in.
    pub(super) fn of_process(mut self, pid: i32) -> Self {
        for step in self.unavailable.iter_mut().chain(&mut self.allowed) {
            if step.k == ANY_PROCESS.cast_unsigned() {
                step.k = pid.cast_unsigned();
            }
        }
        self
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
