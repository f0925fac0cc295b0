//! Opens inputs as sources of `thumbcore`.

use std::{env, sync::Arc};

use aws_config::meta::region::RegionProviderChain;
use aws_sdk_s3::config::retry::RetryConfig;
use thumbcore::{Error, FileSource, HttpSource, RangeSource, S3Source};
use tokio::sync::OnceCell;

use crate::input::Input;

/// Opens inputs. The AWS SDK is set up for the first S3 input only, because that takes longer than
/// processing many a local file.
#[derive(Debug, Default)]
pub(crate) struct Opener {
    /// Shared by all inputs, and so are its connections.
    http: OnceCell<reqwest::Client>,
    s3: OnceCell<aws_sdk_s3::Client>,
}

impl Opener {
    pub(crate) async fn open(&self, input: &Input) -> Result<Arc<dyn RangeSource>, Error> {
        Ok(match input {
            Input::File(path) => Arc::new(FileSource::open(path).await?),
            Input::Http(url) => {
                let client = self.http.get_or_try_init(async || HttpSource::client());
                Arc::new(HttpSource::with_client(
                    url.as_str(),
                    client.await?.clone(),
                )?)
            }
            Input::S3 { bucket, key } => {
                let client = self.s3.get_or_init(s3_client).await.clone();
                Arc::new(S3Source::new(client, bucket, key))
            }
        })
    }
}

async fn s3_client() -> aws_sdk_s3::Client {
    let region = RegionProviderChain::default_provider().or_else("us-east-1");
    let shared = aws_config::from_env().region(region).load().await;
    // Other stores than AWS rarely have a host name for each bucket.
    let elsewhere = shared.endpoint_url().is_some() || env::var_os("AWS_ENDPOINT_URL_S3").is_some();
    let config = aws_sdk_s3::config::Builder::from(&shared)
        .force_path_style(elsewhere)
        // thumbcore's reader retries, and the SDK's retries would multiply with those.
        .retry_config(RetryConfig::disabled())
        .build();
    aws_sdk_s3::Client::from_conf(config)
}
