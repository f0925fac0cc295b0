//! From bytes to the packets of keyframes.
//!
//! [`Session::open`] tells the container, reads its index and picks the video track;
//! [`Session::around`] finds the keyframes on either side of a time; [`Session::planned`] and
//! [`Session::prefetch`] fetch many of them at once; [`Session::packets`] gives the packets from
//! one on. A session outlives a call: each method is given the call's reader.

mod demuxer;
mod edited;
mod opener;
mod packets;
mod route;
mod track;

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use tokio::runtime::Handle;

use self::{
    demuxer::Read,
    opener::Opener,
    route::{Index, Route},
    track::Clues,
};
pub(crate) use self::{packets::Packets, track::Track};
use crate::{
    Codec, Error, LimitError,
    container::{
        self, Around, Container, Entry, Keyframe, ListedKeyframe, Opened, Place, Searched,
    },
    position::Position,
    reader::{Piece, Reader, Reason},
};

/// An opened video.
pub(crate) struct Session {
    opener: Opener,
    pub(crate) container: Container,
    pub(crate) track: Arc<Track>,
    route: Route,
}

impl Session {
    /// Opens what `reader` reads. Blocks on I/O. `positions` are what will be asked for; where
    /// there is no film, an attached picture is taken for one if `takes_attached`.
    pub(crate) fn open(
        reader: &Arc<Reader>,
        runtime: Handle,
        positions: &[Position],
        takes_attached: bool,
    ) -> Result<Self, Error> {
        let head = head_of(reader)?;
        let profile = runtime.block_on(container::tell(reader, &head))?;
        let Opened {
            mut locator,
            needs_stream_info,
            has_index,
            options,
            composition,
            pinned,
        } = runtime.block_on(profile.open(reader, positions))?;
        let opener = Opener {
            runtime,
            profile,
            decoders: profile.decoders(),
            demuxers: container::demuxers(),
            private: options,
            needs_stream_info,
            has_index,
        };
        let searched = locator
            .as_ref()
            .map_or(Searched::Chosen, |locator| locator.searched());
        let mut demuxer = opener.demuxer(reader, locator.as_deref(), searched.ids())?;
        let input = demuxer.input();
        let (profile, container) = container::of_demuxer(input.format_name());
        let film = track::choose(input, &searched, takes_attached)?;
        if let Some(locator) = &mut locator {
            locator.follow(film.id);
        }
        let clues = Clues {
            profile,
            timeline: locator.as_ref().map(|locator| locator.timeline()),
            composition: composition.as_ref(),
        };
        let mut track = Track::of(input, &film, clues, reader.limits())?;
        if (locator.is_some() || !opener.has_index) && track.display_matrix.is_none() {
            track.display_matrix = told_by_codec(&opener, reader, &track, head.len() as u64)?;
        }
        track.wrap_bits = locator.as_ref().and_then(|locator| locator.wrap_bits());
        demuxer.input_mut().discard_all_but(|info| track.is(info));
        let route = match locator {
            Some(locator) => Route::Locate(locator),
            None => Route::of_libav(&opener, demuxer, reader, &mut track)?,
        };
        drop(pinned);
        Ok(Self {
            opener,
            container,
            track: Arc::new(track),
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

    /// The budget that ended the search for keyframes before all were seen.
    pub(crate) fn cut_by(&self) -> Option<&LimitError> {
        self.route.cut_by()
    }

    /// Every keyframe by time, where an index names them. Reads nothing.
    pub(crate) fn keyframes(&mut self) -> Option<Vec<ListedKeyframe>> {
        self.route.keyframes(&self.track)
    }

    /// About as many bytes as looking for a keyframe reads, where an index names it.
    pub(crate) fn looking(&self) -> u64 {
        self.route.looking()
    }

    /// About as many bytes as the index takes in memory.
    pub(crate) fn index_bytes(&self) -> usize {
        self.route.index_bytes(&self.track)
    }

    /// Learns where the data of an indexed file end, which is `among` these places, if the file ends
    /// in space that was never written. Whether that is known now.
    pub(crate) fn learn_data_end(
        &mut self,
        reader: &Reader,
        among: Range<u64>,
    ) -> Result<bool, Error> {
        let Route::Index(index) = &mut self.route else {
            return Ok(false);
        };
        let found = container::data_end_among(reader, among);
        let end = self.opener.runtime.block_on(found)?;
        if let Some(end) = end {
            index.cut(&self.track, end);
        }
        Ok(end.is_some())
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

    /// A picture at `time_us` from which packets can be read, keyframe or not: the one before where
    /// an index tells every picture's place, else a keyframe as near as could be found.
    pub(crate) fn entry_near(
        &mut self,
        reader: &Reader,
        time_us: i64,
    ) -> Result<Option<Keyframe>, Error> {
        if let Route::Index(index) = &mut self.route {
            return Ok(index.entry_before(&self.track, time_us));
        }
        let around: Result<Vec<_>, _> = self.around(reader, &[time_us])?.into_iter().collect();
        let around = around?.pop().unwrap_or_default();
        Ok(around.before.or(around.after))
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

    /// When `keyframe`'s picture is shown that a decoder holds back for `count` packets, in
    /// microseconds, where that is the time of the last of these packets and an index tells it.
    pub(crate) fn shown_after(&self, keyframe: &Keyframe, count: usize) -> Option<i64> {
        // Other decoders hold a picture back until one comes that others refer to.
        let holds_back_alike = matches!(self.track.codec, Codec::H264 | Codec::Hevc);
        let shown_us = || self.route.time_behind(keyframe.time_us, count);
        holds_back_alike.then(shown_us).flatten()
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
                let demuxer = match self.opener.spliced(reader, pieces.iter().cloned()) {
                    // Damage at one place is no word on the rest of the file.
                    Err(Error::Corrupt { reason }) => {
                        tracing::debug!(reason, "nothing can be read from a keyframe's place on");
                        return Ok(Packets::none(reader, &self.track));
                    }
                    demuxer => demuxer?,
                };
                let packets = Packets::owned(demuxer, reader, &self.track);
                Ok(match entry {
                    Entry::Exact => packets,
                    Entry::Untimed => packets.starting_at(keyframe.time_us, headers_len(pieces)),
                    Entry::Early => packets.starting_at_keyframe(),
                })
            }
            Place::Indexed { seek, stretch, .. } => {
                let Index { demuxer, end, .. } = self.route.index()?;
                demuxer.attach(reader);
                demuxer.seek_backward(self.track.stream, *seek)?;
                let packets = Packets::shared(demuxer, reader, &self.track);
                Ok(packets.within(*stretch).up_to(*end))
            }
            Place::Sample {
                timestamp, stretch, ..
            } => {
                let Index { demuxer, end, .. } = self.route.index()?;
                demuxer.attach(reader);
                demuxer.seek_any(self.track.stream, *timestamp)?;
                let packets = Packets::shared(demuxer, reader, &self.track);
                Ok(packets.within(*stretch).up_to(*end))
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
        let packets = Packets::owned(demuxer, reader, &self.track);
        Ok(if self.container == Container::Avi {
            packets.counted()
        } else {
            packets
        })
    }
}

/// Bytes of what a splice has before its last piece.
fn headers_len(pieces: &[Piece]) -> u64 {
    let before = pieces.split_last().map_or(&[][..], |(_, before)| before);
    before.iter().map(Piece::len).sum()
}

/// How far before a time a keyframe to decode forward from is searched for: a usual group of
/// pictures, then a long one.
const STEPS_BACK_US: [i64; 2] = [4_000_000, 16_000_000];

/// What is held of the start of the file, which must not be empty.
fn head_of(reader: &Reader) -> Result<Bytes, Error> {
    if reader.len() == 0 {
        return Err(Error::Corrupt {
            reason: "the file is empty".to_owned(),
        });
    }
    Ok(reader.cached(0).unwrap_or_default())
}

/// How the picture is turned, by the first packet among the file's first `held` bytes: some codecs
/// have a message for it, which encoders send once. Reads nothing that is not held.
fn told_by_codec(
    opener: &Opener,
    reader: &Arc<Reader>,
    track: &Track,
    held: u64,
) -> Result<Option<[i32; 9]>, Error> {
    let Some(sei) = track.sei.filter(|_| held > 0) else {
        return Ok(None);
    };
    let Ok(mut demuxer) = opener.spliced(reader, std::iter::once(0..held)) else {
        return Ok(None);
    };
    for _ in 0..FIRST_PACKETS {
        match demuxer.read()? {
            Read::Packet(packet) if track.owns(&packet, demuxer.input()) => {
                return Ok(sei.display_matrix(packet.data()));
            }
            Read::Packet(_) => {}
            Read::Damage(_) | Read::End => break,
        }
    }
    Ok(None)
}

/// Packets of other streams that may come before the first picture.
const FIRST_PACKETS: usize = 64;
