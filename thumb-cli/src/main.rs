//! `thumb`: thumbcore on the command line.
//!
//! [`args`] parses the command line, [`input`] expands it to videos, [`run`] processes some of them
//! at the same time (each goes through [`source`], thumbcore and [`output`] or [`storyboard`]), and
//! [`report`] prints
//! one line for each input, in the order of the inputs.

mod args;
mod input;
mod output;
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
use indicatif::ProgressBar;
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
    let (jobs, json, trace) = (inputs.jobs(), inputs.json, inputs.trace);
    let sandbox = inputs.sandbox.start().context("--sandbox on")?;
    let place = Place::of(sandbox.as_ref());
    let work = prepare(cli.command, sandbox)?;
    let is_shown = !cli.quiet && cli.verbose == 0;
    let printer = Printer {
        json,
        trace,
        quiet: cli.quiet,
        place,
        bar: if is_shown {
            work.unit().bar(items.len())
        } else {
            ProgressBar::hidden()
        },
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
            let widths = args.widths().unwrap_or_default();
            create(&args.out)?;
            Work::Extract(extractor, Folder::new(args.out, widths))
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
