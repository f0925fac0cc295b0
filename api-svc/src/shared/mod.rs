//! What all instances of the API share: whose turn it is to test or purge, how far operations are,
//! and who changed something.
//!
//! It is one small object in the bucket, `thumbnails/.shared`, written only if nobody has written
//! it since it was read (`If-Match`). Each instance reads it at every look, and every second while
//! something is under way, and writes what it has to add at most twice a second. What an instance
//! wrote is believed for a minute: one that ended takes nobody's turn for longer.

mod state;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use aws_sdk_s3::{Client, primitives::ByteStream};
use bytes::Bytes;
use contract::{
    Prefixes,
    api::{Act, Operation, OperationKind, OperationState},
    metadata,
};
use service_kit::aws::put_if_unchanged;
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::state::{Own, State};
use crate::{
    aws::{self, AwsError},
    feed::Feed,
};

/// How often the object is read while something is under way anywhere.
const BUSY: Duration = Duration::from_secs(1);

/// Shortest time between two writes.
const PAUSE: Duration = Duration::from_millis(500);

/// How often a change is tried that others come in between of.
const ATTEMPTS: usize = 20;

/// Longest pause before the next try: shorter than one write takes, many times over.
const JITTER_MS: u64 = 100;

/// Why the shared object cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SharedError {
    /// Someone has the turn.
    #[error("a test or a purge is running")]
    Occupied,
    #[error("what all instances of the API share is being written by others; try again")]
    Contended,
    #[error("what all instances of the API share cannot be read now")]
    Broken,
    #[error(transparent)]
    Aws(#[from] AwsError),
}

/// What is shared, as this instance knows it.
pub(crate) struct Shared {
    s3: Client,
    bucket: String,
    key: String,
    /// Tells this instance from others.
    instance: String,
    own: Mutex<Own>,
    changed: Notify,
}

/// The right to test or purge. Dropped without being given back, it is given back a little later.
pub(crate) struct Turn {
    shared: Arc<Shared>,
    holder: String,
}

