//! Terraform's own checks.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use anyhow::{Context, bail};

use super::tools::Tools;
use crate::step;

/// One root for each life cycle.
const ROOTS: [&str; 4] = ["bootstrap", "pipeline", "monitoring", "dns"];

/// What `terraform init` says where it may not fetch anything.
const UNREACHABLE: [&str; 3] = [
    "could not connect to",
    "Failed to query available provider packages",
    "Could not retrieve the list of available versions",
];

/// Formatting always; `terraform validate` where its provider can be fetched, which needs its
/// schemas.
pub(super) fn check(lint: &Tools) -> anyhow::Result<()> {
    step::status(terraform(lint).args(["fmt", "-check", "-recursive", "-diff", "terraform"]))?;
    for root in ROOTS {
        if !validate(lint, root)? {
            eprintln!(
                "Skipped: terraform validate. Its provider cannot be fetched here; CI's job \"terraform\" does it."
            );
            break;
        }
    }
    Ok(())
}

/// Whether it could be validated. Works on the folder itself, but keeps what Terraform writes below
/// target/.
fn validate(lint: &Tools, root: &str) -> anyhow::Result<bool> {
    let folder = format!("-chdir=terraform/{root}");
    let data = std::env::current_dir()
        .context("no current folder")?
        .join("target/infra/terraform");
    let cache = data.join("providers");
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let run = |arguments: &[&str]| -> anyhow::Result<Output> {
        terraform(lint)
            .arg(&folder)
            .args(arguments)
            .env("TF_DATA_DIR", data.join(root))
            .env("TF_PLUGIN_CACHE_DIR", &cache)
            .output()
            .context("cannot run terraform")
    };
    let lock = Path::new("terraform")
        .join(root)
        .join(".terraform.lock.hcl");
    let had_lock = lock.exists();
    let init = run(&["init", "-backend=false", "-input=false", "-no-color"])?;
    let result = if init.status.success() {
        let validate = run(&["validate", "-no-color"])?;
        if validate.status.success() {
            Ok(true)
        } else {
            Err(text(&validate))
        }
    } else {
        let why = text(&init);
        if UNREACHABLE.iter().any(|sign| why.contains(sign)) {
            Ok(false)
        } else {
            Err(why)
        }
    };
    if !had_lock && lock.exists() {
        fs::remove_file(&lock).with_context(|| format!("cannot remove {}", lock.display()))?;
    }
    match result {
        Ok(done) => Ok(done),
        Err(why) => bail!("terraform/{root}: {why}"),
    }
}

fn terraform(lint: &Tools) -> Command {
    let mut command = lint.script("terraform.py");
    command
        .env("CHECKPOINT_DISABLE", "1")
        .env("TF_IN_AUTOMATION", "1");
    command
}

fn text(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}
