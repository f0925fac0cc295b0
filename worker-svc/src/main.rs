//! `thumbnail-worker`: makes thumbnails of the videos that a queue announces.

use clap::Parser as _;
use worker_svc::Config;

fn main() -> anyhow::Result<()> {
    // Before any thread is started, and before any credential is read.
    thumbcore::sandbox::init();
    run()
}

#[tokio::main]
async fn run() -> anyhow::Result<()> {
    worker_svc::run(Config::parse()).await
}
