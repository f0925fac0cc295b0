//! Videos of which a child has the open one, and what is done when a child dies.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{Mutex, OwnedMutexGuard},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span, dispatcher, instrument::WithSubscriber as _};

use super::{
    check::Asked,
    session::{Session, Work, is_death},
    wire::{Call, Lent, Reply, Setup},
};
use crate::{
    Error, Extraction, Extractor, KeyframeEntry, Media, Request, Sandbox, Stats,
    extract::{Opening, admission::Place, runtime},
    memory::Loan,
    patience::{Patience, Resource},
    reader::{self, Broker},
    source::{Guard, Stat},
};

/// How often a call is tried: a child that dies is replaced once.
const TRIES: usize = 2;

/// Takes the pictures of `request` in a child that lives no longer.
pub(in crate::extract) async fn extract(
    extractor: &Extractor,
    sandbox: &Sandbox,
    opening: Opening,
    request: Request,
    patience: Arc<Patience>,
) -> Result<Extraction, Error> {
    let runtime = runtime()?;
    let place = extractor.admission.enter(&patience).await?;
    let video = Remote::new(extractor, sandbox, opening);
    on_sandbox(sandbox, place, async move |cancelled| {
        let call = Call::Once(request);
        let in_child = video.in_new_child(&call, &patience, &runtime, &cancelled);
        let (_, answered) = in_child.await?;
        answered.extraction()
    })
    .await
}

/// Opens a video in a child that keeps it.
pub(in crate::extract) async fn open(
    extractor: &Extractor,
    sandbox: &Sandbox,
    opening: Opening,
    patience: Arc<Patience>,
) -> Result<Held, Error> {
    let runtime = runtime()?;
    let place = extractor.admission.enter(&patience).await?;
    let video = Remote::new(extractor, sandbox, opening);
    on_sandbox(sandbox, place, async move |cancelled| {
        let in_child = video.in_new_child(&Call::Open, &patience, &runtime, &cancelled);
        let (session, answered) = in_child.await?;
        video.hold(session, answered)
    })
    .await
}

/// Does `work` on the sandbox's own runtime, whoever waits for it. Dropping the future cancels the
/// work, which goes on until the child has ended its call.
async fn on_sandbox<T: Send + 'static, F>(
    sandbox: &Sandbox,
    place: Place,
    work: impl FnOnce(CancellationToken) -> F + Send + 'static,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>> + Send + 'static,
{
    let cancelled = CancellationToken::new();
    let _cancel_on_drop = cancelled.clone().drop_guard();
    let work = work(cancelled);
    let work = async move {
        let result = work.await;
        drop(place);
        result
    };
    let subscriber = dispatcher::get_default(Clone::clone);
    let work = work.instrument(Span::current()).with_subscriber(subscriber);
    let done = sandbox.runtime()?.spawn(work).await;
    done.unwrap_or_else(|error| {
        Err(Error::Internal {
            reason: format!("a panic was stopped: {error}"),
        })
    })
}

/// A video that some child opens.
#[derive(Debug, Clone)]
struct Remote {
    extractor: Extractor,
    sandbox: Sandbox,
    opening: Opening,
    source: Guard,
}

/// What a child has answered, checked, and what the program has counted.
#[derive(Debug)]
struct Answered {
    reply: Reply,
    stat: Stat,
    held_bytes: u64,
}

impl Remote {
    fn new(extractor: &Extractor, sandbox: &Sandbox, opening: Opening) -> Self {
        Self {
            extractor: extractor.clone(),
            sandbox: sandbox.clone(),
            source: Guard::new(Arc::clone(&opening.source)),
            opening,
        }
    }

    /// Does `call` in a new child, and once more in another if that one dies.
    async fn in_new_child(
        &self,
        call: &Call,
        patience: &Arc<Patience>,
        runtime: &Handle,
        cancelled: &CancellationToken,
    ) -> Result<(Session, Answered), Error> {
        let mut result = Err(Error::Cancelled);
        for _ in 0..TRIES {
            let mut attempt = self.attempt(patience, runtime, cancelled);
            result = attempt.start_and_call(call.clone()).await;
            if !self.has_died(&result) {
                break;
            }
        }
        result
    }

