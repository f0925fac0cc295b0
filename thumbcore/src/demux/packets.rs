//! The video packets from one place of the file on.

use std::sync::Arc;

use super::{
    Track,
    demuxer::{Demuxer, Read},
    track::Timing,
};
use crate::{Error, container::Stretch, libav::Packet, reader::Reader};

/// Stretches of damage in a row after which nothing more is expected there.
const MAX_DAMAGE: usize = 16;

/// Bytes between two pictures that are damage: of sound, 512 KiB last for seconds.
const LEAP: u64 = 512 << 10;
/// Bytes of a chunk before its payload, at which libav may see a packet begin.
const CHUNK_HEADER: u64 = 8;

/// The video packets from a keyframe on.
pub(crate) struct Packets<'a> {
    demuxer: Held<'a>,
    reader: Arc<Reader>,
    track: Arc<Track>,
    put_back: Option<Packet>,
    /// Packets up to the first keyframe are discarded.
    skips_to_keyframe: bool,
    /// Where the last packet ends in what is read.
    end: Option<u64>,
    /// Packets carry no times: see [`counted`](Self::counted).
    is_counted: bool,
    /// Video packets read so far.
    read: usize,
    /// Video packets that there are, where that is known.
    count: Option<usize>,
    /// What the first packet's time must become, and where that packet must lie, until it is read.
    first: Option<(i64, u64)>,
    /// Added to all times, in ticks.
    shift: i64,
    /// What an edit list shows there; all else is decoded and hidden.
    stretch: Option<Stretch>,
    /// Where the file's data end: what begins there was never written.
    data_end: u64,
}

/// A demuxer that the session keeps, or one for these packets alone.
enum Held<'a> {
    Shared(&'a mut Demuxer),
    Owned(Box<Demuxer>),
    /// Nothing can be read.
    None,
}

impl<'a> Packets<'a> {
    /// The packets of a demuxer that the session keeps.
    pub(super) fn shared(
        demuxer: &'a mut Demuxer,
        reader: &Arc<Reader>,
        track: &Arc<Track>,
    ) -> Self {
        Self::new(Held::Shared(demuxer), reader, track)
    }

    fn new(demuxer: Held<'a>, reader: &Arc<Reader>, track: &Arc<Track>) -> Self {
        Self {
            demuxer,
            reader: Arc::clone(reader),
            track: Arc::clone(track),
            put_back: None,
            end: None,
            is_counted: false,
            read: 0,
            count: track.is_attached.then_some(1),
            skips_to_keyframe: false,
            first: None,
            shift: 0,
            stretch: None,
            data_end: u64::MAX,
        }
    }

    /// Ends where the file's data do, at `data_end`.
    pub(super) fn up_to(mut self, data_end: u64) -> Self {
        self.data_end = data_end;
        self
    }

    /// Shows no more than `stretch`, and ends behind it.
    pub(super) fn within(mut self, stretch: Option<Stretch>) -> Self {
        self.shift = stretch.map_or(0, |stretch| stretch.shift);
        self.stretch = stretch;
        self
    }

    /// Discards what comes before the first packet that is marked as a keyframe.
    pub(super) fn starting_at_keyframe(mut self) -> Self {
        self.skips_to_keyframe = true;
        self
    }

    /// Shifts all times so that the first packet's is `time_us`. That packet's chunk begins at `at`
    /// of what is read: where another comes first, there is none.
    pub(super) fn starting_at(mut self, time_us: i64, at: u64) -> Self {
        self.first = Some((time_us, at));
        self.counted()
    }

    /// Ends where a packet was lost: the container's packets carry no times, so that those of all
    /// that follow would be wrong.
    pub(super) fn counted(mut self) -> Self {
        self.is_counted = true;
        self
    }