impl Shared {
    pub(crate) fn new(s3: Client, bucket: String, prefixes: &Prefixes) -> Self {
        Self {
            s3,
            bucket,
            key: prefixes.shared(),
            instance: Uuid::new_v4().to_string(),
            own: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// The right to test or purge, which one at a time has.
    pub(crate) async fn turn(self: &Arc<Self>) -> Result<Turn, SharedError> {
        let holder = Uuid::new_v4().to_string();
        let take = |state: &mut State| state.take_turn(&holder, now_ms());
        if !self.change(take).await?.0 {
            return Err(SharedError::Occupied);
        }
        self.own().turn = Some(holder.clone());
        Ok(Turn {
            shared: Arc::clone(self),
            holder,
        })
    }

    /// Tells other instances how far an operation is. Uploads are over when they are told of.
    pub(crate) fn note(&self, operation: &Operation) {
        if operation.kind != OperationKind::Upload {
            self.own().note(operation);
            self.changed.notify_one();
        }
    }

    /// Tells everyone what someone changed.
    pub(crate) fn tell(&self, act: Act) {
        self.own().acts.push(act);
        self.changed.notify_one();
    }

    /// Writes what there is to add, and tells `feed` what others wrote, until `stop`.
    pub(crate) async fn keep_up(&self, feed: &Feed, interval: Duration, stop: CancellationToken) {
        let mut heard = Heard::default();
        let mut pause = Duration::ZERO;
        while stop.run_until_cancelled(self.due(pause)).await.is_some() {
            pause = match self.exchange().await {
                Ok(state) => {
                    let is_busy = heard.tell(&state, &self.instance, feed);
                    if is_busy || self.own().is_busy() {
                        BUSY.min(interval)
                    } else {
                        interval
                    }
                }
                // The error is in the log; the bucket is shown as unavailable by the sampler.
                Err(_) => interval,
            };
        }
        if self.own().is_busy() {
            let _ = tokio::time::timeout(BUSY, self.exchange()).await;
        }
    }

    /// Waits for `pause`, or until there is something to write.
    async fn due(&self, pause: Duration) {
        tokio::select! {
            () = sleep(pause) => {}
            () = self.changed.notified() => sleep(PAUSE.min(pause)).await,
        }
    }

    /// Writes what there is to add, if there is something; the state afterwards.
    async fn exchange(&self) -> Result<State, SharedError> {
        let own = self.own().clone();
        if !own.is_busy() {
            return Ok(self.read().await?.0);
        }
        let merge = |state: &mut State| state.merge(&self.instance, &own, now_ms());
        let ((), state) = self.change(merge).await?;
        self.own().settle(&own);
        Ok(state)
    }

    /// Changes the state, whoever else does. What `edit` gives, and the state afterwards.
    async fn change<T>(&self, edit: impl Fn(&mut State) -> T) -> Result<(T, State), SharedError> {
        for attempt in 0..ATTEMPTS {
            let (before, etag) = self.read().await?;
            let mut state = before.clone();
            let given = edit(&mut state);
            if state == before || self.write(&state, etag.as_deref()).await? {
                return Ok((given, state));
            }
            let wait = (attempt as u64 + 1) * (now_ms() % JITTER_MS) / 4;
            sleep(Duration::from_millis(wait)).await;
        }
        Err(SharedError::Contended)
    }

    /// The state, and the object's `ETag` if there is an object.
    async fn read(&self) -> Result<(State, Option<String>), SharedError> {
        metrics::counter!(crate::prometheus::S3_GETS).increment(1);
        let operation = "reading what all instances share";
        let Some(object) = aws::find(&self.s3, (&self.bucket, &self.key), operation).await? else {
            return Ok((State::default(), None));
        };
        let etag = object.e_tag.clone();
        let body = object.body.collect().await;
        let body = body.map_err(|_| SharedError::Broken)?.into_bytes();
        // Something else under the key is replaced by the next change.
        Ok((serde_json::from_slice(&body).unwrap_or_default(), etag))
    }

    async fn write(&self, state: &State, etag: Option<&str>) -> Result<bool, AwsError> {
        // Serialising plain data to memory cannot fail.
        let body = Bytes::from(serde_json::to_vec(state).unwrap_or_default());
        let put = self.s3.put_object().bucket(&self.bucket).key(&self.key);
        let put = put
            .body(ByteStream::from(body))
            .content_type("application/json")
            .cache_control(metadata::INDEX_CACHE);
        let put = match etag {
            Some(etag) => put.if_match(etag),
            None => put.if_none_match("*"),
        };
        match Box::pin(put_if_unchanged(put.send())).await {
            Ok(written) => Ok(written.is_some()),
            Err(error) => Err(AwsError::new("writing what all instances share", error)),
        }
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Gives the turn back. Where that cannot be written now, it is later.
    pub(crate) async fn give_back(self) {
        let shared = Arc::clone(&self.shared);
        drop(self);
        let _ = shared.exchange().await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut own = self.shared.own();
        own.turn = None;
        own.returned = Some(self.holder.clone());
        drop(own);
        self.shared.changed.notify_one();
    }
}

/// What this instance was told of others.
#[derive(Default)]
struct Heard(HashMap<String, Operation>);

impl Heard {
    /// Tells `feed` what is new in `state`; whether something is under way.
    fn tell(&mut self, state: &State, instance: &str, feed: &Feed) -> bool {
        let is_of_others = |it: &&state::Running| it.instance != instance;
        let others: Vec<_> = state.running.iter().filter(is_of_others).collect();
        for it in &others {
            let is_silent =
                it.until_ms <= now_ms() && it.operation.state == OperationState::Running;
            let operation = if is_silent {
                lost(&it.operation)
            } else {
                it.operation.clone()
            };
            if self.0.get(&operation.id) != Some(&operation) {
                feed.tell(operation.clone());
                self.0.insert(operation.id.clone(), operation);
            }
        }
        self.0.retain(|id, operation| {
            let is_there = others.iter().any(|it| it.operation.id == *id);
            if !is_there && operation.state == OperationState::Running {
                feed.tell(lost(operation));
            }
            is_there
        });
        feed.publish_acts(&state.acts);
        self.0
            .values()
            .any(|operation| operation.state == OperationState::Running)
    }
}

/// The end of an operation whose instance is silent.
fn lost(operation: &Operation) -> Operation {
    Operation {
        state: OperationState::Failed,
        reason: Some("the instance of the API that ran it is gone".to_owned()),
        ..operation.clone()
    }
}

fn now_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since_1970.map_or(0, |elapsed| elapsed.as_millis() as u64)
}
