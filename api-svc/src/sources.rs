//! Questions to the queue, the dead-letter queue and the bucket about how they are.

use aws_sdk_sqs::types::QueueAttributeName;

use crate::aws::{AwsError, Clients};

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

    /// Why the bucket or the queue does not answer, one text for each; empty if both do.
    pub(crate) async fn unready(&self) -> Vec<String> {
        let bucket = self.s3.head_bucket().bucket(&self.bucket).send();
        let queue = self.sqs.get_queue_attributes().queue_url(&self.queue_url);
        let (bucket, queue) = tokio::join!(bucket, queue.send());
        let bucket = bucket.err().map(|error| {
            let error = AwsError::new("looking for the bucket", error);
            format!("S3: {error}")
        });
        let queue = queue.err().map(|error| {
            let error = AwsError::new("looking for the queue", error);
            format!("SQS: {error}")
        });
        bucket.into_iter().chain(queue).collect()
    }
}
