//! One child and its video, as the program sees them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    io::AsyncWriteExt as _,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::Handle,
    sync::{OwnedSemaphorePermit, mpsc},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::wire::{Answer, Call, Done, Id, Message, Order, Question, Setup, Wanted, frame, parse};
use crate::{
    Cpus, Error, LimitError, Limits, Sandbox, SandboxError,
    extract::cpu::Right,
    jail::{
        Allowance, Child, End, Exit,
        frame::{Frame, FrameReader, Longest},
    },
    memory::Loan,
    reader::Broker,
    time::sleep,
};

/// Frames that wait until the child reads them. A sound child has a thread for each CPU, and at
/// most so many questions as it may read ranges at once.
const QUEUE: usize = 4096;

/// What a child may take beyond the time of its call, since it looks at the clock only between
/// pictures: half as much again, and so long.
const GRACE: Duration = Duration::from_secs(2);

/// SIGXCPU: the CPU time of a call is spent.
const SIGXCPU: i32 = 24;

/// SIGKILL: memory ran out, or the zygote is gone and all its children with it.
const SIGKILL: i32 = 9;

/// What one call on a child works with.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) broker: Arc<Broker>,
    pub(super) limits: Limits,
    pub(super) cpus: Cpus,
    /// The caller's, on which sources read.
    pub(super) runtime: Handle,
    pub(super) cancelled: CancellationToken,
}

/// A child and its video.
#[derive(Debug)]
pub(super) struct Session {
    frames: FrameReader<OwnedReadHalf>,
    orders: mpsc::Sender<Frame>,
    end: End,
    /// `None` where videos share no memory.
    loan: Option<Loan>,
    /// The child was ended, or has ended.
    is_ended: bool,
}

impl Session {
    /// Starts a child for the video of `setup`. To be called on the sandbox's own runtime.
    pub(super) async fn start(
        sandbox: &Sandbox,
        setup: Setup,
        loan: Option<Loan>,
    ) -> Result<Self, Error> {
        let allowance = Allowance {
            memory: setup.limits.max_memory,
            cpu_seconds: cpu_seconds(&setup.limits, setup.cpus),
        };
        let mut child = sandbox.child(allowance).await?;
        let socket = child.take_socket().ok_or_else(|| Error::Internal {
            reason: "a child has no socket".to_owned(),
        })?;
        let internal = |error: std::io::Error| Error::Internal {
            reason: format!("a child's socket: {error}"),
        };
        socket.set_nonblocking(true).map_err(internal)?;
        let (reading, writing) = UnixStream::from_std(socket).map_err(internal)?.into_split();
        let longest = Longest {
            // A picture is in memory here as it is in the child's.
            head: usize::try_from(setup.limits.max_memory).unwrap_or(usize::MAX),
            body: 0,
        };
        let (orders, queue) = mpsc::channel(QUEUE);
        tokio::spawn(write_all(writing, queue));
        let mut session = Self {
            frames: FrameReader::new(reading, longest),
            orders,
            end: child.end,
            loan,
            is_ended: false,
        };
        session.greet(setup).await?;
        Ok(session)
    }

    /// Waits until the child is locked in, and tells it its video.
    async fn greet(&mut self, setup: Setup) -> Result<(), Error> {
        match self.frames.next().await {
            Ok(Some(hello)) => Child::check_hello(&hello.head)?,
            _ => return Err(self.ended(&setup.limits).await),
        }
        self.send(frame(&Order::Begin(Box::new(setup)), bytes::Bytes::new())?)
    }

    /// Has the child do `call`, and answers its questions meanwhile. What it
    /// answers, and how long it waited for loans. After an error the child is gone.
    pub(super) async fn call(
        &mut self,
        call: Call,
        waited: Duration,
        work: &Work,
    ) -> Result<(Done, Duration), Error> {
        self.end.renew(cpu_seconds(&work.limits, work.cpus.count()));
        self.send(frame(&Order::Call { call, waited }, bytes::Bytes::new())?)?;
        let mut desk = Desk {
            session: self,
            work,
            answers: JoinSet::new(),
            loans: FuturesUnordered::new(),
            cpus: Vec::new(),
            clock: Clock::start(),
        };
        let done = desk.serve().await;
        let waited = desk.clock.waited();
        let result = match done {
            Ok(done) => {
                if let Some(loan) = &mut self.loan {
                    loan.take_back(done.unused_memory);
                }
                return Ok((done, waited));
            }
            Err(error) => error,
        };
        self.kill();
        Err(result)
    }

    /// Ends the child.
    pub(super) fn kill(&mut self) {
        self.is_ended = true;
        self.end.kill();
    }

    /// Whether the child can do another call.
    pub(super) fn is_usable(&self) -> bool {
        !self.is_ended
    }

