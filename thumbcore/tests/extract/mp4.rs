//! What reading an mp4 costs: counted, so it is the same on every machine.

use std::path::Path;

use devstack::{
    media::{Clip, Shape, looped},
    oracle,
};

use thumbcore::Extractor;

use crate::support::{extract_with, unlike_ffmpeg};

/// Size of the movie box.
fn index_size(path: &Path) -> u64 {
    let bytes = std::fs::read(path).unwrap();
    let mut at = 0;
    loop {
        let size = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        let size = match size {
            1 => u64::from_be_bytes(bytes[at + 8..at + 16].try_into().unwrap()),
            size => u64::from(size),
        };
        if &bytes[at + 4..at + 8] == b"moov" {
            return size;
        }
        at += usize::try_from(size).unwrap();
    }
}

#[tokio::test]
async fn an_indexed_file_costs_its_index_and_three_keyframes() {
    let clip = Clip {
        seconds: 20,
        width: 1280,
        height: 720,
        gop: 50,
        noise: true,
        ..Clip::new("mp4")
    };
    // The picture is mostly noise, which JPEG at its usual quality takes the edge off.
    let extractor = Extractor::builder().quality(97).build().unwrap();
    for shape in [Shape::Mp4MoovFirst, Shape::Mp4MoovLast] {
        let name = format!("{shape:?}");
        let path = looped(&clip, shape, 60 << 20).unwrap();
        let extraction = extract_with(&extractor, &path).await.unwrap();
        let keyframes = oracle::keyframes(&path).unwrap();
        let mut ideal = index_size(&path);
        for thumbnail in &extraction.thumbnails {
            let at = thumbnail.actual.as_secs_f64();
            let keyframe = keyframes
                .iter()
                .find(|keyframe| (keyframe.seconds - at).abs() < 0.05)
                .unwrap_or_else(|| panic!("{name}: no keyframe at {at}"));
            ideal += keyframe.size;
            assert_eq!(unlike_ffmpeg(&path, thumbnail), None, "{name}");
        }
        let stats = &extraction.stats;
        let limit = ideal * 115 / 100 + (256 << 10);
        assert!(
            stats.bytes_fetched <= limit,
            "{name}: {stats:?}, at most {limit} bytes"
        );
        assert!(stats.requests <= 6, "{name}: {stats:?}");
        assert!(stats.round_trips <= 3, "{name}: {stats:?}");
        assert_eq!(stats.source_bytes, path.metadata().unwrap().len());
    }
}
