//! ISO base media and `QuickTime` files.
//!
//! The movie box is the index. It is found ([`layout`]) and read whole, and what it claims to hold
//! is added up ([`claims`]) before libav builds its own index from it. Files whose samples are in
//! movie fragments have no such index and a locator of ours ([`fragmented`]).

mod boxes;
mod claims;
mod clock;
mod composition;
mod description;
mod edits;
mod fragmented;
mod header;
mod layout;
mod open;
mod rescue;
mod samples;

use self::boxes::BoxHeader;
#[cfg(feature = "testing")]
pub(super) use self::{claims::Claims, layout::Layout};
pub(crate) use self::{
    composition::{Composition, TrackComposition},
    edits::Stretch,
};
use super::{Container, profile::Profile};
use crate::Codec;

pub(super) static PROFILE: Profile = Profile {
    container: Container::Mp4,
    demuxer: Some(c"mov"),
    // libav then seeks in fragments by the index at the end of the file.
    options: &[("use_mfra_for", "pts")],
    sniff: is_mp4,
    codecs: Codec::ALL,
    needs_stream_info: false,
    has_index: true,
    keeps_stream_ids: false,
    losses: None,
    whole: 0,
    check: |_| Ok(()),
    open: open::open,
};

/// Whether `head` starts with a box that such files start with.
fn is_mp4(head: &[u8]) -> bool {
    const FIRST: [&[u8; 4]; 11] = [
        b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"sidx", b"moof",
        b"uuid",
    ];
    BoxHeader::parse(head).is_some_and(|header| FIRST.contains(&&header.kind))
}
