//! From bytes to the packets of keyframes.
//!
//! [`Session::open`] tells the container, reads its index and picks the video track;
//! [`Session::around`] finds the keyframes on either side of a time; [`Session::planned`] and
//! [`Session::prefetch`] fetch many of them at once; [`Session::packets`] gives the packets from
//! one on. A session outlives a call: each method is given the call's reader.

mod demuxer;
mod opener;
mod packets;
mod route;
mod track;

use std::{ops::Range, sync::Arc};

use tokio::runtime::Handle;

use self::{opener::Opener, route::Route};
pub(crate) use self::{packets::Packets, track::Track};
use crate::{
    Error, LimitError,
    container::{
        Around, Claims, Container, Entry, Keyframe, ListedKeyframe, Mp4Layout, Place,
        is_fragmented, locator,
    },
    position::Position,
    reader::{Reader, Reason},
};

/// An opened video.
pub(crate) struct Session {
    opener: Opener,
    pub(crate) container_name: &'static str,
    pub(crate) track: Arc<Track>,
    route: Route,
}

impl Session {
    /// Opens what `reader` reads. Blocks on I/O. `positions` are what will be asked for.
    pub(crate) fn open(
        reader: &Arc<Reader>,
        runtime: Handle,
        positions: &[Position],
    ) -> Result<Self, Error> {
        let head = reader.cached(0).unwrap_or_default();
        if reader.len() == 0 {
            return Err(Error::Corrupt {
                reason: "the file is empty".to_owned(),
            });
        }
        let container = Container::sniff(&head);
        let fragmented =
            container == Container::Mp4 && runtime.block_on(fetch_movie_box(reader))?;
        let locator = runtime.block_on(locator(container, reader, positions))?;
        let opener = Opener {
            runtime,
            container,
            needs_stream_info: container.needs_stream_info() || fragmented,
        };
        let (mut demuxer, timeline) = match &locator {
            Some(locator) => (
                opener.located(reader, locator.headers())?,
                Some(locator.timeline()),
            ),
            None => (opener.seekable(reader)?, None),
        };
        let streams = demuxer.input().stream_count();
        let limit = reader.limits().max_streams;
        if streams > limit {
            return Err(LimitError::Streams { streams, limit }.into());
        }
        let mut track = Track::choose(demuxer.input(), timeline, reader.limits())?;
        track.wrap_bits = locator.as_ref().and_then(|locator| locator.wrap_bits());
        let track = Arc::new(track);
        demuxer.input_mut().discard_all_but(track.stream);
        let container_name = container.name(demuxer.input().format_name());
        let route = match locator {
            Some(locator) => Route::Locate(locator),
            None => Route::of_libav(&opener, demuxer, reader, &track)?,
        };
        Ok(Self {
            opener,
            container_name,
            track,
            route,
        })
    }

    /// The keyframes around each of `times_us` of the container's timeline. A search over budget is
    /// its own time's error and no other's.
    pub(crate) fn around(
        &mut self,
        reader: &Reader,
        times_us: &[i64],
    ) -> Result<Vec<Result<Around, Error>>, Error> {
        let runtime = &self.opener.runtime;
        self.route.around(runtime, reader, &self.track, times_us)
    }

    /// Every keyframe by time, where an index names them. Reads nothing.
    pub(crate) fn keyframes(&mut self) -> Option<Vec<ListedKeyframe>> {
        self.route.keyframes(&self.track)
    }

    /// About as many bytes as the index takes in memory.
    pub(crate) fn index_bytes(&self) -> usize {
        self.route.index_bytes(&self.track)
    }

