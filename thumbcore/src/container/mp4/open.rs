//! Reading the movie box.

use std::ops::Range;

use bytes::Bytes;

use super::{
    PROFILE,
    boxes::{BoxHeader, child, children, descendant},
    claims::{Claims, unpacked_len},
    clock,
    composition::Composition,
    description,
    edits::{self, Hiding},
    fragmented::{self, Fragmented, Outcome},
    layout::Layout,
    rescue,
    samples::SampleTables,
};
use crate::{
    Error,
    container::{
        encrypted, film,
        profile::{Opened, Opening},
    },
    position::Position,
    reader::{Pin, Reader, Reason},
};

/// Bytes read behind the movie box: libav looks at the headers of the boxes that follow until it
/// has seen the media.
const BEHIND: u64 = 256;

/// A movie box larger than this, 16 MiB, the index of four hours, is looked at before it is read.
const UNUSUAL: u64 = 16 << 20;
/// Bytes read for that look: the header of the box and that of its first child.
const LOOK: u64 = 64;

/// The demuxer's options for a film of which its edit list shows nothing: all of it is shown, from
/// where the list begins.
const WITH_FIRST_EDIT: &[(&str, &str)] = &[("advanced_editlist", "0")];
/// The demuxer's options for a film whose edit list is nonsense.
const WITHOUT_EDITS: &[(&str, &str)] = &[("ignore_editlist", "1")];

/// A movie box, read whole.
#[derive(Debug)]
pub(super) struct MovieBox {
    /// Its place in the file.
    pub(super) place: Range<u64>,
    /// All of it, header included.
    bytes: Bytes,
    /// A movie fragment lies before it.
    follows_fragment: bool,
    /// libav reads the box again, piece by piece, with others in between.
    pin: Option<Pin>,
}

pub(super) fn open<'a>(reader: &'a Reader, positions: &'a [Position]) -> Opening<'a> {
    Box::pin(async move {
        let mut movie = MovieBox::find(reader).await?;
        let film = movie.film();
        if let Some(film) = film {
            check(film, movie.announces_fragments())?;
        }
        let hiding = film.and_then(hiding);
        // libav's index of several edits has times that run backwards, which nobody can search.
        let is_cut = hiding.is_none() && film.is_some_and(is_cut);
        let options = match hiding {
            Some(Hiding::Shift) => WITH_FIRST_EDIT,
            Some(Hiding::Nonsense) => WITHOUT_EDITS,
            None if is_cut => WITHOUT_EDITS,
            None => PROFILE.options,
        };
        let plain = Opened {
            options,
            composition: Some(Composition::new(movie.shared_payload(), is_cut)),
            pinned: movie.pin.take(),
            ..PROFILE.left_to_libav()
        };
        if !movie.announces_fragments() {
            return Ok(plain);
        }
        let outcome = if movie.follows_fragment {
            Outcome::Unreadable
        } else {
            Fragmented::open(reader, &movie, positions).await?
        };
        let locator = match outcome {
            Outcome::Opened(locator) => Some(*locator),
            Outcome::Unreadable => None,
            Outcome::NoFragments => return Ok(plain),
        };
        Ok(Opened {
            // The header of a fragmented file tells no duration.
            needs_stream_info: true,
            // libav's index has the fragments that were read only.
            has_index: false,
            ..PROFILE.opened(locator)
        })
    })
}

