//! Every container on the allow-list that has no family of its own: libav probes it and reads it
//! front to back.
//!
//! Elementary streams are among them, which carry no times: pictures are counted.

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
    losses: None,
    whole: 0,
    check: |_| Ok(()),
    open,
};

fn open<'a>(_: &'a Reader, _: &'a [Position]) -> Opening<'a> {
    Box::pin(async { Ok(PROFILE.left_to_libav()) })
}

/// libav's demuxers of elementary streams.
const ELEMENTARY: [&str; 12] = [
    "h264",
    "hevc",
    "m4v",
    "mpegvideo",
    "mjpeg",
    "obu",
    "av1",
    "vc1",
    "h263",
    "h261",
    "dirac",
    "vvc",
];

/// Whether packets of `codec` that libav's demuxer `name` gives carry decoding times alone.
pub(super) fn lacks_presentation(name: &str, codec: Codec) -> bool {
    matches!(codec, Codec::H264 | Codec::Hevc) && matches!(name, "mxf" | "asf")
}

/// Whether packets of libav's demuxer `name` may carry no times.
pub(super) fn is_elementary(name: &str) -> bool {
    ELEMENTARY.contains(&name)
}
