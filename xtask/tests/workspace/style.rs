//! What a nightly rustfmt would do to imports and comments, checked where only a stable one is.

use std::{collections::BTreeMap, fs, path::Path};

use super::{root, rust_files};

/// Columns of a comment, as in `rustfmt.toml`.
const COMMENT_WIDTH: usize = 100;

/// The comment lines that are too long. A word that does not fit on a line, such as an address, may
/// be.
fn long_comments(text: &str) -> Vec<usize> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| {
            let comment = line.trim_start();
            let is_long = line.chars().count() > COMMENT_WIDTH;
            is_long && comment.starts_with("//") && !comment.contains('`') && !comment.contains('|')
        })
        .map(|(number, _)| number + 1)
        .collect()
}

/// Crates that more than one `use` of the file's top level names, where one would do: uses of one
/// visibility and without attributes belong together.
fn split_imports(text: &str) -> Vec<String> {
    let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut previous = "";
    for line in text.lines() {
        let has_attribute = previous.starts_with("#[");
        previous = line;
        let Some((visibility, path)) = line.split_once("use ") else {
            continue;
        };
        let is_import =
            visibility.is_empty() || (visibility.starts_with("pub") && visibility.ends_with(' '));
        if !is_import || has_attribute {
            continue;
        }
        let end = path.find([':', ';', ' ']).unwrap_or(path.len());
        let root = path[..end].to_owned();
        *seen.entry((visibility.to_owned(), root)).or_default() += 1;
    }
    seen.into_iter()
        .filter(|((_, root), count)| *count > 1 && root != "super" && !root.is_empty())
        .map(|((visibility, root), _)| format!("{visibility}use {root}"))
        .collect()
}

fn findings(check: impl Fn(&Path, &str) -> Vec<String>) -> Vec<String> {
    rust_files("")
        .iter()
        .flat_map(|file| check(file, &fs::read_to_string(file).unwrap()))
        .collect()
}

fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap().display().to_string()
}

#[test]
fn comments_end_at_their_width() {
    let long = findings(|file, text| {
        long_comments(text)
            .iter()
            .map(|line| format!("{}:{line}", shown(file)))
            .collect()
    });
    assert!(
        long.is_empty(),
        "comments of more than {COMMENT_WIDTH} columns:\n{}",
        long.join("\n")
    );
}

#[test]
fn a_crate_is_imported_once_a_file() {
    let split = findings(|file, text| {
        split_imports(text)
            .iter()
            .map(|import| format!("{}: {import}", shown(file)))
            .collect()
    });
    assert!(
        split.is_empty(),
        "imports of one crate in several lines:\n{}",
        split.join("\n")
    );
}

#[test]
fn the_checks_find_what_they_are_for() {
    let long = format!("fn f() {{}}\n// {}\n", "word ".repeat(25));
    assert_eq!(long_comments(&long), [2]);
    assert!(long_comments("// short\nlet long = 1;").is_empty());
    let split = "use std::fs;\nuse std::path::Path;\nuse crate::a;\npub use crate::b;\n";
    assert_eq!(split_imports(split), ["use std"]);
    assert!(split_imports("use std::{fs, io};\n#[cfg(x)]\nuse std::net;\n").is_empty());
}
