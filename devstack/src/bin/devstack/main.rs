//! `devstack up`: the whole service on this machine. `devstack soak`: workers under faults. Usually
//! run as `cargo xtask up` and `cargo xtask soak`, which build the services first.

mod service;
mod soak;
mod step;
mod up;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(version, about = "The whole service on this machine")]
enum Command {
    /// Start S3, SQS, a worker and the API; upload videos; show each thumbnail appear
    Up(up::Options),
    /// Let two workers process videos while requests fail and processes are killed, then check
    /// that nothing is lost, stuck or wrong
    Soak(soak::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Up(options) => Box::pin(up::run(options)).await,
        Command::Soak(options) => Box::pin(soak::run(options)).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
