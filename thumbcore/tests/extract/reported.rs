//! Further conditions of files that people report: recordings joined, indexes of no use, holes in
//! every kind of stream, gaps in time, posters beside the film.

use std::{path::Path, process::Command, sync::Arc};

use devstack::{
    media::{Clip, Scene, Shape, looped},
    oracle,
};
use thumbcore::{Extraction, Extractor, MemorySource, Position, ReadConfig, Request, Thumbnail};

use crate::support::{assert_like_ffmpeg, assert_near, extract, extract_bytes, made, memory};

/// No two pictures are the same.
fn assert_distinct(extraction: &Extraction) {
    let images: Vec<_> = extraction.thumbnails.iter().map(Thumbnail::image).collect();
    for (nth, image) in images.iter().enumerate() {
        assert!(!images[..nth].contains(image), "picture {nth} comes twice");
    }
}

#[tokio::test]
async fn two_recordings_joined_in_flash_video_are_one_film() {
    let scene = |scene, seconds| Clip {
        scene,
        seconds,
        ..Clip::new("flv")
    };
    let clips = [scene(Scene::Pattern, 10), scene(Scene::Spiral, 6)];
    let parts = clips.map(|clip| std::fs::read(clip.make().unwrap()).unwrap());
    let extraction = extract_bytes(parts.concat()).await.unwrap();
    assert_eq!(extraction.thumbnails.len(), 3);
    let times: Vec<_> = extraction.thumbnails.iter().map(|it| it.actual).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_distinct(&extraction);
}

/// Where the elements of Cues, each an entry, begin in a file of a muxer that sizes them in one
/// byte.
fn cue_points(bytes: &[u8]) -> Vec<usize> {
    const CUES: [u8; 4] = [0x1c, 0x53, 0xbb, 0x6b];
    const CUE_POINT: u8 = 0xbb;
    const CHECKSUM: u8 = 0xbf;
    let cues = bytes.windows(4).rposition(|four| four == CUES).unwrap();
    let mut at = cues + 4;
    // The Cues' own length, and their checksum.
    at += bytes[at].leading_zeros() as usize + 1;
    if bytes[at] == CHECKSUM {
        at += 6;
    }
    let mut points = Vec::new();
    while bytes.get(at) == Some(&CUE_POINT) {
        points.push(at);
        at += 2 + usize::from(bytes[at + 1] & 0x7f);
    }
    points
}

#[tokio::test]
async fn cues_that_leave_most_of_a_film_out_are_searched_like_none() {
    const VOID: u8 = 0xec;
    let path = looped(&Clip::new("mkv"), Shape::Mkv, 4 << 20).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let points = cue_points(&whole);
    assert!(points.len() > 20, "{points:?}");
    let halves = points.split_at(points.len() / 2);
    for left_out in [&points[1..], halves.0, halves.1] {
        let mut bytes = whole.clone();
        for at in left_out {
            bytes[*at] = VOID;
        }
        let extraction = extract_bytes(bytes).await.unwrap();
        assert_near(&extraction, 2.0);
        assert_like_ffmpeg(&path, &extraction.thumbnails);
    }
}

/// `bytes`, of which Cues are the last element, with other times in these.
fn with_cue_times(bytes: &[u8], change: impl Fn(u64) -> u64) -> Vec<u8> {
    const SEGMENT: [u8; 4] = [0x18, 0x53, 0x80, 0x67];
    const UNKNOWN_SIZE: u64 = (1 << 57) - 1;
    const CUE_TIME: u8 = 0xb3;
    let points = cue_points(bytes);
    let mut cues = Vec::new();
    for at in &points {
        let (len, time_len) = (bytes[at + 1] & 0x7f, bytes[at + 3] & 0x7f);
        assert_eq!(bytes[at + 2], CUE_TIME);
        let (time, rest) = bytes[at + 4..at + 2 + usize::from(len)].split_at(time_len.into());
        let time = time
            .iter()
            .fold(0, |time, byte| time << 8 | u64::from(*byte));
        cues.extend([bytes[*at], 0x80 | (len - time_len + 8), CUE_TIME, 0x88]);
        cues.extend(change(time).to_be_bytes());
        cues.extend(rest);
    }
    let mut bytes = bytes.to_vec();
    let mut elements = bytes[..points[0]].windows(4);
    let element = elements
        .rposition(|four| four == [0x1c, 0x53, 0xbb, 0x6b])
        .unwrap();
    bytes.truncate(element + 4);
    bytes.extend((cues.len() as u64 | 1 << 56).to_be_bytes());
    bytes.extend(cues);
    let segment = bytes.windows(4).position(|four| four == SEGMENT).unwrap() + 4;
    bytes[segment..segment + 8].copy_from_slice(&UNKNOWN_SIZE.to_be_bytes());
    bytes
}

