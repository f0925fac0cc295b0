//! A video that stays open.

use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::{Mutex, OwnedMutexGuard};

#[cfg(sandbox)]
use super::sandboxed::Held;
use super::{
    Extractor, KeyframeEntry, Media, Stats,
    cpu::CpuTime,
    ladder::{Climbed, Ladder, undecodable},
    outcome::{Candidate, Extraction, Origin, Thumbnail},
    picture::{UNTOLD, geometry},
    request::Request,
    runtime,
    search::{Beyond, Search},
    target::Judged,
    task::Task,
};
use crate::{
    Error,
    decode::Decoder,
    demux::{Session, Track},
    patience::{Patience, Resource},
    reader::Store,
    source::Stat,
};

/// A video whose index was read and is kept, so that each further picture costs its own bytes only:
/// one round trip where an index names the place of each keyframe.
///
/// Cheap to clone; clones are the same video. Calls of [`extract`](Self::extract) on one video take
/// turns, in the order in which they were made; each has its own budgets of
/// [`Limits`](crate::Limits), which begin with its turn, and its own [`Stats`]. Videos of one
/// [`Extractor`](super::Extractor) run side by side.
///
/// A video holds at most [`ReadConfig::cache`](crate::ReadConfig::cache) bytes of its source and
/// its index: see [`held_bytes`](Self::held_bytes). It stays at the version that was opened: a call
/// after the source was overwritten fails with
/// [`SourceError::Changed`](crate::SourceError::Changed), and the video is of no further use.
///
/// ```
/// use std::sync::Arc;
/// use thumbcore::{Extractor, FileSource, Position, Request};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let extractor = Extractor::builder().build()?;
/// let video = extractor.open(Arc::new(FileSource::open("holiday.mp4").await?)).await?;
/// for percent in 0..10 {
///     let position = Position::Fraction(f64::from(percent) / 10.0);
///     let request = Request::new().positions([position]).widths([160]);
///     let extraction = video.extract(&request).await?;
///     println!("{} bytes more", extraction.stats.bytes_fetched);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Video {
    opened: Arc<Opened>,
}

/// What all clones of a video share.
enum Opened {
    Here(Here),
    #[cfg(sandbox)]
    Sandboxed(Held),
}

/// A video that is open in this process.
struct Here {
    media: Media,
    keyframes: Option<Vec<KeyframeEntry>>,
    /// How long the pictures last; sound may last longer.
    film: Option<Duration>,
    /// Bytes of the demuxer's index.
    index_bytes: usize,
    stats: Stats,
    store: Arc<Store>,
    extractor: Extractor,
    /// One call at a time has it.
    session: Arc<Mutex<Session>>,
}

impl Video {
    /// Reads the rest of what facts need, on a thread that may block.
    pub(super) fn of(
        mut session: Session,
        task: &Task,
        extractor: Extractor,
        cpu: &CpuTime,
    ) -> Result<Self, Error> {
        let shown = shown(&session, task, &extractor.settings.request)?;
        let start_us = session.track.start_us;
        let listed = session.keyframes().into_iter().flatten();
        let keyframes: Vec<_> = listed
            .map(|listed| KeyframeEntry {
                time: since(start_us, listed.time_us),
                position: listed.position,
                size: listed.size,
            })
            .collect();
        let here = Here {
            media: media(&session, shown),
            index_bytes: session.index_bytes() + size_of_val(&keyframes[..]),
            film: session.track.film_us().map(micros),
            keyframes: Some(keyframes).filter(|listed| !listed.is_empty()),
            stats: Stats::new(task.reader.costs(), cpu.spent()),
            store: Arc::clone(task.reader.store()),
            extractor,
            session: Arc::new(Mutex::new(session)),
        };
        Ok(Self {
            opened: Arc::new(Opened::Here(here)),
        })
    }

    /// A video that is open in a process of a sandbox.
    #[cfg(sandbox)]
    pub(super) fn sandboxed(held: Held) -> Self {
        Self {
            opened: Arc::new(Opened::Sandboxed(held)),
        }
    }

    /// Facts about the video.
    #[must_use]
    pub fn facts(&self) -> &Media {
        match &*self.opened {
            Opened::Here(here) => &here.media,
            #[cfg(sandbox)]
            Opened::Sandboxed(held) => &held.media,
        }
    }

