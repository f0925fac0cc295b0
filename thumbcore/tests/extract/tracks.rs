//! Files with several video tracks: pictures are of the film.

use std::path::{Path, PathBuf};

use crate::support::{assert_like_ffmpeg, extract, made};

/// A film of ten seconds, coded by `codec`.
fn film(name: &str, codec: &str) -> PathBuf {
    let codec = ["-c:v", codec, "-g", "25", "-bf", "0", "-q:v", "4"];
    made(name, "testsrc2=s=320x192:r=25:d=10", &codec)
}

/// `film` behind a track of `pictures`, which is larger and the default one.
fn behind(film: &Path, name: &str, (pictures, codec): (&str, &str), muxer: &[&str]) -> PathBuf {
    let film = film.to_str().unwrap();
    let tracks = ["-i", film, "-map", "0:v", "-map", "1:v", "-c:v:1", "copy"];
    let first = [
        "-c:v:0",
        codec,
        "-pix_fmt",
        "yuv420p",
        "-disposition:v:0",
        "default",
    ];
    made(name, pictures, &[&tracks[..], &first, muxer].concat())
}

/// Three pictures of `path` are those of `film`, of all of it.
async fn assert_of_the_film(path: &Path, film: &Path) {
    let name = path.display();
    let extraction = extract(path).await.unwrap();
    assert_eq!(
        (extraction.media.width, extraction.media.height),
        (320, 192),
        "{name}"
    );
    let times = extraction
        .thumbnails
        .iter()
        .map(|it| it.actual.as_secs_f64());
    for (actual, wanted) in times.zip([1.0, 5.0, 9.5]) {
        assert!(
            (actual - wanted).abs() < 0.7,
            "{name}: {actual} for {wanted}"
        );
    }
    assert_like_ffmpeg(film, &extraction.thumbnails);
}

const FRAGMENTS: &str = "frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets";
/// The best two pictures of a film, as phones store them beside it.
const BEST_TWO: &str = "testsrc=s=640x384:r=1:d=2";
/// One picture each five seconds.
const RARE: &str = "testsrc=s=640x384:r=0.2:d=10";

#[tokio::test]
async fn few_pictures_beside_a_film_are_not_the_film() {
    let film = film("tracks-film.mp4", "libx264");
    for pictures in [BEST_TWO, RARE] {
        for (name, muxer) in [
            ("few.mp4", &[][..]),
            ("few.mov", &[]),
            ("few.mkv", &[]),
            ("few-live.mkv", &["-live", "1"]),
            ("few-mfra.mp4", &["-movflags", FRAGMENTS]),
            (
                "few-fragments.mp4",
                &["-movflags", FRAGMENTS, "-movflags", "+skip_trailer"],
            ),
        ] {
            let name = format!("tracks-{}-{name}", pictures.len());
            let path = behind(&film, &name, (pictures, "libx264"), muxer);
            assert_of_the_film(&path, &film).await;
        }
    }
}

#[tokio::test]
async fn few_pictures_beside_a_film_are_not_the_film_in_avi() {
    let film = film("tracks-film.avi", "mpeg4");
    let path = behind(&film, "tracks-few.avi", (BEST_TWO, "mpeg4"), &[]);
    assert_of_the_film(&path, &film).await;
}

#[tokio::test]
async fn stills_in_a_fragmented_file_are_not_the_film() {
    let film = film("tracks-film.mp4", "libx264");
    let stills = ("testsrc=s=640x384:r=1:d=10", "mjpeg");
    let muxer = ["-movflags", FRAGMENTS, "-strict", "unofficial"];
    let path = behind(&film, "tracks-stills.mp4", stills, &muxer);
    assert_of_the_film(&path, &film).await;
}
