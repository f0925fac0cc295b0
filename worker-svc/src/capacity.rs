//! How many videos to work on at once, and the memory they share, from what this process may use.
//!
//! Most of a video's time is waiting for S3, so there are several videos to a CPU; memory sets the
//! bound. The CPU quota comes from the standard library, which reads the cgroup's; the memory limit
//! is read here, from cgroup v2 or v1, or else is the machine's memory.

use std::{fs, path::Path, thread};

use service_kit::descriptors::Descriptors;
use thumbcore::MemoryBudget;

use crate::monitor;

/// Videos a CPU can keep going: decoding is about 100 ms of CPU in half a second to a second of
/// waiting.
const VIDEOS_PER_CPU: usize = 4;

/// Memory for each video: one decoded 64-megapixel frame takes about 100 MB, and the read cache and
/// pictures come on top. A video may need more, such as 288 MB for an index of
/// [`Limits::max_samples`](thumbcore::Limits::max_samples): [`budget`] has it wait for the
/// others.
const BYTES_PER_VIDEO: u64 = 160 << 20;

/// Above this, one pod hurts more by its death than another pod costs.
const MOST: usize = 64;

/// Least memory kept back from the videos, in bytes: code, stacks, connections, and the buffers of
/// encoders and of the allocator, which no budget counts.
const LEAST_RESERVE: u64 = 96 << 20;

/// Most memory kept back, in bytes.
const MOST_RESERVE: u64 = 512 << 20;

/// Smallest budget, in bytes: enough for most videos, one at a time.
const LEAST_BUDGET: u64 = 64 << 20;

/// File descriptors of one video: connections for its ranges and outputs, and its sandbox.
const DESCRIPTORS_PER_VIDEO: usize = 16;

/// File descriptors that are kept back from the videos: the monitor's connections, the queue's, and
/// what the runtime and the process itself have open.
const OWN_DESCRIPTORS: usize = monitor::CONNECTIONS + 64;

/// The default of `WORKER_CONCURRENCY` on this machine, with `memory` bytes to use.
pub(crate) fn default_concurrency(memory: Option<u64>, descriptors: Descriptors) -> usize {
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    let by_descriptors = descriptors.beyond(OWN_DESCRIPTORS) / DESCRIPTORS_PER_VIDEO;
    concurrency(cpus, memory).min(by_descriptors.max(1))
}

/// The default of `WORKER_MEMORY_BYTES`: what this machine and this cgroup let the process use, in
/// bytes. `None` where neither can be read.
pub(crate) fn default_memory() -> Option<u64> {
    memory_limit(|path| fs::read_to_string(Path::new("/").join(path)).ok())
}

/// What all videos share of `memory` bytes: all but a quarter, of which at least [`LEAST_RESERVE`]
/// and at most [`MOST_RESERVE`] is kept back.
pub(crate) fn budget(memory: u64) -> MemoryBudget {
    let reserve = (memory / 4).clamp(LEAST_RESERVE, MOST_RESERVE);
    MemoryBudget::new(memory.saturating_sub(reserve).max(LEAST_BUDGET))
}

fn concurrency(cpus: usize, memory_limit: Option<u64>) -> usize {
    let by_memory = memory_limit.map_or(MOST as u64, |limit| limit / BYTES_PER_VIDEO);
    cpus.saturating_mul(VIDEOS_PER_CPU)
        .min(by_memory as usize)
        .clamp(1, MOST)
}

/// The memory limit in bytes that applies to this process; `None` where there is none. `read` takes
/// paths relative to the root.
fn memory_limit(read: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let membership = read("proc/self/cgroup").unwrap_or_default();
    let mut limits = Vec::new();
    for line in membership.lines() {
        // hierarchy-ID:controllers:path
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        let (base, file) = if controllers.is_empty() {
            ("sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|name| name == "memory") {
            ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            continue;
        };
        // A parent's limit holds too. In a container the path may be the host's and not exist
        // here; then the root of the mount is the container's own group.
        for group in ancestors(path) {
            limits.extend(read(&format!("{base}{group}/{file}")).and_then(|text| bytes(&text)));
        }
    }
    limits.extend(read("proc/meminfo").and_then(|text| total_memory(&text)));
    limits.into_iter().min()
}

/// The machine's memory in bytes, from `/proc/meminfo`.
fn total_memory(meminfo: &str) -> Option<u64> {
    let total = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// `/a/b` gives `/a/b`, `/a` and the root, which is empty.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let path = path.trim_end_matches('/');
    std::iter::successors(Some(path), |path| {
        path.rsplit_once('/').map(|(parent, _)| parent)
    })
}

/// A limit in bytes; v2 says `max` for none, v1 a number near 2^63.
fn bytes(text: &str) -> Option<u64> {
    const NO_LIMIT: u64 = 1 << 60;
    text.trim().parse().ok().filter(|limit| *limit < NO_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(files: &[(&str, &str)]) -> Option<u64> {
        memory_limit(|path| {
            let file = files.iter().find(|(name, _)| *name == path);
            file.map(|(_, text)| (*text).to_owned())
        })
    }

    #[test]
    fn cgroup_v2() {
        let member = ("proc/self/cgroup", "0::/\n");
        assert_eq!(
            limit(&[member, ("sys/fs/cgroup/memory.max", "max\n")]),
            None
        );
        assert_eq!(
            limit(&[member, ("sys/fs/cgroup/memory.max", "536870912\n")]),
            Some(512 << 20)
        );
        assert_eq!(
            limit(&[
                ("proc/self/cgroup", "0::/a/b\n"),
                ("sys/fs/cgroup/a/b/memory.max", "max\n"),
                ("sys/fs/cgroup/a/memory.max", "1000\n"),
            ]),
            Some(1000)
        );
    }

    #[test]
    fn cgroup_v1() {
        let member = (
            "proc/self/cgroup",
            "5:cpu,cpuacct:/x\n4:memory:/docker/1:2\n",
        );
        let file = "sys/fs/cgroup/memory/memory.limit_in_bytes";
        assert_eq!(limit(&[member, (file, "9223372036854771712\n")]), None);
        assert_eq!(limit(&[member, (file, "1048576\n")]), Some(1 << 20));
    }

    #[test]
    fn no_cgroup_or_nonsense_is_no_limit() {
        assert_eq!(limit(&[]), None);
        let nonsense = ("sys/fs/cgroup/memory.max", "lots");
        assert_eq!(
            limit(&[("proc/self/cgroup", "0::/\nx\n\n"), nonsense]),
            None
        );
    }

    #[test]
    fn a_quarter_is_kept_back() {
        const MIB: u64 = 1 << 20;
        for (memory, shared) in [(64, 64), (256, 160), (768, 576), (8192, 7680)] {
            assert_eq!(budget(memory * MIB).limit(), shared * MIB, "{memory}");
        }
    }

    #[test]
    fn concurrency_is_bounded_by_cpu_and_memory() {
        assert_eq!(concurrency(2, None), 8);
        assert_eq!(concurrency(2, Some(512 << 20)), 3);
        assert_eq!(concurrency(1, Some(64 << 20)), 1);
        assert_eq!(concurrency(128, None), MOST);
    }
}
