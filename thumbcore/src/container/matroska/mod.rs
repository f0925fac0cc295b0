//! Matroska and `WebM`.
//!
//! Cues, the index, lie at the start or the end, both of which are held already, or one read away.
//! They tell the cluster of each keyframe and mostly the place of its block; a small read there
//! tells its size, so that the keyframe is then fetched exactly. Without Cues, clusters are found
//! by their ids ([`unindexed`]).
//!
//! libav reads a keyframe from the headers (Info and Tracks; whatever else precedes the clusters,
//! attachments above all, is left out), a cluster header of ours that fits the rest of the
//! cluster, and the file from the block on.

mod cluster;
mod cues;
mod ebml;
mod file;
mod film_end;
mod segment;
mod tracks;
mod unindexed;

use async_trait::async_trait;
use bytes::Bytes;

use self::{
    cluster::{CLUSTER_HEAD, Cluster},
    cues::Cue,
    ebml::id,
    file::File,
    film_end::film_end_by_cues,
    segment::Segment,
    tracks::{Info, Kind, Tally, TrackEntry},
    unindexed::{Unindexed, for_each_block},
};
use super::{
    Around, Container, Keyframe, ListedKeyframe, Locator, Searched, Timeline, believed,
    blank::data_end,
    encrypted,
    profile::{Opening, Profile},
    search::Anchor,
};
use crate::{
    Codec, Error,
    position::Position,
    reader::{Piece, Reader},
};

pub(super) static PROFILE: Profile = Profile {
    container: Container::Matroska,
    demuxer: Some(c"matroska"),
    options: &[],
    sniff: |head| head.starts_with(b"\x1a\x45\xdf\xa3"),
    codecs: Codec::ALL,
    needs_stream_info: true,
    has_index: false,
    keeps_stream_ids: false,
    losses: None,
    whole: 0,
    check: |_| Ok(()),
    open,
};

fn open<'a>(reader: &'a Reader, _: &'a [Position]) -> Opening<'a> {
    Box::pin(async { Ok(PROFILE.opened(Matroska::open(reader).await?)) })
}

/// Finds keyframes by Cues, or without.
#[derive(Debug)]
struct Matroska {
    file: File,
    timeline: Timeline,
    index: Index,
}

#[derive(Debug)]
enum Index {
    Cues(Vec<Cue>),
    /// All keyframes of a small file.
    Whole(Vec<Keyframe>),
    None(Unindexed),
}

impl Matroska {
    /// Reads the index of `reader`'s file. `None` leaves the file to libav.
    async fn open(reader: &Reader) -> Result<Option<Self>, Error> {
        let Some(segment) = Segment::open(reader).await? else {
            return Ok(None);
        };
        let info = Info::parse(&Segment::payload(reader, &segment.info).await?);
        let tracks = tracks::tracks(&Segment::payload(reader, &segment.tracks).await?);
        reader.limits().check_streams(tracks.len())?;
        let Some(info) = info else {
            return Ok(None);
        };
        let cues = segment.cues(reader).await?;
        let tally = tally(&info, &tracks, (&segment, cues.as_deref()), reader);
        let Some((searched, video)) = tracks::choose(&tracks, tally) else {
            return Ok(None);
        };
        if video.is_encrypted {
            return Err(encrypted("an encrypted Matroska track"));
        }
        let mut headers = vec![
            0..segment.start,
            segment.info.clone(),
            segment.tracks.clone(),
        ];
        headers.sort_by_key(|range| range.start);
        let file = File {
            len: segment.film_end(data_end(reader).await?),
            info,
            track: video.number,
            searched,
            delay: info.delay(video),
            headers: headers.into_iter().map(Piece::File).collect(),
        };
        let cues = cues.map(|payload| cues::parse(&payload, file.track, segment.start, file.len));
        let cues = cues.unwrap_or_default();
        let first_cluster = segment.first_cluster;
        let end = segment.media_end(&file, &cues);
        let film = film_end_by_cues(&file, &cues, end, reader).await?;
        let told = told_by_cues(&file, (&cues, film, end), &tracks, first_cluster, reader);
        if let Some(timeline) = told
            && are_true(&file, &cues, (timeline, film), reader).await?
        {
            return Ok(Some(Self {
                file,
                timeline,
                index: Index::Cues(cues),
            }));
        }
        Self::open_unindexed(file, &segment, &tracks, reader).await
    }

