//! Hostile claims and good videos at once, within a pod's memory.

use anyhow::{Context as _, Result};
use devstack::media::Clip;

use crate::support::{
    Worker, WorkerOptions, dlq_depth, event, hostile, manifest, purge, queue_is_empty, send, stack,
    until, upload, upload_file,
};

const MIB: u64 = 1 << 20;

/// The memory of a worker's pod in `k8s/base/worker/deployment.yaml`.
const POD: u64 = 768 * MIB;

#[tokio::test(flavor = "multi_thread")]
async fn hostile_claims_stay_within_a_pod_and_good_videos_are_done() -> Result<()> {
    let stack = stack(60).await?;
    let mut keys = Vec::new();
    for (name, bytes) in [
        ("samples.mp4", hostile::mp4(10_000_000, 0)),
        ("movie.mp4", hostile::mp4(1, 100 << 20)),
        ("arrays.flv", hostile::flv(900_000)),
        ("index.avi", hostile::avi(2_400_000)),
    ] {
        let first = format!("uploads/1-{name}");
        upload(&stack, &first, bytes).await?;
        for number in 2..=4 {
            let key = format!("uploads/{number}-{name}");
            let copy = stack.s3().copy_object().bucket(stack.bucket()).key(&key);
            let source = format!("{}/{first}", stack.bucket());
            copy.copy_source(source).send().await?;
            keys.push(key);
        }
        keys.push(first);
    }
    let hostile = keys.len() as u32;
    for extension in ["mp4", "mkv", "webm", "ts"] {
        let key = format!("uploads/good-{extension}.{extension}");
        upload_file(&stack, &key, &Clip::new(extension).make()?).await?;
        keys.push(key);
    }
    purge(&stack).await?;
    for key in &keys {
        send(&stack, &event(&stack, &[key])).await?;
    }

    let options = WorkerOptions {
        dlq: true,
        env: vec![
            ("WORKER_MEMORY_BYTES", POD.to_string()),
            // All at once.
            ("WORKER_CONCURRENCY", keys.len().to_string()),
        ],
        ..WorkerOptions::default()
    };
    let worker = Worker::start(&stack, options).await?;
    for extension in ["mp4", "mkv", "webm", "ts"] {
        let manifest = manifest(&stack, &format!("thumbnails/good-{extension}.json")).await?;
        assert_eq!(manifest.thumbnails.len(), 3, "{extension}");
    }
    until("the hostile ones are given up", async || {
        Ok((dlq_depth(&stack).await? == hostile).then_some(()))
    })
    .await?;
    queue_is_empty(&stack).await?;
    let peak = peak_memory(worker.id().context("the worker ended")?)?;
    assert!(peak <= POD, "{} MiB", peak / MIB);
    Ok(())
}

/// The most memory that a process has held, in bytes.
fn peak_memory(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|text| text.trim().strip_suffix(" kB"));
    Ok(kib.context("no VmHWM")?.trim().parse::<u64>()? * 1024)
}
