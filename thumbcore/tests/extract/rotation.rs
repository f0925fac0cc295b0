//! Videos that are to be shown turned, as phones write them.

use std::sync::Arc;

use devstack::{media::Clip, oracle};
use thumbcore::{Extractor, MemorySource};

use crate::support::{decoded, extract};

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