    /// Length and version of what was opened.
    #[must_use]
    pub fn stat(&self) -> &Stat {
        match &*self.opened {
            Opened::Here(here) => here.store.stat(),
            #[cfg(sandbox)]
            Opened::Sandboxed(held) => &held.stat,
        }
    }

    /// What opening cost.
    #[must_use]
    pub fn opened(&self) -> &Stats {
        match &*self.opened {
            Opened::Here(here) => &here.stats,
            #[cfg(sandbox)]
            Opened::Sandboxed(held) => &held.stats,
        }
    }

    /// Every keyframe by time, where an index names them; else `None`. Reads nothing.
    #[must_use]
    pub fn keyframes(&self) -> Option<Vec<KeyframeEntry>> {
        match &*self.opened {
            Opened::Here(here) => here.keyframes.clone(),
            #[cfg(sandbox)]
            Opened::Sandboxed(held) => held.keyframes.clone(),
        }
    }

    /// Bytes that the video holds in memory now: of its source, which
    /// [`ReadConfig::cache`](crate::ReadConfig::cache) bounds, and of its index, which the file's
    /// length and [`Limits::max_samples`](crate::Limits::max_samples) bound. The index is an
    /// estimate.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        match &*self.opened {
            Opened::Here(here) => here.store.held_bytes() + here.index_bytes,
            #[cfg(sandbox)]
            Opened::Sandboxed(held) => held.held_bytes(),
        }
    }

    /// How long the pictures last, where that is known; sound may last longer.
    pub(crate) fn film(&self) -> Option<Duration> {
        match &*self.opened {
            Opened::Here(here) => here.film,
            #[cfg(sandbox)]
            Opened::Sandboxed(held) => held.film,
        }
    }

    /// What opened the video.
    pub(crate) fn extractor(&self) -> &Extractor {
        match &*self.opened {
            Opened::Here(here) => &here.extractor,
            #[cfg(sandbox)]
            Opened::Sandboxed(held) => held.extractor(),
        }
    }

    /// Takes the pictures of `request`: one thumbnail a position, in the order of the positions.
    ///
    /// Runs on tokio, without blocking its workers. Dropping the future cancels reading and
    /// decoding; the video can be used again.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a request that is wrong. No thumbnail is returned where not every
    /// position gave one. [`Error::is_transient`] tells whether the same request may succeed later.
    pub async fn extract(&self, request: &Request) -> Result<Extraction, Error> {
        request.check()?;
        match &*self.opened {
            Opened::Here(here) => here.extract(request, &here.extractor.patience()).await,
            #[cfg(sandbox)]
            Opened::Sandboxed(held) => held.extract(request.clone()).await,
        }
    }

    /// As [`extract`](Self::extract), of a video that is open in this process.
    #[cfg(sandbox)]
    pub(super) async fn extract_here(
        &self,
        request: &Request,
        patience: &Arc<Patience>,
    ) -> Result<Extraction, Error> {
        match &*self.opened {
            Opened::Here(here) => here.extract(request, patience).await,
            Opened::Sandboxed(held) => held.extract(request.clone()).await,
        }
    }
}

impl Here {
    /// Takes the pictures of `request`, as often as others have the memory that they need.
    async fn extract(
        &self,
        request: &Request,
        patience: &Arc<Patience>,
    ) -> Result<Extraction, Error> {
        let account = self.store.account();
        let settings = &self.extractor.settings;
        loop {
            let mut result = self.attempt(request, patience).await;
            if let Some(needed) = result.as_ref().err().and_then(Error::is_short_of) {
                // What the open video has it keeps, so others may wait for it in vain: not for
                // ever.
                let most = settings.limits.max_time;
                let grown = patience.wait_within(most, Resource::Memory, account.grow_to(needed));
                match grown.await.flatten() {
                    Ok(()) => continue,
                    Err(busy) => result = Err(busy),
                }
            }
            account.settle();
            return result;
        }
    }

    /// Takes the pictures of `request` with the memory that is free now.
    async fn attempt(
        &self,
        request: &Request,
        patience: &Arc<Patience>,
    ) -> Result<Extraction, Error> {
        let runtime = runtime()?;
        let turn = Arc::clone(&self.session).lock_owned();
        let session = patience.wait(Resource::Turn, turn).await?;
        // After the turn: who waits for a video must not keep others from theirs.
        let place = self.extractor.admission.enter(patience).await?;
        let (request, store) = (request.clone(), Arc::clone(&self.store));
        let cpus = self.extractor.settings.cpus.clone();
        let work = self.extractor.attempt(patience, place, move |call| {
            let mut session: OwnedMutexGuard<Session> = session;
            let task = Task {
                reader: Arc::new(store.reader(call)),
                runtime,
                cpus,
            };
            extract(&mut session, task, &request, &CpuTime::start())
        });
        work.await
    }
}

