//! Recordings joined byte by byte, whose times begin anew in the second: as for ffprobe, the first
//! is the film, however long the others are and whatever parameters their codec has.

use std::path::PathBuf;

use devstack::{
    media::{Clip, Scene, Shape, looped},
    oracle,
};

use crate::support::{assert_frames, assert_near, extract_bytes};

/// Too many bytes of two films to be read whole, of different pictures, lengths and sizes.
fn films(shape: Shape) -> [PathBuf; 2] {
    let film = |scene, seconds, width, height| Clip {
        scene,
        seconds,
        width,
        height,
        noise: true,
        ..Clip::new("mp4")
    };
    let films = [
        film(Scene::Pattern, 10, 320, 180),
        film(Scene::Spiral, 16, 384, 216),
    ];
    films.map(|film| looped(&film, shape, 3 << 20).unwrap())
}

/// Whatever is joined to a film, it is the first that is shown.
async fn assert_first(shape: Shape) {
    let films = films(shape);
    let bytes = films.clone().map(|film| std::fs::read(film).unwrap());
    for order in [&[0, 1][..], &[1, 0], &[0, 1, 0], &[1, 1]] {
        let parts: Vec<_> = order.iter().map(|nth| &bytes[*nth][..]).collect();
        let extraction = extract_bytes(parts.concat()).await.unwrap();
        let first = &films[order[0]];
        let seconds = oracle::probe(first).unwrap().duration.unwrap();
        let told = extraction.media.duration.unwrap().as_secs_f64();
        assert!(
            (told - seconds).abs() < 0.5,
            "{order:?}: {told} for {seconds}"
        );
        assert_near(&extraction, 2.0);
        assert_frames(first, &extraction);
    }
}

#[tokio::test]
async fn the_first_of_joined_flash_videos_is_the_film() {
    assert_first(Shape::Flv).await;
    assert_first(Shape::FlvIndexed).await;
}

#[tokio::test]
async fn the_first_of_joined_matroska_files_is_the_film() {
    assert_first(Shape::Mkv).await;
}

#[tokio::test]
async fn the_first_of_two_segments_is_the_film() {
    const SEGMENT: [u8; 4] = [0x18, 0x53, 0x80, 0x67];
    let films = films(Shape::Mkv);
    let [first, second] = films.clone().map(|film| std::fs::read(film).unwrap());
    let segment = second.windows(4).position(|four| four == SEGMENT).unwrap();
    let extraction = extract_bytes([&first[..], &second[segment..]].concat())
        .await
        .unwrap();
    assert_near(&extraction, 2.0);
    assert_frames(&films[0], &extraction);
}
