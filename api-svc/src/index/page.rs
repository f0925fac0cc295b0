//! Pages of the index, newest first.
//!
//! A cursor is the place of the last entry of a page in the order of time. What is written later
//! comes before it, so pages that follow neither repeat nor miss an entry that stays where it is.

use std::{
    cmp::Reverse,
    ops::{Bound, ControlFlow},
    sync::Arc,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use super::{
    NamedVideo,
    store::{Format, Picture, Place, Store, Video},
};

/// Entries looked at in the order of time before those of the prefix are collected instead.
const SCAN: usize = 20_000;

/// What is wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    /// Only pictures of this number.
    pub(crate) number: Option<u16>,
    /// Only keys that begin with this, with or without the thumbnail prefix.
    pub(crate) prefix: String,
    /// At most so many.
    pub(crate) limit: usize,
    /// Where the page before ended.
    pub(crate) after: Option<Cursor>,
}

/// A page.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) entries: Vec<Entry>,
    /// For the next page, if there is one.
    pub(crate) next: Option<Cursor>,
}

/// One picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) number: u16,
    /// Seconds since 1970.
    pub(crate) modified: u32,
    pub(crate) size: u32,
}

/// A place in the order of time, opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor(Place);

impl Cursor {
    const VERSION: u8 = 1;

    /// Reads what [`Cursor::encode`] wrote.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (&[version], rest) = bytes.split_first_chunk()?;
        let (modified, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (&[format], name) = rest.split_first_chunk()?;
        let format = [Format::Jpg, Format::Webp, Format::Avif]
            .into_iter()
            .find(|known| *known as u8 == format)?;
        (version == Self::VERSION).then_some(())?;
        Some(Self(Place {
            modified: Reverse(u32::from_be_bytes(*modified)),
            name: std::str::from_utf8(name).ok()?.into(),
            number: u16::from_be_bytes(*number),
            format,
        }))
    }

    /// For a URL.
    pub(crate) fn encode(&self) -> String {
        let Place {
            modified,
            name,
            number,
            format,
        } = &self.0;
        let mut bytes = vec![Self::VERSION];
        bytes.extend(modified.0.to_be_bytes());
        bytes.extend(number.to_be_bytes());
        bytes.push(*format as u8);
        bytes.extend(name.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }
}

impl Store {
    pub(super) fn page(&self, query: &Query, root: &str) -> Page {
        let mut places = self.select(query, root, |place, _| {
            query.number.is_none_or(|number| number == place.number)
        });
        let next = next(&mut places, query.limit);
        let entries = places
            .iter()
            .filter_map(|place| Some(entry(root, &place.name, self.picture(place)?)))
            .collect();
        Page { entries, next }
    }

    pub(super) fn videos(&self, query: &Query, root: &str) -> (Vec<NamedVideo>, Option<Cursor>) {
        // One picture stands for its video.
        let mut places = self.select(query, root, |place, video| {
            let first = video.pictures.first();
            video.manifest.is_some()
                && first.is_some_and(|p| (p.number, p.format) == (place.number, place.format))
        });
        let next = next(&mut places, query.limit);
        let videos = places.iter().filter_map(|place| {
            let video = self.videos.get(&place.name)?;
            let pictures = video.pictures.iter();
            Some(NamedVideo {
                manifest_key: format!("{root}{}.json", place.name),
                modified: video.manifest?.modified,
                pictures: pictures.map(|p| entry(root, &place.name, p)).collect(),
            })
        });
        (videos.collect(), next)
    }

    /// Videos whose first picture is not older than `since`, in seconds since 1970.
    pub(super) fn finished_since(&self, since: u32) -> usize {
        let recent = self.order.iter().take_while(|p| p.modified.0 >= since);
        recent.filter(|place| place.number == 1).count()
    }

    /// One place more than the limit, if there are so many.
    fn select(
        &self,
        query: &Query,
        root: &str,
        wanted: impl Fn(&Place, &Video) -> bool,
    ) -> Vec<Place> {
        let prefix = query.prefix.strip_prefix(root).unwrap_or(&query.prefix);
        let after = query.after.as_ref().map(|cursor| &cursor.0);
        let lower = after.map_or(Bound::Unbounded, Bound::Excluded);
        let matches = |place: &Place| {
            begins(place, prefix)
                && self
                    .videos
                    .get(&place.name)
                    .is_some_and(|video| wanted(place, video))
        };
        let mut found = Vec::new();
        let mut looked_at = 0;
        let scan = self
            .order
            .range::<Place, _>((lower, Bound::Unbounded))
            .try_for_each(|place| {
                if matches(place) {
                    found.push(place.clone());
                }
                looked_at += 1;
                // A rare prefix is found quicker by name.
                if found.len() > query.limit || (!prefix.is_empty() && looked_at >= SCAN) {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            });
        if scan.is_continue() || found.len() > query.limit {
            return found;
        }
        let mut all: Vec<Place> = self
            .named(prefix)
            .flat_map(|(name, video)| video.pictures.iter().map(move |p| p.place(name)))
            .filter(|place| after.is_none_or(|after| place > after) && matches(place))
            .collect();
        if all.len() > query.limit + 1 {
            all.select_nth_unstable(query.limit);
            all.truncate(query.limit + 1);
        }
        all.sort_unstable();
        all
    }

    /// The names that may have keys that begin with `prefix`.
    fn named<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a Arc<str>, &'a Video)> {
        let shorter = prefix
            .char_indices()
            .filter_map(|(end, _)| self.videos.get_key_value(&prefix[..end]));
        let longer = self
            .videos
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |(name, _)| name.starts_with(prefix));
        shorter.chain(longer)
    }

    fn picture(&self, place: &Place) -> Option<&Picture> {
        let pictures = &self.videos.get(&place.name)?.pictures;
        pictures
            .iter()
            .find(|p| (p.number, p.format) == (place.number, place.format))
    }
}

/// Whether the key of a place begins with `prefix`.
fn begins(place: &Place, prefix: &str) -> bool {
    match prefix.strip_prefix(&*place.name) {
        None => place.name.starts_with(prefix),
        Some("") => true,
        Some(rest) => {
            let ending = format!("_{}.{}", place.number, place.format.extension());
            ending.starts_with(rest)
        }
    }
}

fn entry(root: &str, name: &str, picture: &Picture) -> Entry {
    Entry {
        key: format!("{root}{}", picture.key(name)),
        number: picture.number,
        modified: picture.modified,
        size: picture.size,
    }
}

/// Cuts the place too much off and gives the cursor of the last one left, if there was one too
/// much.
fn next(places: &mut Vec<Place>, limit: usize) -> Option<Cursor> {
    if places.len() <= limit {
        return None;
    }
    places.truncate(limit);
    places.last().cloned().map(Cursor)
}

#[cfg(test)]
mod tests {
    use super::{super::store::Object, *};

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

    fn walk(
        store: &mut Store,
        mut query: Query,
        mut between: impl FnMut(&mut Store),
    ) -> Vec<Entry> {
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

    #[test]
    fn cursors_of_others_are_refused() {
        for text in ["", "x", "AAAA", "!!!", "AQAAAAAAAAk", "AgAAAAAAAQA"] {
            assert_eq!(Cursor::decode(text), None, "{text}");
        }
    }
}
