//! Reading the movie box.

use std::ops::Range;

use bytes::Bytes;

use super::{
    PROFILE,
    boxes::{BoxHeader, child},
    claims::Claims,
    fragmented::Fragmented,
    layout::Layout,
};
use crate::{
    Error,
    container::profile::{Opened, Opening},
    position::Position,
    reader::{Reader, Reason},
};

/// Bytes read behind the movie box: libav looks at the headers of the boxes that follow until it
/// has seen the media.
const BEHIND: u64 = 256;

/// A movie box, read whole.
#[derive(Debug, Clone)]
pub(super) struct MovieBox {
    /// Its place in the file.
    pub(super) place: Range<u64>,
    /// All of it, header included.
    bytes: Bytes,
    /// A movie fragment lies before it.
    follows_fragment: bool,
}

pub(super) fn open<'a>(reader: &'a Reader, positions: &'a [Position]) -> Opening<'a> {
    Box::pin(async move {
        let movie = MovieBox::find(reader).await?;
        if !movie.announces_fragments() {
            return Ok(PROFILE.left_to_libav());
        }
        let locator = if movie.follows_fragment {
            None
        } else {
            Fragmented::open(reader, &movie, positions).await?
        };
        Ok(Opened {
            // The header of a fragmented file tells no duration.
            needs_stream_info: true,
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
            if layout.starts_with_fragment || layout.next >= reader.len() || is_stuck {
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

    async fn read(
        reader: &Reader,
        place: Range<u64>,
        follows_fragment: bool,
    ) -> Result<Self, Error> {
        let behind = place.end..place.end.saturating_add(BEHIND);
        reader
            .prefetch([place.clone(), behind], Reason::Index)
            .await?;
        let bytes = reader.read(place.clone(), Reason::Index).await?;
        Claims::of(&bytes)?.check(reader.limits())?;
        Ok(Self {
            place,
            bytes,
            follows_fragment,
        })
    }

    /// What the box holds.
    pub(super) fn payload(&self) -> &[u8] {
        let header = BoxHeader::parse(&self.bytes).map_or(0, |header| header.header_len as usize);
        self.bytes.get(header..).unwrap_or_default()
    }

    /// Whether the samples are in movie fragments that follow.
    fn announces_fragments(&self) -> bool {
        child(self.payload(), b"mvex").is_some()
    }
}
