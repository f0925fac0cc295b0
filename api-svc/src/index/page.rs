//! Pages of the index.
//!
//! A cursor is the place of the last entry of a page in the order of the list. In the order of time
//! later entries come before that place, so the pages that follow neither repeat nor miss an entry
//! that keeps its time.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    iter,
    ops::{Bound, ControlFlow},
    sync::Arc,
};

use contract::Cost;

use super::{
    NamedVideo,
    object::{Format, Picture, Place},
    query::{Cursor, Query, Sort},
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
    /// What the video's manifest tells, once it was read.
    pub(crate) cost: Option<Cost>,
    /// Tells what a person has chosen from what was under the key before.
    pub(crate) revision: Option<Box<str>>,
}

impl Store {
    pub(super) fn page(&self, query: &Query, root: &str) -> Page {
        let mut places = self.select(query, root, |place, _| {
            query.number.is_none_or(|number| number == place.number)
        });
        let next = self.next(&mut places, query);
        let entries = places.iter().filter_map(|place| {
            let video = self.videos.get(&place.name)?;
            Some(entry(root, &place.name, video, picture(video, place)?))
        });
        Page {
            entries: entries.collect(),
            next,
        }
    }

    pub(super) fn videos(&self, query: &Query, root: &str) -> (Vec<NamedVideo>, Option<Cursor>) {
        // The first picture stands for its video.
        let mut places = self.select(query, root, |place, video| {
            let first = video.pictures.first();
            video.manifest.is_some()
                && first.is_some_and(|p| (p.number, p.format) == (place.number, place.format))
        });
        let next = self.next(&mut places, query);
        let videos = places.iter().filter_map(|place| {
            let video = self.videos.get(&place.name)?;
            let pictures = video.pictures.iter();
            Some(NamedVideo {
                manifest_key: format!("{root}{}.json", place.name),
                modified: video.manifest?.modified,
                pictures: pictures
                    .map(|p| entry(root, &place.name, video, p))
                    .collect(),
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
        let matches = |place: &Place, video: &Video| begins(place, prefix) && wanted(place, video);
        if query.sort == Sort::Newest
            && let Some(newest) = self.newest(query, prefix, matches)
        {
            return newest;
        }
        match query.sort {
            Sort::Newest => {}
            Sort::Name => {
                let after = query.after.as_ref();
                let from = after.map_or("", |cursor| &*cursor.place.name);
                let videos = self.named(prefix, from);
                return behind(query, videos.filter(|(name, _)| query.finds(name)), matches);
            }
            Sort::Size | Sort::Read => {
                let videos = self.by_value(query, prefix);
                return behind(query, videos, matches);
            }
        }
        let after = query.after.as_ref();
        let after = after.map(|cursor| rank(query.sort, cursor.value, &cursor.place));
        let found = self
            .named(prefix, "")
            .filter(|(name, _)| query.finds(name))
            .flat_map(|(name, video)| {
                let pictures = video.pictures.iter();
                pictures.map(move |picture| (video, picture.place(name)))
            })
            .filter(|(video, place)| matches(place, video));
        // By time, and, as ranks borrow nothing, the place.
        let mut all: Vec<_> = found
            .map(|(_, place)| (rank(query.sort, 0, &place), place))
            .filter(|(rank, _)| after.as_ref().is_none_or(|after| rank > after))
            .collect();
        if all.len() > query.limit + 1 {
            all.select_nth_unstable(query.limit);
            all.truncate(query.limit + 1);
        }
        all.sort_unstable();
        all.into_iter().map(|(_, place)| place).collect()
    }

    /// The videos that are searched for and can have places behind the query's cursor, in the order
    /// of what it sorts by. A page has few of them, so no more are put in order than are taken.
    fn by_value<'a>(
        &'a self,
        query: &Query,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a Arc<str>, &'a Video)> {
        let after = query.after.as_ref();
        let after = after.map(|cursor| (Reverse(cursor.value), &*cursor.place.name));
        let ranked = self
            .named(prefix, "")
            .filter(|(name, _)| query.finds(name))
            .map(|(name, video)| (Reverse(value(query.sort, video)), name))
            .filter(|(value, name)| after.is_none_or(|after| (*value, &***name) >= after))
            .map(Reverse);
        let mut ranked: BinaryHeap<_> = ranked.collect();
        iter::from_fn(move || {
            let Reverse((_, name)) = ranked.pop()?;
            self.videos.get_key_value(name)
        })
    }

    /// The same in the order of time, by looking through the places in that order; `None` where
    /// too few of the newest fit: those are found faster by their names.
    fn newest(
        &self,
        query: &Query,
        prefix: &str,
        matches: impl Fn(&Place, &Video) -> bool,
    ) -> Option<Vec<Place>> {
        let after = query.after.as_ref().map(|cursor| &cursor.place);
        let lower = after.map_or(Bound::Unbounded, Bound::Excluded);
        let is_rare = !prefix.is_empty() || !query.search.is_empty();
        let mut found = Vec::new();
        let mut looked_at = 0;
        // The pictures of a video mostly follow each other.
        let mut last: Option<(&Arc<str>, Option<&Video>)> = None;
        let scan = self
            .order
            .range::<Place, _>((lower, Bound::Unbounded))
            .try_for_each(|place| {
                let known = last.filter(|(name, _)| Arc::ptr_eq(name, &place.name));
                let (_, video) = *last.insert(known.unwrap_or_else(|| {
                    let is_found = query.finds(&place.name);
                    let video = is_found.then(|| self.videos.get(&place.name));
                    (&place.name, video.flatten())
                }));
                if video.is_some_and(|video| matches(place, video)) {
                    found.push(place.clone());
                }
                looked_at += 1;
                if found.len() > query.limit || (is_rare && looked_at >= SCAN) {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            });
        (scan.is_continue() || found.len() > query.limit).then_some(found)
    }

    /// Shortens `places` to the query's limit. Returns the cursor of the last place that stays, if
    /// any was cut off.
    fn next(&self, places: &mut Vec<Place>, query: &Query) -> Option<Cursor> {
        if places.len() <= query.limit {
            return None;
        }
        places.truncate(query.limit);
        let place = places.last()?.clone();
        let video = self.videos.get(&place.name);
        let value = video.map_or(0, |video| value(query.sort, video));
        Some(Cursor { place, value })
    }

    /// Names, from `from` on, that can have keys that begin with `prefix`, in their order.
    fn named<'a>(
        &'a self,
        prefix: &'a str,
        from: &'a str,
    ) -> impl Iterator<Item = (&'a Arc<str>, &'a Video)> {
        let shorter = prefix
            .char_indices()
            .filter_map(|(end, _)| self.videos.get_key_value(&prefix[..end]))
            .filter(move |(name, _)| &***name >= from);
        let longer = self
            .videos
            .range::<str, _>((Bound::Included(prefix.max(from)), Bound::Unbounded))
            .take_while(move |(name, _)| name.starts_with(prefix));
        shorter.chain(longer)
    }
}

/// The places of `videos` that match and lie behind the query's cursor, in their order: one more than
/// its limit, if there are so many.
fn behind<'a>(
    query: &Query,
    videos: impl Iterator<Item = (&'a Arc<str>, &'a Video)>,
    matches: impl Fn(&Place, &Video) -> bool,
) -> Vec<Place> {
    let after = query.after.as_ref();
    let after = after.map(|cursor| rank(query.sort, cursor.value, &cursor.place));
    let is_behind = |video: &Video, place: &Place| {
        let of = |after: &_| rank(query.sort, value(query.sort, video), place) > *after;
        after.as_ref().is_none_or(of)
    };
    videos
        .flat_map(|(name, video)| {
            let pictures = video.pictures.iter();
            pictures.map(move |picture| (video, picture.place(name)))
        })
        .filter(|(video, place)| matches(place, video) && is_behind(video, place))
        .map(|(_, place)| place)
        .take(query.limit + 1)
        .collect()
}

fn picture<'a>(video: &'a Video, place: &Place) -> Option<&'a Picture> {
    let mut pictures = video.pictures.iter();
    pictures.find(|p| (p.number, p.format) == (place.number, place.format))
}

