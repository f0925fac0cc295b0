//! The feature sets that whoever embeds thumbcore may choose.

use crate::step;

/// Each feature alone, none, and the pairs that share code. All together is what every other step
/// builds.
const SETS: [&str; 6] = ["", "http", "s3", "avif", "sandbox", "testing"];

/// Compiles thumbcore with each of [`SETS`], lints being errors.
pub(crate) fn check() -> anyhow::Result<()> {
    for features in SETS {
        step::status(
            crate::cargo()
                .args(["clippy", "--package", "thumbcore", "--no-default-features"])
                .args(["--features", features])
                .args(["--", "-D", "warnings"]),
        )?;
    }
    Ok(())
}
