//! A child's link to the program: its source, and who lends it memory and CPUs.

use std::{
    collections::HashMap,
    fmt,
    ops::Range,
    os::unix::net::UnixStream,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{channel::oneshot, executor::block_on, future::pending};

use super::wire::{Answer, Id, Message, Order, Question, Wanted, frame};
use crate::{Ends, RangeSource, SourceError, Stat, lend::Lender};

/// What the program has answered.
#[derive(Debug)]
enum Answered {
    Source(Answer, Bytes),
    Lent(bool),
}

/// Sends messages to the program, and hands its answers to whoever waits for them.
pub(super) struct Link {
    socket: Arc<UnixStream>,
    /// Held while a message is written.
    writing: Mutex<()>,
    waiting: Mutex<HashMap<Id, oneshot::Sender<Answered>>>,
    next: AtomicU64,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

impl Link {
    pub(super) fn new(socket: Arc<UnixStream>) -> Self {
        Self {
            socket,
            writing: Mutex::default(),
            waiting: Mutex::default(),
            next: AtomicU64::new(0),
        }
    }

    /// Sends a message. Where the program is gone, the thread that reads the socket ends the
    /// process.
    pub(super) fn send(&self, message: &Message) {
        if let Ok(frame) = frame(message, Bytes::new()) {
            let _whole = lock(&self.writing);
            let _ = frame.write_to(&*self.socket);
        }
    }

    /// Hands an answer of the program to whoever waits for it.
    pub(super) fn answered(&self, order: Order, body: Bytes) {
        let (id, answered) = match order {
            Order::Answer { id, answer } => (id, Answered::Source(answer, body)),
            Order::Lent { id, is_lent } => (id, Answered::Lent(is_lent)),
            Order::Begin(_) | Order::Call { .. } | Order::Cancel => return,
        };
        let Some(waiting) = lock(&self.waiting).remove(&id) else {
            return;
        };
        // Who waited may have given up; memory that was lent meanwhile is settled with the call.
        drop(waiting.send(answered));
    }

    /// Sends a message that is answered, and waits for the answer. Without one the program is gone,
    /// and with it soon this process.
    async fn ask(&self, message: impl FnOnce(Id) -> Message) -> Answered {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        lock(&self.waiting).insert(id, answer);
        self.send(&message(id));
        match answered.await {
            Ok(answered) => answered,
            Err(oneshot::Canceled) => pending().await,
        }
    }

    async fn borrow(&self, wanted: Wanted) -> bool {
        let answered = self.ask(|id| Message::Borrow { id, wanted }).await;
        matches!(answered, Answered::Lent(true))
    }
}

#[async_trait]
impl Lender for Link {
    fn spare_memory(&self, bytes: u64) -> bool {
        block_on(self.borrow(Wanted::SpareMemory { bytes }))
    }

    async fn memory(&self, bytes: u64, unused: u64) {
        self.borrow(Wanted::Memory { bytes, unused }).await;
    }

    fn spare_cpu(&self) -> bool {
        block_on(self.borrow(Wanted::SpareCpu))
    }

    async fn cpu(&self) {
        self.borrow(Wanted::Cpu).await;
    }

    fn return_cpu(&self) {
        self.send(&Message::ReturnCpu);
    }
}

/// The source that the program reads.
#[derive(Debug)]
pub(super) struct LinkedSource {
    pub(super) name: String,
    pub(super) link: Arc<Link>,
}

impl LinkedSource {
    async fn ask(&self, question: Question) -> Result<(Answer, Bytes), SourceError> {
        match self.link.ask(|id| Message::Ask { id, question }).await {
            Answered::Source(Answer::Failed(failure), _) => Err(failure.into()),
            Answered::Source(answer, body) => Ok((answer, body)),
            Answered::Lent(_) => Err(self.unexpected()),
        }
    }

    async fn bytes(&self, question: Question) -> Result<Bytes, SourceError> {
        match self.ask(question).await? {
            (Answer::Bytes, body) => Ok(body),
            _ => Err(self.unexpected()),
        }
    }

    fn unexpected(&self) -> SourceError {
        SourceError::io(&self.name, "the program answered another question")
    }
}

#[async_trait]
impl RangeSource for LinkedSource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn stat(&self) -> Result<Stat, SourceError> {
        match self.ask(Question::Stat).await? {
            (Answer::Stat(stat), _) => Ok(stat),
            _ => Err(self.unexpected()),
        }
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, SourceError> {
        self.bytes(Question::Read(range)).await
    }

    async fn read_if(&self, range: Range<u64>, expected: &Stat) -> Result<Bytes, SourceError> {
        self.bytes(Question::ReadIf(range, expected.clone())).await
    }

    async fn ends(&self, head: u64, tail: u64) -> Result<Ends, SourceError> {
        let (answer, mut body) = self.ask(Question::Ends { head, tail }).await?;
        let Answer::Ends {
            stat,
            head,
            requests,
            bytes_fetched,
        } = answer
        else {
            return Err(self.unexpected());
        };
        let head = body.split_to((head as usize).min(body.len()));
        Ok(Ends {
            stat,
            head,
            tail: body,
            requests,
            bytes_fetched,
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A map is valid after every statement.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
