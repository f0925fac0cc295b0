//! Every container of the mission, every output format.

use std::collections::BTreeSet;

use devstack::media::Clip;
use thumbcore::{Extractor, ImageFormat, Origin, Position};

use crate::support::{decoded, extract, extract_with, unlike_ffmpeg};

#[tokio::test]
async fn all_ten_extensions_give_ffmpegs_pictures() {
    let mut faults = Vec::new();
    for extension in devstack::EXTENSIONS {
        let path = Clip::new(extension).make().unwrap();
        let extraction = match extract(&path).await {
            Ok(extraction) => extraction,
            Err(error) => {
                faults.push(format!("{extension}: {error}"));
                continue;
            }
        };
        assert_eq!(extraction.thumbnails.len(), 3, "{extension}");
        let duration = extraction.media.duration.unwrap().as_secs_f64();
        for (thumbnail, share) in extraction.thumbnails.iter().zip([0.10, 0.50, 0.95]) {
            let off = thumbnail.actual.as_secs_f64() - duration * share;
            // Within the tolerance, or the next frame where it was decoded forward.
            if off.abs() > duration * 0.05 + 0.1 {
                faults.push(format!("{extension}: {off:+.3} s from {share}"));
            }
            faults.extend(unlike_ffmpeg(&path, thumbnail));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[tokio::test]
async fn one_keyframe_gives_three_different_pictures() {
    let clip = Clip {
        gop: 1000,
        seconds: 4,
        ..Clip::new("mp4")
    };
    let path = clip.make().unwrap();
    let extraction = extract(&path).await.unwrap();
    let mut pictures = BTreeSet::new();
    for thumbnail in &extraction.thumbnails {
        assert_eq!(unlike_ffmpeg(&path, thumbnail), None);
        assert!(thumbnail.actual.abs_diff(thumbnail.target).as_millis() < 200);
        pictures.insert(thumbnail.image.to_vec());
    }
    assert_eq!(pictures.len(), 3);
}

#[tokio::test]
async fn exact_means_the_frame_at_the_time() {
    let path = Clip::new("mp4").make().unwrap();
    let times = [1234, 5678, 9012].map(std::time::Duration::from_millis);
    let extractor = Extractor::builder()
        .positions(times.map(Position::Time))
        .exact(true)
        .build()
        .unwrap();
    let extraction = extract_with(&extractor, &path).await.unwrap();
    for thumbnail in &extraction.thumbnails {
        assert_eq!(thumbnail.origin, Origin::Decoded);
        let late = thumbnail.actual.checked_sub(thumbnail.target).unwrap();
        assert!(
            late.as_millis() <= 40,
            "{late:?} late at 25 frames a second"
        );
        assert_eq!(unlike_ffmpeg(&path, thumbnail), None);
    }
}

#[tokio::test]
async fn formats_and_sizes_are_as_asked_for() {
    let path = Clip::new("webm").make().unwrap();
    for format in [ImageFormat::Jpeg, ImageFormat::WebP] {
        let extractor = Extractor::builder()
            .format(format)
            .max_width(200)
            .build()
            .unwrap();
        let extraction = extract_with(&extractor, &path).await.unwrap();
        for thumbnail in &extraction.thumbnails {
            assert_eq!(decoded(thumbnail).dimensions(), (200, 113), "{format}");
            assert_eq!((thumbnail.width, thumbnail.height), (200, 113));
        }
    }
}
