//! The arrows between modules, as `docs/ARCHITECTURE.md` draws them, hold in the code: a module
//! uses only those of the layers below its own.

use std::{collections::BTreeMap, fs, path::Path};

use super::{root, rust_files};

/// The layer of each module of one crate, counted from the top.
#[derive(Debug)]
struct Layers(BTreeMap<String, usize>);

impl Layers {
    /// Reads the block that follows the line "Layers of `{name}`" in `document`: a layer a line,
    /// from the top, its modules between spaces; a remark follows a dash.
    fn of(name: &str, document: &str) -> Self {
        let heading = format!("Layers of `{name}`");
        let (_, after) = document.split_once(&heading).unwrap_or_else(|| {
            panic!("docs/ARCHITECTURE.md has no block \"{heading}\"");
        });
        let block = after.split("```").nth(1).unwrap();
        let mut layers = BTreeMap::new();
        for (layer, line) in block.lines().skip(1).enumerate() {
            let modules = line.split(" - ").next().unwrap_or_default();
            for module in modules.split_whitespace() {
                let twice = layers.insert(module.to_owned(), layer);
                assert!(twice.is_none(), "{module} is in two layers of {name}");
            }
        }
        Self(layers)
    }

    /// What is wrong with a use of module `to` within module `from`.
    fn fault(&self, from: &str, to: &str) -> Option<String> {
        if from == to {
            return None;
        }
        let (Some(above), Some(below)) = (self.0.get(from), self.0.get(to)) else {
            return Some(format!("{from} or {to} is in no layer"));
        };
        (below <= above).then(|| format!("{from} uses {to}, which is not below it"))
    }
}

/// The top-level module that a file of a crate's `src` belongs to; `None` for the crate's root.
fn module(file: &Path) -> Option<String> {
    let first = file.iter().next()?.to_str()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (!["lib", "main", "bin"].contains(&name)).then(|| name.to_owned())
}

/// The modules that paths from the crate's root name in `text`, up to its tests: what follows
/// `crate::`, alone or in braces.
fn used(text: &str) -> Vec<String> {
    let code: Vec<_> = text
        .lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n");
    let mut names = Vec::new();
    for (at, found) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_') {
            continue;
        }
        let rest = &code[at + found.len()..];
        if let Some(list) = rest.strip_prefix('{') {
            names.extend(first_names(list));
        } else {
            names.push(name(rest));
        }
    }
    // Types, functions and macros of the root are re-exported from modules or belong to no layer.
    names.retain(|name| name.starts_with(|letter: char| letter.is_ascii_lowercase()));
    names
}

/// The first name of every path in a braced list, which `list` begins behind the brace of.
fn first_names(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    let mut is_first = true;
    for (at, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => is_first = true,
            _ if is_first && !letter.is_whitespace() => {
                names.push(name(&list[at..]));
                is_first = false;
            }
            _ => {}
        }
    }
    names
}

fn name(path: &str) -> String {
    path.chars()
        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
        .collect()
}

fn faults(crate_name: &str) -> Vec<String> {
    let document = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let layers = Layers::of(crate_name, &document);
    let source = format!("{crate_name}/src");
    let mut faults = Vec::new();
    for file in rust_files(&source) {
        let within = file.strip_prefix(root().join(&source)).unwrap();
        let Some(from) = module(within) else {
            continue;
        };
        // Test modules in files of their own.
        if within
            .iter()
            .any(|part| part == "tests.rs" || part == "tests")
        {
            continue;
        }
        for to in used(&fs::read_to_string(&file).unwrap()) {
            let fault = layers.fault(&from, &to);
            faults.extend(fault.map(|fault| format!("{}: {fault}", within.display())));
        }
    }
    faults.sort_unstable();
    faults.dedup();
    faults
}

#[test]
fn no_arrow_of_thumbcore_runs_up() {
    let faults = faults("thumbcore");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_arrow_of_the_api_runs_up() {
    let faults = faults("api-svc");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn paths_are_read_from_lists_and_code_alike() {
    let text = "use crate::{\n    Error, reader::{self, Reader},\n    select::Rung,\n};\n\
        fn f() { crate::demux::open(); my_crate::other(); }\n#[cfg(test)]\nuse crate::tests_only;\n";
    assert_eq!(used(text), ["reader", "select", "demux"]);
}

#[test]
fn a_use_upwards_or_sideways_is_a_fault() {
    let document = "Layers of `x`\n\n```text\ntop - the entry\nleft right\nbottom\n```\n";
    let layers = Layers::of("x", document);
    assert_eq!(layers.fault("top", "bottom"), None);
    assert_eq!(layers.fault("left", "left"), None);
    for (from, to) in [("bottom", "top"), ("left", "right"), ("top", "unknown")] {
        assert!(layers.fault(from, to).is_some(), "{from} {to}");
    }
}
