//! The dashboard: compiled for WebAssembly and bundled for browsers, in `web/dist`.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};

use crate::step;

const TARGET: &str = "wasm32-unknown-unknown";

/// Where the bundle is, once it is built.
pub(crate) fn folder() -> anyhow::Result<PathBuf> {
    Ok(crate::root()?.join("web/dist"))
}

/// Builds the bundle and tells its folder. Where nothing changed this takes a second.
pub(crate) fn build() -> anyhow::Result<PathBuf> {
    let root = crate::root()?;
    // Apart from the rest: another compiler may be at work here, and the two would undo each
    // other's builds.
    let target = root.join("target/web");
    step::status(
        crate::cargo()
            .args(["build", "--package", "web", "--lib", "--profile", "web"])
            .args(["--target", TARGET, "--target-dir"])
            .arg(&target)
            .env("RUSTC", compiler(root)?),
    )?;
    let dist = folder()?;
    // Only whoever builds the dashboard builds the bundler.
    step::status(
        crate::cargo()
            .args(["run", "--quiet", "--package", "web-bundle", "--target-dir"])
            .arg(&target)
            .arg("--")
            .arg(target.join(TARGET).join("web/web.wasm"))
            .args([root.join("web/index.html"), dist.clone()]),
    )?;
    Ok(dist)
}

/// A compiler that has the target; the script makes one where rustup cannot.
fn compiler(root: &Path) -> anyhow::Result<PathBuf> {
    let script = root.join("scripts/wasm-toolchain");
    let output = Command::new(&script)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}", script.display()))?;
    if !output.status.success() {
        bail!("{}: {}", script.display(), output.status);
    }
    let path = String::from_utf8(output.stdout).context("the compiler's path is not UTF-8")?;
    Ok(PathBuf::from(path.trim_end()))
}
