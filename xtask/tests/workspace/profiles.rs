//! What `release` leaves unoptimised, `dist` optimises.

use std::collections::BTreeMap;

use super::root;

/// The `opt-level` of each package that `profile` names.
fn levels(profile: &str) -> BTreeMap<String, u8> {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = format!("[profile.{profile}.package]");
    let lines = manifest.lines().skip_while(|line| *line != section).skip(1);
    let entries = lines.take_while(|line| !line.starts_with('['));
    entries
        .filter_map(|line| line.split_once(".opt-level = "))
        .map(|(package, level)| (package.to_owned(), level.parse().unwrap()))
        .collect()
}

#[test]
fn dist_optimises_what_release_leaves_out() {
    let (release, dist) = (levels("release"), levels("dist"));
    assert!(!release.is_empty());
    assert!(release.keys().eq(dist.keys()), "{release:?} {dist:?}");
    assert!(dist.values().all(|level| *level == 3), "{dist:?}");
}
