//! Videos that are to be shown turned, as phones write them.

use std::sync::Arc;

use devstack::{media::Clip, oracle};
use thumbcore::{Extractor, MemorySource};

use crate::support::{decoded, extract, made};

/// A quarter turn clockwise, as fixed-point numbers.
const QUARTER: [i32; 9] = [0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30];
/// Bytes of a track header between its name and its matrix.
const BEFORE_MATRIX: usize = 44;

/// The file with the matrix of its first track replaced. Written here, as ffmpeg's options for it
/// differ by version.
fn turned(mut file: Vec<u8>) -> Vec<u8> {
    let header = file.windows(4).position(|kind| kind == b"tkhd").unwrap();
    let matrix: Vec<u8> = QUARTER.into_iter().flat_map(i32::to_be_bytes).collect();
    file[header + BEFORE_MATRIX..][..matrix.len()].copy_from_slice(&matrix);
    file
}

#[tokio::test]
async fn pictures_are_upright() {
    for extension in ["mp4", "mov"] {
        let clip = Clip::new(extension).make().unwrap();
        let lying = extract(&clip).await.unwrap();
        let source = MemorySource::new("turned", turned(std::fs::read(&clip).unwrap()));
        let source = Arc::new(source);
        let extractor = Extractor::builder().max_width(360).build().unwrap();
        let probe = extractor.probe(source.clone()).await.unwrap();
        assert_eq!((probe.media.width, probe.media.height), (360, 640));
        let upright = extractor.extract(source).await.unwrap();
        assert_eq!(upright.thumbnails.len(), lying.thumbnails.len());
        for (upright, lying) in upright.thumbnails.iter().zip(&lying.thumbnails) {
            assert_eq!(
                (upright.width(), upright.height()),
                (360, 640),
                "{extension}"
            );
            let expected = image::imageops::rotate90(&decoded(lying));
            let ssim = oracle::ssim(&decoded(upright), &expected);
            assert!(ssim > 0.95, "{extension}: {ssim}");
        }
    }
}

#[tokio::test]
async fn the_codecs_own_message_turns_the_picture_where_the_container_has_none() {
    for rotate in ["90", "180", "270"] {
        let filter = format!("h264_metadata=display_orientation=insert:rotate={rotate}");
        for extension in ["ts", "mkv", "flv", "264", "mp4", "avi"] {
            let name = format!("sei-{rotate}.{extension}");
            let source = "testsrc2=size=160x96:rate=10:duration=6";
            let codec = ["-c:v", "libx264", "-g", "10", "-bsf:v", &filter];
            let path = made(&name, source, &codec);
            let lying = made(&format!("sei-none.{extension}"), source, &codec[..4]);
            let (upright, lying) = (
                extract(&path).await.unwrap(),
                extract(&lying).await.unwrap(),
            );
            for (upright, lying) in upright.thumbnails.iter().zip(&lying.thumbnails) {
                let expected = match rotate {
                    "90" => image::imageops::rotate270(&decoded(lying)),
                    "180" => image::imageops::rotate180(&decoded(lying)),
                    _ => image::imageops::rotate90(&decoded(lying)),
                };
                let upright = decoded(upright);
                assert_eq!(upright.dimensions(), expected.dimensions(), "{name}");
                let ssim = oracle::ssim(&upright, &expected);
                assert!(ssim > 0.95, "{name}: {ssim}");
            }
        }
    }
}
