//! `thumbnail-worker`: makes thumbnails of the videos that a queue announces.

use clap::Parser as _;
use worker_svc::Config;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    worker_svc::run(Config::parse()).await
}
