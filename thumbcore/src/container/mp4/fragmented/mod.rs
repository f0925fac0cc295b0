//! Fragmented mp4: the movie box holds no samples, or those of the first fragment; each further
//! fragment (`moof`) says where its own are.
//!
//! libav walks all fragments to learn where they are. We go by an index, `sidx` at the start or
//! `mfra` at the end, and read only the `moof` boxes around a time; without either we bisect on
//! `moof` boxes (see [`search`]). Behind the movie box, a splice has a fragment of our making that
//! starts with the keyframe, so that nothing else need be fetched.
//!
//! Fragments without a decoding time (`tfdt`), or of a false one, are timed by all others
//! ([`clock`]).

mod clock;
mod fragment;
mod front;
mod index;
mod movie;
mod search;

use std::{
    ops::Range,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use async_trait::async_trait;
use futures::future::{try_join, try_join_all};

#[cfg(test)]
pub(super) use self::movie::tests;
pub(super) use self::movie::track_id;
use self::{
    clock::Clock,
    fragment::{Fragment, Run},
    front::{Following, Front, next_fragment, random_access, tallies},
    index::{IndexEntry, neighbours},
    movie::{Movie, TrackHead, without_samples},
    search::ends,
};
use super::{boxes::BoxHeader, open::MovieBox};
use crate::{
    Error,
    container::{
        Around, Entry, IFrame, Keyframe, ListedKeyframe, Locator, Place, Searched, Timeline,
        blank::{data_end, is_hole},
        bounds::IndexBounds,
        duration::believed,
        encrypted,
    },
    position::Position,
    reader::{Piece, Reader, Reason},
};

/// First guess at the length of a `moof` box, and the least read of one: 16 KiB hold that of a
/// ten-second fragment with audio.
const MOOF_WINDOW: u64 = 16 << 10;
/// A `moof`, `sidx` or `mfra` box: fragments of a second for a week have 15 MiB of `mfra`. An entry
/// of eleven bytes becomes one of 24, in a vector that may be half empty.
const INDEX: IndexBounds = IndexBounds {
    max_bytes: 16 << 20,
    memory: 5,
};
/// Bytes read along with the head of a fragment, at most, so that the keyframe behind it costs no
/// round trip of its own: 1 MiB, whose transfer takes a third of a short one.
const MAX_REACH: u64 = 1 << 20;
/// Longest stretch from the start of the file to the end of the movie box that is asked of players,
/// in bytes: the movie box of a fragmented file has no samples.
const MAX_INIT: u64 = 1 << 20;
/// Boxes passed on the way from one fragment to the next.
const MAX_BOXES: usize = 64;

/// Finds keyframes in one fragmented file.
#[derive(Debug)]
pub(super) struct Fragmented {
    /// Length of the file.
    len: u64,
    movie: Movie,
    /// What a splice starts with: the file type and the movie box.
    headers: Vec<Piece>,
    /// What players must have before a fragment, if it is nothing else: the file up to the end of
    /// the movie box.
    init: Option<Range<u64>>,
    /// The samples in the movie box itself, as if they were the first fragment.
    own: Option<Fragment>,
    timeline: Timeline,
    /// Bytes read at once where a fragment is expected.
    window: u64,
    /// From the start of a fragment to the end of the keyframe that it starts with: the longest
    /// stretch seen so far.
    reach: AtomicU64,
    first: Fragment,
    clock: Clock,
    /// Fragments tell false times, so that a demuxer must not read one behind another.
    misleads: AtomicBool,
    way: Way,
}

/// How the fragment of a time is found.
#[derive(Debug)]
enum Way {
    /// By an index, in the order of time.
    Index(Vec<IndexEntry>),
    /// By bisection up to the last fragment.
    Bisect { last: Fragment },
}

/// What came of opening a file by its fragments.
pub(super) enum Outcome {
    Opened(Box<Fragmented>),
    /// Fragments that libav must make sense of.
    Unreadable,
    /// The movie box announces fragments, and none follows.
    NoFragments,
}

impl Fragmented {
    /// Reads the index that follows `movie_box`, as far as there is one.
    pub(super) async fn open(
        reader: &Reader,
        movie_box: &MovieBox,
        positions: &[Position],
    ) -> Result<Outcome, Error> {
        let Some(mut movie) = Movie::parse(movie_box.payload(), reader.limits().max_streams) else {
            return Ok(Outcome::Unreadable);
        };
        let from = movie_box.place.end;
        if movie.has_several_videos() {
            movie.choose_film(&tallies(reader, &movie, from).await?);
        }
        let (front, entries) = try_join(
            Front::read(reader, &movie, from),
            random_access(reader, &movie, from),
        )
        .await?;
        let front = match front {
            Following::Front(front) => front,
            Following::Unreadable => return Ok(Outcome::Unreadable),
            Following::Nothing => return Ok(Outcome::NoFragments),
        };
        let Some(own) = own_fragment(&movie, movie_box, &front.first) else {
            return Ok(Outcome::Unreadable);
        };
        let window = (front.first.moof.end - front.first.moof.start) * 5 / 4 + 4096;
        let mut this = Self {
            len: data_end(reader).await?,
            headers: headers(reader, movie_box, own.is_some()),
            init: Some(0..from).filter(|init| own.is_none() && init.end <= MAX_INIT),
            own,
            movie,
            timeline: Timeline::default(),
            window: window.clamp(MOOF_WINDOW, 1 << 20),
            reach: AtomicU64::new(0),
            first: front.first.clone(),
            clock: Clock::Own,
            misleads: AtomicBool::new(false),
            way: Way::Index(Vec::new()),
        };
        this.follow_own();
        // Seen here, so that the next ones are read whole.
        this.among(std::slice::from_ref(&this.first), i64::MAX);
        let Some(ends) = this.find_way(reader, &front, entries, positions).await? else {
            return Ok(Outcome::Unreadable);
        };
        this.timeline = this.timeline_of(&front.starts, &ends);
        this.check_encryption(&this.first)?;
        Ok(Outcome::Opened(Box::new(this)))
    }

    /// Chooses how fragments are found, and gives the end of each track, in its ticks; `None` where
    /// no last fragment was found.
    async fn find_way(
        &mut self,
        reader: &Reader,
        front: &Front,
        random_access: Option<Vec<IndexEntry>>,
        positions: &[Position],
    ) -> Result<Option<Vec<(u32, i64)>>, Error> {
        if let Some(entries) = front.entries(reader, self.video().id) {
            let last = if front::leads_astray(reader, &entries).await? {
                search::last(self, reader).await?
            } else {
                None
            };
            self.way = match last {
                Some(last) => Way::Bisect { last: last.film },
                None => Way::Index(entries),
            };
            return Ok(Some(front.ends()));
        }
        if let Some(entries) = random_access
            && let Some(ends) = self.last_indexed(reader, entries, positions).await?
        {
            return Ok(Some(ends));
        }
        if !self.is_untimed(&self.first) {
            let Some(found) = search::last(self, reader).await? else {
                return Ok(None);
            };
            if !self.is_untimed(&found.film) {
                let ends = found.ends(&self.first);
                self.way = Way::Bisect { last: found.film };
                return Ok(Some(ends));
            }
        }
        self.reckon(reader).await
    }

    fn video(&self) -> &TrackHead {
        self.movie.video()
    }

    /// Start and duration as libav computes them: from the first presentation time of each track
    /// and the end of its last fragment.
    fn timeline_of(&self, starts: &[(u32, i64)], ends: &[(u32, i64)]) -> Timeline {
        let of = |times: &[(u32, i64)], track: &TrackHead| {
            let own = times.iter().filter(|(id, _)| *id == track.id);
            own.map(|(_, ticks)| *ticks).max()
        };
        let own_start = |track: &TrackHead| {
            let own = self.own.as_ref()?.run(track)?;
            Some(own.start())
        };
        let start_of = |track: &TrackHead| {
            let ticks = own_start(track).or_else(|| of(starts, track));
            ticks.map(|ticks| track.micros(ticks))
        };
        let start_us = self.movie.tracks.iter().filter_map(start_of).min();
        let start_us = start_us.unwrap_or(0);
        // libav adds the end to the start as if it were a duration; for nearly all files the first
        // decoding time is 0, and then it is one.
        let end = |track: &TrackHead, ticks: i64| {
            let length = track.micros(ticks.saturating_add(track.offset));
            let end = start_of(track).unwrap_or(start_us).saturating_add(length);
            end.saturating_sub(start_us)
        };
        let end_us = self.movie.tracks.iter().map(|track| {
            let measured = of(ends, track).unwrap_or(0);
            let stated = end(track, measured.max(track.duration));
            believed(Some(stated), Some(end(track, measured)))
        });
        let film_us = of(ends, self.video()).map(|ticks| end(self.video(), ticks));
        let last_us = film_us.map(|film_us| film_us.saturating_add(start_us));
        Timeline::new(start_us, end_us.flatten().max()).with_last_picture(last_us)
    }

    /// The ends of tracks by the fragments from the last indexed one on. What `positions` will need
    /// is read along, since the duration, and so the targets, are known only from here. `None`
    /// where the index leads nowhere.
    async fn last_indexed(
        &mut self,
        reader: &Reader,
        entries: Vec<IndexEntry>,
        positions: &[Position],
    ) -> Result<Option<Vec<(u32, i64)>>, Error> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Ok(None);
        };
        let spacing = (last.time - first.time) / (entries.len() as i64 - 1).max(1);
        let (at, end) = (last.at, last.time.saturating_add(spacing));
        let about = self.video().micros(end) - self.video().micros(first.time);
        let about = Duration::from_micros(about.max(0) as u64);
        let needed = positions.iter().flat_map(|position| {
            let since_start = position.resolve(Some(about)).as_micros() as i64;
            let micros = self.video().micros(first.time).saturating_add(since_start);
            self.windows(&entries, micros)
        });
        let windows = needed.chain([at..at + self.window]);
        reader
            .prefetch(windows.collect::<Vec<_>>(), Reason::Index)
            .await?;
        let ends = match self.fragments_from(reader, at, 4).await? {
            Some(mut fragments) => {
                // What follows the one that the index names is of other tracks.
                let named = fragments.remove(0);
                fragments.insert(0, self.timed_by(&entries, last.time, named));
                Some(ends(&fragments))
            }
            // A hole has swallowed what the index names, not the film's end.
            None if is_hole(reader, at).await? => Some(vec![(self.video().id, end)]),
            None => None,
        };
        if ends.is_some() {
            self.way = Way::Index(entries);
        }
        Ok(ends)
    }

    /// The fragments from `at` to the end, the last few where there are many; `None` where there
    /// is none or more than `limit`.
    async fn fragments_from(
        &self,
        reader: &Reader,
        at: u64,
        limit: usize,
    ) -> Result<Option<Vec<Fragment>>, Error> {
        const KEPT: usize = 8;
        let mut fragments = std::collections::VecDeque::new();
        let mut next = at;
        let mut passed = 0;
        while let Some(fragment) =
            next_fragment(reader, &self.movie, next, self.window, Reason::Index).await?
        {
            next = fragment.end();
            passed += 1;
            if passed > limit {
                return Ok(None);
            }
            fragments.push_back(self.timed(fragment, None));
            if fragments.len() > KEPT {
                fragments.pop_front();
            }
        }
        Ok((!fragments.is_empty()).then(|| fragments.into()))
    }

    /// The first fragment with video at or after the box boundary `at`.
    async fn video_from(
        &self,
        reader: &Reader,
        mut at: u64,
        reason: Reason,
    ) -> Result<Option<Fragment>, Error> {
        for _ in 0..MAX_BOXES {
            match next_fragment(reader, &self.movie, at, self.window, reason).await? {
                Some(fragment) if fragment.run(self.video()).is_none() => at = fragment.end(),
                Some(fragment) => {
                    self.check_encryption(&fragment)?;
                    return Ok(Some(self.timed(fragment, None)));
                }
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The first fragment with video from the `nth` on that an index names.
    async fn named(
        &self,
        reader: &Reader,
        entries: &[IndexEntry],
        nth: usize,
    ) -> Result<Option<Fragment>, Error> {
        let IndexEntry { at, time, .. } = entries[nth];
        let found = self.video_from(reader, at, Reason::Index).await?;
        Ok(found.map(|fragment| self.timed_by(entries, time, fragment)))
    }

    /// Refuses a fragment whose video needs a key, as those behind a clear start may.
    fn check_encryption(&self, fragment: &Fragment) -> Result<(), Error> {
        let run = fragment.run(self.video());
        if run.is_some_and(|run| run.is_encrypted) {
            return Err(encrypted("Common Encryption"));
        }
        Ok(())
    }

    fn neighbours(&self, entries: &[IndexEntry], time_us: i64) -> Range<usize> {
        // Some indexes have decoding times, which lie a few frames before those of presentation.
        let slack = i64::from(self.video().timescale) / 5;
        neighbours(entries, self.video().ticks(time_us), slack)
    }

    /// What to read of the fragments around `time_us`: their heads, and the keyframe behind the
    /// nearest one's, which will be taken.
    fn windows(&self, entries: &[IndexEntry], time_us: i64) -> Vec<Range<u64>> {
        let ticks = self.video().ticks(time_us);
        let near = self.neighbours(entries, time_us);
        let keyframes = near.clone().filter(|nth| entries[*nth].is_keyframe);
        let nearest = keyframes.min_by_key(|nth| entries[*nth].time.abs_diff(ticks));
        let reach = self.reach.load(Relaxed) * 5 / 4;
        let window_of = |nth: usize| {
            let at = entries[nth].at;
            let reach = if Some(nth) == nearest { reach } else { 0 };
            at..at + self.window.max(reach.min(MAX_REACH))
        };
        near.map(window_of).collect()
    }

    async fn around_indexed(
        &self,
        reader: &Reader,
        entries: &[IndexEntry],
        time_us: i64,
    ) -> Result<Around, Error> {
        let near = self.neighbours(entries, time_us);
        let windows = self.windows(entries, time_us);
        reader.prefetch(windows, Reason::Index).await?;
        let fetch = near.clone().map(|nth| self.named(reader, entries, nth));
        let mut fragments: Vec<_> = try_join_all(fetch).await?.into_iter().flatten().collect();
        let mut around = self.among(&fragments, time_us);
        // A fragment may have no keyframe.
        for nth in (0..near.start).rev().take(2) {
            if around.before.is_some() {
                break;
            }
            fragments.splice(0..0, self.named(reader, entries, nth).await?);
            around = self.among(&fragments, time_us);
        }
        Ok(around)
    }

    /// The keyframes around `time_us` in `fragments` and in the movie box itself.
    fn among(&self, fragments: &[Fragment], time_us: i64) -> Around {
        let mut keyframes: Vec<_> = self
            .own
            .iter()
            .chain(fragments)
            .filter_map(|fragment| Some((fragment, fragment.run(self.video())?)))
            .flat_map(|(fragment, run)| {
                run.keyframes()
                    .map(move |(ticks, nth)| (self.video().micros(ticks), fragment, run, nth))
            })
            .collect();
        keyframes.sort_by_key(|(time_us, ..)| *time_us);
        let after = keyframes.partition_point(|(found_us, ..)| *found_us <= time_us);
        let keyframe = |nth: usize| {
            let (time_us, fragment, run, nth) = *keyframes.get(nth)?;
            self.keyframe(time_us, fragment, run, nth)
        };
        Around {
            before: after.checked_sub(1).and_then(keyframe),
            after: keyframe(after),
        }
    }

    fn keyframe(
        &self,
        time_us: i64,
        fragment: &Fragment,
        run: &Run,
        nth: usize,
    ) -> Option<Keyframe> {
        let (made, bytes) = fragment.starting_at_sample(run, nth)?;
        let reach = bytes.end.saturating_sub(fragment.moof.start);
        self.reach.fetch_max(reach, Relaxed);
        let is_alone = fragment.is_absolute || self.misleads.load(Relaxed);
        let end = if is_alone {
            fragment.media.end
        } else {
            self.len
        };
        // A fragment that begins with the keyframe, cut off behind it.
        let init = self.init.clone().filter(|_| nth == 0);
        let iframe = init.map(|init| IFrame {
            init,
            bytes: fragment.moof.start..bytes.end,
        });
        let headers = self.headers.iter().cloned();
        let pieces = headers.chain([Piece::Made(made), Piece::File(bytes.start..end)]);
        Some(Keyframe {
            time_us,
            place: Place::Spliced {
                pieces: pieces.collect(),
                bytes,
                entry: Entry::Exact,
                iframe,
            },
        })
    }
}

#[async_trait]
impl Locator for Fragmented {
    fn timeline(&self) -> Timeline {
        self.timeline
    }

    fn searched(&self) -> Searched {
        i32::try_from(self.video().id).map_or(Searched::Chosen, |id| Searched::Ids(vec![id]))
    }

    fn end_of(&self, reader: &Reader, time_us: i64) -> Option<u64> {
        let Way::Index(entries) = &self.way else {
            return None;
        };
        let time = self.video().ticks(time_us);
        let nth = entries.partition_point(|entry| entry.time <= time);
        let IndexEntry { at, time: told, .. } = entries[nth.checked_sub(1)?];
        let fragment = Fragment::parse(&reader.cached(at)?, at, self.len, &self.movie)?;
        let fragment = self.timed_by(entries, told, fragment);
        let run = fragment.run(self.video())?;
        Some(run.end_of(time).unwrap_or(fragment.end()))
    }

    fn keyframes(&self) -> Option<Vec<ListedKeyframe>> {
        let Way::Index(entries) = &self.way else {
            return None;
        };
        let listed = entries.iter().filter(|entry| entry.is_keyframe);
        let listed: Vec<_> = listed
            .map(|entry| ListedKeyframe {
                time_us: self.video().micros(entry.time),
                position: entry.at,
                size: None,
            })
            .collect();
        (!listed.is_empty()).then_some(listed)
    }

    fn looking(&self) -> u64 {
        let reach = (self.reach.load(Relaxed) * 5 / 4).min(MAX_REACH);
        self.window.max(reach) + 2 * self.window
    }

    async fn around(&self, reader: &Reader, time_us: i64) -> Result<Around, Error> {
        match &self.way {
            Way::Index(entries) => self.around_indexed(reader, entries, time_us).await,
            Way::Bisect { last } => {
                let fragments = search::around(self, reader, last, time_us).await?;
                Ok(self.among(&fragments, time_us))
            }
        }
    }
}

/// What the movie box holds itself, as if it were a fragment in front of `first`; `None` where it
/// is too much.
#[expect(clippy::option_option, reason = "too much, nothing, or a fragment")]
fn own_fragment(movie: &Movie, movie_box: &MovieBox, first: &Fragment) -> Option<Option<Fragment>> {
    let runs = movie.own_samples(movie_box.payload())?;
    Some(Fragment::of_movie(movie_box.place.clone(), runs, first))
}

/// What a splice starts with: the file type, if the file has one, and the movie box, without its
/// own samples if it `has_samples`.
fn headers(reader: &Reader, movie_box: &MovieBox, has_samples: bool) -> Vec<Piece> {
    let file_type = reader.cached(0).as_deref().and_then(BoxHeader::parse);
    let file_type = file_type.filter(|header| header.kind == *b"ftyp");
    let file_type = file_type.map(|header| 0..header.size.unwrap_or(0).min(movie_box.place.start));
    let movie = if has_samples {
        Piece::Made(without_samples(movie_box.payload()))
    } else {
        Piece::File(movie_box.place.clone())
    };
    let file_type = file_type.into_iter().map(Piece::File);
    file_type.chain([movie]).collect()
}
