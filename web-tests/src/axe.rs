//! axe-core, which finds what people with a screen reader or weak eyes could not use.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::Browser;

/// axe-core 4.12.1. The wheel holds it as it is on npm, and needs no npm, which is some hundred packages on Debian.
const WHEEL: &str = "axe-playwright-python==0.1.8";
const SCRIPT: &str = "axe_playwright_python/axe.min.js";

/// What axe-core finds on the page that is serious or critical: one line each.
pub async fn serious_issues(browser: &Browser) -> anyhow::Result<Vec<String>> {
    let script = tokio::task::spawn_blocking(script).await??;
    // By the debugger: the page's content security policy forbids it to the page itself.
    let inject = json!({"expression": script});
    browser.devtools("Runtime.evaluate", inject).await?;
    if browser.value("typeof axe").await? != json!("object") {
        bail!("axe-core cannot be put into the page");
    }
    let found = browser
        .run(
            "return (await axe.run(document, {resultTypes: ['violations']})).violations;",
            json!(null),
        )
        .await?;
    let Value::Array(violations) = found else {
        bail!("axe-core says {found}");
    };
    let serious = violations
        .iter()
        .filter(|violation| matches!(violation["impact"].as_str(), Some("serious" | "critical")));
    Ok(serious
        .map(|violation| {
            let nodes = violation["nodes"].as_array().into_iter().flatten();
            let places: Vec<_> = nodes
                .map(|node| format!("{} {}", node["target"], node["failureSummary"]))
                .collect();
            format!("{}: {}", violation["id"], places.join("; "))
        })
        .collect())
}

/// The script, downloaded once.
fn script() -> anyhow::Result<String> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/axe")
        .join(WHEEL);
    let script = target.join(SCRIPT);
    if !script.exists() {
        install(&target)?;
    }
    fs::read_to_string(&script).with_context(|| format!("cannot read {}", script.display()))
}

fn install(folder: &Path) -> anyhow::Result<()> {
    let parent = folder.parent().context("no folder")?;
    fs::create_dir_all(parent)?;
    // Beside its place, then moved: tests side by side do not see a half of it.
    let work = tempfile::tempdir_in(parent)?;
    let environment = work.path().join("venv");
    run(Command::new("python3")
        .args(["-m", "venv"])
        .arg(&environment))?;
    let wheel: PathBuf = work.path().join("wheel");
    run(Command::new(environment.join("bin/pip"))
        .args([
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "--no-deps",
            "--target",
        ])
        .arg(&wheel)
        .arg(WHEEL))?;
    match fs::rename(&wheel, folder) {
        Err(_) if folder.join(SCRIPT).exists() => Ok(()),
        result => result.with_context(|| format!("cannot make {}", folder.display())),
    }
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    if !status.success() {
        bail!("{}: {status}", command.get_program().display());
    }
    Ok(())
}
