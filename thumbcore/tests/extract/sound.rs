//! Films whose sound goes on long after the last picture: positions are parts of the pictures'
//! time.

use std::path::PathBuf;

use crate::support::{assert_frames, extract, made};

/// Twenty seconds of noise beside a minute of sound.
fn film(name: &str, codecs: &[&str], muxer: &[&str]) -> PathBuf {
    let picture = "testsrc2=s=320x192:r=15:d=20,noise=alls=20:allf=t";
    let sound = ["-f", "lavfi", "-i", "sine=d=60", "-g", "15"];
    made(name, picture, &[&sound[..], codecs, muxer].concat())
}

/// The pictures of `path` are those at 10, 50 and 95 % of the twenty seconds.
async fn assert_parts_of_the_pictures(path: PathBuf) {
    let name = path.display();
    let extraction = extract(&path).await.unwrap();
    let times = extraction
        .thumbnails
        .iter()
        .map(|it| it.actual.as_secs_f64());
    for (actual, wanted) in times.zip([2.0, 10.0, 19.0]) {
        assert!(
            (actual - wanted).abs() < 1.1,
            "{name}: {actual} for {wanted}"
        );
    }
    assert_frames(&path, &extraction);
}

const H264: [&str; 4] = ["-c:v", "libx264", "-preset", "ultrafast"];

#[tokio::test]
async fn sound_behind_the_film_is_no_part_of_it_in_mp4_and_matroska() {
    const FRAGMENTS: &str = "frag_keyframe+empty_moov+default_base_moof";
    for (name, muxer) in [
        ("sound.mkv", &[][..]),
        ("sound-live.mkv", &["-live", "1"]),
        ("sound-front.mkv", &["-cues_to_front", "1"]),
        ("sound.mp4", &[]),
        ("sound-mfra.mp4", &["-movflags", FRAGMENTS]),
        (
            "sound-fragments.mp4",
            &["-movflags", FRAGMENTS, "-movflags", "+skip_trailer"],
        ),
    ] {
        assert_parts_of_the_pictures(film(name, &H264, muxer)).await;
    }
}

#[tokio::test]
async fn sound_behind_the_film_is_no_part_of_it_in_streams() {
    for (name, codecs) in [
        ("sound.ts", &H264[..]),
        ("sound.flv", &H264),
        ("sound.avi", &["-c:v", "mpeg4", "-q:v", "4"]),
        ("sound.wmv", &["-c:v", "wmv2", "-q:v", "4"]),
        (
            "sound.mpg",
            &["-c:v", "mpeg2video", "-q:v", "4", "-r", "25"],
        ),
        ("sound.ogv", &["-c:v", "libtheora", "-q:v", "8"]),
    ] {
        assert_parts_of_the_pictures(film(name, codecs, &[])).await;
    }
}

#[tokio::test]
async fn a_second_of_sound_behind_the_film_shifts_no_position() {
    let picture = "testsrc2=s=320x192:r=15:d=10";
    let sound = ["-f", "lavfi", "-i", "sine=d=11", "-g", "1", "-c:v", "mpeg4"];
    for name in ["second.avi", "second.mkv", "second.mp4"] {
        let path = made(name, picture, &sound);
        let extraction = extract(&path).await.unwrap();
        let last = &extraction.thumbnails[2];
        assert!(
            (last.actual.as_secs_f64() - 9.5).abs() < 0.2,
            "{name}: {last:?}"
        );
    }
}