#[tokio::test]
async fn cue_times_that_the_clusters_contradict_are_not_believed() {
    let path = looped(&Clip::new("mkv"), Shape::Mkv, 4 << 20).unwrap();
    let seconds = oracle::probe(&path).unwrap().duration.unwrap();
    let whole = std::fs::read(&path).unwrap();
    let in_microseconds = |ticks| ticks * 1000;
    let in_seconds = |ticks| ticks / 1000;
    let at_half_speed = |ticks| ticks / 2;
    for bytes in [
        with_cue_times(&whole, in_microseconds),
        with_cue_times(&whole, in_seconds),
        with_cue_times(&whole, at_half_speed),
        with_cue_times(&without_duration(&whole), in_microseconds),
    ] {
        let extraction = extract_bytes(bytes).await.unwrap();
        let told = extraction.media.duration.unwrap().as_secs_f64();
        assert!((told - seconds).abs() < 1.0, "{told} for {seconds}");
        assert_near(&extraction, 2.0);
        assert_like_ffmpeg(&path, &extraction.thumbnails);
    }
}

#[tokio::test]
async fn durations_of_another_order_are_not_believed() {
    let noisy = Clip {
        noise: true,
        ..Clip::new("mkv")
    };
    let path = looped(&noisy, Shape::MkvNoCues, 24 << 20).unwrap();
    assert_duration_is_measured(&path, &[1000.0, 0.001]).await;
    let path = looped(&Clip::new("mkv"), Shape::Mkv, 4 << 20).unwrap();
    assert_duration_is_measured(&path, &[1000.0, 2.0, 0.5, 0.001]).await;
}

/// The duration in the header of `path` does not count where it is so many times the real one.
async fn assert_duration_is_measured(path: &Path, factors: &[f64]) {
    const DURATION: [u8; 3] = [0x44, 0x89, 0x88];
    let whole = std::fs::read(path).unwrap();
    let sound = extract_bytes(whole.clone()).await.unwrap();
    let at = whole
        .windows(3)
        .position(|three| three == DURATION)
        .unwrap()
        + 3;
    let stated = f64::from_be_bytes(whole[at..at + 8].try_into().unwrap());
    for factor in factors {
        let mut bytes = whole.clone();
        bytes[at..at + 8].copy_from_slice(&(stated * factor).to_be_bytes());
        let extraction = extract_bytes(bytes).await.unwrap();
        let durations = [&extraction, &sound].map(|it| it.media.duration.unwrap().as_secs_f64());
        assert!((durations[0] - durations[1]).abs() < 1.0, "{durations:?}");
        assert_near(&extraction, 2.0);
        assert_like_ffmpeg(path, &extraction.thumbnails);
    }
}

/// `bytes` whose Info does not say how long the film is.
fn without_duration(bytes: &[u8]) -> Vec<u8> {
    const DURATION: [u8; 3] = [0x44, 0x89, 0x88];
    let mut bytes = bytes.to_vec();
    let at = bytes
        .windows(3)
        .position(|three| three == DURATION)
        .unwrap();
    // A Void of the same length.
    bytes[at..at + 3].copy_from_slice(&[0xec, 0x40, 0x08]);
    bytes
}

