//! Keyframes of Theora and VP8 in Ogg, by search.
//!
//! Ogg has no index. libav finds a time by bisection, but then reads on until every stream has a
//! packet, and its keyframes are only known once they were read. Pages can be told from what lies
//! between at any place, and most say how many frames there are up to their end, so that any
//! stretch of the file tells times and keyframes. A splice has the header pages of all streams and
//! then the file from the keyframe's page on.
//!
//! Left to libav: other codecs, several videos, and chains of streams one after the other, each
//! with times of its own.

#[cfg(test)]
mod build;
mod order;
mod page;
mod scan;
mod stream;

use bytes::Bytes;

use self::{
    page::{Page, one_packet, pages},
    scan::PageScanner,
    stream::{Kind, Stream},
};
use super::{
    Container, Entry, Timeline,
    blank::data_end,
    profile::{Opening, Profile},
    search::{Anchor, GroupSize, Scanner, is_sound_alone, last_picture},
    stream::{StreamLocator, WHOLE},
};
use crate::{
    Codec, Error,
    position::Position,
    reader::{Piece, Reader, Reason},
};

pub(super) static PROFILE: Profile = Profile {
    container: Container::Ogg,
    demuxer: Some(c"ogg"),
    options: &[],
    sniff: |head| head.starts_with(b"OggS"),
    codecs: Codec::ALL,
    needs_stream_info: true,
    has_index: false,
    keeps_stream_ids: false,
    losses: Some(order::losses),
    whole: WHOLE,
    check: |_| Ok(()),
    open,
};

fn open<'a>(reader: &'a Reader, _: &'a [Position]) -> Opening<'a> {
    Box::pin(async { Ok(PROFILE.opened(locator(reader).await?)) })
}

/// Bytes of the head in which headers and the first picture are looked for, one after the other:
/// what is held, the cover art in an audio stream's comments, and a large first picture.
const HEADS: [u64; 3] = [0, 512 << 10, 2 << 20];
/// Bytes from the end in which the last times are looked for: a page has less than 64 KiB.
const TAILS: [u64; 2] = [64 << 10, 1 << 20];
/// Bytes of a look for the last picture where sound goes on behind it: a page of any length.
const LOOK: u64 = 128 << 10;
/// Streams whose first page tells an earlier time, in microseconds, start at 0; others were cut
/// out of something longer.
const FIRST_PAGE_US: i64 = 5_000_000;
/// The first byte of a Theora frame that needs others, and of a VP8 frame that does.
const NO_KEYFRAME: u8 = 0x41;

/// `None` where the file is better left to libav.
async fn locator(reader: &Reader) -> Result<Option<StreamLocator>, Error> {
    let Some(head) = Head::read(reader).await? else {
        return Ok(None);
    };
    let len = data_end(reader).await?;
    let (end_us, last) = match end(reader, &head, len).await? {
        Some((end_us, last)) if last.time_us > head.start_us => (end_us, last),
        _ => return Ok(None),
    };
    // libav wants to see a frame before it calls headers complete.
    let frame = one_packet(head.scanner.serial, 1, NO_KEYFRAME);
    Ok(Some(StreamLocator {
        len,
        timeline: Timeline::new(head.start_us, Some(end_us - head.start_us))
            .with_last_picture(Some(last.time_us)),
        scanner: Box::new(head.scanner),
        ends: (
            Anchor {
                position: head.media,
                time_us: head.start_us,
            },
            last,
        ),
        probe: reader.config().window,
        probes: 4,
        group: head.group,
        headers: vec![Piece::File(0..head.media), Piece::Made(frame.into())],
        preamble: vec![0..head.media],
        init: None,
        // Packets of the same page may come before the keyframe.
        entry: Entry::Early,
        wrap_bits: None,
    }))
}

/// What comes before the first pictures, and when they begin.
#[derive(Debug)]
struct Head {
    streams: Vec<Stream>,
    /// Where the headers of all streams end.
    media: u64,
    scanner: PageScanner,
    start_us: i64,
    group: GroupSize,
}

enum Parsed {
    Whole(Head),
    /// More bytes may tell.
    CutShort,
    Odd,
}

impl Head {
    /// Reads as much of the head as it takes; `None` leaves the file to libav.
    async fn read(reader: &Reader) -> Result<Option<Self>, Error> {
        for wanted in HEADS {
            let held = reader.cached(0).map_or(0, |bytes| bytes.len() as u64);
            if wanted > 0 && held >= wanted.min(reader.len()) {
                continue;
            }
            let bytes = reader.read(0..wanted.max(held), Reason::Index).await?;
            match Self::parse(&bytes) {
                Parsed::Whole(head) => return Ok(Some(head)),
                Parsed::CutShort => {}
                Parsed::Odd => return Ok(None),
            }
        }
        Ok(None)
    }