/// What a list is sorted by, largest first, before the names; 0 in the orders of time and names.
fn value(sort: Sort, video: &Video) -> u64 {
    let cost = video.manifest.and_then(|manifest| manifest.measured);
    let cost = cost.unwrap_or_default();
    match sort {
        Sort::Newest | Sort::Name => 0,
        Sort::Size => cost.size,
        Sort::Read => cost.fetched,
    }
}

/// Where a place stands in a list, as a value that compares: by time or by `value`, then by name
/// and number.
fn rank(sort: Sort, value: u64, place: &Place) -> (Reverse<u64>, Arc<str>, u16, Format) {
    let first = match sort {
        Sort::Newest => u64::from(place.modified.0),
        Sort::Name | Sort::Size | Sort::Read => value,
    };
    (
        Reverse(first),
        place.name.clone(),
        place.number,
        place.format,
    )
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

fn entry(root: &str, name: &str, video: &Video, picture: &Picture) -> Entry {
    let mut revisions = video.revisions.iter();
    let revision = revisions.find(|(number, _)| *number == picture.number);
    Entry {
        revision: revision.map(|(_, revision)| revision.clone()),
        cost: video.manifest.and_then(|manifest| manifest.measured),
        key: format!("{root}{}", picture.key(name)),
        number: picture.number,
        modified: picture.modified,
        size: picture.size,
    }
}

#[cfg(test)]
mod tests;
