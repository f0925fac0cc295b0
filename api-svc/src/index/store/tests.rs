//! The store against listings.

use super::*;

fn object(key: &str, modified: u32) -> (String, Object) {
    (key.to_owned(), Object::parse(key, modified, 10).unwrap())
}

fn keys(store: &Store) -> Vec<String> {
    let mut keys = Vec::new();
    for (name, video) in &store.videos {
        keys.extend(video.pictures.iter().map(|picture| picture.key(name)));
        keys.extend(video.manifest.map(|_| format!("{name}.json")));
    }
    keys.sort();
    keys
}

fn check(store: &Store, expected: &[&str]) {
    assert_eq!(keys(store), expected);
    let pictures = expected
        .iter()
        .filter(|key| key.rsplit_once('.').is_none_or(|(_, end)| end != "json"))
        .count();
    assert_eq!(store.order.len(), pictures);
    assert_eq!(store.totals.pictures, pictures as u64);
    assert_eq!(store.totals.videos, (expected.len() - pictures) as u64);
    assert_eq!(store.totals.bytes, expected.len() as u64 * 10);
}

#[test]
fn a_page_replaces_what_lies_between_its_ends() {
    let mut store = Store::default();
    let all = [
        "a.json", "a_1.jpg", "a_2.jpg", "b.json", "b_1.jpg", "c_1.jpg",
    ];
    store.replace(None, None, &all.map(|key| object(key, 5)));
    check(&store, &all);
    // The page begins between two keys of one video.
    store.replace(Some("a_1.jpg"), Some("b.json"), &[object("b.json", 5)]);
    check(
        &store,
        &["a.json", "a_1.jpg", "b.json", "b_1.jpg", "c_1.jpg"],
    );
    store.replace(Some("b.json"), None, &[]);
    check(&store, &["a.json", "a_1.jpg", "b.json"]);
    store.replace(None, Some("a_1.jpg"), &[object("a_1.jpg", 6)]);
    check(&store, &["a_1.jpg", "b.json"]);
    store.replace(None, None, &[]);
    check(&store, &[]);
    assert!(store.videos.is_empty());
}

#[test]
fn sums_follow_the_manifests() {
    let mut store = Store::default();
    store.upsert_manifest("a", 1, 10);
    store.upsert_manifest("b", 1, 10);
    assert_eq!(store.unmeasured(9).len(), 2);
    let cost = |fetched, size| Cost { fetched, size };
    store.measure("a", cost(30, 100));
    store.measure("b", cost(10, 5));
    assert_eq!(store.totals.cost, cost(40, 105));
    // The same again changes nothing; another version is read anew.
    store.upsert_manifest("a", 1, 10);
    assert_eq!((store.totals.videos, store.totals.measured), (2, 2));
    store.upsert_manifest("a", 2, 11);
    assert_eq!((store.totals.videos, store.totals.measured), (2, 1));
    assert_eq!(store.totals.cost, cost(10, 5));
    assert_eq!(store.unmeasured(9), ["a".into()]);
}

#[test]
fn a_picture_keeps_its_place_when_the_walk_dates_it_a_little_earlier() {
    let mut store = Store::default();
    let first = |store: &Store| store.order.first().unwrap().modified.0;
    store.upsert(&object("a_1.jpg", 100).1);
    store.upsert(&object("a_1.jpg", 98).1);
    assert_eq!(first(&store), 100);
    store.upsert(&object("a_1.jpg", 200).1);
    assert_eq!((first(&store), store.order.len()), (200, 1));
}

#[test]
fn other_keys_are_none_of_ours() {
    for key in [
        "a_1.png",
        "a",
        ".json",
        "a_1.jpg.part",
        "a_99999999.jpg",
        "a.storyboard/index.json",
        "a_1.storyboard/0.jpg",
        "a_preview.webp",
    ] {
        assert_eq!(Object::parse(key, 0, 0), None, "{key}");
    }
}
