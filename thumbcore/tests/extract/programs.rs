//! Transport streams of several videos: the one that a player shows is the film.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use devstack::media::{Clip, Scene, cached};
use thumbcore::{Error, Extraction, Extractor, MemorySource};

use crate::support::{assert_like_ffmpeg, assert_near};

/// Both in one program, and each in one of its own.
const LAYOUTS: [(&str, &[&str]); 2] = [
    ("one", &[]),
    (
        "two",
        &[
            "-program",
            "program_num=1:st=0",
            "-program",
            "program_num=2:st=1",
        ],
    ),
];

/// The packet ids that ffmpeg gives to the first two streams.
const PIDS: [u16; 2] = [0x100, 0x101];

const PACKET: usize = 188;

/// A small film and a large one, of different pictures; `is_long` are too many bytes to be read
/// whole.
fn films(is_long: bool) -> [PathBuf; 2] {
    let film = |scene, width, height| Clip {
        scene,
        seconds: if is_long { 12 } else { 3 },
        width,
        height,
        audio: false,
        noise: is_long,
        ..Clip::new("mp4")
    };
    let films = [
        film(Scene::Pattern, 256, 144),
        film(Scene::Spiral, 384, 216),
    ];
    films.map(|film| film.make().unwrap())
}

/// `films` in one transport stream.
fn together(films: &[PathBuf; 2], name: &str, programs: &[&str]) -> PathBuf {
    let name = format!("{name}-{}", films[0].file_stem().unwrap().display());
    let made = cached(&format!("{name}.ts"), |path| {
        let output = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-y"])
            .arg("-i")
            .arg(&films[0])
            .arg("-i")
            .arg(&films[1])
            .args(["-map", "0:v", "-map", "1:v", "-c", "copy"])
            .args(programs)
            .args(["-f", "mpegts"])
            .arg(path)
            .output()?;
        assert!(output.status.success(), "{output:?}");
        Ok(())
    });
    made.unwrap()
}

fn pid(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[1] & 0x1f, packet[2]])
}

/// `stream` whose packets of `wanted` need a key.
fn scrambled(stream: &[u8], wanted: u16) -> Vec<u8> {
    let mut stream = stream.to_vec();
    for packet in stream.chunks_exact_mut(PACKET) {
        if pid(packet) == wanted {
            packet[3] |= 0x80;
            packet[60..].iter_mut().for_each(|byte| *byte ^= 0x5a);
        }
    }
    stream
}

/// `stream` without the packets of `unwanted`, which its tables go on to name.
fn without(stream: &[u8], unwanted: u16) -> Vec<u8> {
    let packets = stream.chunks_exact(PACKET);
    let kept = packets.filter(|packet| pid(packet) != unwanted);
    kept.flatten().copied().collect()
}

async fn extract(bytes: Vec<u8>) -> Result<Extraction, Error> {
    let extractor = Extractor::builder().build()?;
    let source = Arc::new(MemorySource::new("m", bytes));
    extractor.extract(source).await
}

async fn assert_film(bytes: Vec<u8>, film: &Path, what: &str) {
    let extraction = extract(bytes).await;
    let extraction = extraction.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_near(&extraction, 1.6);
    assert_like_ffmpeg(film, &extraction.thumbnails);
}

#[tokio::test]
async fn the_larger_of_two_videos_is_the_film() {
    for is_long in [false, true] {
        let films = films(is_long);
        for (name, programs) in LAYOUTS {
            let stream = std::fs::read(together(&films, name, programs)).unwrap();
            assert_film(stream, &films[1], name).await;
        }
    }
}

#[tokio::test]
async fn a_video_without_pictures_or_key_is_not_the_film() {
    let films = films(true);
    for (name, programs) in LAYOUTS {
        let stream = std::fs::read(together(&films, name, programs)).unwrap();
        for (lost, film) in [(0, &films[1]), (1, &films[0])] {
            let what = format!("{name} without {lost}");
            assert_film(without(&stream, PIDS[lost]), film, &what).await;
            assert_film(scrambled(&stream, PIDS[lost]), film, &what).await;
        }
        let locked = scrambled(&scrambled(&stream, PIDS[0]), PIDS[1]);
        let error = extract(locked).await.unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    }
}
