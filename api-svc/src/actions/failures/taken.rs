//! Messages that are hidden from others because this process received them.

use std::collections::BTreeMap;

use aws_sdk_sqs::{
    Client,
    types::{
        ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName as System,
    },
};
use futures::{StreamExt as _, stream};

use super::CONCURRENCY;
use crate::aws::{AwsError, reason};

/// Most messages that SQS takes or gives at once.
const BATCH: usize = 10;

/// The messages that were received from a queue, and not deleted or shown again.
pub(super) struct Taken<'a> {
    client: &'a Client,
    url: &'a str,
    /// The last receipt of each message, by the message's id: SQS accepts no earlier one.
    receipts: BTreeMap<String, String>,
}

impl<'a> Taken<'a> {
    pub(super) fn new(client: &'a Client, url: &'a str) -> Self {
        Self {
            client,
            url,
            receipts: BTreeMap::new(),
        }
    }

    pub(super) fn url(&self) -> &'a str {
        self.url
    }

    pub(super) fn len(&self) -> usize {
        self.receipts.len()
    }

    /// Receives messages and hides them; returns those that were not seen before.
    pub(super) async fn receive(&mut self, hidden_seconds: i32) -> Result<Vec<Message>, AwsError> {
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
            .map_err(|error| AwsError::new("reading the failures", error))?;
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

    /// Leaves out a message that was deleted.
    pub(super) fn forget(&mut self, message: &Message) {
        if let Some(id) = message.message_id() {
            self.receipts.remove(id);
        }
    }

    /// Shows the messages to others at once. Where that fails, SQS shows them when their time is
    /// over.
    pub(super) async fn show_again(self) {
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
                        error = reason(&error),
                        "failures stay hidden until their time is over"
                    );
                }
            }
        });
        shown.await;
    }
}
