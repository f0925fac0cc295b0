//! From bytes to the packets of keyframes.
//!
//! [`Session::open`] tells the container, reads its index and picks the video track;
//! [`Session::around`] finds the keyframes on either side of a time; [`Session::prefetch`] fetches
//! many of them at once; [`Session::packets`] gives the packets from one on.

mod route;
mod track;

use std::{ops::Range, sync::Arc};

use tokio::runtime::Handle;

use self::route::Route;
pub(crate) use self::track::Track;
use crate::{
    Error, LimitError,
    container::{Container, DEMUXERS, Mp4Layout},
    libav::{AvError, Input, OpenOptions, Packet},
    reader::{Cursor, Reader, Reason},
};

/// An opened video.
pub(crate) struct Session {
    pub(crate) reader: Arc<Reader>,
    runtime: Handle,
    container: Container,
    pub(crate) container_name: &'static str,
    pub(crate) track: Arc<Track>,
    route: Route,
}

/// A keyframe that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keyframe {
    /// Its time in the container's timeline, in microseconds; a decoding time in mp4, so a few
    /// frames off the time of the picture.
    pub(crate) time_us: i64,
    place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// In libav's index: a timestamp that seeks to it, and its bytes.
    Indexed { seek: i64, bytes: Range<u64> },
    /// The nth video packet from the start.
    Counted(usize),
}

/// The keyframes on either side of a time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Around {
    pub(crate) before: Option<Keyframe>,
    pub(crate) after: Option<Keyframe>,
}

impl Around {
    /// The keyframe of the two that is not `chosen`.
    pub(crate) fn other_than(&self, chosen: Option<&Keyframe>) -> Option<Keyframe> {
        [&self.before, &self.after]
            .into_iter()
            .flatten()
            .find(|keyframe| Some(*keyframe) != chosen)
            .cloned()
    }
}

#[cfg(test)]
impl Keyframe {
    /// The nth packet of a stream.
    pub(crate) fn counted(time_us: i64, nth: usize) -> Self {
        Self {
            time_us,
            place: Place::Counted(nth),
        }
    }
}

/// The video packets from a keyframe on.
pub(crate) struct Packets<'a> {
    input: InputRef<'a>,
    reader: &'a Reader,
    stream: usize,
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
        let mut input = open_input(&reader, &runtime, container)?;
        if container.needs_stream_info() {
            // Two seconds show every stream that is worth a thumbnail.
            input
                .find_stream_info(2_000_000)
                .map_err(|error| open_error(&reader, error))?;
        }
        let streams = input.stream_count();
        let limit = reader.limits().max_streams;
        if streams > limit {
            return Err(LimitError::Streams { streams, limit }.into());
        }
        let track = Arc::new(Track::choose(&input, reader.limits())?);
        input.discard_all_but(track.stream);
        let container_name = container.name(input.format_name());
        let route = Route::choose(&reader, &runtime, container, input, &track)?;
        Ok(Self {
            reader,
            runtime,
            container,
            container_name,
            track,
            route,
        })
    }

    /// The keyframes around each of `times_us` of the container's timeline.
    pub(crate) fn around(&mut self, times_us: &[i64]) -> Result<Vec<Around>, Error> {
        self.route.around(&self.track, times_us)
    }

    /// Fetches all of `keyframes` at once, as far as their places are known.
    pub(crate) fn prefetch<'a>(
        &self,
        keyframes: impl IntoIterator<Item = &'a Keyframe>,
    ) -> Result<(), Error> {
        let ranges: Vec<_> = keyframes
            .into_iter()
            .filter_map(|keyframe| match &keyframe.place {
                Place::Indexed { bytes, .. } => Some(bytes.clone()),
                Place::Counted(_) => None,
            })
            .collect();
        self.runtime
            .block_on(self.reader.prefetch(ranges, Reason::Keyframe))
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
            Place::Indexed { seek, .. } => {
                let Route::Index(input) = &mut self.route else {
                    return Err(Error::Internal {
                        reason: "an index entry without an index".to_owned(),
                    });
                };
                let stream = self.track.stream;
                input
                    .seek_backward(stream, *seek)
                    .map_err(|error| read_error(&self.reader, error))?;
                Ok(Packets {
                    input: InputRef::Shared(input),
                    reader: &self.reader,
                    stream,
                })
            }
        }
    }

    /// The video packets from the start of the file, by a demuxer of their own.
    pub(crate) fn packets_from_start(&self) -> Result<Packets<'_>, Error> {
        let mut input = open_input(&self.reader, &self.runtime, self.container)?;
        if self.container.needs_stream_info() && input.stream_count() <= self.track.stream {
            input
                .find_stream_info(2_000_000)
                .map_err(|error| open_error(&self.reader, error))?;
        }
        input.discard_all_but(self.track.stream);
        Ok(Packets {
            input: InputRef::Owned(Box::new(input)),
            reader: &self.reader,
            stream: self.track.stream,
        })
    }
}

impl Packets<'_> {
    /// The next packet of the video stream; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Packet>, Error> {
        let input = match &mut self.input {
            InputRef::Shared(input) => input,
            InputRef::Owned(input) => input.as_mut(),
        };
        let mut failures = 0;
        loop {
            match input.read_packet() {
                Ok(Some(packet)) if packet.stream() == self.stream && packet.size() > 0 => {
                    return Ok(Some(packet));
                }
                Ok(Some(_)) => {}
                Ok(None) => {
                    // libav takes an I/O error for the end in some demuxers.
                    return self.reader.take_failure().map_or(Ok(None), Err);
                }
                Err(error) => {
                    if let Some(failure) = self.reader.take_failure() {
                        return Err(failure);
                    }
                    // Demuxers resynchronise after damage; a few errors are not the end.
                    failures += 1;
                    if failures > 16 {
                        return Err(read_error(self.reader, error));
                    }
                }
            }
            self.reader.check_time()?;
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

fn open_input(
    reader: &Arc<Reader>,
    runtime: &Handle,
    container: Container,
) -> Result<Input, Error> {
    let cursor = Cursor::new(Arc::clone(reader), runtime.clone());
    let private: &[(&str, &str)] = match container {
        Container::Mp4 => &[("use_mfra_for", "pts")],
        _ => &[],
    };
    let options = OpenOptions {
        format: container.demuxer(),
        allowed: DEMUXERS,
        private,
        probe_size: 1 << 20,
    };
    Input::open_seekable(cursor, &options).map_err(|error| open_error(reader, error))
}

/// What stands behind libav's failure to open.
fn open_error(reader: &Reader, error: AvError) -> Error {
    reader.take_failure().unwrap_or_else(|| Error::Corrupt {
        reason: format!("cannot be opened: {error}"),
    })
}

fn read_error(reader: &Reader, error: AvError) -> Error {
    reader.take_failure().unwrap_or_else(|| Error::Corrupt {
        reason: format!("cannot be read: {error}"),
    })
}
