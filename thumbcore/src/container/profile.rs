//! What the rest of thumbcore knows of a container family.

use std::{ffi::CStr, fmt};

use futures::future::BoxFuture;

use super::{Composition, Container, Locator};
use crate::{
    Codec, Error,
    position::Position,
    reader::{MakeLosses, Pin, Reader, Reason},
};

/// One container family: how its files are told from others, opened, and searched for keyframes.
///
/// Each family's folder exports one, and [`super::sniff`] chooses among them. Nothing outside of
/// this module asks which family a file is of: what differs is a field here.
pub(crate) struct Profile {
    /// The family, as callers are told.
    pub(crate) container: Container,
    /// libav's demuxer; `None` lets libav probe among [`demuxers`](super::demuxers).
    pub(crate) demuxer: Option<&'static CStr>,
    /// Private options of the demuxer, unless opening finds otherwise.
    pub(super) options: &'static [(&'static str, &'static str)],
    /// Whether a file that starts with these bytes is of the family.
    pub(super) sniff: fn(&[u8]) -> bool,
    /// The codecs that a file of the family may be decoded with.
    pub(crate) codecs: &'static [Codec],
    /// The header leaves out the start, dimensions, duration or even the streams, so that libav
    /// must read packets to learn them.
    pub(super) needs_stream_info: bool,
    /// libav's index, read with the header, says where each keyframe is, unless opening finds
    /// otherwise.
    pub(super) has_index: bool,
    /// A stream keeps its number in the container whatever part of the file a demuxer starts in,
    /// although the header does not declare it.
    pub(crate) keeps_stream_ids: bool,
    /// Tells which packets lost bytes, where the framing of such a file shows that and libav does
    /// not say.
    pub(crate) losses: Option<MakeLosses>,
    /// A file of up to this many bytes is fetched whole and read by libav alone.
    pub(super) whole: u64,
    /// Refuses such a file, by all of its bytes, where its pictures need a key.
    pub(super) check: fn(&[u8]) -> Result<(), Error>,
    /// Reads the index. Called once, after head and tail were read; the positions will probably
    /// be asked for, so that what they need can be read along.
    pub(super) open: for<'a> fn(&'a Reader, &'a [Position]) -> Opening<'a>,
}

/// What [`Profile::open`] gives back.
pub(super) type Opening<'a> = BoxFuture<'a, Result<Opened, Error>>;

/// How the keyframes of an opened file are found.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Finds them by the file's bytes; `None` leaves the file to libav.
    pub(crate) locator: Option<Box<dyn Locator>>,
    /// libav must read packets to know the streams.
    pub(crate) needs_stream_info: bool,
    /// libav's index, read with the header, says where each keyframe is.
    pub(crate) has_index: bool,
    /// Private options of the demuxer.
    pub(crate) options: &'static [(&'static str, &'static str)],
    /// What the header tells beside libav's index.
    pub(crate) composition: Option<Composition>,
    /// Keeps in the cache what libav reads of the file when it is opened.
    pub(crate) pinned: Option<Pin>,
}

impl Profile {
    /// Reads the index of `reader`'s file, of which head and tail are held.
    pub(crate) async fn open(
        &self,
        reader: &Reader,
        positions: &[Position],
    ) -> Result<Opened, Error> {
        if reader.len() <= self.whole {
            let bytes = reader.read(0..reader.len(), Reason::Index).await?;
            (self.check)(&bytes)?;
            return Ok(self.left_to_libav());
        }
        (self.open)(reader, positions).await
    }

    /// The decoders that libav may run to learn of the streams, as it wants the list. Audio
    /// decoders are left out: their parameters are never used.
    pub(crate) fn decoders(&self) -> String {
        let codecs = self.codecs.iter().filter(|codec| codec.is_allowed_here());
        let decoders = codecs.flat_map(|codec| codec.decoders());
        decoders.copied().collect::<Vec<_>>().join(",")
    }

    /// The codec that libav calls `name`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where it may not be decoded, in this container or in this process.
    pub(crate) fn codec(&self, name: &str) -> Result<Codec, Error> {
        let codec = Codec::from_name(name).filter(|codec| self.codecs.contains(codec));
        let unsupported = |name: String| Error::Unsupported {
            what: "codec",
            name,
        };
        match codec {
            Some(codec) if codec.is_allowed_here() => Ok(codec),
            Some(_) => Err(unsupported(format!("{name} outside of a sandbox"))),
            None => Err(unsupported(name.to_owned())),
        }
    }

    /// A file whose keyframes `locator` finds, or libav where there is none.
    pub(super) fn opened<L: Locator + 'static>(&self, locator: Option<L>) -> Opened {
        Opened {
            locator: locator.map(|locator| Box::new(locator) as Box<dyn Locator>),
            ..self.left_to_libav()
        }
    }

    /// A file that libav reads without our help.
    pub(super) fn left_to_libav(&self) -> Opened {
        Opened {
            locator: None,
            needs_stream_info: self.needs_stream_info,
            has_index: self.has_index,
            options: self.options,
            composition: None,
            pinned: None,
        }
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Profile").field(&self.container).finish()
    }
}