#[tokio::test]
async fn a_hole_costs_the_times_in_it_alone_in_every_stream() {
    for shape in [Shape::MkvNoCues, Shape::Flv, Shape::Mpg, Shape::Ogv] {
        let path = looped(&Clip::default(), shape, 6 << 20).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let hole = bytes.len() * 35 / 100..bytes.len() * 70 / 100;
        bytes[hole].fill(0);
        let extraction = extract_bytes(bytes).await;
        let extraction = extraction.unwrap_or_else(|error| panic!("{shape:?}: {error}"));
        let [first, _, last] = &extraction.thumbnails[..] else {
            panic!("{shape:?}: {} pictures", extraction.thumbnails.len());
        };
        for sound in [first, last] {
            let off = sound.actual.abs_diff(sound.target).as_secs_f64();
            assert!(off < 2.1, "{shape:?}: {sound:?}");
        }
        assert_like_ffmpeg(&path, &[first.clone(), last.clone()]);
    }
}

#[tokio::test]
async fn exact_times_on_both_sides_of_a_gap_are_met() {
    let picture = "testsrc2=s=320x180:r=25:d=20";
    let late = "setpts='if(gte(T,10),PTS+290/TB,PTS)'";
    let codec = ["-c:v", "libx264", "-bf", "3", "-g", "50"];
    for name in ["gap.mp4", "gap.ts"] {
        let filter = ["-vf", late, "-fps_mode", "passthrough"];
        let path = made(name, picture, &[&filter[..], &codec].concat());
        let extractor = Extractor::builder().build().unwrap();
        let video = extractor.open(Arc::new(memory(&path))).await.unwrap();
        let seconds = [4.0, 9.0, 301.0, 308.0];
        let at = seconds.map(|at| Position::Time(std::time::Duration::from_secs_f64(at)));
        let request = Request::new().positions(at).exact(true);
        let extraction = video.extract(&request).await.unwrap();
        assert_near(&extraction, 0.05);
        assert_like_ffmpeg(&path, &extraction.thumbnails);
    }
}

#[tokio::test]
async fn an_index_larger_than_the_cache_is_read_once() {
    let path = Clip::new("mp4").make().unwrap();
    let movie = crate::hostile::boxed(b"free", &[vec![0; 3 << 20]]);
    let bytes = with_in_movie_box(&std::fs::read(&path).unwrap(), &movie);
    let len = bytes.len() as u64;
    let config = ReadConfig {
        cache: 1 << 20,
        ..ReadConfig::default()
    };
    let extractor = Extractor::builder().read(config).build().unwrap();
    let source = Arc::new(MemorySource::new("m", bytes));
    let extraction = extractor.extract(source).await.unwrap();
    assert_like_ffmpeg(&path, &extraction.thumbnails);
    let stats = &extraction.stats;
    assert!(stats.bytes_fetched < len * 13 / 10, "{stats:#?}");
}

/// `file`, whose movie box comes last, with `child` as the last box in it.
fn with_in_movie_box(file: &[u8], child: &[u8]) -> Vec<u8> {
    let at = file.windows(4).rposition(|kind| kind == b"moov").unwrap() - 4;
    let len = u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
    assert_eq!(at + len as usize, file.len(), "the movie box is not last");
    let len = len + child.len() as u32;
    [&file[..at], &len.to_be_bytes(), &file[at + 4..], child].concat()
}

#[tokio::test]
async fn a_poster_is_not_the_film_however_large_and_default() {
    let film = Clip {
        audio: false,
        ..Clip::default()
    };
    let film = film.make().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let poster = |path: &Path| {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-nostdin", "-v", "error", "-f", "lavfi", "-i"]);
        ffmpeg
            .args(["color=red:s=1920x1080:d=0.04:r=25", "-i"])
            .arg(&film);
        ffmpeg.args([
            "-map", "0:v", "-map", "1:v", "-c:v:0", "mjpeg", "-c:v:1", "copy",
        ]);
        ffmpeg.args(["-disposition:v:0", "default", "-disposition:v:1", "0"]);
        assert!(ffmpeg.arg(path).status().unwrap().success());
    };
    for name in ["poster.mp4", "poster.mkv"] {
        let path = folder.path().join(name);
        poster(&path);
        let extraction = extract(&path).await.unwrap();
        assert_near(&extraction, 1.1);
        assert_like_ffmpeg(&film, &extraction.thumbnails);
    }
}

