//! The dead-letter queue: what lies there, and the way back to the queue.
//!
//! SQS cannot show messages without receiving them. A look hides the messages for some seconds at
//! most, and shows them again as soon as it has read them. Concurrent looks share one, and a look
//! stays good for some seconds, so any number of dashboards costs the same. Receiving raises a
//! message's receive count: a dead-letter queue must have no redrive policy of its own, as is
//! usual.
//!
//! A message goes back by being sent to the queue first and deleted from the dead-letter queue
//! afterwards. A failure between the two leaves it in both queues, never in neither; the worker
//! recognises videos that are done. A failure that is dismissed is deleted only.

mod message;
mod taken;

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use aws_sdk_sqs::{
    Client,
    types::{Message, QueueAttributeName as Attribute},
};
use contract::api::{Dismissed, Failures, Redriven};
use futures::{StreamExt as _, stream};
use moka::future::Cache;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};

use self::taken::Taken;
use super::progress::Progress;
use crate::aws::AwsError;

/// How long a look hides messages if it is interrupted.
const LOOK_SECONDS: i32 = 10;

/// How long a redrive hides the messages that it moves or leaves.
const REDRIVE_SECONDS: i32 = 120;

/// How long a look stays good.
const LOOK_AGE: Duration = Duration::from_secs(3);

/// Most messages in one look.
const MAX_SEEN: usize = 1000;

/// Longest time for a look; messages seen by then are shown.
const LOOK_TIME: Duration = Duration::from_secs(4);

/// Empty answers in a row that mean an empty queue: SQS asks a sample of its servers each time.
const EMPTY_ANSWERS: u32 = 3;

/// Messages sent and deleted at the same time.
const CONCURRENCY: usize = 8;

/// Most messages that one call moves: those that it leaves have to stay hidden until it ends.
const MAX_REDRIVEN: usize = 10_000;

/// Most ids in one call.
const MAX_IDS: usize = 1000;

/// Why the dead-letter queue cannot be shown or redriven.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum FailuresError {
    #[error("there is no dead-letter queue: SQS_DLQ_URL is not set")]
    NoQueue,
    #[error("ids: at most {MAX_IDS}; a redrive without ids takes all messages")]
    TooManyIds,
    #[error("messages are being redriven")]
    Redriving,
    #[error(transparent)]
    Aws(#[from] AwsError),
}

/// The dead-letter queue.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    client: Client,
    dlq: Option<String>,
    queue: String,
    look: Cache<(), Failures>,
    /// Held by the look or redrive that runs: each would hide messages from the other.
    turn: Mutex<()>,
}

/// Which messages a redrive moves.
enum Wanted<'a> {
    /// Those with these ids, which were not found yet.
    Ids(BTreeSet<&'a str>),
    /// Those that were sent before this time: a message that fails again during the redrive is
    /// not moved in circles.
    SentBefore(SystemTime),
}

/// What becomes of a message.
#[derive(Clone, Copy)]
enum Fate<'a> {
    /// It goes back to the queue, which the progress of the redrive counts.
    Redriven(&'a Progress),
    /// It is deleted.
    Dismissed,
}

impl DeadLetters {
    pub(crate) fn new(client: Client, dlq: Option<String>, queue: String) -> Self {
        Self {
            client,
            dlq,
            queue,
            look: Cache::builder()
                .max_capacity(1)
                .time_to_live(LOOK_AGE)
                .build(),
            turn: Mutex::default(),
        }
    }

    fn url(&self) -> Result<&str, FailuresError> {
        self.dlq.as_deref().ok_or(FailuresError::NoQueue)
    }

    /// The messages that lie there, oldest first.
    pub(crate) async fn list(&self) -> Result<Failures, FailuresError> {
        let url = self.url()?;
        self.look
            .try_get_with((), self.look(url))
            .await
            .map_err(|error| (*error).clone())
    }

    async fn look(&self, url: &str) -> Result<Failures, FailuresError> {
        let deadline = Instant::now() + LOOK_TIME;
        let _turn = timeout_at(deadline, self.turn.lock())
            .await
            .map_err(|_| FailuresError::Redriving)?;
        let mut taken = Taken::new(&self.client, url);
        let mut failures = Vec::new();
        let mut empty = 0;
        let result = loop {
            if taken.len() >= MAX_SEEN || empty >= EMPTY_ANSWERS {
                break Ok(());
            }
            match timeout_at(deadline, taken.receive(LOOK_SECONDS)).await {
                Ok(Ok(new)) if new.is_empty() => empty += 1,
                Ok(Ok(new)) => failures.extend(new.iter().filter_map(message::failure)),
                Ok(Err(error)) => break Err(error),
                Err(_) => break Ok(()),
            }
        };
        taken.show_again().await;
        result?;
        failures.sort_by(|a, b| (&a.sent_at, &a.id).cmp(&(&b.sent_at, &b.id)));
        let total = self.total(url).await?.max(failures.len() as u64);
        Ok(Failures { failures, total })
    }

    async fn total(&self, url: &str) -> Result<u64, AwsError> {
        let names = [
            Attribute::ApproximateNumberOfMessages,
            Attribute::ApproximateNumberOfMessagesNotVisible,
        ];
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(url)
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await
            .map_err(|error| AwsError::new("counting the failures", error))?;
        let attributes = answer.attributes.unwrap_or_default();
        let count = |name| attributes.get(&name).and_then(|n| n.parse::<u64>().ok());
        Ok(names.into_iter().filter_map(count).sum())
    }

