//! Pages of the index, newest first.
//!
//! A cursor is the place of the last entry of a page in the order of time. Later entries come
//! before that place, so the pages that follow neither repeat nor miss an entry that keeps its
//! time.

use std::{
    ops::{Bound, ControlFlow},
    sync::Arc,
};

use super::{
    NamedVideo,
    object::{Picture, Place},
    query::{Cursor, Query},
    store::{Store, Video},
};

/// Most entries that are scanned in the order of time; then the names with the prefix are
/// collected and sorted instead.
const SCAN: usize = 20_000;

/// One page of pictures.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) entries: Vec<Entry>,
    /// The cursor of the next page, if there is one.
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
        // The first picture stands for its video.
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

    /// The places that fit `query`: one more than its limit, if there are so many.
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
                // A rare prefix is faster to find by name.
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

    /// Names that can have keys that begin with `prefix`.
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

/// Shortens `places` to `limit`. Returns the cursor of the last place that stays, if any was cut
/// off.
fn next(places: &mut Vec<Place>, limit: usize) -> Option<Cursor> {
    if places.len() <= limit {
        return None;
    }
    places.truncate(limit);
    places.last().cloned().map(Cursor)
}

#[cfg(test)]
mod tests;
