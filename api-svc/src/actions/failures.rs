//! `/api/failures`: the dead-letter queue, and the way back.
//!
//! SQS has no way to look without taking. What is looked at is hidden for some seconds at most, and
//! shown again as soon as it was read; looks that come together share one, and a look is good for
//! some seconds, so that any number of dashboards costs the same. Taking counts up a message's
//! receive count: a dead-letter queue must have no redrive policy of its own, as is usual.
//!
//! A message goes back by being sent to the queue first and deleted here afterwards. Between the
//! two it is in both; if anything fails there it stays so, and the worker, which knows what is
//! done, sees it twice. It is never in neither.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Duration, SystemTime},
};

use aws_sdk_sqs::{
    Client,
    types::{
        ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName as System,
        QueueAttributeName as Attribute,
    },
};
use contract::api::{Failure, Failures, Redriven};
use futures::{StreamExt as _, stream};
use moka::future::Cache;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};

use super::{aws_problem, conflict, progress::Progress};
use crate::{problem::Problem, time::rfc3339};

/// How long a look hides messages if it is cut off.
const LOOK_SECONDS: i32 = 10;

/// How long a redrive hides those that it has in hand, or leaves.
const REDRIVE_SECONDS: i32 = 120;

/// How long a look is good.
const LOOK_AGE: Duration = Duration::from_secs(3);

/// Most messages in one look.
const MAX_SEEN: usize = 100;

/// Longest a look may take; what was seen by then is shown.
const LOOK_TIME: Duration = Duration::from_secs(4);

/// A queue on several servers answers for some of them at a time: one empty answer says little.
const EMPTY_ANSWERS: u32 = 3;

/// Most messages that SQS takes or gives at once.
const BATCH: usize = 10;

/// Messages sent and deleted at the same time.
const CONCURRENCY: usize = 8;

/// Most messages that one call moves: what it leaves has to stay hidden until it ends.
const MAX_REDRIVEN: usize = 10_000;

/// Most ids in one call.
pub(crate) const MAX_IDS: usize = 1000;

/// The dead-letter queue.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    client: Client,
    dlq: Option<String>,
    queue: String,
    look: Cache<(), Failures>,
    /// One at a time looks or redrives: each would hide from the other what it wants.
    turn: Mutex<()>,
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

    fn url(&self) -> Result<&str, Problem> {
        self.dlq
            .as_deref()
            .ok_or_else(|| conflict("there is no dead-letter queue: SQS_DLQ_URL is not set"))
    }

    /// What lies there.
    pub(crate) async fn list(&self) -> Result<Failures, Problem> {
        let url = self.url()?;
        self.look
            .try_get_with((), self.look(url))
            .await
            .map_err(|problem| (*problem).clone())
    }

    async fn look(&self, url: &str) -> Result<Failures, Problem> {
        let deadline = Instant::now() + LOOK_TIME;
        let _turn = timeout_at(deadline, self.turn.lock())
            .await
            .map_err(|_| Problem::unavailable("messages are being redriven"))?;
        let mut taken = Taken::new(&self.client, url);
        let mut failures = Vec::new();
        let mut empty = 0;
        let result = loop {
            if taken.receipts.len() >= MAX_SEEN || empty >= EMPTY_ANSWERS {
                break Ok(());
            }
            match timeout_at(deadline, taken.receive(LOOK_SECONDS)).await {
                Ok(Ok(new)) if new.is_empty() => empty += 1,
                Ok(Ok(new)) => failures.extend(new.iter().filter_map(failure)),
                Ok(Err(problem)) => break Err(problem),
                Err(_) => break Ok(()),
            }
        };
        taken.show_again().await;
        result?;
        failures.sort_by(|a, b| (&a.sent_at, &a.id).cmp(&(&b.sent_at, &b.id)));
        let total = self.total(url).await?.max(failures.len() as u64);
        Ok(Failures { failures, total })
    }

    async fn total(&self, url: &str) -> Result<u64, Problem> {
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
            .map_err(|error| aws_problem("counting the failures", &error))?;
        let attributes = answer.attributes.unwrap_or_default();
        let count = |name| attributes.get(&name).and_then(|n| n.parse::<u64>().ok());
        Ok(names.into_iter().filter_map(count).sum())
    }

    /// Sends messages back to the queue: those with these ids, or all that lie there now.
    pub(crate) async fn redrive(
        &self,
        ids: Option<&[String]>,
        progress: &Progress,
    ) -> Result<Redriven, Problem> {
        let url = self.url()?;
        let _turn = self.turn.lock().await;
        progress.set_total(match ids {
            Some(ids) => ids.len() as u64,
            None => self.total(url).await?,
        });
        // What fails again meanwhile lies here again, and is not moved in circles.
        let began = SystemTime::now();
        let mut missing: Option<BTreeSet<&str>> =
            ids.map(|ids| ids.iter().map(String::as_str).collect());
        let mut taken = Taken::new(&self.client, url);
        let mut redriven: u64 = 0;
        let mut empty = 0;
        let result = loop {
            let found_all = missing.as_ref().is_some_and(BTreeSet::is_empty);
            let many = taken.receipts.len().max(redriven as usize) >= MAX_REDRIVEN;
            if found_all || empty >= EMPTY_ANSWERS || many {
                break Ok(());
            }
            let new = match taken.receive(REDRIVE_SECONDS).await {
                Ok(new) => new,
                Err(problem) => break Err(problem),
            };
            if new.is_empty() {
                empty += 1;
                continue;
            }
            let wanted: Vec<Message> = new
                .into_iter()
                .filter(|message| match &missing {
                    Some(missing) => message.message_id().is_some_and(|id| missing.contains(id)),
                    None => sent(message).is_none_or(|sent| sent <= began),
                })
                .collect();
            let mut moves = stream::iter(wanted)
                .map(|message| async move { (self.send_back(url, &message).await, message) })
                .buffer_unordered(CONCURRENCY);
            let mut failed = None;
            while let Some((moved, message)) = moves.next().await {
                match moved {
                    Ok(()) => {
                        redriven += 1;
                        progress.add(1);
                        taken.forget(&message);
                        if let (Some(missing), Some(id)) = (&mut missing, message.message_id()) {
                            missing.remove(id);
                        }
                    }
                    Err(problem) => failed = Some(problem),
                }
            }
            if let Some(problem) = failed {
                break Err(problem);
            }
        };
        taken.show_again().await;
        self.look.invalidate(&()).await;
        result?;
        let missing = missing.into_iter().flatten().map(str::to_owned).collect();
        Ok(Redriven { redriven, missing })
    }

    /// Sends, then deletes. The error's attributes do not go along: another try, another outcome.
    async fn send_back(&self, url: &str, message: &Message) -> Result<(), Problem> {
        self.client
            .send_message()
            .queue_url(&self.queue)
            .message_body(message.body().unwrap_or_default())
            .send()
            .await
            .map_err(|error| aws_problem("sending a message back", &error))?;
        let delete = self
            .client
            .delete_message()
            .queue_url(url)
            .receipt_handle(message.receipt_handle().unwrap_or_default());
        if let Err(error) = delete.send().await {
            // It is in the queue: that is what was asked for. The copy here stays.
            tracing::warn!(
                id = message.message_id(),
                error = crate::aws::reason(&error),
                "sent back, and not yet deleted from the dead-letter queue"
            );
        }
        Ok(())
    }
}