    /// Checks the ids of a redrive before it starts.
    pub(crate) fn check(ids: Option<&[String]>) -> Result<(), FailuresError> {
        if ids.is_some_and(|ids| ids.len() > MAX_IDS) {
            return Err(FailuresError::TooManyIds);
        }
        Ok(())
    }

    /// Sends messages back to the queue: those with these ids, or all that lie there now.
    pub(crate) async fn redrive(
        &self,
        ids: Option<&[String]>,
        progress: &Progress,
    ) -> Result<Redriven, FailuresError> {
        let url = self.url()?;
        let _turn = self.turn.lock().await;
        progress.set_total(match ids {
            Some(ids) => ids.len() as u64,
            None => self.total(url).await?,
        });
        let mut wanted = match ids {
            Some(ids) => Wanted::Ids(ids.iter().map(String::as_str).collect()),
            None => Wanted::SentBefore(SystemTime::now()),
        };
        let moved = self.take_out(url, &mut wanted, Fate::Redriven(progress));
        Ok(Redriven {
            redriven: moved.await?,
            missing: wanted.missing(),
        })
    }

    /// Deletes the messages with these ids.
    pub(crate) async fn dismiss(&self, ids: &[String]) -> Result<Dismissed, FailuresError> {
        let url = self.url()?;
        let _turn = self.turn.lock().await;
        let mut wanted = Wanted::Ids(ids.iter().map(String::as_str).collect());
        let gone = self.take_out(url, &mut wanted, Fate::Dismissed);
        Ok(Dismissed {
            dismissed: gone.await?,
            missing: wanted.missing(),
        })
    }

    /// Takes the wanted messages out; returns how many.
    async fn take_out(
        &self,
        url: &str,
        wanted: &mut Wanted<'_>,
        fate: Fate<'_>,
    ) -> Result<u64, AwsError> {
        let mut taken = Taken::new(&self.client, url);
        let done = self.move_all(&mut taken, wanted, fate).await;
        taken.show_again().await;
        self.look.invalidate(&()).await;
        done
    }

    /// Receives and moves until nothing is left to move; returns how many messages met their fate.
    async fn move_all(
        &self,
        taken: &mut Taken<'_>,
        wanted: &mut Wanted<'_>,
        fate: Fate<'_>,
    ) -> Result<u64, AwsError> {
        let mut redriven = 0;
        let mut empty = 0;
        while !wanted.all_found()
            && empty < EMPTY_ANSWERS
            && taken.len().max(redriven as usize) < MAX_REDRIVEN
        {
            let new = taken.receive(REDRIVE_SECONDS).await?;
            if new.is_empty() {
                empty += 1;
                continue;
            }
            let new = new.into_iter().filter(|message| wanted.has(message));
            let url = taken.url();
            let mut moves = stream::iter(new.collect::<Vec<_>>())
                .map(|message| async move {
                    let moved = match fate {
                        Fate::Redriven(_) => self.send_back(url, &message).await,
                        Fate::Dismissed => self.delete(url, &message).await,
                    };
                    (moved, message)
                })
                .buffer_unordered(CONCURRENCY);
            let mut failed = None;
            while let Some((moved, message)) = moves.next().await {
                match moved {
                    Ok(()) => {
                        redriven += 1;
                        if let Fate::Redriven(progress) = fate {
                            progress.add(1);
                        }
                        taken.forget(&message);
                        wanted.found(&message);
                    }
                    Err(error) => failed = Some(error),
                }
            }
            failed.map_or(Ok(()), Err)?;
        }
        Ok(redriven)
    }

    /// Sends a message to the queue, then deletes it here. The error's attributes stay behind: the
    /// next attempt may end otherwise.
    async fn send_back(&self, url: &str, message: &Message) -> Result<(), AwsError> {
        self.client
            .send_message()
            .queue_url(&self.queue)
            .message_body(message.body().unwrap_or_default())
            .send()
            .await
            .map_err(|error| AwsError::new("sending a message back", error))?;
        if let Err(error) = self.delete(url, message).await {
            // The message is in the queue, as was asked for; a copy stays here.
            tracing::warn!(
                id = message.message_id(),
                %error,
                "sent back, but not deleted from the dead-letter queue"
            );
        }
        Ok(())
    }

    async fn delete(&self, url: &str, message: &Message) -> Result<(), AwsError> {
        self.client
            .delete_message()
            .queue_url(url)
            .receipt_handle(message.receipt_handle().unwrap_or_default())
            .send()
            .await
            .map_err(|error| AwsError::new("deleting a failure", error))?;
        Ok(())
    }
}

impl Wanted<'_> {
    fn has(&self, message: &Message) -> bool {
        match self {
            Self::Ids(ids) => message.message_id().is_some_and(|id| ids.contains(id)),
            Self::SentBefore(time) => message::sent(message).is_none_or(|sent| sent <= *time),
        }
    }

    fn found(&mut self, message: &Message) {
        if let (Self::Ids(ids), Some(id)) = (self, message.message_id()) {
            ids.remove(id);
        }
    }

    fn all_found(&self) -> bool {
        matches!(self, Self::Ids(ids) if ids.is_empty())
    }

    /// Ids that were not found.
    fn missing(self) -> Vec<String> {
        match self {
            Self::Ids(ids) => ids.into_iter().map(str::to_owned).collect(),
            Self::SentBefore(_) => Vec::new(),
        }
    }
}
