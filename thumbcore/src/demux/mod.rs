//! From bytes to the packets of keyframes.
//!
//! [`Session::open`] tells the container, reads its index and picks the video track;
//! [`Session::around`] finds the keyframes on either side of a time; [`Session::prefetch`] fetches
//! many of them at once; [`Session::packets`] gives the packets from one on.

mod opener;
mod route;
mod track;

use std::{ops::Range, sync::Arc};

use tokio::runtime::Handle;

pub(crate) use self::track::Track;
use self::{opener::Opener, route::Route};
use crate::{
    Error, LimitError,
    container::{
        Around, Claims, Container, Entry, Keyframe, Mp4Layout, Place, is_fragmented, locator,
    },
    libav::{Input, Packet},
    reader::{Reader, Reason},
    select::{Position, Rung},
};

/// An opened video.
pub(crate) struct Session {
    opener: Opener,
    pub(crate) container_name: &'static str,
    pub(crate) track: Arc<Track>,
    route: Route,
}

/// The video packets from a keyframe on.
pub(crate) struct Packets<'a> {
    input: InputRef<'a>,
    put_back: Option<Packet>,
    opener: &'a Opener,
    track: &'a Track,
    /// Packets up to the first keyframe are dropped.
    skips_to_keyframe: bool,
    /// What the first packet's time must become, until that packet is read.
    first_time_us: Option<i64>,
    /// Added to all times, in ticks.
    shift: i64,
}

enum InputRef<'a> {
    Shared(&'a mut Input),
    Owned(Box<Input>),
}

impl Session {
    /// Opens what `reader` reads. Blocks on I/O. `positions` are what will be asked for.
    pub(crate) fn open(
        reader: Arc<Reader>,
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
            container == Container::Mp4 && runtime.block_on(fetch_movie_box(&reader))?;
        let locator = runtime.block_on(locator(container, &reader, positions))?;
        let opener = Opener {
            reader,
            runtime,
            container,
            needs_stream_info: container.needs_stream_info() || fragmented,
        };
        let (mut input, timeline) = match &locator {
            Some(locator) => (opener.located(locator.headers())?, Some(locator.timeline())),
            None => (opener.seekable()?, None),
        };
        let reader = &opener.reader;
        // libav takes some I/O errors for the end of the file, and a file without streams for one
        // without video.
        if let Some(error) = reader.take_failure() {
            return Err(error);
        }
        let streams = input.stream_count();
        let limit = reader.limits().max_streams;
        if streams > limit {
            return Err(LimitError::Streams { streams, limit }.into());
        }
        let mut track = Track::choose(&input, timeline, reader.limits())?;
        track.wrap_bits = locator.as_ref().and_then(|locator| locator.wrap_bits());
        let track = Arc::new(track);
        input.discard_all_but(track.stream);
        let container_name = container.name(input.format_name());
        let route = match locator {
            Some(locator) => Route::Locate(locator),
            None => Route::of_libav(&opener, input, &track)?,
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
    pub(crate) fn around(&mut self, times_us: &[i64]) -> Result<Vec<Result<Around, Error>>, Error> {
        self.route.around(&self.opener, &self.track, times_us)
    }

    /// A keyframe to decode forward from to `time_us`, where [`around`](Self::around) saw none
    /// before it: a search sweeps forward, so it is asked again for earlier times.
    pub(crate) fn start_before(&mut self, time_us: i64) -> Result<Option<Keyframe>, Error> {
        for back_us in STEPS_BACK_US {
            let earlier = time_us.saturating_sub(back_us).max(self.track.start_us);
            let around: Result<Vec<_>, _> = self.around(&[earlier])?.into_iter().collect();
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

    /// The bytes that `rung` reads, where their place is known.
    pub(crate) fn planned(&mut self, rung: &Rung) -> Option<Range<u64>> {
        let keyframe = rung.keyframe()?.place.bytes()?;
        match rung {
            Rung::Keyframe(_) => Some(keyframe),
            Rung::Forward { target_us, .. } => {
                let end = self.route.end_of(&self.opener, &self.track, *target_us)?;
                Some(keyframe.start..end.max(keyframe.end))
            }
        }
    }

    /// Fetches all that `rungs` will read at once, as far as its place is known.
    pub(crate) fn prefetch(&mut self, rungs: &[Rung]) -> Result<(), Error> {
        let ranges: Vec<_> = rungs.iter().filter_map(|rung| self.planned(rung)).collect();
        let fetch = self.opener.reader.prefetch(ranges, Reason::Keyframe);
        self.opener.runtime.block_on(fetch)
    }

    /// Fetches what follows each of `keyframes`, as much as an unplanned read takes, at once.
    pub(crate) fn prefetch_behind<'a>(
        &self,
        keyframes: impl IntoIterator<Item = &'a Keyframe>,
    ) -> Result<(), Error> {
        let reader = &self.opener.reader;
        let ranges: Vec<_> = keyframes
            .into_iter()
            .filter_map(|keyframe| keyframe.place.bytes())
            .map(|bytes| bytes.end..bytes.end.saturating_add(reader.config().window))
            .collect();
        let fetch = reader.prefetch(ranges, Reason::Keyframe);
        self.opener.runtime.block_on(fetch)
    }

    /// The video packets from `keyframe` on.
    pub(crate) fn packets(&mut self, keyframe: &Keyframe) -> Result<Packets<'_>, Error> {
        match &keyframe.place {
            Place::Counted(nth) => {
                let mut packets = self.packets_from_start()?;
                for _ in 0..*nth {
                    if packets.next()?.is_none() {
                        break;
                    }
                }
                Ok(packets)
            }
            Place::Spliced { pieces, entry, .. } => {
                let input = self.opener.spliced(pieces.iter().cloned())?;
                let mut packets = self.owned_packets(input);
                match entry {
                    Entry::Exact => {}
                    Entry::Untimed => packets.first_time_us = Some(keyframe.time_us),
                    Entry::Early => packets.skips_to_keyframe = true,
                }
                Ok(packets)
            }
            Place::Indexed { seek, .. } => {
                let Route::Index(index) = &mut self.route else {
                    return Err(Error::Internal {
                        reason: "an index entry without an index".to_owned(),
                    });
                };
                let input = &mut index.input;
                input
                    .seek_backward(self.track.stream, *seek)
                    .map_err(|error| self.opener.explain("read", error))?;
                Ok(Packets::new(
                    InputRef::Shared(input),
                    &self.opener,
                    &self.track,
                ))
            }
        }
    }

    /// The video packets from the start of the file, by a demuxer of their own.
    pub(crate) fn packets_from_start(&self) -> Result<Packets<'_>, Error> {
        let input = match &self.route {
            Route::Locate(_) => {
                let whole = 0..self.opener.reader.len();
                self.opener.spliced(std::iter::once(whole))?
            }
            Route::Index(_) | Route::Scan(_) => self.opener.seekable()?,
        };
        Ok(self.owned_packets(input))
    }

    fn owned_packets(&self, mut input: Input) -> Packets<'_> {
        input.discard_all_but(self.track.stream);
        Packets::new(InputRef::Owned(Box::new(input)), &self.opener, &self.track)
    }
}

