//! One child and its video, as the program sees them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    io::AsyncWriteExt as _,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::Handle,
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

use super::{
    desk::Desk,
    wire::{Call, Done, Order, Setup, frame},
};
use crate::{
    Cpus, Error, LimitError, Limits, Sandbox, SandboxError,
    jail::{
        Allowance, Child, End, Exit,
        frame::{Frame, FrameReader, Longest},
    },
    memory::Loan,
    reader::Broker,
};

/// Frames that wait until the child reads them. A sound child has a thread for each CPU, and at
/// most so many questions as it may read ranges at once.
const QUEUE: usize = 4096;

/// What a child may take beyond the time of its call, since it looks at the clock only between
/// pictures: half as much again, and so long.
pub(super) const GRACE: Duration = Duration::from_secs(2);

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
    pub(super) frames: FrameReader<OwnedReadHalf>,
    pub(super) orders: mpsc::Sender<Frame>,
    end: End,
    /// `None` where videos share no memory.
    pub(super) loan: Option<Loan>,
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
        self.send(frame(&Order::Begin(Box::new(setup)), Bytes::new())?)
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
        self.send(frame(&Order::Call { call, waited }, Bytes::new())?)?;
        let mut desk = Desk::open(self, work);
        let done = desk.serve().await;
        let waited = desk.waited();
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
    pub(super) fn send(&self, frame: Frame) -> Result<(), Error> {
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
    pub(super) async fn ended(&mut self, limits: &Limits) -> Error {
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
pub(super) fn at_most(max_time: Duration) -> Duration {
    max_time.saturating_add(max_time / 2).saturating_add(GRACE)
}

pub(super) fn protocol(reason: impl Into<String>) -> SandboxError {
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
