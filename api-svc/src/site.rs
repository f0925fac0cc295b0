//! The dashboard, served beside the API.

use anyhow::Context as _;
use frontend_svc::{ContentPolicy, Site, StorageOrigin};
use url::Url;

use crate::config::Config;

/// The dashboard in `WEB_DIR`, if that is set.
pub(crate) fn open(config: &Config) -> anyhow::Result<Option<Site>> {
    let folder = config.web_dir.as_ref();
    let Some(folder) = folder.filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(None);
    };
    let policy = ContentPolicy::new(storage(config));
    Site::open(folder, policy).map(Some).context("WEB_DIR")
}

/// Where presigned URLs point to: the endpoint that is set, or AWS's for the bucket.
fn storage(config: &Config) -> Vec<StorageOrigin> {
    let origins = if let Some(endpoint) = &config.pipeline.aws_endpoint_url {
        let url = Url::parse(endpoint).ok();
        url.iter()
            .map(|url| url.origin().ascii_serialization())
            .collect::<Vec<_>>()
    } else {
        let bucket = &config.pipeline.s3_bucket;
        let region = config.pipeline.aws_region.as_deref();
        region
            .filter(|region| !region.is_empty())
            .map(|region| format!("https://{bucket}.s3.{region}.amazonaws.com"))
            .into_iter()
            .chain([format!("https://{bucket}.s3.amazonaws.com")])
            .collect()
    };
    origins
        .iter()
        .filter_map(|origin| origin.parse().ok())
        .collect()
}