    /// Queues a frame that is short. A child that reads none of its answers is not sound.
    fn send(&self, frame: Frame) -> Result<(), Error> {
        let sent = self.orders.try_send(frame);
        match sent {
            // The child is gone, which the other half of the socket tells.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => {
                Err(protocol("it does not read its answers").into())
            }
        }
    }

    /// Why the child has closed its socket.
    async fn ended(&mut self, limits: &Limits) -> Error {
        // One that has only closed it ends now.
        self.kill();
        match self.end.exit().await {
            Exit::Signal(SIGXCPU) => LimitError::Time {
                spent: limits.max_time,
                limit: limits.max_time,
            }
            .into(),
            Exit::Signal(signal) => Error::Crashed { signal },
            Exit::Lost => Error::Crashed { signal: SIGKILL },
            Exit::Code(code) => protocol(format!("it ended with status {code}")).into(),
            Exit::Refused(reason) => SandboxError::Start {
                reason,
                cause: None,
            }
            .into(),
        }
    }
}

/// Seconds of CPU time of one call: as long as the call may last, on every CPU.
fn cpu_seconds(limits: &Limits, cpus: usize) -> u64 {
    let longest = at_most(limits.max_time).as_secs().saturating_add(1);
    longest.saturating_mul(cpus as u64)
}

/// How long a call of `max_time` may last at most.
fn at_most(max_time: Duration) -> Duration {
    max_time.saturating_add(max_time / 2).saturating_add(GRACE)
}

fn protocol(reason: impl Into<String>) -> SandboxError {
    SandboxError::Protocol {
        reason: reason.into(),
    }
}

/// Whether the child has ended with `error` though nobody has ended it, so that a fresh one may do
/// better.
pub(super) fn is_death(error: &Error) -> bool {
    matches!(
        error,
        Error::Crashed { .. } | Error::Sandbox(SandboxError::Protocol { .. })
    )
}

/// Writes what is queued until the session or the child is gone.
async fn write_all(mut socket: OwnedWriteHalf, mut queue: mpsc::Receiver<Frame>) {
    while let Some(frame) = queue.recv().await {
        let Ok(prefix) = frame.prefix() else {
            return;
        };
        for part in [&prefix[..], &frame.head, &frame.body] {
            if socket.write_all(part).await.is_err() {
                return;
            }
        }
    }
}

/// The time of one call's own.
#[derive(Debug)]
struct Clock {
    began: Instant,
    /// Loans that the child waits for.
    waiting: usize,
    since: Instant,
    waited: Duration,
}

impl Clock {
    fn start() -> Self {
        let began = Instant::now();
        Self {
            began,
            waiting: 0,
            since: began,
            waited: Duration::ZERO,
        }
    }

    fn wait(&mut self) {
        if self.waiting == 0 {
            self.since = Instant::now();
        }
        self.waiting += 1;
    }

    fn go_on(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
        if self.waiting == 0 {
            self.waited += self.since.elapsed();
        }
    }

    fn waited(&self) -> Duration {
        let now = if self.waiting > 0 {
            self.since.elapsed()
        } else {
            Duration::ZERO
        };
        self.waited + now
    }

    fn spent(&self) -> Duration {
        self.began.elapsed().saturating_sub(self.waited())
    }
}

/// What was waited for, for whom.
enum Given {
    Cpu(Id, Result<Right, Error>),
    Memory(Id, Result<OwnedSemaphorePermit, Error>),
}

/// Where one call's questions are answered.
struct Desk<'a> {
    session: &'a mut Session,
    work: &'a Work,
    /// Questions to the source that are being answered; a budget that is spent ends the call.
    answers: JoinSet<Result<(), Error>>,
    loans: FuturesUnordered<BoxFuture<'static, Given>>,
    /// CPUs that the child uses.
    cpus: Vec<Right>,
    clock: Clock,
}

