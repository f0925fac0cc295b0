//! What one can do by the API, beside looking: upload, take a frame of a video, see and redrive
//! failures, run a test, and purge.
//!
//! One module each, free of HTTP but for the [`Problem`](crate::problem::Problem) that an error
//! becomes. `routes` puts them behind [`access`](crate::access).

pub(crate) mod copy;
pub(crate) mod failures;
pub(crate) mod frames;
pub(crate) mod progress;
pub(crate) mod purge;
pub(crate) mod routes;
pub(crate) mod samples;
pub(crate) mod uploads;

use std::sync::Arc;

use aws_sdk_s3::{
    config::retry::RetryConfig,
    error::{ProvideErrorMetadata, SdkError},
};
use axum::http::StatusCode;
use clap::Args;
use contract::Prefixes;
use tokio::sync::Mutex;

use self::{
    failures::DeadLetters, frames::Frames, purge::Purge, samples::Samples, uploads::Uploads,
};
use crate::{aws::told, problem::Problem};

/// The settings of the actions.
#[derive(Debug, Clone, Args)]
pub struct ActionsConfig {
    /// Bucket whose videos a test copies into the uploads
    #[arg(long, env)]
    pub test_source_bucket: Option<String>,

    /// Largest upload in bytes; files above 64 MiB go in parts
    #[arg(long, env, default_value_t = 50 << 30, value_parser = clap::value_parser!(u64).range(1..=uploads::MAX_UPLOAD))]
    pub upload_max_bytes: u64,

    /// Memory for frames taken on demand, in bytes
    #[arg(long, env, default_value_t = 32 << 20)]
    pub frame_cache_bytes: u64,
}

/// Everything that does something.
#[derive(Debug)]
pub(crate) struct Actions {
    pub(crate) frames: Frames,
    pub(crate) uploads: Uploads,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) samples: Samples,
    pub(crate) purge: Purge,
    /// Held by the test or purge that runs.
    pub(crate) turn: Arc<Mutex<()>>,
}

/// Where the actions act.
pub(crate) struct Place<'a> {
    pub(crate) s3: &'a aws_sdk_s3::Client,
    pub(crate) sqs: &'a aws_sdk_sqs::Client,
    pub(crate) bucket: &'a str,
    pub(crate) prefixes: &'a Prefixes,
    pub(crate) queue_url: &'a str,
    pub(crate) dlq_url: Option<&'a str>,
}

impl Actions {
    pub(crate) fn new(place: &Place<'_>, config: &ActionsConfig) -> Self {
        let Place {
            s3,
            sqs,
            bucket,
            prefixes,
            queue_url,
            dlq_url,
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
        Self {
            frames: Frames::new(reads, bucket(), prefixes.clone(), config.frame_cache_bytes),
            uploads: Uploads::new(s3, bucket(), prefixes.clone(), config.upload_max_bytes),
            dead_letters: DeadLetters::new(
                sqs.clone(),
                dlq_url.map(ToOwned::to_owned),
                queue_url.to_owned(),
            ),
            samples: Samples::new(s3.clone(), source, bucket(), prefixes.clone()),
            purge: Purge::new(s3.clone(), bucket(), prefixes),
            turn: Arc::default(),
        }
    }
}

/// What an answer of AWS that is an error means to the client. The log gets the details, the client
/// the fact: messages of AWS name accounts and roles.
pub(crate) fn aws_problem<E, R>(operation: &'static str, error: &SdkError<E, R>) -> Problem
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let kind = told(operation, error);
    let is_throttled = matches!(
        error.code(),
        Some("SlowDown" | "ThrottlingException" | "RequestThrottled" | "ServiceUnavailable")
    );
    if is_throttled
        || matches!(
            error,
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_)
        )
    {
        return Problem::unavailable(format!("{operation} is not possible at the moment"));
    }
    Problem::bad_gateway(format!(
        "{operation} failed ({kind}); the API's log says more"
    ))
}

/// 409: not in this state.
pub(crate) fn conflict(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::CONFLICT, detail)
}
