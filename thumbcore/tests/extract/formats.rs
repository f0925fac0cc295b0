//! Every container of the mission, every output format.

use std::{collections::BTreeSet, sync::Arc};

use devstack::media::Clip;
use thumbcore::{
    Error, Extractor, ImageFormat, LimitError, Limits, MemorySource, Origin, Position,
};

use crate::support::{
    assert_frames, assert_like_ffmpeg, assert_near, decoded, extract, extract_with, made, remuxed,
    unlike_ffmpeg,
};

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
        }
        faults.extend(unlike_ffmpeg(&path, &extraction.thumbnails));
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
    assert_like_ffmpeg(&path, &extraction.thumbnails);
    for thumbnail in &extraction.thumbnails {
        assert!(thumbnail.actual.abs_diff(thumbnail.target).as_millis() < 200);
        pictures.insert(thumbnail.image().to_vec());
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
    }
    assert_like_ffmpeg(&path, &extraction.thumbnails);
}

/// The exact frames at these times of `path`.
async fn exact_times(path: &std::path::Path, at: &[&str]) -> Vec<u128> {
    let extractor = Extractor::builder()
        .positions(at.iter().map(|at| at.parse().unwrap()))
        .exact(true)
        .build()
        .unwrap();
    let extraction = extract_with(&extractor, path).await.unwrap();
    for thumbnail in &extraction.thumbnails {
        assert_eq!(thumbnail.origin, Origin::Decoded);
    }
    assert_like_ffmpeg(path, &extraction.thumbnails);
    let times = extraction.thumbnails.iter();
    times
        .map(|thumbnail| thumbnail.actual.as_millis())
        .collect()
}

#[tokio::test]
async fn the_last_pictures_of_a_stream_differ() {
    let folder = tempfile::tempdir().unwrap();
    let codec = ["-an", "-c:v", "libx264", "-preset", "veryfast", "-bf", "3"];
    let path = remuxed(&Clip::new("mp4"), folder.path(), "reordered.mp4", &codec);
    assert_eq!(exact_times(&path, &["99%", "99.9%"]).await, [9920, 9960]);
    // Frames held back by the decoder are the next targets' as well.
    let times = exact_times(
        &path,
        &["9.5s", "9.51s", "9.53s", "9.57s", "9.65s", "9.95s"],
    )
    .await;
    assert_eq!(times, [9520, 9520, 9560, 9600, 9680, 9960]);
}

#[tokio::test]
async fn exact_is_exact_however_far_the_keyframe() {
    let clip = Clip {
        gop: 2000,
        seconds: 45,
        width: 160,
        height: 120,
        ..Clip::new("mp4")
    };
    let path = clip.make().unwrap();
    assert_eq!(exact_times(&path, &["31s", "44s"]).await, [31_000, 44_000]);
    let limits = Limits {
        max_packets: 500,
        ..Limits::default()
    };
    let extractor = Extractor::builder()
        .positions(["31s".parse().unwrap()])
        .exact(true)
        .limits(limits)
        .build()
        .unwrap();
    let error = extract_with(&extractor, &path).await.unwrap_err();
    let expected = LimitError::Packets { limit: 500 };
    assert!(
        matches!(&error, Error::Limit(limit) if *limit == expected),
        "{error:?}"
    );
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
            assert_eq!((thumbnail.width(), thumbnail.height()), (200, 113));
        }
    }
}

#[tokio::test]
async fn motion_jpeg_without_a_container_is_a_film_and_a_photograph_is_none() {
    let picture = "testsrc2=size=320x180:rate=25:duration=20,scroll=h=0.02";
    let codec = ["-c:v", "mjpeg", "-q:v", "5", "-f", "mjpeg"];
    let path = made("raw.mjpeg", picture, &codec);
    let extraction = extract(&path).await.unwrap();
    assert_eq!(extraction.media.container.as_str(), "mjpeg");
    assert_near(&extraction, 0.04);
    assert_frames(&path, &extraction);
    let film = std::fs::read(&path).unwrap();
    let end = memchr::memmem::find(&film, b"\xff\xd9\xff\xd8").unwrap() + 2;
    let source = Arc::new(MemorySource::new("photo", film[..end].to_vec()));
    let extractor = Extractor::builder().build().unwrap();
    let error = extractor.extract(source).await.unwrap_err();
    assert!(error.to_string().contains("JPEG"), "{error}");
}