#[tokio::test]
async fn an_index_that_ends_early_is_not_followed() {
    let path = Clip::new("avi").make().unwrap();
    let whole = std::fs::read(&path).unwrap();
    let index = whole.windows(4).rposition(|kind| kind == b"idx1").unwrap();
    let entries = (whole.len() - index - 8) / 16;
    for kept in [1, entries / 2] {
        let mut bytes = whole[..index + 8 + kept * 16].to_vec();
        bytes[index + 4..index + 8].copy_from_slice(&(kept as u32 * 16).to_le_bytes());
        let extraction = extract_bytes(bytes).await.unwrap();
        let seconds = extraction.media.duration.unwrap().as_secs_f64();
        assert!((seconds - 10.0).abs() < 0.5, "{seconds}");
        assert_near(&extraction, 1.1);
        assert_like_ffmpeg(&path, &extraction.thumbnails);
    }
}

#[tokio::test]
async fn a_duration_that_the_last_packets_contradict_is_not_believed() {
    const FILE_PROPERTIES: [u8; 4] = [0xa1, 0xdc, 0xab, 0x8c];
    const PLAY_DURATION: usize = 64;
    let path = Clip::new("wmv").make().unwrap();
    let whole = std::fs::read(&path).unwrap();
    let properties = whole.windows(4).position(|four| four == FILE_PROPERTIES);
    let at = properties.unwrap() + PLAY_DURATION;
    let stated = u64::from_le_bytes(whole[at..at + 8].try_into().unwrap());
    for wrong in [0, stated / 1000, stated * 1000, u64::MAX] {
        let mut bytes = whole.clone();
        bytes[at..at + 8].copy_from_slice(&wrong.to_le_bytes());
        let extraction = extract_bytes(bytes).await.unwrap();
        let seconds = extraction.media.duration.unwrap().as_secs_f64();
        assert!((seconds - 10.0).abs() < 0.5, "{seconds} for {wrong}");
        assert_near(&extraction, 1.1);
        assert_like_ffmpeg(&path, &extraction.thumbnails);
    }
}

#[tokio::test]
async fn where_a_films_end_is_damaged_the_last_whole_picture_is_shown() {
    let clip = Clip {
        seconds: 45,
        width: 160,
        height: 120,
        audio: false,
        ..Clip::new("mp4")
    };
    let path = clip.make().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    for keyframe in &oracle::keyframes(&path).unwrap()[41..] {
        let (start, len) = (keyframe.pos as usize, keyframe.size as usize);
        bytes[start + len / 3..start + len].fill(0);
    }
    let extraction = extract_bytes(bytes).await.unwrap();
    let last = &extraction.thumbnails[2];
    let actual = last.actual.as_secs_f64();
    assert!((40.0..41.0).contains(&actual), "{last:?}");
    assert_like_ffmpeg(&path, &extraction.thumbnails);
}

/// A picture that moves by a fiftieth of its width from one frame to the next.
const SCROLLING: &str = "testsrc2=size=320x180:rate=25:duration=20,scroll=h=0.02";

#[tokio::test]
async fn keyframes_without_presentation_times_are_shown_after_what_precedes_them() {
    let h264 = [
        "-c:v",
        "libx264",
        "-g",
        "50",
        "-bf",
        "2",
        "-sc_threshold",
        "0",
    ];
    for name in ["unpresented.mxf", "unpresented.wmv"] {
        let path = made(name, SCROLLING, &h264);
        let extraction = extract(&path).await.unwrap();
        assert_near(&extraction, 2.1);
        assert_like_ffmpeg(&path, &extraction.thumbnails);
    }
}
