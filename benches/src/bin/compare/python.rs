//! The contenders that are written in Python: their scripts, and an environment of pinned packages
//! for them.

use std::{fs, path::PathBuf};

use anyhow::ensure;

/// Of `PyPI`.
pub(crate) const PACKAGES: [&str; 3] = ["av==16.1.0", "boto3==1.44.8", "pillow==13.0.0"];

const SCRIPTS: [(&str, &str); 4] = [
    ("download.py", include_str!("download.py")),
    ("pyav.py", include_str!("pyav.py")),
    ("ranged.py", include_str!("ranged.py")),
    ("tiles.py", include_str!("tiles.py")),
];

/// A Python that has the packages.
pub(crate) fn interpreter() -> anyhow::Result<PathBuf> {
    devstack::python("bench-peers", &PACKAGES)
}

/// The script `name` as a file, beside the modules that scripts import.
pub(crate) fn script(name: &str) -> anyhow::Result<PathBuf> {
    let folder = devstack::media::folder().join("bench-scripts");
    fs::create_dir_all(&folder)?;
    for (known, text) in SCRIPTS {
        let path = folder.join(known);
        if !fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
            fs::write(&path, text)?;
        }
    }
    let is_known = SCRIPTS.iter().any(|(known, _)| *known == name);
    ensure!(is_known, "no script {name}");
    Ok(folder.join(name))
}
