//! From bytes to the packets of keyframes.
//!
//! [`Session::open`] tells the container, reads its index and picks the video track;
//! [`Session::around`] finds the keyframes on either side of a time; [`Session::prefetch`] fetches
//! many of them at once; [`Session::packets`] gives the packets from one on.

mod opener;
mod route;
mod track;

use std::sync::Arc;

use tokio::runtime::Handle;

pub(crate) use self::track::Track;
use self::{opener::Opener, route::Route};
use crate::{
    Error, LimitError,
    container::{Around, Container, Keyframe, Mp4Layout, Place, locator},
    libav::{Input, Packet},
    reader::{Reader, Reason},
    select::Rung,
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
}

enum InputRef<'a> {
    Shared(&'a mut Input),
    Owned(Box<Input>),
}

impl Session {
    /// Opens what `reader` reads. Blocks on I/O.
    pub(crate) fn open(reader: Arc<Reader>, runtime: Handle) -> Result<Self, Error> {
        let head = reader.cached(0).unwrap_or_default();
        if head.is_empty() {
            return Err(Error::Corrupt {
                reason: "the file is empty".to_owned(),
            });
        }
        let container = Container::sniff(&head);
        if container == Container::Mp4 {
            runtime.block_on(fetch_movie_box(&reader))?;
        }
        let locator = runtime.block_on(locator(container, &reader))?;
        let mut opener = Opener {
            reader,
            runtime,
            container,
        };
        let (mut input, timeline) = match &locator {
            Some(locator) => (opener.located(locator.headers())?, Some(locator.timeline())),
            None => (opener.seekable()?, None),
        };
        let reader = &opener.reader;
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
            None => Route::of_libav(&mut opener, input, &track)?,
        };
        Ok(Self {
            opener,
            container_name,
            track,
            route,
        })
    }

    /// The keyframes around each of `times_us` of the container's timeline.
    pub(crate) fn around(&mut self, times_us: &[i64]) -> Result<Vec<Around>, Error> {
        self.route.around(&self.opener, &self.track, times_us)
    }

    /// Fetches all that `rungs` will read at once, as far as its place is known.
    pub(crate) fn prefetch(&mut self, rungs: &[Rung]) -> Result<(), Error> {
        let ranges: Vec<_> = rungs
            .iter()
            .filter_map(|rung| match rung {
                Rung::Keyframe(keyframe) => keyframe.place.bytes(),
                Rung::Forward { from, target_us } => {
                    let start = from.as_ref().and_then(|from| from.place.bytes())?;
                    Some(start.start..self.route.end_of(&self.track, *target_us)?.max(start.end))
                }
            })
            .collect();
        let fetch = self.opener.reader.prefetch(ranges, Reason::Keyframe);
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
            Place::Spliced { pieces, .. } => {
                let input = self.opener.spliced(pieces.iter().cloned())?;
                let mut packets = self.owned_packets(input);
                if self.opener.container == Container::MpegPs {
                    packets.skip_remains()?;
                }
                Ok(packets)
            }
            Place::Indexed { seek, .. } => {
                let Route::Index(input) = &mut self.route else {
                    return Err(Error::Internal {
                        reason: "an index entry without an index".to_owned(),
                    });
                };
                input
                    .seek_backward(self.track.stream, *seek)
                    .map_err(|error| self.opener.explain("read", error))?;
                Ok(Packets {
                    input: InputRef::Shared(input),
                    put_back: None,
                    opener: &self.opener,
                    track: &self.track,
                })
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
        Packets {
            input: InputRef::Owned(Box::new(input)),
            put_back: None,
            opener: &self.opener,
            track: &self.track,
        }
    }
}

impl Packets<'_> {
    /// Passes over the end of the picture before, where a container's packets begin anywhere.
    fn skip_remains(&mut self) -> Result<(), Error> {
        if let Some(first) = self.next()? {
            let start = if first.is_keyframe() {
                Some(first)
            } else {
                self.next()?
            };
            if let Some(start) = start {
                self.put_back(start);
            }
        }
        Ok(())
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
                Ok(Some(packet)) if packet.size() > 0 && self.track.owns(&packet, input) => {
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

/// Fetches the whole movie box, the index of a plain file, in one or two requests.
async fn fetch_movie_box(reader: &Reader) -> Result<(), Error> {
    let mut layout = Mp4Layout::default();
    // A file holds few boxes before `moov`; each turn jumps over all that are held.
    for _ in 0..16 {
        layout.walk(reader.len(), |at| reader.cached(at));
        if let Some(moov) = layout.moov {
            return reader.prefetch([moov], Reason::Index).await;
        }
        if layout.fragmented || layout.next >= reader.len() {
            break;
        }
        let window = layout.next..layout.next.saturating_add(16);
        reader.prefetch([window], Reason::Index).await?;
    }
    Ok(())
}
