//! `thumb`: thumbcore on the command line.
//!
//! [`args`] parses the command line, [`input`] expands it to videos, [`run`] processes some of them
//! at the same time (each goes through [`source`], thumbcore and [`output`]), and [`report`] prints
//! one line for each input, in the order of the inputs.

mod args;
mod input;
mod output;
mod report;
mod run;
mod source;

use std::{
    env, fs,
    io::{self, IsTerminal, Write},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use clap::{CommandFactory, Parser, error::ErrorKind};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use thumbcore::Extractor;
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::EnvFilter;

use crate::{
    args::{Cli, Command},
    input::Input,
    output::Folder,
    report::Printer,
    run::Work,
};

/// How a run ended.
enum End {
    /// Every input succeeded.
    Complete,
    /// Some inputs failed; stderr or stdout has said which.
    Partial,
    /// Stopped by this signal, or by an error that other programs get as a signal.
    Signal(u8),
}

const SIGINT: u8 = 2;
const SIGPIPE: u8 = 13;
const SIGTERM: u8 = 15;

/// How long the end of the program waits for blocking work: the decoding of a picture cannot be
/// interrupted.
const SHUTDOWN: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let cli = Cli::parse();
    log(cli.verbose);
    match start(cli) {
        Ok(End::Complete) => ExitCode::SUCCESS,
        Ok(End::Partial) => ExitCode::from(1),
        Ok(End::Signal(signal)) => ExitCode::from(128 + signal),
        Err(error) => {
            let _ = writeln!(io::stderr(), "thumb: {error:#}");
            ExitCode::from(1)
        }
    }
}

fn start(cli: Cli) -> anyhow::Result<End> {
    let (inputs, extractor, widths) = match &cli.command {
        Command::Extract(args) => {
            let extractor = args.extractor().unwrap_or_else(|error| usage(&error));
            (&args.inputs, extractor, args.widths().unwrap_or_default())
        }
        Command::Probe(args) => (&args.inputs, Extractor::builder(), Vec::new()),
    };
    let extractor = extractor.build().unwrap_or_else(|error| usage(&error));
    let items = input::expand(
        inputs
            .inputs
            .iter()
            .map(|input| Input::parse(input).unwrap_or_else(|error| usage(&error)))
            .collect(),
    );
    let jobs = inputs.jobs();
    let printer = Printer {
        json: inputs.json,
        trace: inputs.trace,
        quiet: cli.quiet,
        bar: progress(&cli, items.len()),
    };
    let work = match cli.command {
        Command::Extract(args) => {
            fs::create_dir_all(&args.out)
                .with_context(|| format!("cannot create the folder {}", args.out.display()))?;
            Work::Extract(extractor, Folder::new(args.out, widths))
        }
        Command::Probe(_) => Work::Probe(extractor),
    };

    // One thread for the network; files and libav block other threads.
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let end = runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            done = run::run(&work, items, jobs, &printer) => match done {
                Ok(true) => Ok(End::Complete),
                Ok(false) => Ok(End::Partial),
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(End::Signal(SIGPIPE)),
                Err(error) => Err(anyhow::Error::new(error).context("cannot write to stdout")),
            },
            _ = interrupt.recv() => Ok(End::Signal(SIGINT)),
            _ = terminate.recv() => Ok(End::Signal(SIGTERM)),
        }
    });
    printer.bar.finish_and_clear();
    // Waits for files that are being written, so that each is either complete or removed.
    runtime.shutdown_timeout(SHUTDOWN);
    end
}

fn usage(error: &dyn ToString) -> ! {
    Cli::command()
        .error(ErrorKind::ValueValidation, error.to_string())
        .exit()
}

/// The bar draws on stderr, and only if that is a terminal.
fn progress(cli: &Cli, inputs: usize) -> ProgressBar {
    if cli.quiet || cli.verbose > 0 {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(inputs as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} {wide_bar} {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Sets up the log of thumbcore and this program, if somebody asked for it.
fn log(verbose: u8) {
    let filter = match (env::var("RUST_LOG"), verbose) {
        (Ok(filter), _) if !filter.is_empty() => EnvFilter::new(filter),
        (_, 0) => return,
        (_, 1) => EnvFilter::new("warn,thumb=debug,thumbcore=debug"),
        _ => EnvFilter::new("info,thumb=trace,thumbcore=trace"),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
}
