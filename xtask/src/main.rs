//! `cargo xtask`: what a developer runs. It needs no system library itself, and installs those that
//! the rest needs.

mod features;
mod fuzz;
mod infra;
mod packages;
mod simulate;
mod step;
mod tests;
mod web;

use std::{
    ffi::OsString,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::Context;
use clap::Parser;
use step::Steps;

/// With every feature, so that nothing goes unchecked.
const ALL: [&str; 2] = ["--workspace", "--all-features"];

/// Builds every program. xtask stays out: it would be built once more for the features it shares
/// with the others. The bundler is built with the dashboard.
const BINARIES: [&str; 7] = [
    "build",
    "--workspace",
    "--exclude",
    "xtask",
    "--exclude",
    "web-bundle",
    "--bins",
];

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "Run, test and check thumbcore")]
enum Task {
    /// Run the whole service here and upload sample videos; `cargo xtask up --help` tells more
    #[command(disable_help_flag = true)]
    Up {
        /// Passed to `devstack up`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Build the dashboard into `web/dist`
    Web,
    /// Take pictures of the dashboard into a folder: `cargo xtask screenshots FOLDER [VIDEO…]`
    Screenshots {
        /// Where to, and which videos instead of a sample
        #[arg(required = true)]
        arguments: Vec<OsString>,
    },
    /// Run every test, then the whole service once
    Test,
    /// Try storyboards in the players of others, which come from npm
    Players,
    /// Let workers process videos under faults, and check that nothing is lost, stuck or wrong
    #[command(disable_help_flag = true)]
    Soak {
        /// Passed to `devstack soak`, whose `--help` tells more
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Check formatting, lints, documentation and what deploys the services
    Check,
    /// Feed the parsers hostile bytes
    Fuzz {
        /// One of `fuzz/fuzz_targets`; all of them where it is left out
        target: Option<String>,
        /// How long each target runs
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Measure how fast thumbcore's parts are
    Bench {
        /// Compare with other ways to make thumbnails instead; arguments go to `compare`, whose
        /// `--help` tells more
        #[arg(long)]
        compare: bool,
        /// Compare CPU time with the least that it can be instead; arguments go to `floor`
        #[arg(long, conflicts_with = "compare")]
        floor: bool,
        /// Judge which frames are chosen, on films with known faults, instead; arguments go to
        /// `pick`
        #[arg(long, conflicts_with_all = ["compare", "floor"])]
        pick: bool,
        /// Passed on
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Simulate how the deployment scales: pods, waiting times, cost
    Simulate,
    /// Check what deploys the services: manifests, Terraform, workflows, images, scripts
    Infra,
}

fn main() -> ExitCode {
    let mut steps = Steps::default();
    let result = match Task::parse() {
        Task::Up { arguments } => up(&mut steps, &arguments),
        Task::Web => build_web(&mut steps),
        Task::Screenshots { arguments } => screenshots(&mut steps, &arguments),
        Task::Test => test(&mut steps),
        Task::Players => players(&mut steps),
        Task::Soak { arguments } => soak(&mut steps, &arguments),
        Task::Check => check(&mut steps),
        Task::Fuzz { target, seconds } => fuzz::run(&mut steps, target.as_deref(), seconds),
        Task::Bench {
            compare,
            floor,
            pick,
            arguments,
        } => match (compare, floor, pick) {
            (true, ..) => measure(&mut steps, "compare", arguments),
            (_, true, _) => measure(&mut steps, "floor", arguments),
            (.., true) => measure(&mut steps, "pick", arguments),
            _ => bench(&mut steps, &arguments),
        },
        Task::Infra => infra(&mut steps),
        Task::Simulate => enter_root().and_then(|()| simulate::run()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn up(steps: &mut Steps, arguments: &[OsString]) -> anyhow::Result<()> {
    steps.run("System packages", packages::ensure)?;
    steps.run("Build", || step::status(cargo().args(BINARIES)))?;
    // In this process's place, so that signals reach it and its exit status is ours. The pipeline
    // starts at once; the dashboard is built beside it, for the API.
    let error = Command::new(devstack()?)
        .arg("up")
        .arg("--dashboard-builder")
        .arg(std::env::current_exe().context("cannot tell where xtask lies")?)
        .args(arguments)
        .env("WEB_DIR", web::folder()?)
        .exec();
    Err(error).context("cannot run devstack")
}

fn build_web(steps: &mut Steps) -> anyhow::Result<()> {
    steps.run("Dashboard", web::build).map(drop)
}

fn players(steps: &mut Steps) -> anyhow::Result<()> {
    steps.run("System packages", packages::ensure)?;
    steps.run("Browsers", packages::ensure_browsers)?;
    steps.run("npm", packages::ensure_npm)?;
    steps.run("Build", || step::status(cargo().args(BINARIES)))?;
    let test = [
        "test",
        "--package",
        "web-tests",
        "--test",
        "players",
        "--",
        "--ignored",
    ];
    steps.run("Players", || step::status(cargo().args(test)))
}

/// In this process's place, as `up`.
fn soak(steps: &mut Steps, arguments: &[OsString]) -> anyhow::Result<()> {
    steps.run("System packages", packages::ensure)?;
    steps.run("Build", || step::status(cargo().args(BINARIES)))?;
    let error = Command::new(devstack()?).arg("soak").args(arguments).exec();
    Err(error).context("cannot run devstack")
}

fn screenshots(steps: &mut Steps, arguments: &[OsString]) -> anyhow::Result<()> {
    steps.run("System packages", packages::ensure)?;
    build_web(steps)?;
    steps.run("Browsers", packages::ensure_browsers)?;
    steps.run("Build", || step::status(cargo().args(BINARIES)))?;
    let run = [
        "run",
        "--package",
        "web-tests",
        "--example",
        "screenshots",
        "--",
    ];
    steps.run("Screenshots", || {
        step::status(cargo().args(run).args(arguments))
    })
}

fn test(steps: &mut Steps) -> anyhow::Result<()> {
    steps.run("System packages", packages::ensure)?;
    steps.run("Browsers", packages::ensure_browsers)?;
    steps.run("Dashboard", web::build)?;
    // Tests run the programs of other packages, too, which building the tests does not make.
    let build = ["build", "--exclude", "xtask", "--bins"];
    steps.run("Build", || step::status(cargo().args(build).args(ALL)))?;
    let runner = tests::Runner::installed();
    steps.run("Build tests", || runner.build())?;
    let results = steps.run("Tests", || runner.run())?;
    steps.note(&results);
    let examples = steps.run("Documentation's examples", tests::examples)?;
    steps.note(&examples);
    steps.run("The whole service, once", || {
        step::status(Command::new(devstack()?).args(["up", "--once"]))
    })?;
    steps.run("A hundred videos under faults", || {
        step::status(Command::new(devstack()?).arg("soak"))
    })?;
    steps.summary();
    Ok(())
}

fn check(steps: &mut Steps) -> anyhow::Result<()> {
    steps.run("Formatting", || {
        step::status(cargo().args(["fmt", "--all", "--check"]))
    })?;
    steps.run("System packages", packages::ensure)?;
    steps.run("Lints", || {
        step::status(
            cargo()
                .args(["clippy", "--all-targets"])
                .args(ALL)
                .args(["--", "-D", "warnings"]),
        )
    })?;
    steps.run("thumbcore, by features", features::check)?;
    steps.run("Documentation", || {
        step::status(
            cargo()
                .args(["doc", "--no-deps"])
                .args(ALL)
                .env("RUSTDOCFLAGS", "-D warnings"),
        )
    })?;
    enter_root()?;
    infra::check(steps)?;
    steps.summary();
    Ok(())
}

fn infra(steps: &mut Steps) -> anyhow::Result<()> {
    steps.run("System packages", packages::ensure)?;
    enter_root()?;
    infra::check(steps)?;
    steps.summary();
    Ok(())
}

/// The criterion benches, in this process's place.
fn bench(steps: &mut Steps, arguments: &[OsString]) -> anyhow::Result<()> {
    steps.run("System packages", packages::ensure)?;
    let error = cargo()
        .args(["bench", "--package", "benches", "--"])
        .args(arguments)
        .exec();
    Err(error).context("cannot run cargo")
}

/// One of the programs that measure, in this process's place.
fn measure(steps: &mut Steps, program: &str, mut arguments: Vec<OsString>) -> anyhow::Result<()> {
    steps.run("System packages", packages::ensure)?;
    let build = ["build", "--release", "--package", "benches"];
    let thumb = ["--package", "thumb-cli", "--bins"];
    steps.run("Build", || step::status(cargo().args(build).args(thumb)))?;
    if program != "floor" && arguments.is_empty() {
        // What docs/benchmarks.md is made of.
        arguments = ["run", "--docs", "docs"].map(OsString::from).to_vec();
    }
    let error = Command::new(released(program)?).args(arguments).exec();
    Err(error).with_context(|| format!("cannot run {program}"))
}

/// The program `name` of the release build, which lies beside the folder of this one.
fn released(name: &str) -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("cannot tell where xtask lies")?;
    let target = this.ancestors().nth(2).context("xtask lies at the root")?;
    Ok(target.join("release").join(name))
}

/// Goes to the project's folder, from wherever in it the command was given.
fn enter_root() -> anyhow::Result<()> {
    let root = root()?;
    std::env::set_current_dir(root).with_context(|| format!("cannot enter {}", root.display()))
}

/// The project's folder.
pub(crate) fn root() -> anyhow::Result<&'static Path> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().context("xtask lies in no folder")
}

/// The cargo that runs this program.
fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The program beside this one in the target folder.
fn devstack() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("cannot tell where xtask lies")?;
    Ok(this.with_file_name("devstack"))
}
