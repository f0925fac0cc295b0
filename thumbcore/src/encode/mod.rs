//! Pictures out.

mod animation;
mod format;

use bytes::Bytes;

pub(crate) use self::animation::{AnimationFrame, animation};
pub use self::format::ImageFormat;
use crate::{Error, libav::Planes};

/// Encodes `planes` (full-range BT.601 4:2:0) at `quality` 1 to 100.
pub(crate) fn encode(
    planes: &Planes<u8>,
    format: ImageFormat,
    quality: u8,
) -> Result<Bytes, Error> {
    match format {
        ImageFormat::Jpeg => jpeg(planes, quality).map_err(|error| failed(format, error)),
        ImageFormat::WebP => webp(planes, quality),
        ImageFormat::Avif => avif(planes, quality),
    }
}

fn failed(format: ImageFormat, reason: impl std::fmt::Display) -> Error {
    Error::Encode {
        format: format.extension(),
        reason: reason.to_string(),
    }
}

/// Straight from the planes: no pass through RGB.
fn jpeg(planes: &Planes<u8>, quality: u8) -> turbojpeg::Result<Bytes> {
    let mut pixels = Vec::with_capacity(6 * planes.u.len());
    // TurboJPEG wants luma padded to whole 2x2 blocks.
    for line in planes.y.chunks_exact(planes.width) {
        pixels.extend_from_slice(line);
        pixels.extend(line.last().filter(|_| planes.width % 2 == 1));
    }
    if planes.height % 2 == 1 {
        let padded = planes.chroma_width * 2;
        pixels.extend_from_within(pixels.len() - padded..);
    }
    pixels.extend_from_slice(&planes.u);
    pixels.extend_from_slice(&planes.v);
    let mut compressor = turbojpeg::Compressor::new()?;
    compressor.set_quality(i32::from(quality))?;
    let encoded = compressor.compress_yuv_to_vec(turbojpeg::YuvImage {
        pixels: &pixels[..],
        width: planes.width,
        align: 1,
        height: planes.height,
        subsamp: turbojpeg::Subsamp::Sub2x2,
    })?;
    Ok(fitted(encoded))
}

/// `encoded` without spare capacity: pictures are often kept for long.
fn fitted(encoded: Vec<u8>) -> Bytes {
    encoded.into_boxed_slice().into()
}

fn webp(planes: &Planes<u8>, quality: u8) -> Result<Bytes, Error> {
    let rgb = to_rgb(planes);
    webp::Encoder::from_rgb(&rgb, planes.width as u32, planes.height as u32)
        .encode_simple(false, f32::from(quality))
        .map(|memory| Bytes::copy_from_slice(&memory))
        .map_err(|error| failed(ImageFormat::WebP, format!("{error:?}")))
}

#[cfg(feature = "avif")]
fn avif(planes: &Planes<u8>, quality: u8) -> Result<Bytes, Error> {
    use image::{ExtendedColorType, ImageEncoder, codecs::avif::AvifEncoder};

    /// Of 1 (slowest) to 10: within some per cent of the smallest at a fraction of the time.
    const SPEED: u8 = 8;
    let mut out = Vec::new();
    AvifEncoder::new_with_speed_quality(&mut out, SPEED, quality)
        .with_num_threads(Some(1))
        .write_image(
            &to_rgb(planes),
            planes.width as u32,
            planes.height as u32,
            ExtendedColorType::Rgb8,
        )
        .map_err(|error| failed(ImageFormat::Avif, error))?;
    Ok(fitted(out))
}

#[cfg(not(feature = "avif"))]
fn avif(_: &Planes<u8>, _: u8) -> Result<Bytes, Error> {
    Err(Error::Unsupported {
        what: "output format",
        name: "avif (built without the feature)".to_owned(),
    })
}

/// Interleaved RGB, row by row. Source: ITU-T T.871, section 7.
fn to_rgb(planes: &Planes<u8>) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(planes.y.len() * 3);
    for (row, line) in planes.y.chunks_exact(planes.width.max(1)).enumerate() {
        let start = (row / 2) * planes.chroma_width;
        for (column, y) in line.iter().enumerate() {
            let chroma = start + column / 2;
            let y = f32::from(*y);
            let cb = f32::from(planes.u[chroma]) - 128.0;
            let cr = f32::from(planes.v[chroma]) - 128.0;
            rgb.extend(
                [
                    y + 1.402 * cr,
                    y - 0.344_136 * cb - 0.714_136 * cr,
                    y + 1.772 * cb,
                ]
                .map(|value| (value + 0.5).clamp(0.0, 255.0) as u8),
            );
        }
    }
    rgb
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Left half red, right half blue, of odd size.
    fn flag() -> Planes<u8> {
        let (width, height) = (33usize, 17usize);
        let (chroma_width, chroma_height) = (17, 9);
        let side = |left: u8, right: u8, width: usize, height: usize| {
            (0..width * height)
                .map(|i| if i % width < width / 2 { left } else { right })
                .collect()
        };
        Planes {
            width,
            height,
            y: side(76, 29, width, height),
            u: side(85, 255, chroma_width, chroma_height),
            v: side(255, 107, chroma_width, chroma_height),
            chroma_width,
            chroma_height,
        }
    }

    #[test]
    fn every_format_keeps_size_and_colours() {
        for format in [ImageFormat::Jpeg, ImageFormat::WebP] {
            let bytes = encode(&flag(), format, 90).unwrap();
            let image = image::load_from_memory(&bytes).unwrap().to_rgb8();
            assert_eq!(image.dimensions(), (33, 17), "{format}");
            let [red, _, blue] = image.get_pixel(4, 8).0;
            assert!(red > 220 && blue < 40, "{format}: {red} {blue}");
            let [red, _, blue] = image.get_pixel(28, 8).0;
            assert!(red < 40 && blue > 220, "{format}: {red} {blue}");
        }
    }

    #[cfg(feature = "avif")]
    #[test]
    fn avif_is_an_avif_file() {
        let bytes = encode(&flag(), ImageFormat::Avif, 70).unwrap();
        assert_eq!(&bytes[4..12], b"ftypavif");
    }
}
