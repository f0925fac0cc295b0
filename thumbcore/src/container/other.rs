//! Every container on the allow-list that has no family of its own: libav probes it and reads it
//! front to back.

use super::{
    Container,
    profile::{Opening, Profile},
};
use crate::{Codec, position::Position, reader::Reader};

pub(super) static PROFILE: Profile = Profile {
    container: Container::Other("unknown"),
    demuxer: None,
    options: &[],
    sniff: |_| true,
    codecs: Codec::ALL,
    needs_stream_info: true,
    has_index: false,
    keeps_stream_ids: false,
    whole: 0,
    open,
};

fn open<'a>(_: &'a Reader, _: &'a [Position]) -> Opening<'a> {
    Box::pin(async { Ok(PROFILE.left_to_libav()) })
}
