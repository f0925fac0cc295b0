//! Reading boxes: what lies before the first samples, the next fragment, the index at the end.

use std::ops::Range;

use bytes::Bytes;
use futures::future::try_join_all;

use super::{
    INDEX, MAX_BOXES, MOOF_WINDOW,
    fragment::Fragment,
    index::{self, IndexEntry, SegmentIndex, Tally},
    movie::Movie,
};
use crate::{
    Error,
    container::mp4::boxes::BoxHeader,
    reader::{Reader, Reason},
};

/// Segment indexes that one index of indexes may name.
const MAX_NESTED: usize = 64;

/// What lies between the movie box and the first samples.
pub(super) struct Front {
    sidxs: Vec<SegmentIndex>,
    /// The first fragment with video.
    pub(super) first: Fragment,
    /// First presentation time of each track seen, in its ticks.
    pub(super) starts: Vec<(u32, i64)>,
}

/// What follows the movie box.
pub(super) enum Following {
    Front(Front),
    /// Fragments of which none has video whose time is told.
    Unreadable,
    /// No fragment at all.
    Nothing,
}

impl Front {
    /// Reads on from the end of the movie box.
    pub(super) async fn read(
        reader: &Reader,
        movie: &Movie,
        from: u64,
    ) -> Result<Following, Error> {
        let mut at = from;
        let mut sidxs = Vec::new();
        for _ in 0..MAX_BOXES {
            let header = header_at(reader, at, MOOF_WINDOW, Reason::Index).await?;
            let Some((header, end)) = header else {
                return Ok(Following::Nothing);
            };
            match &header.kind {
                b"sidx" => sidxs.extend(segment_index(reader, movie, at..end).await?),
                b"moof" => break,
                _ => {}
            }
            at = end;
        }
        for sidx in &mut sidxs {
            expand(reader, movie, sidx).await?;
        }
        let mut first = None;
        let mut starts: Vec<(u32, i64)> = Vec::new();
        // Where each track has fragments of its own, those behind the first with video are looked
        // at only if they are held.
        for _ in 0..4 {
            if first.is_some() && reader.cached(at).is_none() {
                break;
            }
            let next = next_fragment(reader, movie, at, MOOF_WINDOW, Reason::Index).await?;
            let Some(fragment) = next else { break };
            at = fragment.end();
            for run in &fragment.runs {
                if !starts.iter().any(|(track, _)| *track == run.track) {
                    starts.push((run.track, run.start()));
                }
            }
            if first.is_none() && fragment.run(movie.video()).is_some() {
                first = Some(fragment);
            }
            if starts.len() == movie.tracks.len() {
                break;
            }
        }
        if let Some(first) = &first {
            assume_starts(movie, first, &mut starts);
        }
        Ok(first.map_or(Following::Unreadable, |first| {
            Following::Front(Self {
                sidxs,
                first,
                starts,
            })
        }))
    }

    /// The entries of the segment index of `track`, if it covers the whole file but for an `mfra`
    /// box. (A file may have one at each segment.)
    pub(super) fn entries(&self, reader: &Reader, track: u32) -> Option<Vec<IndexEntry>> {
        let own = self.sidxs.iter().find(|sidx| sidx.track == track)?;
        let covered = own
            .end
            .checked_add(random_access_len(reader).unwrap_or(0))?;
        (own.nested.is_empty() && (own.end >= reader.len() || covered >= reader.len()))
            .then(|| index::in_order(own.entries.clone()))?
    }

    /// The end of each indexed track, in its ticks.
    pub(super) fn ends(&self) -> Vec<(u32, i64)> {
        let ends = self.sidxs.iter().map(|sidx| (sidx.track, sidx.end_time));
        ends.collect()
    }
}

