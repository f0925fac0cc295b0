//! The workspace keeps to its own rules: one set of features, one style, arrows that run down.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helpers fail as its assertions do"
)]

mod features;
mod layers;
mod profiles;
mod shape;
mod style;

use std::path::{Path, PathBuf};

/// The project's folder.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Every Rust file below `folder` of the project, without what builds make.
fn rust_files(folder: &str) -> Vec<PathBuf> {
    let files: Vec<_> = walkdir::WalkDir::new(root().join(folder))
        .into_iter()
        .filter_entry(|entry| entry.file_name() != "target" && entry.file_name() != ".git")
        .map(Result::unwrap)
        .filter(|entry| entry.path().extension().is_some_and(|it| it == "rs"))
        .map(walkdir::DirEntry::into_path)
        .collect();
    assert!(!files.is_empty(), "no Rust files below {folder}");
    files
}