impl<'a> Packets<'a> {
    fn new(input: InputRef<'a>, opener: &'a Opener, track: &'a Track) -> Self {
        Self {
            input,
            put_back: None,
            opener,
            track,
            skips_to_keyframe: false,
            first_time_us: None,
            shift: 0,
        }
    }

    /// Gives `packet` out again before any other.
    pub(crate) fn put_back(&mut self, packet: Packet) {
        self.put_back = Some(packet);
    }

    /// The next packet of the video track; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Packet>, Error> {
        if let Some(packet) = self.put_back.take() {
            return Ok(Some(packet));
        }
        let input = match &mut self.input {
            InputRef::Shared(input) => input,
            InputRef::Owned(input) => input.as_mut(),
        };
        let reader = &self.opener.reader;
        let mut failures = 0;
        loop {
            match input.read_packet() {
                Ok(Some(mut packet)) if packet.size() > 0 && self.track.owns(&packet, input) => {
                    if self.skips_to_keyframe && !packet.is_keyframe() {
                        reader.check_time()?;
                        continue;
                    }
                    self.skips_to_keyframe = false;
                    if let Some(time_us) = self.first_time_us.take() {
                        let first = packet.timestamp().unwrap_or(0);
                        self.shift = self.track.nearest_ticks(time_us).saturating_sub(first);
                    }
                    packet.shift(self.shift);
                    return Ok(Some(packet));
                }
                Ok(Some(_)) => {}
                // libav takes an I/O error for the end in some demuxers.
                Ok(None) => return reader.take_failure().map_or(Ok(None), Err),
                Err(error) => {
                    // Demuxers resynchronise after damage; a few errors are not the end.
                    failures += 1;
                    if failures > 16 || reader.has_failed() {
                        return Err(self.opener.explain("read", error));
                    }
                }
            }
            reader.check_time()?;
        }
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
