//! Pages against plain searches.

use super::{super::object::Object, *};

const ROOT: &str = "thumbnails/";

/// Three pictures and a manifest for each name, the later the newer; two names share each
/// second.
fn store(names: usize) -> Store {
    let mut store = Store::default();
    for n in 0..names {
        add(&mut store, &format!("f{}/v{n:05}", n % 7), n as u32 / 2);
    }
    store
}

fn add(store: &mut Store, name: &str, modified: u32) {
    for end in ["_1.jpg", "_2.jpg", "_3.jpg", ".json"] {
        let object = Object::parse(&format!("{name}{end}"), modified, 1).unwrap();
        store.upsert(&object);
    }
}

fn walk(store: &mut Store, mut query: Query, mut between: impl FnMut(&mut Store)) -> Vec<Entry> {
    let mut all = Vec::new();
    loop {
        let page = store.page(&query, ROOT);
        assert!(page.entries.len() <= query.limit);
        all.extend(page.entries);
        let Some(next) = page.next else {
            return all;
        };
        query.after = Some(Cursor::decode(&next.encode()).unwrap());
        between(store);
    }
}

#[test]
fn pages_are_newest_first_and_stable_under_inserts() {
    let mut store = store(100);
    let query = Query {
        limit: 7,
        ..Query::default()
    };
    let mut inserted = 0;
    let all = walk(&mut store, query, |store| {
        inserted += 1;
        add(store, &format!("new{inserted}"), 1000 + inserted);
    });
    assert_eq!(all.len(), 300);
    assert!(all.is_sorted_by(|a, b| a.modified >= b.modified && a.key != b.key));
    assert!(
        all.iter()
            .all(|entry| entry.key.starts_with("thumbnails/f"))
    );
}

#[test]
fn filters_agree_with_a_plain_search() {
    // More than a scan looks at, so that both ways to search are taken.
    let mut store = store(SCAN / 2);
    let everything = walk(
        &mut store,
        Query {
            limit: 5000,
            ..Query::default()
        },
        |_| {},
    );
    for prefix in [
        "",
        "f3/",
        "thumbnails/f3/v000",
        "f0/v00000_2",
        "f0/v00000",
        "none",
        "f",
    ] {
        for number in [None, Some(2)] {
            let bare = prefix.strip_prefix(ROOT).unwrap_or(prefix);
            let expected: Vec<_> = everything
                .iter()
                .filter(|e| e.key[ROOT.len()..].starts_with(bare))
                .filter(|e| number.is_none_or(|n| n == e.number))
                .cloned()
                .collect();
            let query = Query {
                number,
                prefix: prefix.to_owned(),
                limit: 400,
                ..Query::default()
            };
            assert_eq!(
                walk(&mut store, query, |_| {}),
                expected,
                "{prefix} {number:?}"
            );
        }
    }
}

#[test]
fn a_search_finds_any_part_of_a_name_in_any_case() {
    // More than a scan looks at.
    let mut store = store(SCAN / 2);
    add(&mut store, "Ärger/Holiday 7", 0);
    let found = |store: &mut Store, text: &str| {
        let query = Query {
            limit: 4,
            ..Query::default()
        };
        let query = query.searching(Some(text), Sort::Newest).unwrap();
        walk(store, query, |_| {})
    };
    let keys: Vec<_> = found(&mut store, "ÄRGER/holi")
        .into_iter()
        .map(|e| e.key)
        .collect();
    let expected = [1, 2, 3].map(|number| format!("thumbnails/Ärger/Holiday 7_{number}.jpg"));
    assert_eq!(keys, expected);
    assert_eq!(found(&mut store, "/V0999").len(), 30);
    assert_eq!(
        found(&mut store, "v0999_1"),
        [],
        "the number is no part of the name"
    );
    let long = "x".repeat(2000);
    assert!(Query::default().searching(Some(&long), Sort::Name).is_err());
}

#[test]
fn lists_are_sorted_by_name_size_and_bytes_read() {
    let mut store = store(40);
    for n in 0..39_u64 {
        let cost = Cost {
            fetched: n % 5,
            size: n % 3 * 1000,
        };
        store.measure(&format!("f{}/v{n:05}", n % 7), cost);
    }
    let sorted = |store: &mut Store, sort| {
        let query = Query {
            limit: 7,
            ..Query::default()
        };
        walk(store, query.searching(None, sort).unwrap(), |_| {})
    };
    let by_name = sorted(&mut store, Sort::Name);
    assert_eq!(by_name.len(), 120);
    assert!(by_name.is_sorted_by(|a, b| a.key < b.key));
    let (by_size, by_read) = (
        sorted(&mut store, Sort::Size),
        sorted(&mut store, Sort::Read),
    );
    let size = |entry: &Entry| entry.cost.unwrap_or_default().size;
    let read = |entry: &Entry| entry.cost.unwrap_or_default().fetched;
    // Within one value by name; what was not measured comes last.
    assert!(by_size.is_sorted_by(|a, b| (size(b), &a.key) < (size(a), &b.key)));
    assert!(by_read.is_sorted_by(|a, b| (read(b), &a.key) < (read(a), &b.key)));
    assert_eq!((by_size.len(), by_read.len()), (120, 120));
}

#[test]
fn videos_are_listed_once() {
    let store = store(5);
    let query = Query {
        limit: 3,
        ..Query::default()
    };
    let (videos, next) = store.videos(&query, ROOT);
    let keys: Vec<_> = videos.iter().map(|v| v.manifest_key.as_str()).collect();
    assert_eq!(keys[0], "thumbnails/f4/v00004.json");
    assert_eq!((keys.len(), videos[0].pictures.len()), (3, 3));
    let query = Query {
        after: next,
        ..query
    };
    assert_eq!(store.videos(&query, ROOT).0.len(), 2);
    assert_eq!(store.finished_since(1), 3);
}
