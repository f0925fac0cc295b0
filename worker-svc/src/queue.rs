//! The queue, its messages, and the dead-letter queue (DLQ).

use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, anyhow};
use aws_sdk_sqs::{
    Client, Config as ClientConfig,
    config::timeout::TimeoutConfig,
    error::{ProvideErrorMetadata, SdkError},
    types::{MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName},
};
use service_kit::start::Start;

use crate::{
    Config,
    aws::{Fault, reason},
};

/// Longest poll. An idle worker ends with its last poll, since SQS would hand messages to a poll
/// that is given up. SQS allows 20 s; four times as many empty answers cost 20 cents a month and
/// worker.
const LONGEST_POLL: Duration = Duration::from_secs(5);

/// Shorter polls would return empty answers in a busy loop.
const SHORTEST_POLL: Duration = Duration::from_secs(1);

/// How long after its end a poll may be answered. A connection that died without a word is noticed
/// then.
const POLL_SLACK: Duration = Duration::from_secs(5);

/// Most messages that SQS returns in one answer.
pub(crate) const BATCH: usize = 10;

/// Longest visibility timeout that SQS allows.
const MAX_VISIBILITY: Duration = Duration::from_hours(12);

/// Longest `error-message` attribute, in characters.
const MAX_REASON: usize = 1000;

#[derive(Debug)]
pub(crate) struct Queue {
    client: Client,
    url: String,
    dlq_url: Option<String>,
    visibility: Duration,
    poll: Duration,
}

/// One delivery of a message.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) receipt: String,
    /// How often the message was delivered, this time included.
    pub(crate) receive_count: u32,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum QueueError {
    /// The message was deleted, or its visibility timeout passed and another worker received it.
    #[error("the message's receipt is no longer valid")]
    ReceiptLost,
    #[error("{operation}: {reason}")]
    Service {
        operation: &'static str,
        fault: Fault,
        reason: String,
    },
}

impl QueueError {
    /// The class of the error.
    pub(crate) fn fault(&self) -> Fault {
        match self {
            Self::ReceiptLost => Fault::Missing,
            Self::Service { fault, .. } => *fault,
        }
    }
}

impl Queue {
    /// Checks that the queues exist and reads the visibility timeout.
    pub(crate) async fn connect(
        client: Client,
        config: &Config,
        start: &Start,
    ) -> anyhow::Result<Self> {
        let url = config.pipeline.sqs_queue_url.clone();
        let look = visibility_timeout(&client, &url);
        let visibility = start
            .step("looking for the queue (SQS_QUEUE_URL)", Start::AWS, look)
            .await
            .with_context(|| format!("SQS_QUEUE_URL: cannot use {url}"))?;
        if let Some(dlq) = config.pipeline.dlq_url() {
            let what = "looking for the dead-letter queue (SQS_DLQ_URL)";
            let look = visibility_timeout(&client, dlq);
            start
                .step(what, Start::AWS, look)
                .await
                .with_context(|| format!("SQS_DLQ_URL: cannot use {dlq}"))?;
        }
        Ok(Self {
            client,
            url,
            dlq_url: config.pipeline.dlq_url().map(ToOwned::to_owned),
            visibility,
            // SQS hands messages to a poll even if nobody waits for its answer. A poll no longer
            // than the grace period cannot outlive it and take the messages that a shutdown
            // returns.
            poll: config.shutdown_grace().clamp(SHORTEST_POLL, LONGEST_POLL),
        })
    }

    /// How long a delivery stays hidden from other workers.
    pub(crate) fn visibility(&self) -> Duration {
        self.visibility
    }

    pub(crate) fn has_dlq(&self) -> bool {
        self.dlq_url.is_some()
    }

    /// Waits, by one long poll, for at least one message; returns at most `most` and [`BATCH`].
    pub(crate) async fn receive(&self, most: usize) -> Result<Vec<Delivery>, QueueError> {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(self.poll + POLL_SLACK)
            .build();
        let output = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(i32::try_from(most.clamp(1, BATCH)).unwrap_or(1))
            .wait_time_seconds(seconds(self.poll))
            .visibility_timeout(seconds(self.visibility))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .customize()
            .config_override(ClientConfig::builder().timeout_config(timeouts))
            .send()
            .await
            .map_err(|error| service_error("ReceiveMessage", &error))?;
        let messages = output.messages.unwrap_or_default();
        Ok(messages.into_iter().filter_map(delivery).collect())
    }

    pub(crate) async fn delete(&self, receipt: &str) -> Result<(), QueueError> {
        self.client
            .delete_message()
            .queue_url(&self.url)
            .receipt_handle(receipt)
            .send()
            .await
            .map_err(|error| service_error("DeleteMessage", &error))?;
        Ok(())
    }

