//! Pictures that are attached to a file: the cover of an album.

use std::{path::Path, process::Command, sync::Arc};

use devstack::{
    media::{Clip, cover, music},
    oracle,
};
use thumbcore::{Error, Extraction, Extractor, Origin, Position, Request};

use crate::support::{assert_like_ffmpeg, decoded, extract, extract_with, memory};

fn taking_attached() -> Extractor {
    let builder = Extractor::builder().attached_picture(true);
    builder.build().unwrap()
}

/// Each picture is the cover, and says so.
fn assert_cover(path: &Path, extraction: &Extraction) {
    let cover = oracle::frames_at(&cover("png").unwrap(), &[0.0], 320, 240);
    let cover = cover.unwrap().remove(0);
    for thumbnail in &extraction.thumbnails {
        assert_eq!(thumbnail.origin, Origin::Attached);
        assert_eq!(thumbnail.actual.as_micros(), 0);
        let ssim = oracle::ssim(&decoded(thumbnail), &cover);
        assert!(ssim > 0.95, "{}: {ssim}", path.display());
    }
}

#[tokio::test]
async fn the_cover_of_music_is_given_to_who_asks_for_it() {
    for extension in ["m4a", "mp4", "mkv", "mka"] {
        let path = music(extension).unwrap();
        let extraction = extract_with(&taking_attached(), &path).await.unwrap();
        assert_eq!(extraction.thumbnails.len(), 3);
        assert_cover(&path, &extraction);
        let seconds = extraction.media.duration.unwrap().as_secs_f64();
        assert!((seconds - 10.0).abs() < 0.5, "{extension}: {seconds}");

        let error = extract(&path).await.unwrap_err();
        assert!(matches!(error, Error::NoVideo { .. }), "{error:?}");
        assert!(error.to_string().contains("attached picture"), "{error}");
    }
}

#[tokio::test]
async fn a_cover_belongs_to_every_time() {
    let path = music("mkv").unwrap();
    let opened = taking_attached().open(Arc::new(memory(&path))).await;
    let at = Position::Time(std::time::Duration::from_secs(7));
    for request in [
        Request::new().positions([at]).exact(true),
        Request::new().positions([Position::Best, at]),
    ] {
        let extraction = opened.as_ref().unwrap().extract(&request).await.unwrap();
        assert_cover(&path, &extraction);
    }
}

#[tokio::test]
async fn beside_a_cover_the_film_is_taken_whatever_is_asked_for() {
    let film = Clip::default().make().unwrap();
    let cover = music("m4a").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("both.mp4");
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(&cover)
        .arg("-i")
        .arg(&film)
        .args(["-map", "0:v", "-map", "1", "-c", "copy"])
        .args(["-disposition:v:0", "attached_pic"])
        .arg(&path)
        .status();
    assert!(status.unwrap().success());
    let extraction = extract_with(&taking_attached(), &path).await.unwrap();
    assert_like_ffmpeg(&film, &extraction.thumbnails);
    assert_eq!(extraction.thumbnails[0].origin, Origin::Keyframe);
}
