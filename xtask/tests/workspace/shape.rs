//! A function of `thumbcore` fits a screen, and changes at most two values besides its own.

use std::{fs, path::Path};

use syn::{
    FnArg, Signature, Type,
    visit::{self, Visit},
};

use super::{root, rust_files};

/// Lines that a screen shows.
const SCREEN: usize = 60;

/// Values besides `self` that a function may change.
const MAX_CHANGED: usize = 2;

/// The functions in `text`, formatted as rustfmt does, that are longer than a screen.
fn long_functions(text: &str) -> Vec<String> {
    let lines: Vec<_> = text.lines().collect();
    let mut long = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line.trim_start()) else {
            continue;
        };
        let indent = &line[..line.len() - line.trim_start().len()];
        let is_end = |line: &&str| line.strip_prefix(indent) == Some("}");
        let is_head_end = |line: &&str| line.ends_with(['{', '}', ';']);
        let head = lines[start..].iter().find(|line| is_head_end(line));
        if head.is_some_and(|head| head.ends_with('{'))
            && let Some(end) = lines[start..].iter().position(is_end)
            && end + 1 > SCREEN
        {
            long.push(format!("{name}: {} lines", end + 1));
        }
    }
    long
}

/// The function that a line without its indent begins.
fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let is_qualifier = |word: &str| {
        let is_visibility = word.starts_with("pub") || word.ends_with(')');
        is_visibility || ["const", "async", "unsafe", "extern", "\"C\""].contains(&word)
    };
    let end = after.find(['(', '<'])?;
    before
        .split_whitespace()
        .all(is_qualifier)
        .then_some(&after[..end])
}

/// Collects the functions that take too many values to change.
#[derive(Default)]
struct Changes(Vec<String>);

impl<'ast> Visit<'ast> for Changes {
    fn visit_signature(&mut self, signature: &'ast Signature) {
        let is_changed = |argument: &&FnArg| match argument {
            FnArg::Typed(typed) => {
                matches!(&*typed.ty, Type::Reference(reference) if reference.mutability.is_some())
            }
            FnArg::Receiver(_) => false,
        };
        let changed = signature.inputs.iter().filter(is_changed).count();
        if changed > MAX_CHANGED {
            self.0
                .push(format!("{}: {changed} of `&mut`", signature.ident));
        }
        visit::visit_signature(self, signature);
    }
}

fn changing_functions(text: &str) -> Vec<String> {
    let mut changes = Changes::default();
    changes.visit_file(&syn::parse_file(text).unwrap());
    changes.0
}

fn is_test(file: &Path) -> bool {
    file.iter()
        .any(|part| part == "tests.rs" || part == "tests")
}

#[test]
fn functions_of_thumbcore_fit_a_screen() {
    let mut faults = Vec::new();
    for file in rust_files("thumbcore/src") {
        if is_test(&file) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let shown = file.strip_prefix(root()).unwrap().display();
        let found = long_functions(&text).into_iter();
        let found = found.chain(changing_functions(&text));
        faults.extend(found.map(|fault| format!("{shown}: {fault}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_is_too_long_or_changes_too_much_is_found() {
    let body = "        work();\n".repeat(SCREEN - 1);
    let head = "    pub(crate) async fn b(\n        c: u8,\n    ) {";
    let long = format!("impl A {{\n{head}\n{body}    }}\n}}\n");
    let just = format!("impl A {{\n    fn b() {{\n{}    }}\n}}\n", &body[16..]);
    assert_eq!(long_functions(&long), ["b: 63 lines"]);
    assert!(long_functions(&just).is_empty(), "{just}");
    assert!(long_functions("trait A {\n    fn b(&self);\n}\n").is_empty());
    let three = "impl A { fn b(&mut self, c: &mut u8, d: &mut u8, e: &mut u8) {} }";
    assert_eq!(changing_functions(three), ["b: 3 of `&mut`"]);
    let two = "fn b(c: &mut u8, d: &mut u8, e: &u8) {}";
    assert!(changing_functions(two).is_empty());
}
