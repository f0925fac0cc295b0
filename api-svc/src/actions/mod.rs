//! What one can do with the API, apart from looking: upload, take a frame of a video, choose its
//! pictures, get a link to the video itself, see and redrive failures, run a test, and purge.
//!
//! One module each, free of HTTP: errors are enums that [`routes`](crate::routes) turns into
//! problem documents.

pub(crate) mod choices;
pub(crate) mod copy;
pub(crate) mod failures;
pub(crate) mod ondemand;
pub(crate) mod originals;
pub(crate) mod progress;
pub(crate) mod purge;
pub(crate) mod samples;
pub(crate) mod uploads;

use std::sync::Arc;

use aws_sdk_s3::config::retry::RetryConfig;
use clap::Args;
use contract::Prefixes;
use service_kit::settings::Switch;
use thumbcore::Sandbox;

use self::{
    choices::Choices, failures::DeadLetters, ondemand::OnDemand, originals::Originals,
    purge::Purge, samples::Samples, uploads::Uploads,
};
use crate::{manifests::Manifests, presign::Sessions};

/// The settings of the actions.
#[derive(Debug, Clone, Args)]
pub struct ActionsConfig {
    /// Bucket whose videos a test copies into the uploads
    #[arg(long, env)]
    pub test_source_bucket: Option<String>,

    /// Largest upload in bytes; files above 64 MiB go in parts
    #[arg(long, env, default_value_t = 50 << 30, value_parser = clap::value_parser!(u64).range(1..=uploads::MAX_UPLOAD))]
    pub upload_max_bytes: u64,

    /// Memory for frames and storyboards made on demand, in bytes
    #[arg(long, env, default_value_t = 32 << 20)]
    pub frame_cache_bytes: u64,

    /// Memory for videos that stay open between pictures, in bytes
    #[arg(long, env, default_value_t = 64 << 20)]
    pub frame_video_bytes: u64,

    /// Whether the video of a picture is decoded in a process of its own that holds no credentials
    /// and can reach nothing. A machine that cannot lock such a process in is an error at the
    /// start
    #[arg(long, env, value_enum, default_value_t = Switch::On)]
    pub decode_sandbox: Switch,
}

/// Everything that one can do.
pub(crate) struct Actions {
    pub(crate) choices: Choices,
    pub(crate) ondemand: OnDemand,
    pub(crate) originals: Originals,
    pub(crate) uploads: Uploads,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) samples: Samples,
    pub(crate) purge: Purge,
}

/// What the actions work on.
pub(crate) struct Place<'a> {
    pub(crate) s3: &'a aws_sdk_s3::Client,
    pub(crate) sqs: &'a aws_sdk_sqs::Client,
    /// The credentials that sign uploads and links to originals.
    pub(crate) sessions: &'a Arc<Sessions>,
    pub(crate) bucket: &'a str,
    pub(crate) manifests: &'a Arc<Manifests>,
    pub(crate) prefixes: &'a Prefixes,
    pub(crate) queue_url: &'a str,
    pub(crate) dlq_url: Option<&'a str>,
    /// Where videos are decoded; `None` for this process.
    pub(crate) sandbox: Option<&'a Sandbox>,
}

impl Actions {
    /// # Errors
    /// thumbcore refuses the limits of frames.
    pub(crate) fn new(place: &Place<'_>, config: &ActionsConfig) -> Result<Self, thumbcore::Error> {
        let Place {
            s3,
            sqs,
            sessions,
            bucket,
            manifests,
            prefixes,
            queue_url,
            dlq_url,
            sandbox,
        } = *place;
        // thumbcore retries its reads itself; both would multiply.
        let reads = s3
            .config()
            .to_builder()
            .retry_config(RetryConfig::disabled());
        let reads = aws_sdk_s3::Client::from_conf(reads.build());
        let bucket = || bucket.to_owned();
        let source = config
            .test_source_bucket
            .clone()
            .filter(|name| !name.is_empty());
        let memory = (config.frame_cache_bytes, config.frame_video_bytes);
        Ok(Self {
            choices: Choices::new(
                (s3.clone(), bucket()),
                (sqs.clone(), queue_url.to_owned()),
                Arc::clone(manifests),
                prefixes.clone(),
            ),
            ondemand: OnDemand::new(reads, (bucket(), prefixes.clone()), memory, sandbox)?,
            originals: Originals::new(s3.clone(), sessions.clone(), bucket(), prefixes.clone()),
            uploads: Uploads::new(
                s3.clone(),
                sessions.clone(),
                bucket(),
                prefixes.clone(),
                config.upload_max_bytes,
            ),
            dead_letters: DeadLetters::new(
                sqs.clone(),
                dlq_url.map(ToOwned::to_owned),
                queue_url.to_owned(),
            ),
            samples: Samples::new(s3.clone(), source, bucket(), prefixes.clone()),
            purge: Purge::new(s3.clone(), bucket(), prefixes),
        })
    }
}
