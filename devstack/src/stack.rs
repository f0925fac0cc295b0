//! The local S3 and SQS, set up as in production.

use std::time::Duration;

use anyhow::Context;
use aws_sdk_s3::{
    config::{BehaviorVersion, Credentials, Region},
    types::{
        Event, FilterRule, FilterRuleName, NotificationConfiguration,
        NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter,
    },
};
use aws_sdk_sqs::types::QueueAttributeName;
/// The extensions of the videos that the services process, in lower case.
pub use contract::VIDEO_EXTENSIONS as EXTENSIONS;

use crate::ministack::{self, Ministack};

const REGION: &str = "us-east-1";
const ACCESS_KEY_ID: &str = "test";
const SECRET_ACCESS_KEY: &str = "test";
const BUCKET: &str = "videos";
const SAMPLE_BUCKET: &str = "samples";
const UPLOAD_PREFIX: &str = "uploads/";
const QUEUE: &str = "video-uploads";
const DLQ: &str = "video-uploads-dlq";

/// How a [`Stack`] is set up. The default suits most tests and `cargo xtask up`.
#[derive(Clone, Debug)]
pub struct StackOptions {
    /// Port on 127.0.0.1. Default: a free one.
    pub port: Option<u16>,
    /// How long a received message stays hidden from other receivers. Whole seconds; default 30 s.
    pub visibility_timeout: Duration,
    /// How often a message is received before it moves to the DLQ. Default 3.
    pub max_receive_count: u32,
}

impl Default for StackOptions {
    fn default() -> Self {
        Self {
            port: None,
            visibility_timeout: Duration::from_secs(30),
            max_receive_count: 3,
        }
    }
}

/// A private S3 and SQS on 127.0.0.1, with a bucket, a queue, its dead-letter queue (DLQ), and a
/// notification to the queue for every object created under `uploads/`; beside them an empty bucket
/// for samples.
///
/// It ends when dropped, and also when the process that started it is killed. Its clients need a
/// Tokio runtime.
#[derive(Debug)]
pub struct Stack {
    /// Ends the server when dropped.
    _server: Ministack,
    endpoint: String,
    queue_url: String,
    dlq_url: String,
    s3: aws_sdk_s3::Client,
    sqs: aws_sdk_sqs::Client,
}

impl Stack {
    /// Installs the server under `target/` if it is missing. [`Stack::start`] does so too; a call
    /// before only separates the download (once, some seconds) from the start.
    pub async fn install() -> anyhow::Result<()> {
        tokio::task::spawn_blocking(ministack::install).await??;
        Ok(())
    }

