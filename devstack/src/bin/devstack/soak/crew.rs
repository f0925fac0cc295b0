//! The workers, which are killed again and again, and the processes in which they decode.

use std::{fs, time::Duration};

use anyhow::Context;
use devstack::Stack;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

use crate::service::{Service, WORKER, free_address};

const WORKERS: usize = 2;
/// Shortest and longest pause between two kills, in milliseconds.
const PAUSE: std::ops::Range<u64> = 1000..5000;
/// How often a process that decodes is looked for: each lives for a fraction of a second.
const LOOK: Duration = Duration::from_millis(20);
/// A worker whose every request at the start fails is started again, as a cluster would.
const STARTS: usize = 5;

/// The workers of a run.
pub(super) struct Crew<'a> {
    stack: &'a Stack,
    /// Where the workers think that S3 and SQS are.
    endpoint: String,
    workers: Vec<Service>,
    chance: fastrand::Rng,
    killed_workers: usize,
    killed_decoders: usize,
}

impl<'a> Crew<'a> {
    pub(super) async fn start(
        stack: &'a Stack,
        endpoint: String,
        chance: fastrand::Rng,
    ) -> anyhow::Result<Self> {
        let mut crew = Self {
            stack,
            endpoint,
            workers: Vec::new(),
            chance,
            killed_workers: 0,
            killed_decoders: 0,
        };
        for _ in 0..WORKERS {
            let worker = crew.worker().await?;
            crew.workers.push(worker);
        }
        Ok(crew)
    }

    async fn worker(&self) -> anyhow::Result<Service> {
        let env = [
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("SHUTDOWN_GRACE_SECONDS", "5"),
        ];
        let mut failed = None;
        for _ in 0..STARTS {
            match Service::start(&WORKER, self.stack, free_address(0)?, &env).await {
                Ok(worker) => return Ok(worker),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.context("no attempt to start a worker")?)
    }

    /// Kills processes until the future is dropped; ends only where that fails.
    pub(super) async fn disturb(&mut self) -> anyhow::Error {
        loop {
            sleep(Duration::from_millis(self.chance.u64(PAUSE))).await;
            let killed = if self.chance.bool() {
                self.kill_worker().await
            } else {
                self.kill_decoder().await
            };
            if let Err(error) = killed {
                return error;
            }
        }
    }

    /// Kills a worker, and starts another.
    async fn kill_worker(&mut self) -> anyhow::Result<()> {
        let nth = self.chance.usize(..self.workers.len());
        self.workers[nth].kill().await?;
        self.killed_workers += 1;
        self.workers[nth] = self.worker().await?;
        Ok(())
    }

    /// Kills one of the processes that decode, as soon as there is one.
    async fn kill_decoder(&mut self) -> anyhow::Result<()> {
        let decoder = loop {
            let workers = self.workers.iter().filter_map(Service::id);
            // A worker's child starts the processes that decode.
            let decoders: Vec<_> = workers.flat_map(children).flat_map(children).collect();
            if let Some(decoder) = self.chance.choice(decoders) {
                break decoder;
            }
            sleep(LOOK).await;
        };
        let pid = Pid::from_raw(decoder.cast_signed()).context("a process without id")?;
        // The process may have ended since.
        if kill_process(pid, Signal::KILL).is_ok() {
            self.killed_decoders += 1;
        }
        Ok(())
    }

    /// Asks the workers to end.
    pub(super) async fn stop(&mut self) -> anyhow::Result<()> {
        for worker in &mut self.workers {
            worker.stop().await?;
        }
        Ok(())
    }

    /// The ends of the workers' logs, to be shown with an error.
    pub(super) fn log_tails(&self) -> String {
        let tails = self.workers.iter().map(Service::log_tail);
        tails.collect::<Vec<_>>().join("\n")
    }

    /// What was killed.
    pub(super) fn summary(&self) -> String {
        format!(
            "killed: {} workers, {} processes that decode",
            self.killed_workers, self.killed_decoders
        )
    }
}

/// The processes whose parent is `parent`.
fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| parent_of(*id) == Some(parent)).collect()
}

fn parent_of(id: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name, in parentheses, may hold anything; the state and the parent follow.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}
