//! Questions to the queue, the dead-letter queue and the bucket about how they are.

use std::time::Duration;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::QueueAttributeName;
use service_kit::aws::{kind, reason, status};
use tokio::time::timeout;

use crate::aws::{AwsError, Clients};

/// Longest that `/ready` waits for a source.
const READY_LIMIT: Duration = Duration::from_secs(5);

/// The AWS sources of the pipeline's state.
pub(crate) struct Sources {
    pub(crate) s3: aws_sdk_s3::Client,
    sqs: aws_sdk_sqs::Client,
    pub(crate) bucket: String,
    pub(crate) queue_url: String,
    /// `None` where no dead-letter queue is configured.
    pub(crate) dlq_url: Option<String>,
}

/// Messages of a queue.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Depths {
    pub(crate) waiting: u64,
    pub(crate) in_flight: u64,
}

/// Why a queue's depth is not known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DepthError {
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The answer lacks the attributes that were asked for.
    #[error("the queue does not tell its depth")]
    Missing,
}

impl Sources {
    pub(crate) fn new(
        clients: &Clients,
        bucket: String,
        queue_url: String,
        dlq_url: Option<String>,
    ) -> Self {
        Self {
            s3: clients.s3.clone(),
            sqs: clients.sqs.clone(),
            bucket,
            queue_url,
            dlq_url,
        }
    }

    /// How many messages wait in a queue, and how many workers have in hand.
    pub(crate) async fn depths(&self, queue_url: &str) -> Result<Depths, DepthError> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let request = self
            .sqs
            .get_queue_attributes()
            .queue_url(queue_url)
            .set_attribute_names(Some(names.to_vec()));
        let output = request
            .send()
            .await
            .map_err(|error| AwsError::new("reading a queue's depth", error))?;
        let attributes = output.attributes.unwrap_or_default();
        let [waiting, in_flight] = names.map(|name| attributes.get(&name)?.parse().ok());
        match (waiting, in_flight) {
            (Some(waiting), Some(in_flight)) => Ok(Depths { waiting, in_flight }),
            _ => Err(DepthError::Missing),
        }
    }

    /// Why the bucket or the queue cannot be used, one text for each; empty if both can. Each is
    /// asked for at most [`READY_LIMIT`].
    pub(crate) async fn unready(&self) -> Vec<String> {
        let (bucket, queue) = tokio::join!(
            timeout(READY_LIMIT, self.look_for_bucket()),
            timeout(READY_LIMIT, self.look_for_queue()),
        );
        let reasons = [("S3", bucket), ("SQS", queue)].map(|(service, look)| match look {
            Ok(Ok(())) => None,
            Ok(Err(kind)) => Some(format!("{service}: {kind}")),
            Err(_) => {
                let seconds = READY_LIMIT.as_secs();
                Some(format!("{service}: no answer within {seconds} s"))
            }
        });
        reasons.into_iter().flatten().collect()
    }

    /// # Errors
    /// What a client may see of the reason.
    async fn look_for_bucket(&self) -> Result<(), String> {
        let Err(error) = self.s3.head_bucket().bucket(&self.bucket).send().await else {
            return Ok(());
        };
        // The answer to HEAD has no body, and so no code: refused credentials look like a policy
        // that denies. A listing tells.
        if status(&error) == Some(403) {
            let list = self.s3.list_objects_v2().bucket(&self.bucket).max_keys(1);
            let Err(error) = list.send().await else {
                return Ok(());
            };
            return Err(unready("the bucket", &error));
        }
        Err(unready("the bucket", &error))
    }

    /// # Errors
    /// What a client may see of the reason.
    async fn look_for_queue(&self) -> Result<(), String> {
        let queue = self.sqs.get_queue_attributes().queue_url(&self.queue_url);
        match queue.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(unready("the queue", &error)),
        }
    }
}

/// What a client may see of an error; the rest is for the log.
fn unready<E>(what: &'static str, error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    tracing::warn!(what, error = reason(error), "not ready");
    kind(error)
}
