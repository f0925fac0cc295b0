//! Programs from PyPI, each version in a virtual environment of its own below `target/`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;

use crate::{cache, process};

/// The Python interpreter that has `package`, installed if it is not there yet.
pub(crate) fn install(package: &str, version: &str) -> anyhow::Result<PathBuf> {
    let folder = cache::target_dir().join(package);
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
            .arg(format!("{package}=={version}")),
    )
    .with_context(|| format!("cannot install {package} {version} from PyPI"))?;
    fs::write(&complete, "")?;
    Ok(python)
}
