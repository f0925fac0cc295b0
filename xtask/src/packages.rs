//! The Debian packages that building, running and testing need.

use std::{
    io::ErrorKind,
    process::{Command, Stdio},
};

use anyhow::{Context, bail};

use crate::step;

/// Names that Debian and Ubuntu share.
const PACKAGES: [&str; 15] = [
    // The C parts of crates: libjpeg-turbo (its SIMD code is for nasm), aws-lc.
    "gcc",
    "libc6-dev",
    "make",
    "cmake",
    "nasm",
    // FFmpeg's libraries, and what their bindings are generated with.
    "pkg-config",
    "libclang-dev",
    "libavcodec-dev",
    "libavformat-dev",
    "libavutil-dev",
    "libswscale-dev",
    // Sample videos, and the judge of the tests.
    "ffmpeg",
    // What `bench --compare` compares with, beside ffmpeg.
    "ffmpegthumbnailer",
    // ministack, the local S3 and SQS.
    "python3",
    "python3-venv",
];

/// The browsers that the dashboard is tested in, and the proxy that it is tested behind.
const BROWSERS: [&str; 5] = [
    "chromium",
    "chromium-driver",
    "firefox-esr",
    "nginx-light",
    "openssl",
];

/// What drives Firefox, which Debian lacks.
const GECKODRIVER: &str = "geckodriver@0.37.1";

/// Installs what is missing, where that needs no password; otherwise fails with the command to run.
pub(crate) fn ensure() -> anyhow::Result<()> {
    ensure_all(&PACKAGES)
}

/// The same for the dashboard's tests.
pub(crate) fn ensure_browsers() -> anyhow::Result<()> {
    ensure_all(&BROWSERS)?;
    // Does nothing where this version is there. In the target folder's own shape, so that
    // `web-tests` finds it.
    let tools = crate::root()?.join("target/tools");
    step::status(
        crate::cargo()
            .args([
                "install",
                "--quiet",
                "--locked",
                "--debug",
                GECKODRIVER,
                "--root",
            ])
            .arg(tools),
    )
}

/// The same for players of npm, unless there is an npm of another kind.
pub(crate) fn ensure_npm() -> anyhow::Result<()> {
    let version = Command::new("npm").arg("--version").output();
    if version.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    ensure_all(&["npm"])
}

fn ensure_all(packages: &[&'static str]) -> anyhow::Result<()> {
    let Some(installed) = installed(packages)? else {
        eprintln!(
            "Not a Debian: this needs what Debian calls {}",
            packages.join(" ")
        );
        return Ok(());
    };
    let missing = missing(packages, &installed);
    if missing.is_empty() {
        return Ok(());
    }
    let root: &[&str] = if is_root()? {
        &[]
    } else if sudo_needs_no_password() {
        &["sudo", "-n"]
    } else {
        bail!(
            "system packages are missing; run: sudo apt-get update && sudo apt-get install -y {}",
            missing.join(" ")
        );
    };
    eprintln!("Installing {}", missing.join(" "));
    step::status(&mut apt_get(root, &["update"], &[]))?;
    let install = ["-y", "install", "--no-install-recommends"];
    step::status(&mut apt_get(root, &install, &missing))
}

/// `dpkg-query`'s list of those packages that are installed; `None` where there is no dpkg.
fn installed(packages: &[&str]) -> anyhow::Result<Option<String>> {
    let output = Command::new("dpkg-query")
        .args([
            "--show",
            "--showformat",
            "${db:Status-Status} ${Package}\\n",
        ])
        .args(packages)
        .output();
    match output {
        // It exits with 1 where a package is not known at all, and still lists the others.
        Ok(output) => Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("cannot run dpkg-query"),
    }
}

fn missing(packages: &[&'static str], installed: &str) -> Vec<&'static str> {
    packages
        .iter()
        .copied()
        .filter(|package| {
            !installed
                .lines()
                .any(|line| line.strip_prefix("installed ") == Some(package))
        })
        .collect()
}

fn is_root() -> anyhow::Result<bool> {
    let output = Command::new("id")
        .arg("-u")
        .output()
        .context("cannot run id")?;
    Ok(output.stdout.trim_ascii() == b"0")
}

fn sudo_needs_no_password() -> bool {
    Command::new("sudo")
        .args(["-n", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// apt-get with `arguments` and `packages`, asking nothing, run by way of `root`.
fn apt_get(root: &[&str], arguments: &[&str], packages: &[&str]) -> Command {
    // sudo clears the environment, so the variable is set behind it.
    let mut words = root.iter().chain(&["env"]);
    let mut command = Command::new(words.next().unwrap_or(&"env"));
    command
        .args(words)
        .args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"])
        .args(arguments)
        .args(packages)
        .stdin(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_installed_is_missing() {
        let all: Vec<_> = PACKAGES
            .iter()
            .map(|package| format!("installed {package}"))
            .collect();
        assert!(missing(&PACKAGES, &all.join("\n")).is_empty());
        // A removed package that left its configuration is known to dpkg, and not there.
        let list = all
            .join("\n")
            .replace("installed ffmpeg\n", "config-files ffmpeg\n");
        assert_eq!(missing(&PACKAGES, &list), ["ffmpeg"]);
        assert_eq!(missing(&PACKAGES, ""), PACKAGES);
    }

    #[test]
    fn apt_get_asks_nothing_by_way_of_sudo_too() {
        let command = apt_get(&["sudo", "-n"], &["install"], &["gcc"]);
        assert_eq!(command.get_program(), "sudo");
        let arguments: Vec<_> = command.get_args().collect();
        assert_eq!(
            arguments,
            [
                "-n",
                "env",
                "DEBIAN_FRONTEND=noninteractive",
                "apt-get",
                "-q",
                "install",
                "gcc"
            ]
        );
        assert_eq!(apt_get(&[], &["update"], &[]).get_program(), "env");
    }
}