/// Messages that are hidden because we took them.
struct Taken<'a> {
    client: &'a Client,
    url: &'a str,
    /// The receipt of each message, by its id: the last one counts.
    receipts: BTreeMap<String, String>,
}

impl<'a> Taken<'a> {
    fn new(client: &'a Client, url: &'a str) -> Self {
        Self {
            client,
            url,
            receipts: BTreeMap::new(),
        }
    }

    /// Takes some; gives those that were not seen before.
    async fn receive(&mut self, hidden_seconds: i32) -> Result<Vec<Message>, Problem> {
        let answer = self
            .client
            .receive_message()
            .queue_url(self.url)
            .max_number_of_messages(BATCH as i32)
            .wait_time_seconds(0)
            .visibility_timeout(hidden_seconds)
            .message_attribute_names("error-kind")
            .message_attribute_names("error-message")
            .message_system_attribute_names(System::SentTimestamp)
            .message_system_attribute_names(System::ApproximateReceiveCount)
            .send()
            .await
            .map_err(|error| aws_problem("reading the failures", &error))?;
        let mut new = Vec::new();
        for message in answer.messages.unwrap_or_default() {
            let (Some(id), Some(receipt)) = (message.message_id(), message.receipt_handle()) else {
                continue;
            };
            if self
                .receipts
                .insert(id.to_owned(), receipt.to_owned())
                .is_none()
            {
                new.push(message);
            }
        }
        Ok(new)
    }

    fn forget(&mut self, message: &Message) {
        if let Some(id) = message.message_id() {
            self.receipts.remove(id);
        }
    }

    /// Shows what is left at once; what that fails for shows itself when its time is over.
    async fn show_again(self) {
        let entries: Vec<_> = self
            .receipts
            .values()
            .enumerate()
            .filter_map(|(index, receipt)| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(receipt)
                    .visibility_timeout(0)
                    .build()
                    .ok()
            })
            .collect();
        let shown = stream::iter(entries.chunks(BATCH)).for_each_concurrent(CONCURRENCY, |batch| {
            let request = self
                .client
                .change_message_visibility_batch()
                .queue_url(self.url)
                .set_entries(Some(batch.to_vec()));
            async move {
                if let Err(error) = request.send().await {
                    tracing::warn!(
                        error = crate::aws::reason(&error),
                        "failures stay hidden until their time is over"
                    );
                }
            }
        });
        shown.await;
    }
}

/// What a message tells.
fn failure(message: &Message) -> Option<Failure> {
    let body = message.body().unwrap_or_default();
    let keys = match contract::Message::parse(body) {
        Ok(contract::Message::Notification(event)) => {
            event.created.into_iter().map(|object| object.key).collect()
        }
        _ => Vec::new(),
    };
    let attribute = |name: &str| {
        let attributes: &HashMap<_, _> = message.message_attributes.as_ref()?;
        Some(attributes.get(name)?.string_value()?.to_owned())
    };
    Some(Failure {
        id: message.message_id()?.to_owned(),
        keys,
        kind: attribute("error-kind"),
        message: attribute("error-message"),
        sent_at: sent(message).map(rfc3339),
        receive_count: system(message, &System::ApproximateReceiveCount).unwrap_or(0),
    })
}

fn sent(message: &Message) -> Option<SystemTime> {
    let millis = system(message, &System::SentTimestamp)?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
}

fn system<T: std::str::FromStr>(message: &Message, name: &System) -> Option<T> {
    message.attributes.as_ref()?.get(name)?.parse().ok()
}
