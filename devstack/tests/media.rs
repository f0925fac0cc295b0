//! Made media is what its recipe says, judged by ffprobe and by the files' bytes.

#![cfg(test)]

use std::{fs, path::Path};

use devstack::{
    EXTENSIONS,
    media::{Clip, Shape, looped},
    oracle,
};

/// The EBML identifier of Matroska's Cues.
const CUES: &[u8] = &[0x1c, 0x53, 0xbb, 0x6b];

fn small(extension: &'static str) -> Clip {
    Clip {
        seconds: 4,
        width: 320,
        height: 180,
        ..Clip::new(extension)
    }
}

fn contains(path: &Path, needle: &[u8]) -> bool {
    let bytes = fs::read(path).unwrap();
    bytes.windows(needle.len()).any(|window| window == needle)
}

fn position(path: &Path, needle: &[u8]) -> Option<usize> {
    let bytes = fs::read(path).unwrap();
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
}

#[test]
fn every_extension_gives_its_codec_duration_and_keyframes() {
    for extension in EXTENSIONS {
        let path = small(extension).make().unwrap();
        let facts = oracle::probe(&path).unwrap();
        let codec = match extension {
            "avi" => "mpeg4",
            "webm" => "vp9",
            "wmv" | "asf" => "wmv2",
            "mpg" | "mpeg" | "vob" => "mpeg2video",
            "ogv" => "theora",
            _ => "h264",
        };
        assert_eq!(facts.codec, codec, "{extension}");
        assert_eq!((facts.width, facts.height), (320, 180), "{extension}");
        assert!(facts.audio, "{extension}");
        let duration = facts.duration.unwrap();
        assert!((duration - 4.0).abs() < 0.3, "{extension}: {duration} s");
        if extension != "ogv" {
            // ffprobe tells positions of Ogg pages only, and Theora's granules give no dependable
            // flags.
            let keyframes = oracle::keyframes(&path).unwrap();
            assert_eq!(keyframes.len(), 4, "{extension}: {keyframes:?}");
        }
    }
}

#[test]
fn a_clip_without_audio_has_none() {
    let path = Clip {
        audio: false,
        ..small("mp4")
    }
    .make()
    .unwrap();
    assert!(!oracle::probe(&path).unwrap().audio);
}

#[test]
fn noise_makes_keyframes_larger() {
    let noisy = Clip {
        noise: true,
        ..small("mp4")
    };
    let first = |clip: &Clip| oracle::keyframes(&clip.make().unwrap()).unwrap()[0].size;
    assert!(first(&noisy) > first(&small("mp4")) * 3 / 2);
}

#[test]
fn seconds_differ_and_are_not_flat() {
    let path = small("mp4").make().unwrap();
    let frames: Vec<_> = (0..4)
        .map(|second| oracle::frame_at(&path, f64::from(second), 320, 180).unwrap())
        .collect();
    for (i, a) in frames.iter().enumerate() {
        for b in &frames[i + 1..] {
            let similarity = oracle::ssim(a, b);
            assert!(similarity < 0.7, "{similarity}");
        }
    }
}

#[test]
fn an_unknown_extension_is_named() {
    let error = Clip::new("xyz").make().unwrap_err();
    assert!(format!("{error:#}").contains("xyz"));
}

#[test]
fn shapes_have_the_index_they_claim_and_no_other() {
    const BYTES: u64 = 1 << 20;
    let shape = |shape| {
        let path = looped(&small("mp4"), shape, BYTES).unwrap();
        assert!(path.metadata().unwrap().len() >= BYTES, "{shape:?}");
        path
    };
    let tags = |path: &Path| ["moof", "mfra", "sidx"].map(|tag| contains(path, tag.as_bytes()));

    let first = shape(Shape::Mp4MoovFirst);
    assert!(position(&first, b"moov").unwrap() < position(&first, b"mdat").unwrap());
    let last = shape(Shape::Mp4MoovLast);
    assert!(position(&last, b"moov").unwrap() > position(&last, b"mdat").unwrap());
    assert_eq!(tags(&first), [false; 3]);
    assert_eq!(tags(&last), [false; 3]);
    assert_eq!(tags(&shape(Shape::Mp4Fragmented)), [true, false, false]);
    assert_eq!(tags(&shape(Shape::Mp4FragmentedMfra)), [true, true, false]);
    assert_eq!(tags(&shape(Shape::Mp4FragmentedSidx)), [true, false, true]);

    assert!(contains(&shape(Shape::Mkv), CUES));
    assert!(!contains(&shape(Shape::MkvNoCues), CUES));
    assert!(contains(&shape(Shape::Webm), CUES));
    assert!(contains(&shape(Shape::FlvIndexed), b"filepositions"));
    assert!(!contains(&shape(Shape::Flv), b"filepositions"));
    assert!(contains(&shape(Shape::Avi), b"idx1"));
    // ASF's Simple Index Object.
    assert!(contains(
        &shape(Shape::Wmv),
        &[0x90, 0x08, 0x00, 0x33, 0xb1, 0xe5, 0xcf, 0x11]
    ));
    for other in [Shape::Ts, Shape::Mpg, Shape::Ogv] {
        shape(other);
    }
}

#[test]
fn shapes_loop_the_whole_clip() {
    for shape in [
        Shape::Mp4MoovLast,
        Shape::Mp4FragmentedSidx,
        Shape::Mkv,
        Shape::Ts,
        Shape::Flv,
        Shape::Avi,
        Shape::Wmv,
        Shape::Mpg,
        Shape::Webm,
    ] {
        let path = looped(&small("mp4"), shape, 1 << 20).unwrap();
        let times: Vec<_> = oracle::keyframes(&path)
            .unwrap()
            .iter()
            .map(|packet| packet.seconds)
            .collect();
        assert!(times.len() >= 8, "{shape:?}: {times:?}");
        assert!(times.is_sorted(), "{shape:?}: {times:?}");
        let frame = oracle::frame_at(&path, times[5], 320, 180).unwrap();
        let clip = looped(&small("mp4"), shape, 1).unwrap();
        let same = oracle::frame_at(
            &clip,
            oracle::keyframes(&clip).unwrap()[1].seconds,
            320,
            180,
        );
        let similarity = oracle::ssim(&frame, &same.unwrap());
        assert!(similarity > 0.98, "{shape:?}: {similarity}");
    }
}
