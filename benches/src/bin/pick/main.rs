//! `pick`: how often the chosen frame is a bad one, on films of which every second is known to be
//! good or bad; beside what other programs choose.

mod clips;
mod contenders;
mod costs;
mod film;
mod judge;
mod plant;
mod random;
mod report;
mod run;
mod sheet;
mod sizes;

use clap::{Parser, Subcommand};

/// Judge which frames thumbcore and others choose
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Make films with known faults, let every contender choose, and report
    Run(run::Options),
    /// What `best` costs on large films, beside `nearest`
    Costs(costs::Options),
    /// The pictures that `nearest` and `best` choose of real videos, side by side
    Sheet(sheet::Options),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().task {
        Task::Run(options) => run::run(&options).await,
        Task::Costs(options) => costs::run(&options).await,
        Task::Sheet(options) => sheet::run(&options).await,
    }
}
