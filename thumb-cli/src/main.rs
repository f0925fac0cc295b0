//! `thumb`: thumbcore on the command line.
//!
//! [`args`] parses the command line, [`input`] expands it to videos, [`run`] processes some of them
//! at the same time (each goes through [`source`], thumbcore and [`output`], [`storyboard`] or
//! [`preview`]), and [`report`] prints one line for each input, in the order of the inputs.
//! [`names`] tells what files are called, [`progress`] shows on a terminal how far a run is.

mod args;
mod input;
mod names;
mod output;
mod preview;
mod progress;
mod report;
mod run;
mod sandbox;
mod source;
mod storyboard;

use std::{
    env, fs,
    io::{self, IsTerminal, Write},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use clap::{CommandFactory, Parser, error::ErrorKind};
use thumbcore::{Extractor, ExtractorBuilder, sandbox::Sandbox};
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::EnvFilter;

use crate::{
    args::{Cli, Command},
    input::Input,
    output::Folder,
    preview::Previewer,
    progress::Progress,
    report::Printer,
    run::Work,
    sandbox::Place,
    storyboard::{Maker, StoryboardArgs},
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
    // Before any thread is started.
    thumbcore::sandbox::init();
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
    let inputs = cli.command.inputs();
    let items = input::expand(
        inputs
            .inputs
            .iter()
            .map(|input| Input::parse(input).unwrap_or_else(|error| usage(&error)))
            .collect(),
    );
    let jobs = inputs.jobs();
    let sandbox = inputs.sandbox.start().context("--sandbox on")?;
    let progress = Progress::new(&items, !cli.quiet && cli.verbose == 0);
    let place = Place::of(sandbox.as_ref());
    let mut printer = Printer::new(inputs, cli.quiet, place, items.len());
    let work = prepare(cli.command, sandbox)?;

    // One thread for the network; files and libav block other threads.
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let end = runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            done = run::run(&work, items, jobs, (&mut printer, &progress)) => match done {
                Ok(true) => Ok(End::Complete),
                Ok(false) => Ok(End::Partial),
                Err(error) => stdout_failed(error),
            },
            _ = interrupt.recv() => Ok(End::Signal(SIGINT)),
            _ = terminate.recv() => Ok(End::Signal(SIGTERM)),
        }
    });
    progress.bar.finish_and_clear();
    // Also where a signal stopped the run: what is known by then.
    let told = printer.finish(progress.elapsed());
    // Waits for files that are being written, so that each is either complete or removed.
    runtime.shutdown_timeout(SHUTDOWN);
    match (end, told) {
        (Ok(End::Complete | End::Partial), Err(error)) => stdout_failed(error),
        (end, _) => end,
    }
}

/// Stdout could not be written: a reader that left ends the run as its signal would.
fn stdout_failed(error: io::Error) -> anyhow::Result<End> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Ok(End::Signal(SIGPIPE));
    }
    Err(anyhow::Error::new(error).context("cannot write to stdout"))
}

/// What the command asks for, with videos decoded in `sandbox`, if there is one. Wrong options end
/// the program.
fn prepare(command: Command, sandbox: Option<Sandbox>) -> anyhow::Result<Work> {
    let build = |mut extractor: ExtractorBuilder| {
        if let Some(sandbox) = sandbox {
            extractor = extractor.sandbox(sandbox);
        }
        extractor.build().unwrap_or_else(|error| usage(&error))
    };
    let create = |folder: &Path| {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create the folder {}", folder.display()))
    };
    Ok(match command {
        Command::Extract(args) => {
            let extractor = args.extractor().unwrap_or_else(|error| usage(&error));
            let extractor = build(extractor);
            let naming = args.naming().unwrap_or_else(|error| usage(&error));
            create(&args.out)?;
            Work::Extract {
                extractor,
                folder: Folder::new(args.out, naming),
                skips_existing: args.skip_existing,
            }
        }
        Command::Storyboard(args) => {
            let maker = Maker {
                extractor: build(StoryboardArgs::extractor()),
                request: args.request().unwrap_or_else(|error| usage(&error)),
                files: args.files().unwrap_or_else(|error| usage(&error)),
                resume: args.resume,
                out: args.out,
            };
            create(&maker.out)?;
            Work::Storyboard(maker)
        }
        Command::Preview(args) => {
            let previewer = Previewer {
                extractor: build(StoryboardArgs::extractor()),
                request: args.request().unwrap_or_else(|error| usage(&error)),
                out: args.out,
            };
            create(&previewer.out)?;
            Work::Preview(previewer)
        }
        Command::Probe(_) => Work::Probe(build(Extractor::builder())),
    })
}

fn usage(error: &dyn ToString) -> ! {
    Cli::command()
        .error(ErrorKind::ValueValidation, error.to_string())
        .exit()
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