    /// A keyframe to decode forward from to `time_us`, where [`around`](Self::around) saw none
    /// before it: a search sweeps forward, so earlier times are searched for as well.
    pub(crate) fn start_before(
        &mut self,
        reader: &Reader,
        time_us: i64,
    ) -> Result<Option<Keyframe>, Error> {
        for back_us in STEPS_BACK_US {
            let earlier = time_us.saturating_sub(back_us).max(self.track.start_us);
            let around: Result<Vec<_>, _> = self.around(reader, &[earlier])?.into_iter().collect();
            let found = around?
                .into_iter()
                .flat_map(|around| [around.after, around.before])
                .flatten()
                .filter(|keyframe| keyframe.time_us <= time_us)
                .max_by_key(|keyframe| keyframe.time_us);
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The bytes of `keyframe`, or those that are decoded from it forward to `until_us`, where
    /// their place is known.
    pub(crate) fn planned(
        &mut self,
        reader: &Reader,
        keyframe: &Keyframe,
        until_us: Option<i64>,
    ) -> Option<Range<u64>> {
        let alone = keyframe.place.bytes()?;
        let Some(until_us) = until_us else {
            return Some(alone);
        };
        let end = self.route.end_of(reader, &self.track, until_us)?;
        Some(alone.start..end.max(alone.end))
    }

    /// The bytes of the `count` packets that follow `keyframe`, or as much as an unplanned read
    /// takes where no index tells.
    pub(crate) fn behind(
        &self,
        reader: &Reader,
        keyframe: &Keyframe,
        count: usize,
    ) -> Option<Range<u64>> {
        let end = keyframe.place.bytes()?.end;
        let told = self.route.end_behind(keyframe.time_us, count);
        let guessed = || end.saturating_add(reader.config().window);
        Some(end..told.unwrap_or_else(guessed).max(end))
    }

    /// Fetches what is not held of `ranges`, at once.
    pub(crate) fn prefetch(
        &self,
        reader: &Reader,
        ranges: impl IntoIterator<Item = Range<u64>>,
    ) -> Result<(), Error> {
        let fetch = reader.prefetch(ranges, Reason::Keyframe);
        self.opener.runtime.block_on(fetch)
    }

    /// The video packets from `keyframe` on.
    pub(crate) fn packets(
        &mut self,
        reader: &Arc<Reader>,
        keyframe: &Keyframe,
    ) -> Result<Packets<'_>, Error> {
        match &keyframe.place {
            Place::Counted(nth) => {
                let mut packets = self.packets_from_start(reader)?;
                packets.skip(*nth)?;
                Ok(packets)
            }
            Place::Spliced { pieces, entry, .. } => {
                let demuxer = self.opener.spliced(reader, pieces.iter().cloned())?;
                let packets = Packets::owned(demuxer, reader, &self.track);
                Ok(match entry {
                    Entry::Exact => packets,
                    Entry::Untimed => packets.starting_at(keyframe.time_us),
                    Entry::Early => packets.starting_at_keyframe(),
                })
            }
            Place::Indexed { seek, .. } => {
                let Route::Index(index) = &mut self.route else {
                    return Err(Error::Internal {
                        reason: "an index entry without an index".to_owned(),
                    });
                };
                let demuxer = index.demuxer.as_mut();
                demuxer.attach(reader);
                demuxer.seek_backward(self.track.stream, *seek)?;
                Ok(Packets::shared(demuxer, reader, &self.track))
            }
        }
    }

    /// The video packets from the start of the file, by a demuxer of their own.
    pub(crate) fn packets_from_start(
        &self,
        reader: &Arc<Reader>,
    ) -> Result<Packets<'static>, Error> {
        let demuxer = match &self.route {
            Route::Locate(_) => {
                let whole = 0..reader.len();
                self.opener.spliced(reader, std::iter::once(whole))?
            }
            Route::Index(_) | Route::Scan(_) => self.opener.seekable(reader)?,
        };
        Ok(Packets::owned(demuxer, reader, &self.track))
    }
}

/// How far before a time a keyframe to decode forward from is searched for: a usual group of
/// pictures, then a long one.
const STEPS_BACK_US: [i64; 2] = [4_000_000, 16_000_000];

/// Bytes read behind the movie box: libav looks at the headers of the boxes that follow until it
/// has seen the media.
const BEHIND_MOOV: u64 = 256;

/// Fetches the whole movie box, the index of a plain file, and refuses one that would take too much
/// memory; one or two requests do, mostly. Whether it says that fragments follow.
async fn fetch_movie_box(reader: &Reader) -> Result<bool, Error> {
    let mut layout = Mp4Layout::default();
    let mut looked_at = None;
    // Each turn jumps over all boxes that are held, and costs a request. libav would go on to any
    // movie box that is not found here.
    loop {
        layout.walk(reader.len(), |at| reader.cached(at));
        if let Some(moov) = layout.moov {
            let behind = moov.end..moov.end.saturating_add(BEHIND_MOOV);
            reader
                .prefetch([moov.clone(), behind], Reason::Index)
                .await?;
            let moov = reader.read(moov, Reason::Index).await?;
            Claims::of(&moov)?.check(reader.limits())?;
            return Ok(is_fragmented(&moov));
        }
        let is_stuck = looked_at == Some(layout.next);
        if layout.fragmented || layout.next >= reader.len() || is_stuck {
            return Err(Error::Corrupt {
                reason: "there is no movie box where it should be".to_owned(),
            });
        }
        // What follows the media is mostly the movie box and the last: then all of it is wanted.
        // Where it is too much to be an index, a look at its header comes first.
        let rest = layout.next..reader.len();
        let plausible = (reader.len() / 64).clamp(1 << 20, 64 << 20);
        let wanted = if rest.end - rest.start <= plausible {
            rest
        } else {
            rest.start..rest.start.saturating_add(16)
        };
        reader.prefetch([wanted], Reason::Index).await?;
        looked_at = Some(layout.next);
    }
}
