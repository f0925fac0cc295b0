//! `meter OUT SECONDS PROGRAM...`: runs a program for at most that long, and writes to OUT what it
//! and all that it started has cost.
//!
//! A program of its own because a child's peak memory starts at its parent's size, which is small
//! here. The peak is that of the largest process.

use std::{
    env,
    ffi::OsString,
    fs,
    process::{Command, ExitCode},
    time::Instant,
};

use anyhow::Context;
use nix::sys::{
    prctl::set_child_subreaper,
    resource::{UsageWho, getrusage},
    time::TimeVal,
    wait::wait,
};

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    let out = arguments.next().context("no OUT")?;
    let command: Vec<OsString> = arguments.collect();
    // Processes that outlive the one that started them, as those of a sandbox do for a moment, are
    // on the bill as well.
    set_child_subreaper(true)?;
    let started = Instant::now();
    // `timeout` takes the seconds and the program as they stand here.
    let status = Command::new("timeout").args(command).spawn()?.wait()?;
    let wall = started.elapsed();
    // Until there is none.
    while wait().is_ok() {}
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    let bill = format!(
        "{{\"wall_s\":{},\"cpu_s\":{},\"peak_kib\":{}}}",
        wall.as_secs_f64(),
        seconds(usage.user_time()) + seconds(usage.system_time()),
        usage.max_rss(),
    );
    fs::write(&out, bill)?;
    Ok(ExitCode::from(status.code().unwrap_or(1) as u8))
}
