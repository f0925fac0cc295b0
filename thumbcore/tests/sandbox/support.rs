//! What the tests share.

use std::{fs, path::Path, sync::Arc};

use devstack::media::Clip;
use thumbcore::{Extractor, ExtractorBuilder, MemorySource, sandbox::Sandbox};

/// Runs an async test on a runtime of its own.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(test);
}

/// An extractor with a sandbox of its own.
pub(crate) fn sandboxed() -> Extractor {
    in_sandbox(Extractor::builder())
}

pub(crate) fn in_sandbox(builder: ExtractorBuilder) -> Extractor {
    builder.sandbox(Sandbox::start().unwrap()).build().unwrap()
}

/// A source whose name has children do wrong.
pub(crate) fn misdeed(name: &str) -> Arc<MemorySource> {
    Arc::new(MemorySource::new(format!("misdeed:{name}"), vec![0; 1000]))
}

/// Ten seconds of video.
pub(crate) fn clip() -> Vec<u8> {
    fs::read(Clip::new("mp4").make().unwrap()).unwrap()
}

/// The processes that `pid` has started, by the names they have.
pub(crate) fn children(pid: u32) -> Vec<(u32, String)> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten();
    let lists = tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let text: String = lists.collect();
    let pids = text.split_whitespace().filter_map(|pid| pid.parse().ok());
    pids.filter_map(|pid: u32| {
        let name = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("comm"));
        Some((pid, name.ok()?.trim().to_owned()))
    })
    .collect()
}

/// The zygote of this process's one sandbox, and its children.
pub(crate) fn processes() -> (u32, Vec<u32>) {
    let zygotes = children(std::process::id());
    let [(zygote, _)] = &zygotes[..] else {
        panic!("{zygotes:?}");
    };
    let children = children(*zygote).into_iter().map(|(pid, _)| pid);
    (*zygote, children.collect())
}

/// Waits until `condition` gives something, for ten seconds at most.
pub(crate) async fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1000 {
        if let Some(found) = condition() {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("waited in vain for {what}");
}