    async fn open_unindexed(
        file: File,
        segment: &Segment,
        tracks: &[TrackEntry],
        reader: &Reader,
    ) -> Result<Option<Self>, Error> {
        let Some(first) = segment.first_cluster else {
            return Ok(None);
        };
        let Some(start_us) = start(&file.info, tracks, first, reader) else {
            return Ok(None);
        };
        let stated = file.info.duration_us();
        let (index, ends) = if file.len <= unindexed::WHOLE {
            let (keyframes, ends) = unindexed::read_whole(&file, first, reader).await?;
            (Index::Whole(keyframes), ends)
        } else {
            let span = (start_us, stated);
            match Unindexed::open(&file, first, segment.end, span, reader).await? {
                Some((search, ends)) => (Index::None(search), ends),
                None => return Ok(None),
            }
        };
        let measured = ends.last_us.map(|last| last.saturating_sub(start_us));
        let timeline = Timeline::new(start_us, believed(stated, measured));
        Ok(Some(Self {
            file,
            timeline: timeline.with_last_picture(ends.picture_us),
            index,
        }))
    }

    async fn around_cues(
        &self,
        cues: &[Cue],
        reader: &Reader,
        time_us: i64,
    ) -> Result<Around, Error> {
        let after = cues.partition_point(|cue| self.file.micros(cue.time) <= time_us);
        let before = after.checked_sub(1);
        let after = Some(after).filter(|after| *after < cues.len());
        let distance = |index: Option<usize>| {
            index.map_or(u64::MAX, |index| {
                self.file.micros(cues[index].time).abs_diff(time_us)
            })
        };
        let before_is_nearer = distance(before) <= distance(after);
        let resolve = async |index: Option<usize>, is_nearer: bool| match index {
            Some(index) if is_nearer => self.file.look(&cues[index], reader).await,
            Some(index) => self.file.glance(cues, index, reader).await,
            None => Ok(None),
        };
        let (before, after) = futures::future::try_join(
            resolve(before, before_is_nearer),
            resolve(after, !before_is_nearer),
        )
        .await?;
        Ok(Around { before, after })
    }
}

#[async_trait]
impl Locator for Matroska {
    fn timeline(&self) -> Timeline {
        self.timeline
    }

    fn searched(&self) -> Searched {
        self.file.searched.clone()
    }

    async fn around(&self, reader: &Reader, time_us: i64) -> Result<Around, Error> {
        match &self.index {
            Index::Cues(cues) => self.around_cues(cues, reader, time_us).await,
            Index::Whole(keyframes) => Ok(Around::among(keyframes, time_us)),
            Index::None(search) => search.around(&self.file, reader, time_us).await,
        }
    }

    fn keyframes(&self) -> Option<Vec<ListedKeyframe>> {
        match &self.index {
            Index::Cues(cues) => Some(cues.iter().map(|cue| self.file.listed(cue)).collect()),
            Index::Whole(keyframes) => Some(keyframes.iter().filter_map(listed).collect()),
            Index::None(_) => None,
        }
    }

    fn headers(&self) -> Option<Vec<Piece>> {
        // libav takes a header for whole when a cluster follows.
        let marker = Bytes::copy_from_slice(&id::CLUSTER.to_be_bytes());
        let mut headers = self.file.headers.clone();
        headers.push(Piece::Made(marker));
        Some(headers)
    }
}

/// Tells of a track's pictures what the payload of Cues and the first cluster do; nothing where
/// there is one video track alone.
fn tally(
    info: &Info,
    tracks: &[TrackEntry],
    (segment, cues): (&Segment, Option<&[u8]>),
    reader: &Reader,
) -> impl Fn(u64) -> Tally {
    let is_needed = tracks::has_several_videos(tracks);
    let first = segment.first_cluster.filter(|_| is_needed);
    let held = first.and_then(|at| Some((at, reader.cached(at)?)));
    let cues = cues.filter(|_| is_needed);
    let len = reader.len();
    move |number| {
        let mut blocks = 0;
        if let Some((at, bytes)) = &held {
            for_each_block(bytes, *at, len, |_, block| {
                blocks += u64::from(block.track == number);
            });
        }
        let last = cues.and_then(|cues| cues::last_time(cues, number));
        Tally {
            blocks,
            last_us: last.map(|ticks| info.micros(ticks)),
        }
    }
}