    /// Starts a server and sets up buckets, queues and notification.
    ///
    /// Fails, with the end of the server's log, when the server cannot be installed or started, for
    /// example because `options.port` is taken.
    pub async fn start(options: StackOptions) -> anyhow::Result<Self> {
        let port = options.port;
        let server = tokio::task::spawn_blocking(move || Ministack::start(port)).await??;
        let endpoint = format!("http://127.0.0.1:{}", server.port());
        let credentials =
            Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "devstack");
        let s3 = aws_sdk_s3::Client::from_conf(
            aws_sdk_s3::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::from_static(REGION))
                .credentials_provider(credentials.clone())
                .endpoint_url(&endpoint)
                .build(),
        );
        let sqs = aws_sdk_sqs::Client::from_conf(
            aws_sdk_sqs::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::from_static(REGION))
                .credentials_provider(credentials)
                .endpoint_url(&endpoint)
                .build(),
        );
        let dlq_url = create_queue(&sqs, DLQ, &[]).await?;
        let queue_url = create_queue(
            &sqs,
            QUEUE,
            &[
                (
                    QueueAttributeName::VisibilityTimeout,
                    options.visibility_timeout.as_secs().to_string(),
                ),
                (
                    QueueAttributeName::RedrivePolicy,
                    serde_json::json!({
                        "deadLetterTargetArn": arn(&sqs, &dlq_url).await?,
                        "maxReceiveCount": options.max_receive_count,
                    })
                    .to_string(),
                ),
            ],
        )
        .await?;
        for bucket in [BUCKET, SAMPLE_BUCKET] {
            s3.create_bucket().bucket(bucket).send().await?;
        }
        announce_uploads(&s3, &arn(&sqs, &queue_url).await?).await?;
        Ok(Self {
            _server: server,
            endpoint,
            queue_url,
            dlq_url,
            s3,
            sqs,
        })
    }

    /// The base URL of S3 and SQS, `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The AWS region that every resource is in.
    #[must_use]
    pub fn region(&self) -> &str {
        REGION
    }

    /// The bucket of uploads and thumbnails.
    #[must_use]
    pub fn bucket(&self) -> &str {
        BUCKET
    }

    /// The bucket that the dashboard's test takes videos from (`TEST_SOURCE_BUCKET`); nothing
    /// announces what is put there.
    #[must_use]
    pub fn sample_bucket(&self) -> &str {
        SAMPLE_BUCKET
    }

    /// The queue that uploads are announced to.
    #[must_use]
    pub fn queue_url(&self) -> &str {
        &self.queue_url
    }

    /// The queue of messages that were received too often.
    #[must_use]
    pub fn dlq_url(&self) -> &str {
        &self.dlq_url
    }

    /// How many messages a queue holds: visible ones, and those that somebody has received.
    ///
    /// # Errors
    /// The queue is not there.
    pub async fn depth(&self, queue_url: &str) -> anyhow::Result<(u32, u32)> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let ask = self.sqs.get_queue_attributes().queue_url(queue_url);
        let answer = ask.set_attribute_names(Some(names.to_vec())).send().await?;
        let attributes = answer.attributes.unwrap_or_default();
        let [visible, hidden] = names.map(|name| attributes.get(&name)?.parse().ok());
        Ok((visible.context("no count")?, hidden.context("no count")?))
    }

    /// The environment that lets a service, or the AWS command line, use this stack.
    #[must_use]
    pub fn env(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
            ("SQS_QUEUE_URL", self.queue_url()),
            ("SQS_DLQ_URL", self.dlq_url()),
            ("S3_BUCKET", BUCKET),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// A client of this stack's S3.
    #[must_use]
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        &self.s3
    }

    /// A client of this stack's SQS.
    #[must_use]
    pub fn sqs(&self) -> &aws_sdk_sqs::Client {
        &self.sqs
    }
}

async fn create_queue(
    sqs: &aws_sdk_sqs::Client,
    name: &str,
    attributes: &[(QueueAttributeName, String)],
) -> anyhow::Result<String> {
    let mut request = sqs.create_queue().queue_name(name);
    for (name, value) in attributes {
        request = request.attributes(name.clone(), value);
    }
    let created = request.send().await?;
    created
        .queue_url
        .with_context(|| format!("queue {name} has no URL"))
}

async fn arn(sqs: &aws_sdk_sqs::Client, queue_url: &str) -> anyhow::Result<String> {
    let answer = sqs
        .get_queue_attributes()
        .queue_url(queue_url)
        .attribute_names(QueueAttributeName::QueueArn)
        .send()
        .await?;
    answer
        .attributes
        .and_then(|mut attributes| attributes.remove(&QueueAttributeName::QueueArn))
        .with_context(|| format!("queue {queue_url} has no ARN"))
}

async fn announce_uploads(s3: &aws_sdk_s3::Client, queue_arn: &str) -> anyhow::Result<()> {
    let below_prefix = FilterRule::builder()
        .name(FilterRuleName::Prefix)
        .value(UPLOAD_PREFIX)
        .build();
    let key = S3KeyFilter::builder().filter_rules(below_prefix).build();
    let filter = NotificationConfigurationFilter::builder().key(key).build();
    let rule = QueueConfiguration::builder()
        .queue_arn(queue_arn)
        .events(Event::S3ObjectCreated)
        .filter(filter)
        .build()?;
    let rules = NotificationConfiguration::builder().queue_configurations(rule);
    s3.put_bucket_notification_configuration()
        .bucket(BUCKET)
        .notification_configuration(rules.build())
        .send()
        .await?;
    Ok(())
}
