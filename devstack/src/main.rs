//! `devstack up`: the whole service on this machine. Usually run as `cargo xtask up`, which builds
//! the services first.

mod up;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(version, about = "The whole service on this machine")]
enum Command {
    /// Start S3, SQS, a worker and the API; upload videos; show each thumbnail appear
    Up(up::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Up(options) => Box::pin(up::run(options)).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
