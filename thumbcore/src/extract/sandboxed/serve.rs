//! What a child does: calls on one video, by an extractor as any other.

use std::{io, os::unix::net::UnixStream, sync::Arc, thread};

use bytes::Bytes;
use tokio::{runtime, sync::mpsc};
use tokio_util::sync::CancellationToken;

use super::{
    link::{Link, LinkedSource},
    wire::{Call, Done, Message, Order, Reply, Setup, parse},
};
use crate::{
    Cpus, Error, Extractor, MemoryBudget, Opening, Video,
    jail::{self, Body, frame::Frame},
    lend::Lender,
    libav,
    patience::Patience,
};

/// What the processes of the sandbox do.
pub(crate) const BODY: Body = Body {
    warm: libav::warm_up,
    serve,
};

/// Calls in flight: the one that is wanted, and one that was cancelled and has not ended yet.
const IN_FLIGHT: usize = 2;

/// A call, how long its caller has waited, and whether the caller still waits.
type Wanted = (Call, Patience, CancellationToken);

/// Serves one video until the program is gone.
fn serve(socket: UnixStream) {
    let socket = Arc::new(socket);
    let Ok(Some(first)) = Frame::read_from(&*socket) else {
        return;
    };
    let Ok(Order::Begin(setup)) = parse(&first) else {
        return;
    };
    #[cfg(feature = "testing")]
    if let Some(said) = super::misdeed::commit(&setup.name, &socket) {
        return super::misdeed::answer(&socket, said);
    }
    let link = Arc::new(Link::new(Arc::clone(&socket)));
    let (calls, wanted) = mpsc::channel(1);
    let max_wait = setup.max_wait;
    let reading = Arc::clone(&link);
    let reader = thread::Builder::new().name("thumbcore-link".to_owned());
    let reader = reader.spawn(move || {
        // Ends with the program, or at an order that makes no sense.
        let _ = follow(&socket, &reading, &calls, max_wait);
        jail::quit();
    });
    let runtime = runtime::Builder::new_current_thread().build();
    if let (Ok(_), Ok(runtime)) = (reader, runtime) {
        runtime.block_on(work(*setup, &link, wanted));
    }
}

/// Takes the program's orders off the socket until it is gone.
fn follow(
    socket: &UnixStream,
    link: &Link,
    calls: &mpsc::Sender<Wanted>,
    max_wait: Option<std::time::Duration>,
) -> io::Result<()> {
    let mut current = CancellationToken::new();
    while let Some(Frame { head, body }) = Frame::read_from(socket)? {
        let order = parse(&Frame {
            head,
            body: Bytes::new(),
        });
        match order.map_err(io::Error::other)? {
            Order::Call { call, waited } => {
                current = CancellationToken::new();
                let patience = Patience::resumed(max_wait, waited);
                let wanted = (call, patience, current.clone());
                calls.blocking_send(wanted).map_err(io::Error::other)?;
            }
            Order::Cancel => current.cancel(),
            order => link.answered(order, body),
        }
    }
    Ok(())
}

/// Does one call after the other.
async fn work(setup: Setup, link: &Arc<Link>, mut wanted: mpsc::Receiver<Wanted>) {
    let lender: Arc<dyn Lender> = Arc::<Link>::clone(link);
    let memory = setup
        .memory
        .map(|lent| MemoryBudget::lent(lent.limit, lent.bytes, Arc::clone(&lender)));
    let mut builder = Extractor::builder()
        .limits(setup.limits)
        .read(setup.read)
        .attached_picture(setup.attached_picture)
        .cpus(Cpus::lent(setup.cpus, lender))
        .max_in_flight(IN_FLIGHT);
    if let Some(memory) = &memory {
        builder = builder.memory(memory.clone());
    }
    let source = LinkedSource {
        name: setup.name,
        link: Arc::clone(link),
    };
    let mut opening = Opening::new(Arc::new(source)).positions(setup.positions);
    if let Some(stat) = setup.stat {
        opening = opening.stat(stat);
    }
    let mut engine = builder.build().map(|extractor| Engine {
        extractor,
        opening,
        video: None,
    });
    while let Some((call, patience, cancelled)) = wanted.recv().await {
        let result = match &mut engine {
            Ok(engine) => tokio::select! {
                biased;
                () = cancelled.cancelled() => Err(Error::Cancelled),
                result = engine.call(call, patience) => result,
            },
            Err(error) => Err(error.clone()),
        };
        let video = engine
            .as_ref()
            .ok()
            .and_then(|engine| engine.video.as_ref());
        let done = Done {
            result: result.map_err(Into::into),
            held_bytes: video.map_or(0, Video::held_bytes) as u64,
            unused_memory: memory.as_ref().map_or(0, MemoryBudget::take_unused),
        };
        let is_open = video.is_some();
        link.send(&Message::Done(Box::new(done)));
        if is_open {
            jail::trim();
        }
    }
}

/// An extractor and its one video.
struct Engine {
    extractor: Extractor,
    opening: Opening,
    video: Option<Video>,
}

impl Engine {
    async fn call(&mut self, call: Call, patience: Patience) -> Result<Reply, Error> {
        let patience = Arc::new(patience);
        match call {
            Call::Open => {
                let opening = self.opening.clone();
                let video = self.extractor.open_here(opening, patience).await?;
                let reply = Reply::Opened {
                    media: video.facts().clone(),
                    keyframes: video.keyframes(),
                    film: video.film(),
                    stats: video.opened().clone(),
                };
                self.video = Some(video);
                Ok(reply)
            }
            Call::Once(request) => {
                let opening = self.opening.clone();
                let extraction = self.extractor.extract_here(opening, request, patience);
                extraction.await.map(Reply::Extracted)
            }
            Call::Extract(request) => match &self.video {
                Some(video) => {
                    let extraction = video.extract_here(&request, &patience);
                    extraction.await.map(Reply::Extracted)
                }
                None => Err(Error::Internal {
                    reason: "the video is not open".to_owned(),
                }),
            },
        }
    }
}