    /// Sets how long the message stays hidden from now on, in whole seconds rounded up.
    pub(crate) async fn set_visibility(
        &self,
        receipt: &str,
        time: Duration,
    ) -> Result<(), QueueError> {
        self.client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt)
            .visibility_timeout(seconds(time))
            .send()
            .await
            .map_err(|error| service_error("ChangeMessageVisibility", &error))?;
        Ok(())
    }

    /// Moves the message to the DLQ, with the kind of the failure that decided about it and all
    /// reasons as attributes. Fails without effect where no
    /// DLQ is set.
    pub(crate) async fn move_to_dlq(
        &self,
        delivery: &Delivery,
        kind: &str,
        reasons: &str,
    ) -> Result<(), QueueError> {
        let failed = |reason: String| QueueError::Service {
            operation: "SendMessage",
            fault: Fault::Other,
            reason,
        };
        let Some(dlq) = &self.dlq_url else {
            return Err(failed("no SQS_DLQ_URL".to_owned()));
        };
        let attribute = |value: String| {
            MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build()
                .map_err(|error| failed(error.to_string()))
        };
        self.client
            .send_message()
            .queue_url(dlq)
            .message_body(&delivery.body)
            .message_attributes("error-kind", attribute(kind.to_owned())?)
            .message_attributes("error-message", attribute(printable(reasons))?)
            .send()
            .await
            .map_err(|error| service_error("SendMessage", &error))?;
        // The DLQ has the message now: a failure from here on must not send it again.
        for _ in 0..DELETE_ATTEMPTS {
            match self.delete(&delivery.receipt).await {
                Ok(()) | Err(QueueError::ReceiptLost) => break,
                Err(error) => {
                    tracing::warn!(%error, "a message in the dead-letter queue could not be deleted from the queue");
                }
            }
        }
        Ok(())
    }
}

/// Attempts at deleting a message that the DLQ has already.
const DELETE_ATTEMPTS: u32 = 3;

/// A duration in SQS's whole seconds, rounded up.
fn seconds(time: Duration) -> i32 {
    time.min(MAX_VISIBILITY).as_secs_f64().ceil() as i32
}

async fn visibility_timeout(client: &Client, url: &str) -> anyhow::Result<Duration> {
    let output = client
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(QueueAttributeName::VisibilityTimeout)
        .send()
        .await
        .map_err(|error| anyhow!(reason(&error)))?;
    let seconds: u64 = output
        .attributes
        .as_ref()
        .and_then(|attributes: &HashMap<_, _>| {
            attributes.get(&QueueAttributeName::VisibilityTimeout)
        })
        .and_then(|value| value.parse().ok())
        .context("the answer has no visibility timeout")?;
    // At 0 every worker would receive every message.
    Ok(Duration::from_secs(seconds.max(1)))
}

fn delivery(message: aws_sdk_sqs::types::Message) -> Option<Delivery> {
    let receive_count = message
        .attributes
        .as_ref()
        .and_then(|attributes| attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount))
        .and_then(|count| count.parse().ok())
        .unwrap_or(1);
    Some(Delivery {
        id: message.message_id.unwrap_or_default(),
        body: message.body.unwrap_or_default(),
        // A message without a receipt can be neither deleted nor returned.
        receipt: message.receipt_handle?,
        receive_count,
    })
}

fn service_error<E>(operation: &'static str, error: &SdkError<E>) -> QueueError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let lost = match error.code() {
        Some(code) if code.ends_with("ReceiptHandleIsInvalid") => true,
        Some(code) if code.ends_with("MessageNotInflight") => true,
        // AWS's answer about an expired receipt.
        Some("InvalidParameterValue") => {
            let message = error.message().unwrap_or_default();
            message.contains("expired") || message.contains("not available for visibility")
        }
        _ => false,
    };
    if lost {
        return QueueError::ReceiptLost;
    }
    QueueError::Service {
        operation,
        fault: Fault::of(error),
        reason: reason(error),
    }
}

/// `text` as SQS accepts it in an attribute: not empty, without control characters, and at most
/// [`MAX_REASON`] characters.
fn printable(text: &str) -> String {
    let mut text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .take(MAX_REASON)
        .collect();
    if text.is_empty() {
        text.push('?');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_fit_for_an_attribute() {
        assert_eq!(printable("a\nb\u{0}c\u{ffff}"), "a b c");
        assert_eq!(printable(""), "?");
        assert_eq!(printable(&"ü".repeat(5000)).chars().count(), MAX_REASON);
    }
}