impl Desk<'_> {
    /// Answers until the call is done.
    async fn serve(&mut self) -> Result<Done, Error> {
        let mut is_cancelled = false;
        let most = at_most(self.work.limits.max_time);
        let mut alarm = sleep(most).boxed().fuse();
        loop {
            tokio::select! {
                biased;
                () = self.work.cancelled.cancelled(), if !is_cancelled => {
                    is_cancelled = true;
                    self.session.send(frame(&Order::Cancel, bytes::Bytes::new())?)?;
                    alarm = sleep(GRACE).boxed().fuse();
                }
                () = &mut alarm => {
                    let spent = self.clock.spent();
                    let limit = self.work.limits.max_time;
                    if is_cancelled {
                        return Err(Error::Cancelled);
                    }
                    if spent >= most {
                        return Err(LimitError::Time { spent, limit }.into());
                    }
                    alarm = sleep(most.saturating_sub(spent)).boxed().fuse();
                }
                Some(given) = self.loans.next() => self.give(given)?,
                Some(answered) = self.answers.join_next() => {
                    answered.map_err(|error| Error::Internal { reason: error.to_string() })??;
                }
                read = self.session.frames.next() => {
                    if let Some(done) = self.read(read).await? {
                        return Ok(done);
                    }
                }
            }
        }
    }

    /// Follows what the child has sent. `Some` where the call is done.
    async fn read(&mut self, read: std::io::Result<Option<Frame>>) -> Result<Option<Done>, Error> {
        let message = match read {
            Ok(Some(frame)) => parse(&frame)?,
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                return Err(protocol(error.to_string()).into());
            }
            Ok(None) | Err(_) => return Err(self.session.ended(&self.work.limits).await),
        };
        match message {
            Message::Ask { id, question } => self.answer(id, question),
            Message::Borrow { id, wanted } => self.lend(id, wanted)?,
            // One that a cancelled call has borrowed is given back already.
            Message::ReturnCpu => drop(self.cpus.pop()),
            Message::Done(done) => return Ok(Some(*done)),
        }
        Ok(None)
    }

    /// Has the source asked, on the caller's runtime.
    fn answer(&mut self, id: Id, question: Question) {
        let (broker, orders) = (Arc::clone(&self.work.broker), self.session.orders.clone());
        let answer = async move {
            let (answer, body) = answer(&broker, question).await?;
            let frame = frame(&Order::Answer { id, answer }, body)?;
            // The child is gone, which the other half of the socket tells.
            let _ = orders.send(frame).await;
            Ok(())
        };
        self.answers.spawn_on(answer, &self.work.runtime);
    }

    fn lend(&mut self, id: Id, wanted: Wanted) -> Result<(), Error> {
        let is_lent = match (wanted, &mut self.session.loan) {
            (Wanted::SpareCpu, _) => {
                let right = self.work.cpus.spare();
                let is_lent = right.is_some();
                self.cpus.extend(right);
                is_lent
            }
            (Wanted::Cpu, _) => {
                self.may_wait()?;
                let cpus = self.work.cpus.clone();
                let given = async move { Given::Cpu(id, cpus.wait().await) };
                self.loans.push(given.boxed());
                self.clock.wait();
                return Ok(());
            }
            (Wanted::SpareMemory { bytes }, Some(loan)) => loan.spare(bytes),
            (Wanted::Memory { bytes, unused }, Some(loan)) => {
                let given = loan.wait(bytes, unused);
                let given = given.ok_or_else(|| protocol("it wants more than all memory"))?;
                self.may_wait()?;
                let given = async move { Given::Memory(id, given.await) };
                self.loans.push(given.boxed());
                self.clock.wait();
                return Ok(());
            }
            (Wanted::SpareMemory { .. } | Wanted::Memory { .. }, None) => {
                return Err(protocol("it wants memory where none is shared").into());
            }
        };
        self.tell(id, is_lent)
    }

    /// A sound child waits for one thing at a time, and uses no CPU meanwhile. One that waits while
    /// it keeps others waiting would stop its own clock.
    fn may_wait(&self) -> Result<(), Error> {
        if self.loans.is_empty() && self.cpus.is_empty() {
            return Ok(());
        }
        Err(protocol("it waits for more than one thing").into())
    }

    /// Hands out what was waited for.
    fn give(&mut self, given: Given) -> Result<(), Error> {
        self.clock.go_on();
        let id = match given {
            Given::Cpu(id, right) => {
                self.cpus.push(right?);
                id
            }
            Given::Memory(id, more) => {
                let more = more?;
                if let Some(loan) = &mut self.session.loan {
                    loan.add(more);
                }
                id
            }
        };
        self.tell(id, true)
    }

    fn tell(&self, id: Id, is_lent: bool) -> Result<(), Error> {
        let order = Order::Lent { id, is_lent };
        self.session.send(frame(&order, bytes::Bytes::new())?)
    }
}

/// What the source says to a question.
async fn answer(broker: &Broker, question: Question) -> Result<(Answer, bytes::Bytes), Error> {
    let none = bytes::Bytes::new;
    let answered = match question {
        Question::Stat => broker
            .stat()
            .await?
            .map(|stat| (Answer::Stat(stat), none())),
        Question::Read(range) => broker
            .read(range, None)
            .await?
            .map(|bytes| (Answer::Bytes, bytes)),
        Question::ReadIf(range, stat) => {
            let read = broker.read(range, Some(stat)).await?;
            read.map(|bytes| (Answer::Bytes, bytes))
        }
        Question::Ends { head, tail } => broker.ends(head, tail).await?.map(|ends| {
            let answer = Answer::Ends {
                stat: ends.stat,
                head: ends.head.len() as u64,
                requests: ends.requests,
                bytes_fetched: ends.bytes_fetched,
            };
            (answer, [ends.head, ends.tail].concat().into())
        }),
    };
    Ok(answered.unwrap_or_else(|error| (Answer::Failed((&error).into()), none())))
}