/// Whether bytes are missing in the middle of a file that begins with an index of `entries`: the
/// index names places behind the end, and at the last one before the end no fragment begins.
pub(super) async fn leads_astray(reader: &Reader, entries: &[IndexEntry]) -> Result<bool, Error> {
    const BEGIN: [&[u8; 4]; 5] = [b"moof", b"styp", b"sidx", b"emsg", b"prft"];
    let len = reader.len();
    let last = entries.iter().rfind(|entry| entry.at < len);
    let reaches_beyond = entries.last().is_some_and(|entry| entry.at >= len);
    let Some(last) = last.filter(|_| reaches_beyond) else {
        return Ok(false);
    };
    let header = header_at(reader, last.at, 0, Reason::Index).await?;
    Ok(header.is_some_and(|(header, _)| !BEGIN.contains(&&header.kind)))
}

/// What is told of each track's pictures before any is chosen: by the index at the end of the file,
/// and by the first fragments, which are read anyway.
pub(super) async fn tallies(
    reader: &Reader,
    movie: &Movie,
    from: u64,
) -> Result<Vec<Tally>, Error> {
    let mut tallies = match random_access_box(reader).await? {
        Some((_, bytes)) => index::tallies(&bytes),
        None => Vec::new(),
    };
    let mut seen: Vec<Tally> = Vec::new();
    let mut at = from;
    for _ in 0..MAX_BOXES {
        let next = next_fragment(reader, movie, at, MOOF_WINDOW, Reason::Index).await?;
        let Some(fragment) = next else { break };
        at = fragment.end();
        for run in &fragment.runs {
            tally_of(&mut seen, run.track).samples += run.samples.len() as u64;
        }
        let is_seen = |id| seen.iter().any(|tally| tally.track == id);
        if movie.videos().all(is_seen) || reader.cached(at).is_none() {
            break;
        }
    }
    for Tally { track, samples, .. } in seen {
        let tally = tally_of(&mut tallies, track);
        tally.samples = tally.samples.max(samples);
    }
    Ok(tallies)
}

fn tally_of(tallies: &mut Vec<Tally>, track: u32) -> &mut Tally {
    let known = tallies.iter().position(|tally| tally.track == track);
    let nth = known.unwrap_or(tallies.len());
    if known.is_none() {
        tallies.push(Tally::of(track));
    }
    &mut tallies[nth]
}

/// Tracks whose fragments lie further on start with the video's decoding.
fn assume_starts(movie: &Movie, first: &Fragment, starts: &mut Vec<(u32, i64)>) {
    let video = movie.video();
    let Some(run) = first.run(video) else {
        return;
    };
    for track in &movie.tracks {
        if !starts.iter().any(|(id, _)| *id == track.id) {
            let time = i128::from(run.time) * i128::from(track.timescale);
            let time = time / i128::from(video.timescale);
            starts.push((track.id, i64::try_from(time).unwrap_or(0)));
        }
    }
}

/// The header of the box at `at` and where the box ends; `window` bytes are read if it is not
/// held. `None` at the end of the file and where there is no box.
pub(super) async fn header_at(
    reader: &Reader,
    at: u64,
    window: u64,
    reason: Reason,
) -> Result<Option<(BoxHeader, u64)>, Error> {
    const HEADER: u64 = 16;
    let wanted = HEADER.min(reader.len().saturating_sub(at));
    let bytes = match reader.cached(at) {
        Some(bytes) if bytes.len() as u64 >= wanted => bytes,
        _ => {
            let end = at.saturating_add(window.max(HEADER));
            reader.read(at..end, reason).await?
        }
    };
    Ok(BoxHeader::parse(&bytes).map(|header| {
        let end = header.size.map(|size| at.saturating_add(size));
        (header, end.unwrap_or(u64::MAX).min(reader.len()))
    }))
}

