//! `cargo xtask infra`: checks what deploys the services, without any cloud.
//!
//! Each check is a public tool's: its findings are printed as it prints them, and any is a failure.
//! Exceptions stand beside what they except, with their reason.

mod terraform;
mod tools;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};
use tools::Tools;

use crate::step::{self, Steps};

/// Of the cluster (`kubernetes_version` in terraform/pipeline).
const KUBERNETES_VERSION: &str = "1.32";

/// Stands in k8s/base for what an overlay's settings give.
const UNSET: &str = "set-by-settings";

/// Installs the tools, then runs all checks.
pub(crate) fn check(steps: &mut Steps) -> anyhow::Result<()> {
    let (lint, policy) = steps.run("Deployment: tools", || {
        Ok((Tools::install("lint")?, Tools::install("policy")?))
    })?;
    steps.run("Deployment: scripts", || scripts(&lint))?;
    steps.run("Deployment: workflows", || workflows(&lint))?;
    steps.run("Deployment: images", || images(&lint))?;
    steps.run("Deployment: manifests", || manifests(&lint))?;
    steps.run("Deployment: Terraform", || terraform::check(&lint))?;
    steps.run("Deployment: policies", || policies(&policy))
}

fn scripts(lint: &Tools) -> anyhow::Result<()> {
    let mut files = [".ci/run", "scripts/cc", "scripts/wasm-toolchain"]
        .map(PathBuf::from)
        .to_vec();
    for folder in ["scripts", "docker"] {
        files.extend(files_in(folder, "sh")?);
    }
    step::status(
        lint.command("shellcheck")
            .arg("--external-sources")
            .args(files),
    )
}

fn workflows(lint: &Tools) -> anyhow::Result<()> {
    let files = files_in(".github/workflows", "yml")?;
    step::status(
        lint.command("actionlint")
            // Scripts in workflows too; Python in them there is none.
            .arg("-shellcheck")
            .arg(lint.path("shellcheck"))
            .arg("-pyflakes=")
            .args(files),
    )?;
    step::status(
        lint.command("zizmor")
            .args(["--offline", "--quiet", "--no-progress", ".github"]),
    )
}

fn images(lint: &Tools) -> anyhow::Result<()> {
    let files = files_in("docker", "Dockerfile")?;
    step::status(lint.command("hadolint").args(files))
}

/// Renders every overlay as a deployment would, then validates what came of it.
fn manifests(lint: &Tools) -> anyhow::Result<()> {
    let kubectl = lint.kubectl()?;
    let rendered = Path::new("target/infra/rendered");
    fs::create_dir_all(rendered).context("cannot make a folder for manifests")?;
    let mut files = Vec::new();
    for overlay in overlays()? {
        let name = overlay.file_name().unwrap_or_default();
        let file = rendered.join(name).with_extension("yaml");
        let output =
            File::create(&file).with_context(|| format!("cannot write {}", file.display()))?;
        step::status(
            Command::new(&kubectl)
                .arg("kustomize")
                .arg(&overlay)
                .stdout(output),
        )?;
        let text =
            fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        ensure!(
            !text.contains(UNSET),
            "{}: the component `settings` left a {UNSET}",
            overlay.display()
        );
        files.push(file);
    }
    step::status(
        lint.script("manifests.py")
            .arg(KUBERNETES_VERSION)
            .args(files),
    )
}

/// Checkov's rules for Terraform and Kubernetes.
fn policies(policy: &Tools) -> anyhow::Result<()> {
    step::status(
        policy
            .command("checkov")
            .args(["--framework", "terraform", "kubernetes"])
            // Rules of its paid platform and their texts would be fetched.
            .args(["--skip-download", "--quiet", "--compact"])
            .args(["--directory", "terraform", "--directory", "k8s"]),
    )
}

/// The folders below k8s/overlays, sorted.
fn overlays() -> anyhow::Result<Vec<PathBuf>> {
    let mut overlays = entries("k8s/overlays")?;
    overlays.retain(|path| path.join("kustomization.yaml").is_file());
    ensure!(!overlays.is_empty(), "no overlay below k8s/overlays");
    Ok(overlays)
}

/// Files of one folder with that extension, sorted; an error if there is none.
fn files_in(folder: &str, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = entries(folder)?;
    files.retain(|path| path.is_file() && path.extension().is_some_and(|found| found == extension));
    ensure!(!files.is_empty(), "nothing to check in {folder}");
    Ok(files)
}

fn entries(folder: &str) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {folder}"))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}
