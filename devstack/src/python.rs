//! Python programs from `PyPI`, each in its own virtual environment.

use std::{fs, path::PathBuf, process::Command};

use anyhow::Context;

use crate::{cache, process};

/// The interpreter of the environment `name` with `packages` (`name==version`, or an option of
/// pip), which are installed first if these versions are missing.
pub fn python(name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let folder = cache::target_dir().join(name);
    let venv = folder.join("venv");
    let python = venv.join("bin/python");
    // This file is written last: a folder without it is an incomplete installation.
    let complete = venv.join("complete");
    let wanted = packages.join("\n");
    let is_there = || fs::read_to_string(&complete).is_ok_and(|there| there == wanted);
    if is_there() {
        return Ok(python);
    }
    let _lock = cache::lock(&folder, "venv")?;
    if is_there() {
        return Ok(python);
    }
    process::output(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&venv),
    )
    .context("cannot create a Python virtual environment (Debian: apt-get install python3-venv)")?;
    process::output(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--no-input"])
            .arg("--disable-pip-version-check")
            .args(packages),
    )
    .with_context(|| format!("cannot install {} from PyPI", packages.join(" ")))?;
    fs::write(&complete, &wanted)?;
    Ok(python)
}
