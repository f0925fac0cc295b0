//! Motion JPEG without a container: pictures one after the other, which libav reads front to back.

use memchr::memmem;

use super::{
    Container,
    profile::{Opening, Profile},
};
use crate::{
    Codec, Error,
    position::Position,
    reader::{Reader, Reason},
};

pub(super) static PROFILE: Profile = Profile {
    container: Container::Other("mjpeg"),
    demuxer: Some(c"mjpeg"),
    options: &[],
    sniff: |head| head.starts_with(b"\xff\xd8\xff"),
    codecs: &[Codec::Mjpeg],
    needs_stream_info: true,
    has_index: false,
    keeps_stream_ids: false,
    losses: None,
    whole: 0,
    check: |_| Ok(()),
    open,
};

/// Bytes in which further pictures are looked for, one after the other: what is held, then as much
/// as three large pictures take.
const HEADS: [u64; 2] = [64 << 10, 4 << 20];
/// Where a picture ends and the next begins. Photographs hold pictures of pictures, which begin
/// elsewhere, and perhaps one more behind (a stereo pair, a gain map).
const SEAM: &[u8] = b"\xff\xd9\xff\xd8\xff";
/// Seams from which on pictures are a film.
const SEAMS: usize = 2;

fn open<'a>(reader: &'a Reader, _: &'a [Position]) -> Opening<'a> {
    Box::pin(async {
        for len in HEADS {
            let bytes = reader.read(0..len, Reason::Index).await?;
            if memmem::find_iter(&bytes, SEAM).nth(SEAMS - 1).is_some() {
                return Ok(PROFILE.left_to_libav());
            }
        }
        Err(Error::Unsupported {
            what: "container",
            name: "a picture (JPEG)".to_owned(),
        })
    })
}
