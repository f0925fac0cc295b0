//! Packages of npm.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Context;

use crate::{cache, process};

/// The folder whose `node_modules/` has `packages` (`name@version`), which are installed first if
/// these versions are missing. Their scripts do not run.
pub fn npm(name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let folder = cache::target_dir().join(name);
    // This file is written last: a folder without it is an incomplete installation.
    let complete = folder.join("complete");
    let wanted = packages.join("\n");
    let is_there = || fs::read_to_string(&complete).is_ok_and(|there| there == wanted);
    if is_there() {
        return Ok(folder);
    }
    let _lock = cache::lock(&folder, "npm")?;
    if is_there() {
        return Ok(folder);
    }
    process::output(
        Command::new("npm")
            .args(["install", "--silent", "--ignore-scripts", "--no-save"])
            .args(["--no-package-lock", "--prefix"])
            .arg(&folder)
            .args(packages),
    )
    .with_context(|| {
        format!(
            "cannot install {} (Debian: apt-get install npm)",
            packages.join(" ")
        )
    })?;
    fs::write(&complete, &wanted)?;
    Ok(folder)
}