/// The timeline of a film that `cues` are an index of, in a file whose media end at `media_end`;
/// `None` where they leave out too much of it.
fn told_by_cues(
    file: &File,
    (cues, film, media_end): (&[Cue], Option<Anchor>, u64),
    tracks: &[TrackEntry],
    first_cluster: Option<u64>,
    reader: &Reader,
) -> Option<Timeline> {
    let (info, first) = (&file.info, cues.first()?);
    let start_us = first_cluster
        .and_then(|at| start(info, tracks, at, reader))
        .unwrap_or_else(|| {
            let unseen = tracks.iter().filter(|track| track.kind == Kind::Audio);
            let earliest = guess(info, first.time, unseen);
            info.micros(earliest.unwrap_or(first.time).min(first.time))
        });
    let end = film.map_or(file.len, |film| film.position);
    let media = first_cluster.unwrap_or(first.cluster)..end;
    let coverage = cues::Coverage::of(cues, media);
    let stated = info.duration_us();
    let indexed = coverage.end.map(|end| {
        let since_start = |ticks| info.micros(ticks).saturating_sub(start_us);
        let (earliest, likely) = (since_start(end.earliest), since_start(end.likely));
        // The index does not tell where between them the film ends; the header may.
        let told = stated.filter(|us| (earliest..=likely).contains(us));
        told.unwrap_or(likely)
    });
    let measured = match film {
        None => indexed,
        Some(film) if film.position >= media_end => Some(film.time_us.saturating_sub(start_us)),
        // Sound goes on behind the film, and nothing tells until when.
        Some(_) => None,
    };
    let timeline = Timeline::new(start_us, believed(stated, measured))
        .with_last_picture(film.map(|film| film.time_us));
    let is_short = timeline.duration_us? <= SHORT_US;
    (coverage.is_whole || is_short).then_some(timeline)
}

/// Whether clusters lie where `cues` say, at about their times. Where the duration that the header
/// states does not vouch for the index, as it ends where the index does, the last block that it
/// names is looked for.
async fn are_true(
    file: &File,
    cues: &[Cue],
    (timeline, film): (Timeline, Option<Anchor>),
    reader: &Reader,
) -> Result<bool, Error> {
    let is_vouched = film.is_none() && timeline.duration_us == file.info.duration_us();
    if let Some(last) = cues.last().filter(|_| !is_vouched)
        && file.look(last, reader).await?.is_none()
    {
        return Ok(false);
    }
    let last = cues.iter().rev().take(LOOKED_AT);
    Ok(cues
        .iter()
        .take(LOOKED_AT)
        .chain(last)
        .filter_map(|cue| Some((cue, reader.cached(cue.cluster)?)))
        .filter(|(_, bytes)| bytes.len() as u64 >= CLUSTER_HEAD)
        .all(|(cue, bytes)| cue.fits(Cluster::parse(&bytes, cue.cluster))))
}

/// Cues at either end of an index whose clusters are looked at where they are held.
const LOOKED_AT: usize = 4;

fn listed(keyframe: &Keyframe) -> Option<ListedKeyframe> {
    let bytes = keyframe.place.bytes()?;
    Some(ListedKeyframe {
        time_us: keyframe.time_us,
        position: bytes.start,
        size: Some(bytes.end - bytes.start),
    })
}

/// When the first audio or picture is presented, in microseconds, told from what is held of the
/// first cluster, at `at`.
fn start(info: &Info, tracks: &[TrackEntry], at: u64, reader: &Reader) -> Option<i64> {
    let bytes = reader.cached(at)?;
    let cluster = Cluster::parse(&bytes, at)?;
    let body = bytes.get((cluster.body - at) as usize..)?;
    let mut unseen: Vec<_> = tracks
        .iter()
        .filter(|track| track.kind != Kind::Other)
        .collect();
    let mut earliest: Option<i64> = None;
    let mut first = None;
    for block in cluster.blocks(body, cluster.body) {
        first.get_or_insert(block.time);
        if let Some(index) = unseen.iter().position(|track| track.number == block.track) {
            let time = block.time.saturating_sub(info.delay(unseen.remove(index)));
            earliest = Some(earliest.map_or(time, |earliest| earliest.min(time)));
        }
        if unseen.is_empty() {
            break;
        }
    }
    let guess = guess(info, first?, unseen.into_iter());
    Some(info.micros(guess.into_iter().chain(earliest).min()?))
}

/// A film so short, half a minute, may have one keyframe.
const SHORT_US: i64 = 30_000_000;

/// How far behind the file's start its first picture may be because the audio comes first: a
/// quarter of a second, more than any codec's priming or delay.
const PRIMING_US: i64 = 250_000;

/// The earliest time, in ticks, of tracks whose first block is hidden behind a large keyframe or
/// attachments, where the first seen is at `first`. Not worth a round trip: writers shift times so
/// that the earliest is 0, and audio that needs priming comes before the picture.
fn guess<'a>(info: &Info, first: i64, unseen: impl Iterator<Item = &'a TrackEntry>) -> Option<i64> {
    let begins = if (0..=PRIMING_US).contains(&info.micros(first)) {
        0
    } else {
        first
    };
    unseen
        .map(|track| begins.saturating_sub(info.delay(track)))
        .min()
}

#[cfg(test)]
mod tests;