impl fmt::Debug for Video {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Video")
            .field("media", self.facts())
            .field("stat", self.stat())
            .field("held_bytes", &self.held_bytes())
            .finish_non_exhaustive()
    }
}

/// Takes the pictures of `request`, on a thread that may block and whose CPU time `cpu` measures.
pub(super) fn extract(
    session: &mut Session,
    task: Task,
    request: &Request,
    cpu: &CpuTime,
) -> Result<Extraction, Error> {
    let reader = Arc::clone(&task.reader);
    let Climbed { made, cpu: helpers } = Ladder::new(session, request, task)?.climb()?;
    let shown = made.first().map(|(_, made)| made.picture.shown);
    let (start_us, is_attached) = (session.track.start_us, session.track.is_attached);
    let thumbnails = made.into_iter().map(|(time_us, made)| {
        let target = since(start_us, time_us);
        let actual = made.picture.time_us;
        Thumbnail {
            limit: made.limit,
            iframe: made.iframe,
            renditions: made.picture.renditions,
            format: request.format,
            target,
            actual: actual.map_or(target, |actual_us| since(start_us, actual_us)),
            origin: if is_attached {
                Origin::Attached
            } else {
                made.origin
            },
            score: made.picture.score,
            candidates: candidates(&made.judged, start_us),
        }
    });
    Ok(Extraction {
        media: media(session, shown.ok_or_else(undecodable)?),
        thumbnails: thumbnails.collect(),
        stats: Stats::new(reader.costs(), cpu.spent() + helpers),
        stat: reader.store().stat().clone(),
    })
}

/// The pictures that competed, by time.
fn candidates(judged: &[Judged], start_us: i64) -> Vec<Candidate> {
    if judged.len() < 2 {
        return Vec::new();
    }
    let candidate = |judged: &Judged| {
        let entrant = judged.entrant.as_ref();
        let known_us = entrant.map(|entrant| entrant.keyframe.time_us);
        Some(Candidate {
            time: since(start_us, judged.judgement.time_us.or(known_us)?),
            size: entrant.and_then(|entrant| entrant.size),
            score: judged.judgement.score,
        })
    };
    let mut candidates: Vec<_> = judged.iter().filter_map(candidate).collect();
    candidates.sort_by_key(|candidate| candidate.time);
    candidates.dedup_by_key(|candidate| candidate.time);
    candidates
}

/// Width and height of the video as shown. Decodes a picture where the container does not tell.
fn shown(session: &Session, task: &Task, request: &Request) -> Result<(u32, u32), Error> {
    let track: &Arc<Track> = &session.track;
    let width = request.widths.first().copied().unwrap_or(u32::MAX);
    if track.width > 0 && track.height > 0 {
        return Ok(geometry(track, (track.width, track.height), UNTOLD, width).shown);
    }
    let packets = session.packets_from_start(&task.reader)?;
    // Only the picture's size is wanted.
    let mut decoder = Decoder::open(track, &task.reader)?.coarse(true);
    let picture = Search::new(task, packets, &mut decoder).first(Beyond::TAKE_LAST)?;
    let frame = picture.ok_or_else(undecodable)?.frame;
    let coded = (frame.width(), frame.height());
    let shape = (frame.sample_aspect(), frame.display_matrix());
    Ok(geometry(track, coded, shape, width).shown)
}

fn media(session: &Session, (width, height): (u32, u32)) -> Media {
    let track = &session.track;
    let duration_us = track.duration_us;
    Media {
        container: session.container,
        codec: track.codec,
        width,
        height,
        duration: duration_us.map(micros),
    }
}

fn micros(us: i64) -> Duration {
    Duration::from_micros(us.unsigned_abs())
}

/// The time from the start of the video to `time_us` of the container's timeline.
fn since(start_us: i64, time_us: i64) -> Duration {
    Duration::from_micros(time_us.saturating_sub(start_us).max(0) as u64)
}