    fn parse(bytes: &Bytes) -> Parsed {
        let (streams, media) = match headers(bytes) {
            Ok(found) => found,
            Err(is_cut_short) if is_cut_short => return Parsed::CutShort,
            Err(_) => return Parsed::Odd,
        };
        let mut scanners = streams.iter().filter_map(|stream| match stream.kind {
            Kind::Video(video) => Some(PageScanner {
                serial: stream.serial,
                video,
            }),
            _ => None,
        });
        let (Some(scanner), None) = (scanners.next(), scanners.next()) else {
            return Parsed::Odd;
        };
        if streams.iter().any(|stream| stream.kind == Kind::OtherVideo) {
            return Parsed::Odd;
        }
        let first = scanner.scan(&bytes.slice(media..), media as u64);
        let Some(video_us) = first.first_time_us else {
            return Parsed::CutShort;
        };
        let mut start_us = video_us;
        for page in known_pages(&bytes[media..], &streams) {
            if page.is_first() {
                return Parsed::Odd;
            }
            let sound = streams.iter().find(|stream| {
                stream.serial == page.serial && matches!(stream.kind, Kind::Audio(_))
            });
            let time_us = sound.and_then(|sound| sound.micros(page.granule?));
            if time_us.is_some_and(|time_us| time_us < FIRST_PAGE_US) {
                start_us = start_us.min(0);
            }
        }
        let group = GroupSize::default();
        group.learn(&first.keyframes);
        Parsed::Whole(Self {
            streams,
            media: media as u64,
            scanner,
            start_us,
            group,
        })
    }
}

/// The streams that the file's first pages declare, and where the first page of media begins.
/// An error says whether more bytes might help.
fn headers(bytes: &[u8]) -> Result<(Vec<Stream>, usize), bool> {
    /// More than any file has, beyond which looking one up would take long.
    const MAX_STREAMS: usize = 64;
    let mut streams: Vec<Stream> = Vec::new();
    let mut at = 0;
    loop {
        let Some(page) = Page::parse(bytes, at) else {
            return Err(bytes.len() - at.min(bytes.len()) < Page::MAX_HEADER);
        };
        if page.is_first() {
            let Some(packet) = page.packets().next() else {
                return Err(false);
            };
            streams.push(Stream::of(page.serial, packet.bytes));
            if streams.len() > MAX_STREAMS {
                return Err(false);
            }
        } else {
            let stream = streams.iter().find(|stream| stream.serial == page.serial);
            let Some(stream) = stream else {
                return Err(false);
            };
            let is_media =
                |packet: &page::Packet<'_>| packet.starts && stream.is_media(packet.bytes);
            let nth = page.packets().position(|packet| is_media(&packet));
            match nth {
                Some(0) => return Ok((streams, at)),
                // Headers end in the middle of a page, where nothing can be joined.
                Some(_) => return Err(false),
                None => {}
            }
        }
        at += page.len;
    }
}

/// The pages in `bytes`, from the first of one of `streams` on.
fn known_pages<'a>(bytes: &'a [u8], streams: &'a [Stream]) -> impl Iterator<Item = Page<'a>> {
    pages(bytes, |page| {
        streams.iter().any(|stream| stream.serial == page.serial)
    })
}

/// The last time that any stream tells, in microseconds, and where the last picture is; `None`
/// where there is no time, or what is there at the end is not what began.
async fn end(reader: &Reader, head: &Head, len: u64) -> Result<Option<(i64, Anchor)>, Error> {
    for tail in TAILS {
        let start = len.saturating_sub(tail).max(head.media);
        let bytes = reader.read(start..len, Reason::Index).await?;
        let Some(times) = last_times(&bytes, &head.streams) else {
            return Ok(None);
        };
        let Some(end_us) = times.iter().map(|(_, time_us)| *time_us).max() else {
            continue;
        };
        let own = |(serial, _): &&(u32, i64)| *serial == head.scanner.serial;
        let has_picture = times.iter().any(|time| own(&time));
        if !has_picture && is_sound_alone(times.iter().map(|(_, time_us)| *time_us)) {
            let media = head.media..len;
            let last = last_picture(reader, &head.scanner, media, LOOK..=LOOK).await?;
            return Ok(last.map(|last| (end_us, last)));
        }
        let picture_us = times.iter().filter(own).map(|(_, time_us)| *time_us).max();
        let last = Anchor {
            position: len,
            time_us: picture_us.unwrap_or(end_us),
        };
        return Ok(Some((end_us, last)));
    }
    Ok(None)
}

/// The times, in microseconds, that pages in `bytes` tell, with the streams that they are of;
/// `None` where one is of a stream that is not among `streams`, or begins.
fn last_times(bytes: &[u8], streams: &[Stream]) -> Option<Vec<(u32, i64)>> {
    // Also pages of streams that are not known, if they lead to a page or to the end.
    let is_page = |page: &Page<'_>| {
        let rest = bytes.get(page.offset + page.len..);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"OggS"))
    };
    let of = |page: &Page<'_>| streams.iter().find(|stream| stream.serial == page.serial);
    let mut times = Vec::new();
    for page in pages(bytes, |page| of(page).is_some() || is_page(page)) {
        let stream = of(&page).filter(|_| !page.is_first())?;
        let time_us = page.granule.and_then(|granule| stream.micros(granule));
        times.extend(time_us.map(|time_us| (page.serial, time_us)));
    }
    Some(times)
}
