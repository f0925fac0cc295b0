//! Python programs of `PyPI`, each in a virtual environment of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;

use crate::{cache, process};

/// The interpreter of the environment `name`, with `packages` (`name==version`), which are installed if they are not there
/// yet. `version` changes with them.
pub fn python(name: &str, version: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let folder = cache::target_dir().join(name);
    let venv = folder.join(version);
    let python = venv.join("bin/python");
    // Written last: a folder without it is half an installation.
    let complete = venv.join("complete");
    if complete.exists() {
        return Ok(python);
    }
    let _lock = cache::lock(&folder, version)?;
    if complete.exists() {
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
    fs::write(&complete, "")?;
    Ok(python)
}
