//! `thumbnail-frontend`: serves the built dashboard and hands the rest to the API.

use clap::Parser as _;
use frontend_svc::Config;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    frontend_svc::run(Config::parse()).await
}