/// The first fragment of audio or video at or after the box boundary `at`.
pub(super) async fn next_fragment(
    reader: &Reader,
    movie: &Movie,
    mut at: u64,
    window: u64,
    reason: Reason,
) -> Result<Option<Fragment>, Error> {
    for _ in 0..MAX_BOXES {
        let Some((header, end)) = header_at(reader, at, window, reason).await? else {
            return Ok(None);
        };
        if header.kind == *b"moof" {
            if !INDEX.allow(&(at..end)) {
                return Ok(None);
            }
            // The header of the box behind it too.
            let bytes = reader.read(at..end.saturating_add(16), reason).await?;
            match Fragment::parse(&bytes, at, reader.len(), movie) {
                Some(fragment) if !fragment.runs.is_empty() => return Ok(Some(fragment)),
                Some(_) => {}
                None => return Ok(None),
            }
        }
        at = end;
    }
    Ok(None)
}

/// The payload of the box that `range` is.
async fn payload(reader: &Reader, range: Range<u64>) -> Result<Option<Bytes>, Error> {
    let Some(bytes) = INDEX.read(reader, range).await? else {
        return Ok(None);
    };
    Ok(BoxHeader::parse(&bytes)
        .filter(|header| header.header_len <= bytes.len() as u64)
        .map(|header| bytes.slice(header.header_len as usize..)))
}

async fn segment_index(
    reader: &Reader,
    movie: &Movie,
    range: Range<u64>,
) -> Result<Option<SegmentIndex>, Error> {
    let end = range.end;
    let timescale = |track| movie.track(track).map(|track| track.timescale);
    let bytes = payload(reader, range).await?;
    Ok(bytes.and_then(|bytes| SegmentIndex::parse(&bytes, end, timescale)))
}

/// Puts the entries of the indexes that `sidx` names in their place.
async fn expand(reader: &Reader, movie: &Movie, sidx: &mut SegmentIndex) -> Result<(), Error> {
    if sidx.nested.is_empty() || sidx.nested.len() > MAX_NESTED || !sidx.entries.is_empty() {
        return Ok(());
    }
    // What a reference spans is an index and all that it indexes, so its own length is read first.
    let nested = sidx.nested.iter().map(|range| async move {
        match header_at(reader, range.start, MOOF_WINDOW, Reason::Index).await? {
            Some((header, end)) if header.kind == *b"sidx" && end <= range.end => {
                segment_index(reader, movie, range.start..end).await
            }
            _ => Ok(None),
        }
    });
    let nested = try_join_all(nested).await?;
    let sound = nested.iter().all(|nested| {
        let nested = nested.as_ref();
        nested.is_some_and(|nested| nested.nested.is_empty() && nested.track == sidx.track)
    });
    if sound {
        sidx.nested.clear();
        let entries = nested.into_iter().flatten().map(|nested| nested.entries);
        sidx.entries = entries.flatten().collect();
    }
    Ok(())
}

/// Length of the `mfra` box, if the file ends with one.
fn random_access_len(reader: &Reader) -> Option<u64> {
    const OFFSET: u64 = 16;
    let tail = reader.cached(reader.len().checked_sub(OFFSET)?)?;
    index::random_access_len(&tail).filter(|len| *len <= reader.len())
}

/// The entries for video of the `mfra` box at the end of the file; `None` where there is none.
pub(super) async fn random_access(
    reader: &Reader,
    movie: &Movie,
    from: u64,
) -> Result<Option<Vec<IndexEntry>>, Error> {
    let Some((start, bytes)) = random_access_box(reader).await? else {
        return Ok(None);
    };
    Ok(index::random_access(
        &bytes,
        movie.video().id,
        &(from..start),
    ))
}

/// The `mfra` box at the end of the file and where it starts; `None` where there is none.
async fn random_access_box(reader: &Reader) -> Result<Option<(u64, Bytes)>, Error> {
    let Some(len) = random_access_len(reader) else {
        return Ok(None);
    };
    let start = reader.len() - len;
    let bytes = INDEX.read(reader, start..reader.len()).await?;
    Ok(bytes.map(|bytes| (start, bytes)))
}