    /// Whether the child died of its call, which the log is told.
    fn has_died<T>(&self, result: &Result<T, Error>) -> bool {
        let has_died = result.as_ref().is_err_and(is_death);
        if has_died {
            tracing::warn!(source = self.source.name(), "a sandboxed process has died");
        }
        has_died
    }

    /// A call that begins now.
    fn attempt<'a>(
        &'a self,
        patience: &'a Arc<Patience>,
        runtime: &Handle,
        cancelled: &CancellationToken,
    ) -> Attempt<'a> {
        let settings = &self.extractor.settings;
        let call = reader::Call::new(settings.limits.clone(), cancelled.clone());
        let call = call.patient(Arc::clone(patience));
        let broker = Broker::new(self.source.clone(), &settings.read, call);
        Attempt {
            video: self,
            patience,
            work: Work {
                broker: Arc::new(broker),
                limits: settings.limits.clone(),
                cpus: settings.cpus.clone(),
                runtime: runtime.clone(),
                cancelled: cancelled.clone(),
            },
        }
    }

    /// The video that `session` has opened, as it was `answered`.
    fn hold(mut self, session: Session, answered: Answered) -> Result<Held, Error> {
        let Reply::Opened {
            media,
            keyframes,
            film,
            stats,
        } = answered.reply
        else {
            return Err(unexpected());
        };
        // A child that takes this one's place opens the same version.
        self.opening = self.opening.stat(answered.stat.clone());
        Ok(Held {
            media,
            keyframes,
            film,
            stats,
            stat: answered.stat,
            bytes: Arc::new(AtomicU64::new(answered.held_bytes)),
            video: self,
            session: Arc::new(Mutex::new(Some(session))),
        })
    }
}

/// One try of one call.
#[derive(Debug)]
struct Attempt<'a> {
    video: &'a Remote,
    patience: &'a Arc<Patience>,
    work: Work,
}

impl Attempt<'_> {
    /// Does `call` in a new child.
    async fn start_and_call(&mut self, call: Call) -> Result<(Session, Answered), Error> {
        let mut session = self.start().await?;
        let answered = self.call(&mut session, call).await?;
        Ok((session, answered))
    }

    async fn start(&self) -> Result<Session, Error> {
        let (settings, opening) = (&self.video.extractor.settings, &self.video.opening);
        let loan = match &settings.memory {
            Some(memory) => Some(Loan::begin(memory, &settings.limits, self.patience).await?),
            None => None,
        };
        let setup = Setup {
            name: self.video.source.name().to_owned(),
            stat: opening.stat.clone(),
            positions: opening.positions.clone(),
            limits: settings.limits.clone(),
            read: settings.read.clone(),
            attached_picture: settings.attached_picture,
            max_wait: settings.max_wait,
            cpus: settings.cpus.count(),
            memory: loan.as_ref().map(|loan| Lent {
                limit: loan.limit(),
                bytes: loan.bytes(),
            }),
        };
        Session::start(&self.video.sandbox, setup, loan).await
    }

    /// Does `call` in the child of `session`, and checks what comes back.
    async fn call(&self, session: &mut Session, call: Call) -> Result<Answered, Error> {
        let request = match &call {
            Call::Open => None,
            Call::Once(request) | Call::Extract(request) => Some(request.clone()),
        };
        let before = self.patience.waited();
        let (done, waited) = session.call(call, before, &self.work).await?;
        let broker = &self.work.broker;
        let mut reply = done.result.map_err(|failure| match failure.into() {
            Error::Source(told) => broker.original(told).into(),
            error => error,
        })?;
        let seen = broker.seen().or_else(|| self.video.opening.stat.clone());
        let stat = seen.ok_or_else(|| Error::Internal {
            reason: "pictures of a source that was never read".to_owned(),
        })?;
        let costs = broker.costs();
        let asked = Asked {
            request: request.as_ref(),
            len: stat.len,
            requests: costs.requests,
        };
        if let Err(error) = asked.check(&reply) {
            session.kill();
            return Err(error.into());
        }
        let queued = before + waited;
        let wall = broker.wall();
        let stats = match &mut reply {
            Reply::Opened { stats, .. } => stats,
            Reply::Extracted(extraction) => {
                extraction.stat = stat.clone();
                &mut extraction.stats
            }
        };
        *stats = Stats {
            source_bytes: stat.len,
            bytes_fetched: costs.bytes_fetched,
            requests: costs.requests,
            waiting: costs.waiting,
            wall,
            queued: queued.min(wall),
            cpu: stats
                .cpu
                .min(wall.saturating_mul(self.work.cpus.count() as u32)),
            ..std::mem::take(stats)
        };
        Ok(Answered {
            reply,
            stat,
            held_bytes: done.held_bytes.min(self.work.limits.max_memory),
        })
    }
}

