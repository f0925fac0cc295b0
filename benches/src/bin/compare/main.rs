//! `compare`: thumbcore beside what others do, on the same files, through the same S3, in one run.
//!
//! Contenders take turns on each film, so that what else the machine does hits all alike. What is
//! finished is kept, and a run that was interrupted goes on behind it.

mod contest;
mod corpus;
mod goals;
mod in_process;
mod judge;
mod measure;
mod peers;
mod plots;
mod python;
mod report;
mod requests;
mod results;
mod sandbox;
mod server;
mod sizes;
mod start;
mod storyboard;
mod subject;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use server::Network;

/// Compare thumbcore with other ways to make thumbnails of videos in S3
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure every contender on every film, then report
    Run(contest::Options),
    /// Write the report of what was measured
    Report(report::Options),
    /// Bytes fetched of a folder's videos, beside ffmpeg's
    Corpus(corpus::Options),
    /// What a file's size changes: time over a network, memory
    Sizes(sizes::Options),
    /// Cost of starting `thumb`
    Start,
    /// Storyboards, beside other ways to make them
    Storyboard(storyboard::Options),
    /// Cost of decoding in a sandbox
    Sandbox(sandbox::Options),
    /// The S3 server
    #[command(hide = true)]
    Serve {
        root: PathBuf,
        #[command(flatten)]
        network: Network,
    },
    /// The library as a contender
    #[command(hide = true)]
    InProcess { folder: PathBuf, keys: Vec<String> },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().task {
        Task::Run(options) => contest::run(&options).await,
        Task::Report(options) => report::write(&options),
        Task::Corpus(options) => corpus::run(&options).await,
        Task::Sizes(options) => sizes::run(&options).await,
        Task::Start => start::run(),
        Task::Storyboard(options) => storyboard::run(&options).await,
        Task::Sandbox(options) => sandbox::run(&options),
        Task::Serve { root, network } => server::serve(root, network),
        Task::InProcess { folder, keys } => in_process::run(&folder, &keys).await,
    }
}
