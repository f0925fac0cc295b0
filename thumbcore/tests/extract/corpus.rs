//! Real videos, where the corpus is at hand: whatever ffmpeg decodes gives pictures, and they are
//! those that ffmpeg shows at the stated times.

use devstack::corpus;

use crate::support::{extract, unlike_ffmpeg};

/// Files whose pictures are right and differ from ffmpeg's, with the reason.
const DIFFERENT_ON_PURPOSE: &[(&str, &str)] = &[
    ("androidx__dolbyVision-hdr.MOV", "HLG is tone-mapped"),
    (
        "androidx__hdr10-video-with-sdr-container.mp4",
        "PQ is tone-mapped",
    ),
    ("mp4parse__video_colr_nclx_hdr10.mp4", "2x2 pixels"),
    (
        "filetype__fixture2.mpg",
        "an elementary stream carries no times",
    ),
];

/// Every `SHARES`th video from `first` on, so that the shares can be checked side by side.
async fn check_share(first: usize) {
    let mut faults = Vec::new();
    for video in corpus::videos()
        .unwrap()
        .into_iter()
        .skip(first)
        .step_by(SHARES)
    {
        let (name, ffmpeg_decodes) = (video.name, video.ffmpeg_decodes);
        match extract(&video.path).await {
            Ok(extraction) => {
                assert_eq!(extraction.thumbnails.len(), 3, "{name}");
                if ffmpeg_decodes && !DIFFERENT_ON_PURPOSE.iter().any(|(file, _)| *file == name) {
                    faults.extend(unlike_ffmpeg(&video.path, &extraction.thumbnails));
                }
            }
            Err(error) if ffmpeg_decodes => faults.push(format!("{name}: {error}")),
            Err(error) => assert!(!error.is_transient(), "{name}: {error}"),
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// How many tests share the videos.
const SHARES: usize = 4;

#[tokio::test]
async fn whatever_ffmpeg_decodes_gives_its_pictures_first_share() {
    check_share(0).await;
}

#[tokio::test]
async fn whatever_ffmpeg_decodes_gives_its_pictures_second_share() {
    check_share(1).await;
}

#[tokio::test]
async fn whatever_ffmpeg_decodes_gives_its_pictures_third_share() {
    check_share(2).await;
}

#[tokio::test]
async fn whatever_ffmpeg_decodes_gives_its_pictures_fourth_share() {
    check_share(3).await;
}
