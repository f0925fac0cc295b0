//! Every program is built of the same dependencies with the same features, so that a switch between
//! `--workspace`, `-p` and tests builds none of them anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use super::root;

/// The packages that depend on `workspace-hack`, or are built with one that does.
const UNIFIED: [&str; 6] = [
    "api-svc",
    "benches",
    "devstack",
    "thumb-cli",
    "web-tests",
    "worker-svc",
];

/// The feature sets in which each package is built. A package has two where build scripts and
/// macros need others than programs do.
type Features = BTreeMap<String, BTreeSet<String>>;

fn tree(edges: &str, arguments: &[&str]) -> Features {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--locked", "--offline", "--prefix", "none"])
        .args(["--format", "{p}|{f}", "--edges", edges])
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree {arguments:?}: {said}");
    let mut features = Features::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let Some((package, set)) = line.split_once('|') else {
            continue;
        };
        // A path follows the version of the workspace's own packages: their features may differ.
        if package.contains('/') {
            continue;
        }
        let package = package.trim_end_matches(" (proc-macro)").to_owned();
        let set = set.trim_end_matches(" (*)").to_owned();
        features.entry(package).or_default().insert(set);
    }
    features
}

/// What `some` asks for in other features than `all` does, a line a package.
fn differences(some: &Features, all: &Features) -> Vec<String> {
    some.iter()
        .filter(|(package, sets)| !all.get(*package).is_some_and(|all| sets.is_subset(all)))
        .map(|(package, sets)| format!("{package}: {sets:?}, but {:?}", all.get(package)))
        .collect()
}

#[test]
fn one_package_alone_is_built_of_what_all_are_built_of() {
    let all = tree("normal,build,dev", &["--workspace", "--all-features"]);
    for package in UNIFIED {
        let alone = tree("normal,build", &["--package", package]);
        let differences = differences(&alone, &all);
        assert!(
            differences.is_empty(),
            "workspace-hack/Cargo.toml lacks features for {package}:\n{}",
            differences.join("\n")
        );
    }
}

#[test]
fn programs_are_built_of_what_their_tests_are_built_of() {
    let tests = tree("normal,build,dev", &["--workspace", "--all-features"]);
    let programs = tree("normal,build", &["--workspace"]);
    let differences = differences(&programs, &tests);
    assert!(
        differences.is_empty(),
        "workspace-hack/Cargo.toml lacks features:\n{}",
        differences.join("\n")
    );
}

#[test]
fn what_is_embedded_does_not_depend_on_the_unified_features() {
    for package in ["thumbcore", "contract", "web", "frontend-svc", "xtask"] {
        let output = Command::new(env!("CARGO"))
            .current_dir(root())
            .args(["tree", "--locked", "--offline", "--prefix", "none"])
            .args(["--edges", "normal,build", "--package", package])
            .output()
            .unwrap();
        assert!(output.status.success());
        let tree = String::from_utf8(output.stdout).unwrap();
        assert!(tree.starts_with(package), "{tree}");
        assert!(
            !tree.contains("workspace-hack"),
            "{package} depends on workspace-hack"
        );
    }
}
