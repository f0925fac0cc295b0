//! Animated WebP of pictures that libwebp encoded one by one.
//!
//! Frames from all over a video have little in common, so there is nothing to gain from the
//! differences between them. Source of the container: RFC 9649, section 2.7.

use bytes::Bytes;

use super::failed;
use crate::{Error, ImageFormat};

/// The flag of the header that says that there are frames.
const IS_ANIMATED: u8 = 0b10;
/// The flag of a frame that replaces what was shown before instead of being blended with it.
const REPLACES: u8 = 0b10;
/// Bytes of a frame's header.
const FRAME_HEADER: usize = 16;

/// One frame: a still picture as lossy WebP without transparency, and how long it is shown.
pub(crate) struct AnimationFrame {
    pub(crate) still: Bytes,
    pub(crate) shown_ms: u32,
}

/// An animation of `frames`, all of `size`, that repeats for ever.
pub(crate) fn animation(frames: &[AnimationFrame], size: (u32, u32)) -> Result<Bytes, Error> {
    if frames.is_empty() {
        return Err(failed(ImageFormat::WebP, "an animation without frames"));
    }
    let mut body = b"WEBP".to_vec();
    let mut header = vec![IS_ANIMATED, 0, 0, 0];
    header.extend(side(size.0));
    header.extend(side(size.1));
    chunk(&mut body, b"VP8X", &header)?;
    // A background of black, which no frame leaves visible, and no end to the repetitions.
    chunk(&mut body, b"ANIM", &[0, 0, 0, 255, 0, 0])?;
    for frame in frames {
        let picture = bitstream(&frame.still)?;
        let mut data = Vec::with_capacity(FRAME_HEADER + picture.len());
        // The place of the frame: top left.
        data.extend([0; 6]);
        data.extend(side(size.0));
        data.extend(side(size.1));
        data.extend(u24(frame.shown_ms));
        data.push(REPLACES);
        data.extend_from_slice(picture);
        chunk(&mut body, b"ANMF", &data)?;
    }
    let mut file = Vec::with_capacity(8 + body.len());
    chunk(&mut file, b"RIFF", &body)?;
    Ok(file.into())
}

/// The chunk of a still picture's bitstream, with its header and padding.
fn bitstream(still: &[u8]) -> Result<&[u8], Error> {
    let chunk = still.get(12..).filter(|chunk| chunk.starts_with(b"VP8 "));
    chunk.ok_or_else(|| failed(ImageFormat::WebP, "a frame is no lossy WebP"))
}

/// Appends a chunk: its name, its length and its data, padded to an even length.
fn chunk(out: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) -> Result<(), Error> {
    let length = u32::try_from(data.len());
    let length = length.map_err(|_| failed(ImageFormat::WebP, "more than 4 GiB"))?;
    out.extend_from_slice(name);
    out.extend(length.to_le_bytes());
    out.extend_from_slice(data);
    if !data.len().is_multiple_of(2) {
        out.push(0);
    }
    Ok(())
}

/// Pixels of a side, as headers hold them.
fn side(pixels: u32) -> [u8; 3] {
    u24(pixels.saturating_sub(1))
}

fn u24(number: u32) -> [u8; 3] {
    let [low, middle, high, _] = number.to_le_bytes();
    [low, middle, high]
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{AnimationDecoder, codecs::webp::WebPDecoder};

    use super::{super::encode, *};
    use crate::libav::Planes;

    /// A still picture of one grey.
    fn grey(luma: u8, (width, height): (usize, usize)) -> Bytes {
        let chroma = vec![128; (width / 2) * (height / 2)];
        let planes = Planes {
            width,
            height,
            y: vec![luma; width * height],
            u: chroma.clone(),
            v: chroma,
            chroma_width: width / 2,
            chroma_height: height / 2,
        };
        encode(&planes, ImageFormat::WebP, 80).unwrap()
    }

    #[test]
    fn another_decoder_reads_frames_and_times() {
        // Two are the same, as those of a video of slides are.
        let lumas = [40_u8, 120, 120, 200];
        let frames = lumas.map(|luma| AnimationFrame {
            still: grey(luma, (32, 16)),
            shown_ms: 500 + u32::from(luma),
        });
        let bytes = animation(&frames, (32, 16)).unwrap();
        let decoder = WebPDecoder::new(Cursor::new(&bytes)).unwrap();
        let read = decoder.into_frames().collect_frames().unwrap();
        assert_eq!(read.len(), lumas.len());
        for (frame, luma) in read.iter().zip(lumas) {
            assert_eq!(frame.buffer().dimensions(), (32, 16));
            let [shown, ..] = frame.buffer().get_pixel(16, 8).0;
            assert!(shown.abs_diff(luma) <= 3, "{shown}, not {luma}");
            let delay = frame.delay().numer_denom_ms();
            assert_eq!(delay, (500 + u32::from(luma), 1));
        }
    }

    #[test]
    fn what_makes_no_animation_is_refused() {
        assert!(animation(&[], (32, 16)).is_err());
        for still in [&b"RIFF"[..], b"RIFF....WEBPVP8L...."] {
            let frame = AnimationFrame {
                still: Bytes::from_static(still),
                shown_ms: 500,
            };
            let error = animation(&[frame], (32, 16)).unwrap_err();
            assert!(error.to_string().contains("no lossy WebP"), "{error}");
        }
    }
}
