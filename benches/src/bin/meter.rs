//! `meter OUT SECONDS PROGRAM...`: runs a program for at most that long, and writes to OUT what it
//! and all that it started has cost.
//!
//! A program of its own because a child's peak memory starts at its parent's size, which is small
//! here.

use std::{
    env,
    ffi::OsString,
    fs,
    process::{Command, ExitCode},
    time::Instant,
};

use anyhow::Context;
use wait4::Wait4;

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    let out = arguments.next().context("no OUT")?;
    let command: Vec<OsString> = arguments.collect();
    let started = Instant::now();
    // `timeout` takes the seconds and the program as they stand here.
    let ended = Command::new("timeout").args(command).spawn()?.wait4()?;
    let wall = started.elapsed();
    let cpu = ended.rusage.utime + ended.rusage.stime;
    let bill = format!(
        "{{\"wall_s\":{},\"cpu_s\":{},\"peak_kib\":{}}}",
        wall.as_secs_f64(),
        cpu.as_secs_f64(),
        ended.rusage.maxrss / 1024,
    );
    fs::write(&out, bill)?;
    Ok(ExitCode::from(ended.status.code().unwrap_or(1) as u8))
}