impl Answered {
    fn extraction(self) -> Result<Extraction, Error> {
        match self.reply {
            Reply::Extracted(extraction) => Ok(extraction),
            Reply::Opened { .. } => Err(unexpected()),
        }
    }
}

/// What [`Asked::check`] has ruled out.
fn unexpected() -> Error {
    Error::Internal {
        reason: "the answer is to another call".to_owned(),
    }
}

/// A video that a child keeps open.
pub(in crate::extract) struct Held {
    pub(in crate::extract) media: Media,
    pub(in crate::extract) keyframes: Option<Vec<KeyframeEntry>>,
    pub(in crate::extract) film: Option<Duration>,
    pub(in crate::extract) stats: Stats,
    pub(in crate::extract) stat: Stat,
    bytes: Arc<AtomicU64>,
    video: Remote,
    /// `None` where the child has died; the next call opens the video in another. One call at a
    /// time has it.
    session: Arc<Mutex<Option<Session>>>,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}

impl Held {
    /// What opened the video.
    pub(in crate::extract) fn extractor(&self) -> &Extractor {
        &self.video.extractor
    }

    /// Bytes that the child holds, by its own word.
    pub(in crate::extract) fn held_bytes(&self) -> usize {
        usize::try_from(self.bytes.load(Ordering::Relaxed)).unwrap_or(usize::MAX)
    }

    /// Takes the pictures of `request`.
    pub(in crate::extract) async fn extract(&self, request: Request) -> Result<Extraction, Error> {
        let (runtime, patience) = (runtime()?, self.video.extractor.patience());
        let turn = Arc::clone(&self.session).lock_owned();
        let session = patience.wait(Resource::Turn, turn).await?;
        // After the turn: who waits for a video must not keep others from theirs.
        let place = self.video.extractor.admission.enter(&patience).await?;
        let (video, bytes) = (self.video.clone(), Arc::clone(&self.bytes));
        on_sandbox(&self.video.sandbox, place, async move |cancelled| {
            let mut session: OwnedMutexGuard<Option<Session>> = session;
            let mut result = Err(Error::Cancelled);
            for _ in 0..TRIES {
                let mut attempt = video.attempt(&patience, &runtime, &cancelled);
                result = attempt.extract(&mut session, &request).await;
                if !video.has_died(&result) {
                    break;
                }
            }
            let answered = result?;
            bytes.store(answered.held_bytes, Ordering::Relaxed);
            answered.extraction()
        })
        .await
    }
}

impl Attempt<'_> {
    /// Takes pictures of an open video, which is opened in another child where its own has died.
    async fn extract(
        &mut self,
        slot: &mut Option<Session>,
        request: &Request,
    ) -> Result<Answered, Error> {
        let (mut session, opened) = if let Some(session) = slot.take() {
            (session, None)
        } else {
            let (session, opened) = self.start_and_call(Call::Open).await?;
            (session, Some(opened.reply))
        };
        let mut answered = self
            .call(&mut session, Call::Extract(request.clone()))
            .await;
        // What opening has cost is the call's own. Bytes and requests were counted together.
        if let Some(Reply::Opened { stats: before, .. }) = opened
            && let Ok(Answered { reply, .. }) = &mut answered
            && let Reply::Extracted(Extraction { stats, .. }) = reply
        {
            stats.round_trips += before.round_trips;
            stats.reads.splice(..0, before.reads);
            stats.cpu += before.cpu;
        }
        if session.is_usable() {
            *slot = Some(session);
        }
        answered
    }
}
