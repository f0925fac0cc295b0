//! The contenders that are written in Python: their scripts, and an environment of pinned packages
//! for them.

use std::{fs, path::PathBuf};

use anyhow::Context;

/// Of `PyPI`.
pub(crate) const PACKAGES: [&str; 3] = ["av==16.1.0", "boto3==1.44.8", "pillow==13.0.0"];

const SCRIPTS: [(&str, &str); 2] = [
    ("download.py", include_str!("download.py")),
    ("pyav.py", include_str!("pyav.py")),
];

/// A Python that has the packages.
pub(crate) fn interpreter() -> anyhow::Result<PathBuf> {
    devstack::python("bench-peers", &PACKAGES)
}

/// The script `name` as a file.
pub(crate) fn script(name: &str) -> anyhow::Result<PathBuf> {
    let text = SCRIPTS.iter().find(|(known, _)| *known == name);
    let (_, text) = text.with_context(|| format!("no script {name}"))?;
    let path = devstack::media::folder().join(format!("bench-{name}"));
    if fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(path);
    }
    fs::write(&path, text)?;
    Ok(path)
}
