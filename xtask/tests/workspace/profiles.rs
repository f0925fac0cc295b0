//! What `release` leaves unoptimised, `dist` optimises: for size, or where time is spent for speed.

use std::collections::BTreeMap;

use super::root;

/// The `opt-level` of each package that `profile` names.
fn levels(profile: &str) -> BTreeMap<String, String> {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = format!("[profile.{profile}.package]");
    let lines = manifest.lines().skip_while(|line| *line != section).skip(1);
    let entries = lines.take_while(|line| !line.starts_with('['));
    entries
        .filter_map(|line| line.split_once(".opt-level = "))
        .map(|(package, level)| (package.to_owned(), level.to_owned()))
        .collect()
}

#[test]
fn dist_optimises_what_release_leaves_out() {
    let (release, dist) = (levels("release"), levels("dist"));
    assert!(!release.is_empty());
    let forgotten: Vec<_> = release
        .keys()
        .filter(|name| !dist.contains_key(*name))
        .collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
    let is_optimised = |level: &String| ["3", "\"s\"", "\"z\""].contains(&level.as_str());
    assert!(dist.values().all(is_optimised), "{dist:?}");
    assert_eq!(dist["thumbcore"], "3");
}

/// cargo keeps the symbols of a program whose package has settings of its own, whatever the profile
/// says of symbols.
#[test]
fn programs_are_stripped() {
    let levels = levels("dist");
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for program in ["api-svc", "frontend-svc", "thumb-cli", "worker-svc"] {
        let line = format!("\n{program}.strip = \"symbols\"\n");
        assert!(
            !levels.contains_key(program) || manifest.contains(&line),
            "{program}"
        );
    }
}
