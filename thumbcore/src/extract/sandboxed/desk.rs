//! Where the questions of one call are answered.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::{sync::OwnedSemaphorePermit, task::JoinSet};

use super::{
    session::{GRACE, Session, Work, at_most, protocol},
    wire::{Answer, Done, Id, Message, Order, Question, Wanted, frame, parse},
};
use crate::{
    Error, LimitError, extract::cpu::Right, jail::frame::Frame, reader::Broker, time::sleep,
};

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
pub(super) struct Desk<'a> {
    session: &'a mut Session,
    work: &'a Work,
    /// Questions to the source that are being answered; a budget that is spent ends the call.
    answers: JoinSet<Result<(), Error>>,
    loans: FuturesUnordered<BoxFuture<'static, Given>>,
    /// CPUs that the child uses.
    cpus: Vec<Right>,
    clock: Clock,
}

impl<'a> Desk<'a> {
    /// Opens for a call that begins now.
    pub(super) fn open(session: &'a mut Session, work: &'a Work) -> Self {
        Self {
            session,
            work,
            answers: JoinSet::new(),
            loans: FuturesUnordered::new(),
            cpus: Vec::new(),
            clock: Clock::start(),
        }
    }

    /// How long the child has waited for what others use.
    pub(super) fn waited(&self) -> Duration {
        self.clock.waited()
    }

    /// Answers until the call is done.
    pub(super) async fn serve(&mut self) -> Result<Done, Error> {
        let mut is_cancelled = false;
        let most = at_most(self.work.limits.max_time);
        let mut alarm = sleep(most).boxed().fuse();
        loop {
            tokio::select! {
                biased;
                () = self.work.cancelled.cancelled(), if !is_cancelled => {
                    is_cancelled = true;
                    self.session.send(frame(&Order::Cancel, Bytes::new())?)?;
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
    async fn read(&mut self, read: io::Result<Option<Frame>>) -> Result<Option<Done>, Error> {
        let message = match read {
            Ok(Some(frame)) => parse(&frame)?,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
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
        self.session.send(frame(&order, Bytes::new())?)
    }
}

/// What the source says to a question.
async fn answer(broker: &Broker, question: Question) -> Result<(Answer, Bytes), Error> {
    let none = Bytes::new;
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
