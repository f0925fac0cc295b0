//! The objects of the bucket, compactly.
//!
//! The pictures of one video share its name, which is stored once: some 120 bytes a thumbnail.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    ops::Bound,
    sync::Arc,
};

use contract::{Cost, Manifest, ManifestThumbnail};

use super::object::{Object, Picture, Place};
use crate::time::seconds_of;

#[derive(Debug, Default)]
pub(super) struct Video {
    /// In the order of numbers and formats.
    pub(super) pictures: Vec<Picture>,
    pub(super) manifest: Option<ManifestObject>,
    /// Those of the pictures that people have chosen, as the manifest told when it was read last.
    pub(super) revisions: Vec<(u16, Box<str>)>,
    /// When a worker made the pictures, in seconds since 1970, as the manifest told; 0 before.
    made: u32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct ManifestObject {
    pub(super) modified: u32,
    size: u32,
    /// What it tells, once it was read.
    pub(super) measured: Option<Cost>,
}

/// What a manifest tells that the index has need of.
#[derive(Debug, Default)]
pub(super) struct Told {
    cost: Cost,
    revisions: Vec<(u16, Box<str>)>,
    made: u32,
}

impl From<&Manifest> for Told {
    fn from(manifest: &Manifest) -> Self {
        let pictures = manifest.thumbnails.iter().zip(1..);
        let revision = |(picture, number): (&ManifestThumbnail, u16)| {
            Some((number, picture.revision()?.into_boxed_str()))
        };
        Self {
            cost: Cost::from(manifest),
            revisions: pictures.filter_map(revision).collect(),
            made: seconds_of(&manifest.created_at).unwrap_or_default(),
        }
    }
}

impl From<Cost> for Told {
    fn from(cost: Cost) -> Self {
        Self {
            cost,
            ..Self::default()
        }
    }
}

/// Sums over the whole store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Pictures.
    pub(crate) pictures: u64,
    /// Bytes of pictures and manifests.
    pub(crate) bytes: u64,
    /// Manifests.
    pub(crate) videos: u64,
    /// Manifests that were read.
    pub(crate) measured: u64,
    /// What those manifests tell, added up.
    pub(crate) cost: Cost,
    /// Whether the prefix has been listed through.
    pub(crate) complete: bool,
}

/// Every video with its pictures and manifest, and the order of the pictures in time.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) videos: BTreeMap<Arc<str>, Video>,
    pub(super) order: BTreeSet<Place>,
    /// Names whose manifest was not read yet.
    unmeasured: BTreeSet<Arc<str>>,
    totals: Totals,
    /// How often the store was cleared.
    epoch: u64,
}

/// A picture whose time moves back by no more than this keeps its time: the journal dates pictures
/// by their manifest, and pages must not shift when the walk lists the pictures.
const SAME_WRITE_SECONDS: u32 = 60;

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

    /// Takes over the `pictures` of a video whose manifest was written just now. Where it was no
    /// worker that wrote it but a person's choice, those whose size and choice are as they were
    /// keep their times: they were not written.
    pub(super) fn upsert_video(&mut self, name: &str, pictures: &[Object], told: &Told) {
        let video = self.videos.get(name);
        let before = video.map_or(&[][..], |video| &video.revisions);
        let is_choice = told.made > 0 && video.is_some_and(|video| video.made == told.made);
        let is_same = |object: &&Object| {
            let number = object.picture.map(|(number, _)| number);
            let of = |revisions: &[(u16, Box<str>)]| {
                let mut revisions = revisions.iter();
                let found = revisions.find(|(other, _)| Some(*other) == number);
                found.map(|(_, revision)| revision.clone())
            };
            let has_picture = |video: &Video| {
                let mut known = video.pictures.iter();
                known.any(|it| {
                    object.picture == Some((it.number, it.format)) && it.size == object.size
                })
            };
            is_choice && of(before) == of(&told.revisions) && video.is_some_and(has_picture)
        };
        let written: Vec<_> = pictures.iter().filter(|object| !is_same(object)).collect();
        for object in written {
            self.upsert(object);
        }
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

    /// Records what the manifest of `name` tells.
    pub(super) fn measure(&mut self, name: &str, told: impl Into<Told>) {
        let Some(video) = self.videos.get_mut(name) else {
            return;
        };
        let Some(manifest) = video.manifest.as_mut() else {
            return;
        };
        let Told {
            cost,
            revisions,
            made,
        } = told.into();
        video.revisions = revisions;
        video.made = made;
        let totals = &mut self.totals;
        if let Some(before) = manifest.measured.replace(cost) {
            totals.measured -= 1;
            totals.cost -= before;
        }
        totals.measured += 1;
        totals.cost += cost;
        self.unmeasured.remove(name);
    }

    /// At most `limit` names whose manifest was not read yet.
    pub(super) fn unmeasured(&self, limit: usize) -> Vec<Arc<str>> {
        self.unmeasured.iter().take(limit).cloned().collect()
    }

    /// Takes over a page of the listing: all objects whose keys lie after `after` and not after
    /// `through` (`None`: to the end). Objects in that range that the page lacks were deleted.
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

    /// Names that can have a key after `after` and not after `through`.
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
        if let Some(cost) = manifest.measured {
            totals.measured -= 1;
            totals.cost -= cost;
        }
    }

    /// The one copy of a name; adds the name if it is new.
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
mod tests;
