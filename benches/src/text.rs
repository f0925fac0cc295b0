//! Figures and sections of `docs/benchmarks.md`.

use std::{fs, path::Path};

use anyhow::Context;

/// A number of bytes, in MB.
#[must_use]
pub fn megabytes(bytes: f64) -> String {
    if bytes < 99.5e6 {
        format!("{:.2} MB", bytes / 1e6)
    } else {
        format!("{:.0} MB", bytes / 1e6)
    }
}

/// Replaces what lies between the marks of `name` in the page at `path` by `text`; appends both to
/// a page without these marks.
///
/// # Errors
/// The page cannot be read or written.
pub fn section(path: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let page =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let (begin, end) = (
        format!("<!-- {name}: written by a program -->"),
        format!("<!-- {name}: end -->"),
    );
    let text = text.trim();
    let marked = format!("{begin}\n\n{text}\n\n{end}");
    let page = match (page.find(&begin), page.find(&end)) {
        (Some(from), Some(to)) => {
            format!("{}{marked}{}", &page[..from], &page[to + end.len()..])
        }
        _ => format!("{}\n\n{marked}\n", page.trim_end()),
    };
    Ok(fs::write(path, page)?)
}
