//! axe-core, which finds what people with a screen reader or weak eyes could not use.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::Browser;

/// axe-core 4.12.1. The wheel holds it as it is on npm, and needs no npm, which is some hundred
/// packages on Debian.
const WHEEL: &str = "axe-playwright-python==0.1.8";
const SCRIPT: &str = "axe_playwright_python/axe.min.js";

/// What axe-core finds on the page, but for what it calls minor: one line each.
pub async fn issues(browser: &Browser) -> anyhow::Result<Vec<String>> {
    let script = tokio::task::spawn_blocking(script).await??;
    // By the driver: the page's content security policy forbids it to the page itself.
    browser.act(&script).await?;
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
    let more_than_minor = violations
        .iter()
        .filter(|violation| violation["impact"] != "minor");
    Ok(more_than_minor
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
    // Without the browsers that the package is for.
    let python = devstack::python("axe", &["--no-deps", WHEEL])?;
    let code = "import sysconfig; print(sysconfig.get_path('purelib'))";
    let output = Command::new(python).args(["-c", code]).output()?;
    let folder = String::from_utf8(output.stdout)?;
    let script = Path::new(folder.trim_end()).join(SCRIPT);
    fs::read_to_string(&script).with_context(|| format!("cannot read {}", script.display()))
}
