//! Keyframes alone, decoded side by side where CPUs are free.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use super::{
    cpu::CpuTime, outcome::Origin, request::Request, target::Made, task::Task, thread::traced,
};
use crate::{Error, LimitError, decode::Decoder, demux::Track, libav::Packet};

/// Compressed bytes that another thread is started for: 128 KiB take some 10 ms to decode, and a
/// second decoder costs the CPU a few for its memory.
const WORTH_A_THREAD: usize = 128 << 10;

/// A keyframe packet and the target it is for.
pub(super) struct Work {
    pub(super) target: usize,
    pub(super) packet: Packet,
    /// The packet does not tell its picture's time.
    pub(super) is_untimed: bool,
}

/// Pictures of keyframes, some of which may be done when another fails.
#[derive(Debug)]
pub(super) struct Batch {
    /// The targets that have pictures now.
    pub(super) made: Vec<(usize, Made)>,
    /// CPU time of the threads that helped.
    pub(super) cpu: Duration,
    pub(super) result: Result<(), Error>,
}

/// What the threads of a batch share.
struct Shared<'a> {
    task: &'a Task,
    track: &'a Arc<Track>,
    request: &'a Request,
    work: Mutex<Vec<Work>>,
    made: Mutex<Vec<(usize, Made)>>,
}

impl Batch {
    /// Decodes each packet of `work` alone. Those that give no picture are left out.
    pub(super) fn decode(
        task: &Task,
        track: &Arc<Track>,
        request: &Request,
        mut work: Vec<Work>,
    ) -> Self {
        let bytes: usize = work.iter().map(|work| work.packet.size()).sum();
        let threads = work.len().min(bytes / WORTH_A_THREAD);
        // The first is taken from the end.
        work.reverse();
        let shared = Shared {
            task,
            track,
            request,
            work: Mutex::new(work),
            made: Mutex::default(),
        };
        let mut cpu = Duration::ZERO;
        let result = task.run(|| {
            let (result, helped) = shared.decode_with(threads.saturating_sub(1));
            cpu = helped;
            result
        });
        let made = shared.made.into_inner();
        Self {
            made: made.unwrap_or_else(PoisonError::into_inner),
            cpu,
            result,
        }
    }
}

impl Shared<'_> {
    /// Works on this thread and on up to `helpers` more, each on a CPU of its own. Their CPU time.
    fn decode_with(&self, helpers: usize) -> (Result<(), Error>, Duration) {
        thread::scope(|scope| {
            let mut started = Vec::new();
            for _ in 0..helpers {
                let Some(permit) = self.task.cpus.spare() else {
                    break;
                };
                let help = traced(move || {
                    let cpu = CpuTime::start();
                    let result = self.decode_all().or_else(|error| match error {
                        Error::Limit(LimitError::Memory { .. }) => Ok(()),
                        error => Err(error),
                    });
                    drop(permit);
                    (result, cpu.spent())
                });
                let builder = thread::Builder::new().name("thumbcore-decode".to_owned());
                match builder.spawn_scoped(scope, help) {
                    Ok(helper) => started.push(helper),
                    // The threads that run do the work of one that cannot be started.
                    Err(error) => {
                        tracing::debug!(%error, "no further thread");
                        break;
                    }
                }
            }
            let mut result = self.decode_all();
            let mut cpu = Duration::ZERO;
            for helper in started {
                match helper.join() {
                    Ok((helped, spent)) => {
                        result = result.and(helped);
                        cpu += spent;
                    }
                    // A panic in a helper goes on in this thread, where it is stopped.
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            (result, cpu)
        })
    }

    /// Decodes until nothing is left to do.
    fn decode_all(&self) -> Result<(), Error> {
        let next = || lock(&self.work).pop();
        if lock(&self.work).is_empty() {
            return Ok(());
        }
        // Before work is taken, which others do where there is no memory for one more decoder.
        let mut decoder = self.decoder()?;
        while let Some(work) = next() {
            self.task.reader.check_time()?;
            let Some(picture) = decoder.keyframe(&work.packet)? else {
                continue;
            };
            let reordering = decoder.reordering();
            let made = Made {
                picture: self.request.finish(self.track, &picture)?,
                origin: Origin::Keyframe,
                late_by: (work.is_untimed && reordering > 0).then_some(reordering),
                limit: None,
                iframe: None,
            };
            lock(&self.made).push((work.target, made));
        }
        Ok(())
    }

    fn decoder(&self) -> Result<Decoder, Error> {
        let decoder = Decoder::open(self.track, &self.task.reader)?;
        Ok(decoder.coarse(self.request.hides_blocks(self.track)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Both lists are valid after every statement.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
