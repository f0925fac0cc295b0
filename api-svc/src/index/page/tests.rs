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
                after: None,
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
