//! What is known of the bucket, compactly.
//!
//! The pictures of one video share its name, which is stored once: some 120 bytes a thumbnail in
//! all.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashSet},
    ops::Bound,
    sync::Arc,
};

use contract::ThumbnailKey;

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    /// Without the thumbnail prefix and what follows the name.
    name: String,
    /// `None` for a manifest.
    picture: Option<(u16, Format)>,
    /// Seconds since 1970.
    modified: u32,
    size: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Format {
    Jpg,
    Webp,
    Avif,
}

/// Where a picture stands in the order of time: newest first, then by name and number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) modified: Reverse<u32>,
    pub(super) name: Arc<str>,
    pub(super) number: u16,
    pub(super) format: Format,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Picture {
    pub(super) modified: u32,
    pub(super) size: u32,
    pub(super) number: u16,
    pub(super) format: Format,
}

#[derive(Debug, Default)]
pub(super) struct Video {
    /// In the order of numbers.
    pub(super) pictures: Vec<Picture>,
    pub(super) manifest: Option<ManifestObject>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct ManifestObject {
    pub(super) modified: u32,
    size: u32,
    /// Bytes fetched and bytes saved, once it was read.
    measured: Option<(u64, u64)>,
}

/// The sums over everything that is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Pictures.
    pub(crate) pictures: u64,
    /// Bytes of pictures and manifests.
    pub(crate) bytes: u64,
    /// Manifests.
    pub(crate) videos: u64,
    /// Manifests that were read, and what they say.
    pub(crate) measured: u64,
    pub(crate) bytes_fetched: u64,
    pub(crate) bytes_saved: u64,
    /// Whether the prefix has been listed through.
    pub(crate) complete: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) videos: BTreeMap<Arc<str>, Video>,
    pub(super) order: BTreeSet<Place>,
    /// Names whose manifest is still to be read.
    unmeasured: BTreeSet<Arc<str>>,
    totals: Totals,
    /// Counts how often everything was forgotten.
    epoch: u64,
}

/// A picture whose time moves back by no more than this keeps the time it has: the journal dates
/// pictures by their manifest, and pages must not shift when the walk comes by.
const SAME_WRITE_SECONDS: u32 = 60;

impl Object {
    /// Reads a key without the thumbnail prefix; `None` if it is neither a picture's nor a
    /// manifest's.
    pub(super) fn parse(key: &str, modified: u32, size: u64) -> Option<Self> {
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        if let Some(name) = key.strip_suffix(".json") {
            return (!name.is_empty()).then(|| Self {
                name: name.to_owned(),
                picture: None,
                modified,
                size,
            });
        }
        let key = ThumbnailKey::parse(key)?;
        let format = match key.extension.as_str() {
            "jpg" => Format::Jpg,
            "webp" => Format::Webp,
            _ => Format::Avif,
        };
        Some(Self {
            name: key.name.to_string(),
            picture: Some((u16::try_from(key.number).ok()?, format)),
            modified,
            size,
        })
    }
}

impl Format {
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Jpg => "jpg",
            Self::Webp => "webp",
            Self::Avif => "avif",
        }
    }
}

impl Picture {
    /// Its key without the thumbnail prefix.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{name}_{}.{}", self.number, self.format.extension())
    }

    pub(super) fn place(&self, name: &Arc<str>) -> Place {
        Place {
            modified: Reverse(self.modified),
            name: name.clone(),
            number: self.number,
            format: self.format,
        }
    }
}

impl Store {
    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn set_complete(&mut self) {
        self.totals.complete = true;
    }

    pub(super) fn clear(&mut self) {
        *self = Self {
            epoch: self.epoch + 1,
            ..Self::default()
        };
    }

    pub(super) fn upsert(&mut self, object: &Object) {
        let Some((number, format)) = object.picture else {
            self.upsert_manifest(&object.name, object.modified, object.size);
            return;
        };
        let name = self.name(&object.name);
        let Some(video) = self.videos.get_mut(&name) else {
            return;
        };
        let mut picture = Picture {
            modified: object.modified,
            size: object.size,
            number,
            format,
        };
        let at = video
            .pictures
            .binary_search_by_key(&(number, format), |p| (p.number, p.format));
        match at {
            Ok(at) => {
                let old = video.pictures[at];
                let back = old.modified.checked_sub(picture.modified);
                if old.size == picture.size && back.is_some_and(|by| by <= SAME_WRITE_SECONDS) {
                    picture.modified = old.modified;
                }
                video.pictures[at] = picture;
                self.totals.bytes -= u64::from(old.size);
                if old.modified != picture.modified {
                    self.order.remove(&old.place(&name));
                    self.order.insert(picture.place(&name));
                }
            }
            Err(at) => {
                video.pictures.reserve_exact(1);
                video.pictures.insert(at, picture);
                self.totals.pictures += 1;
                self.order.insert(picture.place(&name));
            }
        }
        self.totals.bytes += u64::from(picture.size);
    }

