//! What it costs to start `thumb` at all.

use std::process::{Command, Stdio};

use anyhow::Context;
use benches::cpu::median;

use crate::measure::{Meter, sibling};

const TURNS: usize = 20;

/// Prints the cost of `thumb --version`, which does nothing, beside that of `true`.
pub(crate) fn run() -> anyhow::Result<()> {
    let scratch = tempfile::tempdir()?;
    let folder = scratch.path().join("work");
    let thumb = sibling("thumb")?;
    let mut costs = [Vec::new(), Vec::new()];
    let mut walls = [Vec::new(), Vec::new()];
    let mut peak = 0;
    for _ in 0..TURNS {
        let programs = [thumb.as_os_str(), "true".as_ref()];
        for (n, program) in programs.into_iter().enumerate() {
            let mut meter = Meter::new("", &folder, 60)?;
            meter.run(program, ["--version"])?;
            costs[n].push(meter.bill.cpu_s * 1e3);
            walls[n].push(meter.bill.wall_s * 1e3);
            if n == 0 {
                peak = peak.max(meter.bill.peak_kib);
            }
        }
    }
    let libraries = Command::new("ldd")
        .arg(&thumb)
        .stdin(Stdio::null())
        .output()
        .context("cannot run ldd")?;
    let libraries = String::from_utf8_lossy(&libraries.stdout).lines().count();
    println!(
        "`thumb --version`: CPU {:.1} ms, wall {:.1} ms, {:.0} MB, {libraries} shared libraries",
        median(&costs[0]),
        median(&walls[0]),
        peak as f64 / 1024.0,
    );
    println!(
        "`true --version`: CPU {:.1} ms, wall {:.1} ms",
        median(&costs[1]),
        median(&walls[1]),
    );
    Ok(())
}
