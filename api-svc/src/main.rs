//! `thumbnail-api`: serves the pipeline's state, thumbnails and controls.

use api_svc::Config;
use clap::Parser as _;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    api_svc::run(Config::parse()).await
}