    pub(super) fn upsert_manifest(&mut self, name: &str, modified: u32, size: u32) {
        let name = self.name(name);
        let known = self.videos.get(&name).and_then(|video| video.manifest);
        if known.is_some_and(|known| known.modified == modified && known.size == size) {
            return;
        }
        self.forget_manifest(&name);
        if let Some(video) = self.videos.get_mut(&name) {
            video.manifest = Some(ManifestObject {
                modified,
                size,
                measured: None,
            });
            self.totals.videos += 1;
            self.totals.bytes += u64::from(size);
            self.unmeasured.insert(name);
        }
    }

    /// Takes what the manifest of `name` says.
    pub(super) fn measure(&mut self, name: &str, fetched: u64, source: u64) {
        let Some(manifest) = self
            .videos
            .get_mut(name)
            .and_then(|video| video.manifest.as_mut())
        else {
            return;
        };
        let measured = (fetched, source.saturating_sub(fetched));
        let totals = &mut self.totals;
        if let Some((fetched, saved)) = manifest.measured.replace(measured) {
            totals.measured -= 1;
            totals.bytes_fetched -= fetched;
            totals.bytes_saved -= saved;
        }
        totals.measured += 1;
        totals.bytes_fetched += measured.0;
        totals.bytes_saved += measured.1;
        self.unmeasured.remove(name);
    }

    /// At most `limit` names whose manifest is still to be read.
    pub(super) fn unmeasured(&self, limit: usize) -> Vec<Arc<str>> {
        self.unmeasured.iter().take(limit).cloned().collect()
    }

    /// Takes a page of the listing: all objects whose keys lie after `after` and not after
    /// `through` (`None`: to the end). What the store has there and the page has not is gone.
    pub(super) fn replace(
        &mut self,
        after: Option<&str>,
        through: Option<&str>,
        page: &[(String, Object)],
    ) {
        let present: HashSet<&str> = page.iter().map(|(key, _)| key.as_str()).collect();
        let gone = |key: &str| {
            after.is_none_or(|after| key > after)
                && through.is_none_or(|through| key <= through)
                && !present.contains(key)
        };
        for name in self.names_between(after, through) {
            let Some(video) = self.videos.get_mut(&name) else {
                continue;
            };
            let mut removed = Vec::new();
            video.pictures.retain(|picture| {
                let keep = !gone(&picture.key(&name));
                if !keep {
                    removed.push(*picture);
                }
                keep
            });
            let manifest_gone = video.manifest.is_some() && gone(&format!("{name}.json"));
            for picture in removed {
                self.totals.pictures -= 1;
                self.totals.bytes -= u64::from(picture.size);
                self.order.remove(&picture.place(&name));
            }
            if manifest_gone {
                self.forget_manifest(&name);
            }
            let empty = |video: &Video| video.pictures.is_empty() && video.manifest.is_none();
            if self.videos.get(&name).is_some_and(empty) {
                self.videos.remove(&name);
            }
        }
        for (_, object) in page {
            self.upsert(object);
        }
    }

    /// The names that can have a key after `after` and not after `through`.
    fn names_between(&self, after: Option<&str>, through: Option<&str>) -> Vec<Arc<str>> {
        let from = after.map_or(Bound::Unbounded, Bound::Included);
        let to = through.map_or(Bound::Unbounded, Bound::Included);
        if let (Some(after), Some(through)) = (after, through)
            && after > through
        {
            return Vec::new();
        }
        let within = self.videos.range::<str, _>((from, to));
        // A name before `after` has keys after it only if `after` begins with it.
        let before = after.into_iter().flat_map(|after| {
            after
                .char_indices()
                .filter_map(|(end, _)| self.videos.get_key_value(&after[..end]))
        });
        before.chain(within).map(|(name, _)| name.clone()).collect()
    }

    fn forget_manifest(&mut self, name: &str) {
        self.unmeasured.remove(name);
        let manifest = self
            .videos
            .get_mut(name)
            .and_then(|video| video.manifest.take());
        let Some(manifest) = manifest else {
            return;
        };
        let totals = &mut self.totals;
        totals.videos -= 1;
        totals.bytes -= u64::from(manifest.size);
        if let Some((fetched, saved)) = manifest.measured {
            totals.measured -= 1;
            totals.bytes_fetched -= fetched;
            totals.bytes_saved -= saved;
        }
    }

    /// The one copy of a name, made if there is none.
    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some((name, _)) = self.videos.get_key_value(name) {
            return name.clone();
        }
        let name: Arc<str> = name.into();
        self.videos.insert(name.clone(), Video::default());
        name
    }
}

#[cfg(test)]
mod tests {
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
        store.measure("a", 30, 100);
        store.measure("b", 5, 5);
        assert_eq!(
            (store.totals.bytes_fetched, store.totals.bytes_saved),
            (35, 70)
        );
        // The same again changes nothing; another version is read anew.
        store.upsert_manifest("a", 1, 10);
        assert_eq!((store.totals.videos, store.totals.measured), (2, 2));
        store.upsert_manifest("a", 2, 11);
        assert_eq!((store.totals.videos, store.totals.measured), (2, 1));
        assert_eq!(
            (store.totals.bytes_fetched, store.totals.bytes_saved),
            (5, 0)
        );
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
        for key in ["a_1.png", "a", ".json", "a_1.jpg.part", "a_99999999.jpg"] {
            assert_eq!(Object::parse(key, 0, 0), None, "{key}");
        }
    }
}
