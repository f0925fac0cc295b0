//! `thumbnail-api`: serves the pipeline's state, thumbnails and controls.

use api_svc::Config;
use clap::Parser as _;

fn main() -> anyhow::Result<()> {
    // Before any thread is started, and before any credential is read.
    thumbcore::sandbox::init();
    run()
}

#[tokio::main]
async fn run() -> anyhow::Result<()> {
    api_svc::run(Config::parse()).await
}
