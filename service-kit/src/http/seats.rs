//! How many connections there are, and whom each of them waits for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::Limits;

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// For the first byte of a request.
    Idle,
    /// For the rest of a request's head.
    Head,
    /// For more of a request's body.
    Body,
    /// For this process.
    Work,
    /// For the client to take more of an answer.
    Answer,
    /// For nothing: it has ended, or is another protocol's.
    Left,
}

impl Phase {
    /// Whether the client is waited for.
    fn is_clients(self) -> bool {
        matches!(self, Self::Idle | Self::Head | Self::Body | Self::Answer)
    }
}

/// The connections that wait for their clients, the longest wait first.
type Waiting = Arc<Mutex<BTreeMap<(Instant, u64), CancellationToken>>>;

/// The seats of a listener.
#[derive(Debug)]
pub(super) struct Seats {
    free: Arc<Semaphore>,
    waiting: Waiting,
    /// Tells connections apart whose waits began at the same time.
    next: Mutex<u64>,
}

/// A seat that was taken.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) seat: Arc<Seat>,
    /// Whether another connection was ended for it.
    pub(super) made_room: bool,
}

impl Seats {
    pub(super) fn new(connections: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(connections)),
            waiting: Waiting::default(),
            next: Mutex::default(),
        }
    }

    /// Takes a seat. If none is free, the connection that has waited longest for its client is
    /// ended first; `None` if no connection waits for its client.
    pub(super) async fn take(&self) -> Option<Taken> {
        let (permit, made_room) = if let Ok(permit) = self.free.clone().try_acquire_owned() {
            (permit, false)
        } else {
            let (_, evicted) = lock(&self.waiting).pop_first()?;
            evicted.cancel();
            // The semaphore is never closed.
            (self.free.clone().acquire_owned().await.ok()?, true)
        };
        let mut next = lock(&self.next);
        *next += 1;
        let seat = Seat {
            number: *next,
            waiting: self.waiting.clone(),
            evicted: CancellationToken::new(),
            began: Notify::new(),
            state: Mutex::new(State {
                phase: Phase::Work,
                since: Instant::now(),
                permit: Some(permit),
            }),
        };
        seat.enter(Phase::Idle);
        Some(Taken {
            seat: Arc::new(seat),
            made_room,
        })
    }
}

/// The seat of one connection.
#[derive(Debug)]
pub(super) struct Seat {
    number: u64,
    waiting: Waiting,
    evicted: CancellationToken,
    /// A request's head begins: its limit is shorter than the one before.
    began: Notify,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    permit: Option<OwnedSemaphorePermit>,
}

impl Seat {
    /// Notes what the connection waits for from now on.
    pub(super) fn enter(&self, phase: Phase) {
        self.change(&mut lock(&self.state), phase);
    }

    /// Notes that bytes came from the client.
    pub(super) fn received(&self) {
        let mut state = lock(&self.state);
        if state.phase == Phase::Idle {
            self.change(&mut state, Phase::Head);
            self.began.notify_one();
        }
    }

    /// Notes that the client took bytes.
    pub(super) fn sent(&self) {
        let mut state = lock(&self.state);
        if matches!(state.phase, Phase::Idle | Phase::Answer) {
            let phase = state.phase;
            self.change(&mut state, phase);
        }
    }

    /// Completes when the connection has to make room for another.
    pub(super) async fn evicted(&self) {
        self.evicted.cancelled().await;
    }

    /// Completes when the connection has waited for its client for too long, counted from `from` at
    /// the earliest.
    pub(super) async fn overdue(&self, limits: &Limits, from: Instant) {
        loop {
            let (phase, since) = {
                let state = lock(&self.state);
                (state.phase, state.since.max(from))
            };
            let deadline = match limits.of(phase) {
                Some(limit) if since.elapsed() >= limit => return,
                Some(limit) => since + limit,
                None => Instant::now() + limits.head,
            };
            tokio::select! {
                () = sleep_until(deadline) => {}
                () = self.began.notified() => {}
            }
        }
    }

    /// Gives the seat back.
    fn leave(&self) {
        let mut state = lock(&self.state);
        self.change(&mut state, Phase::Left);
        state.permit = None;
    }

    fn change(&self, state: &mut State, phase: Phase) {
        if state.phase == Phase::Left {
            return;
        }
        let mut waiting = lock(&self.waiting);
        waiting.remove(&(state.since, self.number));
        state.phase = phase;
        state.since = Instant::now();
        if phase.is_clients() && !self.evicted.is_cancelled() {
            waiting.insert((state.since, self.number), self.evicted.clone());
        }
    }
}

/// Gives a seat back when dropped.
#[derive(Debug)]
pub(super) struct Leaves(pub(super) Arc<Seat>);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.leave();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