impl MovieBox {
    /// Fetches the whole movie box, the index of a plain file, and refuses one that would take too
    /// much memory. Mostly one or two requests do.
    async fn find(reader: &Reader) -> Result<Self, Error> {
        let mut layout = Layout::default();
        let mut looked_at = None;
        // Each turn jumps over all boxes that are held, and costs a request. libav would go on to
        // any movie box that is not found here.
        loop {
            layout.walk(reader.len(), |at| reader.cached(at));
            if let Some(place) = layout.moov {
                return Self::read(reader, place, layout.starts_with_fragment).await;
            }
            let is_stuck = looked_at == Some(layout.next);
            if layout.starts_with_fragment {
                return Err(Error::Unsupported {
                    what: "container",
                    name: "a media segment, whose movie box is in another file".to_owned(),
                });
            }
            if layout.next >= reader.len() || is_stuck {
                if let Some(place) = rescue::find(reader, &layout).await? {
                    return Self::read(reader, place, false).await;
                }
                return Err(Error::Corrupt {
                    reason: "there is no movie box where it should be".to_owned(),
                });
            }
            // What follows the media is mostly the movie box and the last: then all of it is
            // wanted. Where it is too much to be an index, a look at its header comes first.
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

    /// Whether a movie box begins at `place` as one does, and does not only claim to: with a child
    /// that lies in it. Costs a read where the start is not held.
    async fn is_plausible(reader: &Reader, place: &Range<u64>) -> Result<bool, Error> {
        let look = place.start..place.start.saturating_add(LOOK).min(place.end);
        let bytes = reader.read(look, Reason::Index).await?;
        let child = BoxHeader::parse(&bytes)
            .and_then(|own| bytes.get(own.header_len as usize..))
            .and_then(BoxHeader::parse);
        let room = place.end - place.start;
        Ok(child.is_some_and(|child| {
            let is_named = child.kind.iter().all(u8::is_ascii_graphic);
            is_named && child.size.is_some_and(|size| size < room)
        }))
    }

    async fn read(
        reader: &Reader,
        place: Range<u64>,
        follows_fragment: bool,
    ) -> Result<Self, Error> {
        if place.end - place.start > UNUSUAL && !Self::is_plausible(reader, &place).await? {
            return Err(Error::Corrupt {
                reason: "a movie box that holds no boxes".to_owned(),
            });
        }
        let pin = reader.pin(place.clone());
        let behind = place.end..place.end.saturating_add(BEHIND);
        reader
            .prefetch([place.clone(), behind], Reason::Index)
            .await?;
        let bytes = reader.read(place.clone(), Reason::Index).await?;
        let bytes = with_clocks(reader, &place, bytes);
        let unpacking = reader.charge(unpacked_len(&bytes))?;
        let claims = Claims::of(&bytes)?;
        drop(unpacking);
        claims.check(reader.limits())?;
        // libav keeps the tables, and makes its index from them.
        let tables = bytes.len() as u64;
        reader.charge_while_open(tables.saturating_add(claims.memory()))?;
        Ok(Self {
            place,
            bytes,
            follows_fragment,
            pin: Some(pin),
        })
    }

    /// What the box holds.
    pub(super) fn payload(&self) -> &[u8] {
        self.bytes.get(self.header_len()..).unwrap_or_default()
    }

    fn header_len(&self) -> usize {
        BoxHeader::parse(&self.bytes).map_or(0, |header| header.header_len as usize)
    }

    /// The payload, sharing the memory.
    fn shared_payload(&self) -> Bytes {
        self.bytes.slice(self.header_len().min(self.bytes.len())..)
    }

    /// The film's track box.
    fn film(&self) -> Option<&[u8]> {
        let traks = children(self.payload()).filter(|(kind, _)| kind == b"trak");
        let videos = traks
            .map(|(_, trak)| trak)
            .filter(|trak| description::is_video(trak));
        film::choose(videos, |trak| {
            let tables = SampleTables::parse(trak);
            // A track in fragments has none here.
            let frames = tables.map(|tables| u64::from(tables.count));
            description::candidate(trak, frames.filter(|frames| *frames > 0))
        })
    }

    /// Whether the samples are in movie fragments that follow.
    fn announces_fragments(&self) -> bool {
        child(self.payload(), b"mvex").is_some()
    }
}

/// `bytes`, the movie box at `place`, with time scales that make sense, which libav reads as well.
fn with_clocks(reader: &Reader, place: &Range<u64>, bytes: Bytes) -> Bytes {
    let header = BoxHeader::parse(&bytes).map_or(0, |header| header.header_len as usize);
    let corrected = clock::corrected(bytes.get(header..).unwrap_or_default());
    if corrected.is_empty() {
        return bytes;
    }
    let mut own = bytes.to_vec();
    for (at, scale) in corrected {
        let at = header + at;
        let scale = scale.to_be_bytes();
        own[at..at + 4].copy_from_slice(&scale);
        reader.patch(place.start + at as u64, Bytes::copy_from_slice(&scale));
    }
    own.into()
}

/// Refuses a film, whose track box is `trak`, of which no picture can be made.
fn check(trak: &[u8], is_fragmented: bool) -> Result<(), Error> {
    if description::is_encrypted(trak) {
        return Err(encrypted("Common Encryption"));
    }
    if is_fragmented && is_unnumbered(trak) {
        return Err(Error::Corrupt {
            reason: "no fragment can be told to be of the film, which has no number".to_owned(),
        });
    }
    Ok(())
}

/// Whether an edit list puts several parts of `trak`, a track with samples of its own, one after
/// the other.
fn is_cut(trak: &[u8]) -> bool {
    let list = descendant(trak, &[b"edts", b"elst"]);
    has_samples(trak) && list.is_some_and(edits::is_cut)
}

/// Whether nothing says which fragments are of `trak`, which has no samples of its own: libav would
/// look for them in vain, for half a minute.
fn is_unnumbered(trak: &[u8]) -> bool {
    fragmented::track_id(trak).is_none() && !has_samples(trak)
}

/// Whether the movie box names samples of `trak`.
fn has_samples(trak: &[u8]) -> bool {
    SampleTables::parse(trak).is_some_and(|tables| tables.count > 0)
}

/// How its edit list hides all of `trak`, a track with samples of its own.
fn hiding(trak: &[u8]) -> Option<Hiding> {
    let list = descendant(trak, &[b"edts", b"elst"])?;
    let tables = SampleTables::parse(trak).filter(|tables| tables.count > 0)?;
    edits::hiding(list, tables.ticks())
}