    /// Discards the next `count` packets, or as many as there are.
    pub(super) fn skip(&mut self, count: usize) -> Result<(), Error> {
        for _ in 0..count {
            if self.next()?.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Discards what comes before the first packet that `is_it`, up to `until_us`. Whether there is
    /// one, which is the next packet then.
    pub(crate) fn skip_to(
        &mut self,
        until_us: i64,
        is_it: impl Fn(&Packet) -> bool,
    ) -> Result<bool, Error> {
        while let Some(packet) = self.next()? {
            if is_it(&packet) {
                self.put_back(packet);
                return Ok(true);
            }
            if self
                .track
                .micros(packet.timestamp())
                .is_some_and(|time_us| time_us > until_us)
            {
                break;
            }
        }
        Ok(false)
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
        if self.count == Some(self.read) {
            return Ok(None);
        }
        let demuxer = match &mut self.demuxer {
            Held::Shared(demuxer) => demuxer,
            Held::Owned(demuxer) => demuxer.as_mut(),
            Held::None => return Ok(None),
        };
        let mut damage = 0;
        loop {
            self.reader.check_time()?;
            match demuxer.read()? {
                Read::Packet(mut packet) => {
                    let is_wanted = packet.size() > 0
                        && self.track.owns(&packet, demuxer.input())
                        && (!self.skips_to_keyframe || packet.is_keyframe());
                    if !is_wanted {
                        continue;
                    }
                    self.skips_to_keyframe = false;
                    if is_damaged(&self.track, demuxer, &packet) {
                        packet.spoil();
                    }
                    if self.is_counted && (packet.is_corrupt() || self.is_elsewhere(&packet)) {
                        self.count = Some(self.read);
                        return Ok(None);
                    }
                    if self.is_behind(&packet) {
                        self.count = Some(self.read);
                        return Ok(None);
                    }
                    return Ok(Some(self.timed(packet)));
                }
                Read::End => return Ok(None),
                // Demuxers resynchronise after damage; a few errors are not the end.
                Read::Damage(error) => {
                    damage += 1;
                    if damage > MAX_DAMAGE {
                        tracing::debug!(%error, "nothing but damage follows");
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Whether `packet` is not the next one: demuxers step over damage.
    fn is_elsewhere(&mut self, packet: &Packet) -> bool {
        let Some(place) = packet.place() else {
            return false;
        };
        let end = self.end.replace(place.end);
        match (self.first, end) {
            (Some((_, at)), _) => !(at..=at + CHUNK_HEADER).contains(&place.start),
            (None, Some(end)) => place.start > end.saturating_add(LEAP),
            (None, None) => false,
        }
    }

    /// Whether all that its edit list shows there, or all that the file holds, comes before
    /// `packet`.
    fn is_behind(&self, packet: &Packet) -> bool {
        let time = packet.decoding_time();
        let until = self.stretch.map(|stretch| stretch.until);
        let is_unwritten = packet
            .place()
            .is_some_and(|place| place.start >= self.data_end);
        is_unwritten || time.zip(until).is_some_and(|(time, until)| time >= until)
    }

    /// `packet` on the track's clock.
    fn timed(&mut self, mut packet: Packet) -> Packet {
        if let Some((time_us, _)) = self.first.take() {
            let first = packet.timestamp().unwrap_or(0);
            self.shift = self.track.nearest_ticks(time_us).saturating_sub(first);
        }
        let is_outside = |stretch: Stretch| {
            let shown = stretch.from..stretch.until;
            packet
                .timestamp()
                .is_some_and(|time| !shown.contains(&time))
        };
        if self.stretch.is_some_and(is_outside) {
            packet.hide();
        }
        packet.shift(self.shift);
        if self.track.lacks_presentation() {
            packet.forget_presentation();
        }
        // Elementary streams carry no times: pictures are counted. Decoding times, as the order of
        // presentation is not known here.
        if self.track.timing == Timing::Untimed {
            let nth = i64::try_from(self.read).unwrap_or(i64::MAX);
            packet.count_as(nth.saturating_mul(self.track.picture_ticks));
        }
        self.read += 1;
        packet
    }
}

/// Whether a part of `packet`, which `demuxer` gave last, is missing or wrong.
fn is_damaged(track: &Track, demuxer: &Demuxer, packet: &Packet) -> bool {
    let is_blank = !track.codec.may_hold_zeros() && demuxer.is_blank(packet);
    is_blank || demuxer.has_lost(packet) || track.codec.sees_damage(packet.data())
}

impl Packets<'static> {
    /// No packet at all.
    pub(super) fn none(reader: &Arc<Reader>, track: &Arc<Track>) -> Self {
        Self::new(Held::None, reader, track)
    }

    /// The packets of `demuxer`, which nothing else reads.
    pub(super) fn owned(mut demuxer: Demuxer, reader: &Arc<Reader>, track: &Arc<Track>) -> Self {
        demuxer.input_mut().discard_all_but(|info| track.is(info));
        Self::new(Held::Owned(Box::new(demuxer)), reader, track)
    }
}
