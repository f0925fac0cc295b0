//! Parts of a file that were never written: no picture is made of what they swallowed, and none is
//! said to be of another time.

use std::{ops::Range, path::Path, sync::Arc};

use devstack::media::{Clip, Shape, looped};
use thumbcore::{Error, Extraction, Extractor, MemorySource};

use crate::support::{assert_like_ffmpeg, made};

/// The pictures of `whole` with nothing in `percent` of it.
async fn with_hole(whole: &[u8], percent: Range<usize>) -> Result<Extraction, Error> {
    with_fill(whole, percent, 0).await
}

/// The pictures of `whole` with `fill` in `percent` of it.
async fn with_fill(whole: &[u8], percent: Range<usize>, fill: u8) -> Result<Extraction, Error> {
    let mut bytes = whole.to_vec();
    let len = bytes.len();
    bytes[len * percent.start / 100..len * percent.end / 100].fill(fill);
    let extractor = Extractor::builder().build()?;
    let source = MemorySource::new("m", bytes);
    extractor.extract(Arc::new(source)).await
}

/// Every picture is the one that `path` has at its time, wherever a part of it is missing.
async fn assert_sound(path: &Path) {
    let whole = std::fs::read(path).unwrap();
    for percent in [6..14, 35..70, 88..97] {
        let extraction = with_hole(&whole, percent.clone()).await;
        let extraction = extraction
            .unwrap_or_else(|error| panic!("{} without {percent:?}: {error}", path.display()));
        assert_like_ffmpeg(path, &extraction.thumbnails);
    }
}

/// Half a minute of noise.
fn noise(name: &str, codec: &[&str]) -> std::path::PathBuf {
    let picture = "testsrc2=s=320x192:r=15:d=30,noise=alls=20:allf=t";
    made(name, picture, codec)
}

#[tokio::test]
async fn pictures_behind_a_hole_are_not_made_from_those_before_it() {
    for (name, codec) in [
        (
            "holes.ts",
            &["-c:v", "libx264", "-crf", "28", "-bf", "3"][..],
        ),
        ("holes.flv", &["-c:v", "libx264", "-crf", "28", "-bf", "0"]),
        ("holes-flv1.flv", &["-c:v", "flv", "-q:v", "5"]),
        (
            "holes-hevc.ts",
            &["-c:v", "libx265", "-x265-params", "log-level=error"],
        ),
    ] {
        let fast = ["-preset", "ultrafast", "-g", "30"];
        let fast = if codec[1] == "flv" { &fast[2..] } else { &fast };
        assert_sound(&noise(name, &[codec, fast].concat())).await;
    }
}

#[tokio::test]
async fn pictures_that_a_hole_cuts_are_damaged() {
    for (name, codec) in [
        ("holes.webm", &["-c:v", "libvpx", "-b:v", "600k"][..]),
        ("holes.ogv", &["-c:v", "libtheora", "-q:v", "6"]),
    ] {
        let fast = ["-g", "30", "-deadline", "realtime", "-cpu-used", "8"];
        let fast = if codec[1] == "libvpx" {
            &fast
        } else {
            &fast[..2]
        };
        assert_sound(&noise(name, &[codec, fast].concat())).await;
    }
}

#[tokio::test]
async fn flash_memory_that_was_never_written_is_a_hole() {
    let codec = [
        "-c:v",
        "libvpx-vp9",
        "-b:v",
        "600k",
        "-g",
        "30",
        "-deadline",
        "realtime",
        "-cpu-used",
        "8",
    ];
    // Without Cues, so that what is searched for is in the hole.
    let live = ["-f", "matroska", "-live", "1"];
    let path = noise("holes-ones.mkv", &[&codec[..], &live].concat());
    let whole = std::fs::read(&path).unwrap();
    for percent in [30..60, 40..60, 47..56, 33..66] {
        let extraction = with_fill(&whole, percent, 0xff).await.unwrap();
        assert_like_ffmpeg(&path, &extraction.thumbnails);
    }
}

#[tokio::test]
async fn what_lies_behind_a_hole_in_avi_is_not_said_to_lie_in_it() {
    for (name, codec) in [("holes.avi", "mpeg4"), ("holes-h263.avi", "h263p")] {
        assert_sound(&noise(name, &["-c:v", codec, "-q:v", "5", "-g", "30"])).await;
    }
}

#[tokio::test]
async fn a_hole_near_the_end_costs_no_other_time() {
    for shape in [Shape::Wmv, Shape::Ts, Shape::Flv, Shape::MkvNoCues] {
        let path = looped(&Clip::default(), shape, 4 << 20).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let extraction = with_hole(&whole, 88..97).await.unwrap();
        for sound in &extraction.thumbnails[..2] {
            let off = sound.actual.abs_diff(sound.target).as_secs_f64();
            assert!(off < 2.1, "{shape:?}: {sound:?}");
        }
    }
}

#[tokio::test]
async fn a_hole_near_the_end_shortens_no_fragmented_film() {
    let clip = Clip {
        noise: true,
        ..Clip::default()
    };
    for shape in [Shape::Mp4Fragmented, Shape::Mp4FragmentedMfra] {
        let path = looped(&clip, shape, 24 << 20).unwrap();
        let seconds = |extraction: &Extraction| extraction.media.duration.unwrap().as_secs_f64();
        let whole = std::fs::read(&path).unwrap();
        let told = seconds(&with_hole(&whole, 0..0).await.unwrap());
        for percent in [90..97, 93..99, 80..98] {
            let extraction = with_hole(&whole, percent.clone()).await.unwrap();
            let off = seconds(&extraction) - told;
            assert!(
                off.abs() < told / 15.0,
                "{shape:?} {percent:?}: {off} of {told}"
            );
            assert_like_ffmpeg(&path, &extraction.thumbnails);
        }
    }
}
