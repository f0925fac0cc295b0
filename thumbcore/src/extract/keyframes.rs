//! Keyframes alone, decoded side by side where CPUs are free, and the choice among those that
//! compete for one picture.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use super::{
    cpu::CpuTime,
    outcome::Origin,
    ranking::Ranking,
    request::Request,
    target::{Entrant, Judged, Late, Made},
    task::Task,
    thread::traced,
    wanted::Choice,
};
use crate::{
    Error, LimitError,
    confined::is_confined,
    container::Keyframe,
    decode::{Decoder, Picture},
    demux::Track,
    libav::Packet,
    score::Score,
};

/// Compressed bytes that another thread is started for: 128 KiB take some 10 ms to decode, and a
/// second decoder costs the CPU a few for its memory.
const WORTH_A_THREAD: usize = 128 << 10;

/// The same in a process of the sandbox, none of whose memory was used before: a second decoder's
/// is zeroed and mapped for it, which is worth it where the first would take some 40 ms.
const WORTH_A_THREAD_CONFINED: usize = 512 << 10;

/// What one target's picture is made from.
pub(super) struct Work {
    pub(super) target: usize,
    /// The keyframes that compete, at least one; for [`Choice::Nearest`] the first comes first.
    pub(super) entries: Vec<Entry>,
    pub(super) choice: Choice,
}

/// A keyframe and its packet.
pub(super) struct Entry {
    pub(super) entrant: Entrant,
    pub(super) packet: Packet,
}

/// A target's picture, and the keyframe that gave it.
#[derive(Debug)]
pub(super) struct Won {
    pub(super) target: usize,
    pub(super) made: Made,
    pub(super) keyframe: Keyframe,
    /// The pictures that competed.
    pub(super) judged: Vec<Judged>,
}

/// The best of the entries of one target.
struct Best {
    /// Its number among the entries.
    winner: usize,
    /// How good its picture is beside the others.
    score: Option<Score>,
    /// Its picture, unless another one seemed better until all were seen.
    picture: Option<Picture>,
    judged: Vec<Judged>,
}

/// Pictures of keyframes, some of which may be done when another fails.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) won: Vec<Won>,
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
    won: Mutex<Vec<Won>>,
}

impl Batch {
    /// Decodes each packet of `work` alone. Targets that get no picture are left out.
    pub(super) fn decode(
        task: &Task,
        track: &Arc<Track>,
        request: &Request,
        mut work: Vec<Work>,
    ) -> Self {
        let entries = work.iter().flat_map(|work| &work.entries);
        let bytes: usize = entries.map(|entry| entry.packet.size()).sum();
        let worth = if is_confined() {
            WORTH_A_THREAD_CONFINED
        } else {
            WORTH_A_THREAD
        };
        let threads = work.len().min(bytes / worth);
        // The first is taken from the end.
        work.reverse();
        let shared = Shared {
            task,
            track,
            request,
            work: Mutex::new(work),
            won: Mutex::default(),
        };
        let mut cpu = Duration::ZERO;
        let result = task.run(|| {
            let (result, helped) = shared.decode_with(threads.saturating_sub(1));
            cpu = helped;
            result
        });
        let won = shared.won.into_inner();
        Self {
            won: won.unwrap_or_else(PoisonError::into_inner),
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
            if let Some(won) = self.contest(&mut decoder, work)? {
                lock(&self.won).push(won);
            }
        }
        Ok(())
    }

    /// Decodes the keyframes that compete for one picture, and finishes that of the winner.
    fn contest(&self, decoder: &mut Decoder, work: Work) -> Result<Option<Won>, Error> {
        let Work {
            target,
            mut entries,
            choice,
        } = work;
        let mut judged = Vec::new();
        let (mut winner, mut picture, mut score) = (0, None, None);
        if entries.len() > 1 {
            let Some(best) = self.best(decoder, &entries, choice)? else {
                return Ok(None);
            };
            (winner, picture, judged) = (best.winner, best.picture, best.judged);
            score = best.score;
        }
        let Entry { entrant, packet } = entries.swap_remove(winner);
        if picture.is_none() {
            self.task.reader.check_time()?;
            picture = decoder.keyframe(&packet)?;
        }
        let Some(picture) = picture else {
            return Ok(None);
        };
        let mut finished = self.request.finish(self.track, &picture)?;
        // Measured on the same small picture as those that it competed with.
        finished.score = score.unwrap_or(finished.score);
        if judged.is_empty() {
            let judgement = finished.judgement();
            judged.push(Judged::keyframe(entrant.clone(), judgement));
        }
        let is_untimed = entrant.keyframe.place.is_untimed() || self.track.is_unpresented(&packet);
        let late = Late {
            by: decoder.reordering(),
            may_be_led: self.track.may_be_led(&packet),
        };
        let made = Made {
            late: Some(late).filter(|late| is_untimed && late.by > 0),
            ..Made::new(finished, Origin::Keyframe)
        };
        Ok(Some(Won {
            target,
            made,
            keyframe: entrant.keyframe,
            judged,
        }))
    }

    /// Judges the pictures of `entries`. At most two of them are held at once.
    fn best(
        &self,
        decoder: &mut Decoder,
        entries: &[Entry],
        choice: Choice,
    ) -> Result<Option<Best>, Error> {
        let mut ranking = Ranking::default();
        let mut held = None;
        for (nth, entry) in entries.iter().enumerate() {
            self.task.reader.check_time()?;
            let Some(picture) = decoder.keyframe(&entry.packet)? else {
                continue;
            };
            let judgement = Request::judge(self.track, &picture)?;
            let is_fit = judgement.score.is_fit();
            let entrant = entry.entrant.clone();
            ranking.add(nth, Judged::keyframe(entrant, judgement));
            if ranking.first() == Some(nth) {
                held = Some((nth, picture));
            }
            if choice == Choice::Nearest && is_fit {
                break;
            }
        }
        if matches!(choice, Choice::Best(_)) {
            ranking.discount_blends();
        }
        let Some(winner) = ranking.first() else {
            return Ok(None);
        };
        let held = held.filter(|(nth, _)| *nth == winner);
        Ok(Some(Best {
            winner,
            score: ranking.score(winner),
            picture: held.map(|(_, picture)| picture),
            judged: ranking.into_judged(),
        }))
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
