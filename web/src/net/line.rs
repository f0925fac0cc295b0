//! The API over a network that comes and goes: requests wait until they can get through.

use std::{cell::Cell, time::Duration};

use futures::{
    StreamExt as _,
    channel::mpsc,
    future::{Either, select},
};
use gloo_events::EventListener;
use gloo_timers::future::sleep;

use super::api::{Api, ApiError};
use crate::model::backoff::Backoff;

/// Pauses before retries of a request that got lost while the network stood.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];
/// Pause before a request that the rate limit refused is repeated: the API counts by the minute.
const BUSY_PAUSE: Duration = Duration::from_secs(10);
const BUSY_TRIES: usize = 12;

/// The way to the API of work that takes long.
pub(crate) struct Line<'a> {
    pub(crate) api: &'a Api,
    /// Hears whether work waits for the network.
    pub(crate) pauses: &'a dyn Fn(bool),
    /// How many requests wait for the network.
    waiting: Cell<u32>,
}

impl<'a> Line<'a> {
    pub(crate) fn new(api: &'a Api, pauses: &'a dyn Fn(bool)) -> Self {
        Self {
            api,
            pauses,
            waiting: Cell::new(0),
        }
    }

    /// Asks the API: again while its rate limit refuses, again when the network is back, and a few
    /// times where an answer got lost.
    pub(crate) async fn ask<T>(
        &self,
        question: impl AsyncFn() -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let mut busy = BUSY_TRIES;
        let mut retries = Retries::default();
        loop {
            match question().await {
                Err(ApiError::Refused { status: 429, .. } | ApiError::Gateway(429)) if busy > 0 => {
                    busy -= 1;
                    sleep(BUSY_PAUSE).await;
                }
                Err(error) if error.is_lost() => {
                    if !retries.wait(self).await {
                        return Err(error);
                    }
                }
                answer => return answer,
            }
        }
    }

    /// Waits until the API answers; whether that had to be waited for.
    async fn until_reachable(&self) -> bool {
        if is_online() && self.api.is_reachable().await {
            return false;
        }
        let _waiting = Waiting::begin(self);
        let (waker, mut wakes) = mpsc::channel(1);
        let _listener = web_sys::window().map(|window| {
            EventListener::new(&window, "online", move |_| {
                // Full: it has been woken already.
                let _ = waker.clone().try_send(());
            })
        });
        let mut backoff = Backoff::default();
        loop {
            let pause = sleep(backoff.next(js_sys::Math::random()));
            if let Either::Right(_) = select(pause, wakes.next()).await {
                backoff.reset();
            }
            if is_online() && self.api.is_reachable().await {
                return true;
            }
        }
    }
}

/// What is left of the retries of one request.
#[derive(Default)]
pub(crate) struct Retries(usize);

impl Retries {
    /// Waits before another try; `false` where no other is worth while. Tries that failed as the
    /// network was away do not count.
    pub(crate) async fn wait(&mut self, line: &Line<'_>) -> bool {
        if line.until_reachable().await {
            return true;
        }
        let Some(pause) = PAUSES.get(self.0) else {
            return false;
        };
        self.0 += 1;
        sleep(*pause).await;
        true
    }
}

/// One request that waits for the network.
struct Waiting<'a>(&'a Line<'a>);

impl<'a> Waiting<'a> {
    fn begin(line: &'a Line<'a>) -> Self {
        line.waiting.update(|count| count + 1);
        (line.pauses)(true);
        Self(line)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.update(|count| count - 1);
        if self.0.waiting.get() == 0 {
            (self.0.pauses)(false);
        }
    }
}

/// What the browser knows of its network: `true` where it does not know.
fn is_online() -> bool {
    web_sys::window().is_none_or(|window| window.navigator().on_line())
}
