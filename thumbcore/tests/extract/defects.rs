//! Files whose index, duration or bytes are wrong in ways that people report: the right pictures at
//! the right times, or a refusal that names the reason.

use std::path::Path;

use devstack::media::{Clip, Shape, looped};
use thumbcore::{Error, Extraction};

use crate::support::{assert_like_ffmpeg, assert_near, extract, extract_bytes, remuxed};

/// Three pictures near 10, 50 and 95 % of `seconds`, each the frame of `reference` at its time.
fn assert_right(extraction: &Extraction, reference: &Path, seconds: f64) {
    let duration = extraction.media.duration.unwrap().as_secs_f64();
    assert!(
        (duration - seconds).abs() < 1.0,
        "{duration} for {seconds} s"
    );
    for (thumbnail, share) in extraction.thumbnails.iter().zip([0.1, 0.5, 0.95]) {
        let actual = thumbnail.actual.as_secs_f64();
        let off = (actual - share * seconds).abs();
        assert!(off <= (seconds / 20.0).max(1.0), "{actual} for {share}");
    }
    assert_like_ffmpeg(reference, &extraction.thumbnails);
}

/// Where `kind`, a box's name, is in `bytes`.
fn named(bytes: &[u8], kind: &[u8; 4]) -> usize {
    bytes.windows(4).rposition(|four| four == kind).unwrap()
}

#[tokio::test]
async fn fragments_behind_samples_in_the_movie_box_belong_to_the_film() {
    let folder = tempfile::tempdir().unwrap();
    for (name, movflags) in [
        ("mfra.mp4", "frag_keyframe"),
        ("none.mp4", "frag_keyframe+skip_trailer"),
    ] {
        let arguments = ["-map", "0", "-c", "copy", "-movflags", movflags];
        let path = remuxed(&Clip::default(), folder.path(), name, &arguments);
        assert_right(&extract(&path).await.unwrap(), &path, 10.0);
    }
}

#[tokio::test]
async fn fragments_of_several_videos_are_read_by_the_film() {
    let folder = tempfile::tempdir().unwrap();
    let movflags = "frag_keyframe+empty_moov+default_base_moof";
    let tracks = [
        "-map",
        "0:v",
        "-map",
        "0:v",
        "-c",
        "copy",
        "-movflags",
        movflags,
    ];
    let path = remuxed(&Clip::default(), folder.path(), "two.mp4", &tracks);
    assert_right(&extract(&path).await.unwrap(), &path, 10.0);
}

#[tokio::test]
async fn what_follows_a_keyframe_that_an_edit_list_hides_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let clip = Clip {
        gop: 125,
        ..Clip::default()
    };
    let whole = clip.make().unwrap();
    let path = folder.path().join("trim.mp4");
    let status = std::process::Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-ss", "1", "-i"])
        .arg(&whole)
        .args(["-t", "7", "-c", "copy"])
        .arg(&path)
        .status();
    assert!(status.unwrap().success());
    assert_right(&extract(&path).await.unwrap(), &path, 7.0);
}

#[tokio::test]
async fn what_an_edit_list_cuts_off_the_end_is_no_part_of_the_film() {
    let clip = Clip {
        gop: 125,
        audio: false,
        ..Clip::default()
    };
    let path = clip.make().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    // Half of it, in thousandths of a second, where the whole is played.
    let edit = named(&bytes, b"elst") + 12;
    bytes[edit..edit + 4].copy_from_slice(&5000_u32.to_be_bytes());
    let extraction = extract_bytes(bytes).await.unwrap();
    assert_right(&extraction, &path, 5.0);
}

#[tokio::test]
async fn several_parts_of_a_film_are_shown_one_after_the_other() {
    for gop in [300, 50] {
        let clip = Clip {
            seconds: 12,
            gop,
            audio: false,
            ..Clip::default()
        };
        let path = clip.make().unwrap();
        let whole = std::fs::read(&path).unwrap();
        let around = [b"moov", b"trak", b"edts"];
        let edit = named(&whole, b"elst") + 16;
        let first = i32::from_be_bytes(whole[edit..edit + 4].try_into().unwrap());
        let timescale = named(&whole, b"mdhd") + 16;
        let timescale = i32::from_be_bytes(whole[timescale..timescale + 4].try_into().unwrap());
        // Seconds that are shown, and of the media from where on: both ways, with a hole, twice.
        for parts in [[(3, 1), (4, 7)], [(3, 8), (4, 2)], [(3, 2), (4, 2)]] {
            let edits = parts.map(|(seconds, from)| {
                let duration = (seconds * 1000_u32).to_be_bytes();
                let time = (from * timescale + first).to_be_bytes();
                [duration, time, 0x1_0000_u32.to_be_bytes()].concat()
            });
            let list = [&[0, 0, 0, 0, 0, 0, 0, 2], &edits.concat()[..]].concat();
            let mut bytes = with_box(&whole, b"elst", &list, &around);
            for header in [named(&bytes, b"mvhd") + 20, named(&bytes, b"tkhd") + 24] {
                bytes[header..header + 4].copy_from_slice(&7000_u32.to_be_bytes());
            }
            let extraction = extract_bytes(bytes).await.unwrap();
            let duration = extraction.media.duration.unwrap().as_secs_f64();
            assert!((duration - 7.0).abs() < 0.1, "{duration}");
            assert_near(&extraction, 1.1);
            // What of the media is shown then.
            let mut shown = extraction.thumbnails;
            for thumbnail in &mut shown {
                let actual = thumbnail.actual.as_secs_f64();
                let [(seconds, first), (_, second)] =
                    parts.map(|(a, b)| (f64::from(a), f64::from(b)));
                let from = if actual < seconds {
                    first
                } else {
                    second - seconds
                };
                thumbnail.actual = std::time::Duration::from_secs_f64(actual + from);
            }
            assert_like_ffmpeg(&path, &shown);
        }
    }
}

#[tokio::test]
async fn an_edit_list_that_shows_nothing_hides_nothing() {
    let clip = Clip {
        audio: false,
        ..Clip::default()
    };
    let path = clip.make().unwrap();
    let whole = std::fs::read(&path).unwrap();
    let edit = named(&whole, b"elst") + 12;
    let hour = 3_600_000_u32;
    // No time, as in fragments; an empty time and no other; from beyond the end.
    for [duration, time] in [[0, 0], [5000, u32::MAX], [5000, hour]] {
        let mut bytes = whole.clone();
        bytes[edit..edit + 8].copy_from_slice(&[duration, time].map(u32::to_be_bytes).concat());
        assert_right(&extract_bytes(bytes).await.unwrap(), &path, 10.0);
    }
}

#[tokio::test]
async fn the_last_picture_lasts_no_longer_than_the_header_says() {
    let clip = Clip {
        audio: false,
        ..Clip::default()
    };
    let path = clip.make().unwrap();
    let whole = std::fs::read(&path).unwrap();
    // One run of pictures that last alike becomes two, in the place of the bit rates behind it.
    let table = named(&whole, b"stts") - 4;
    let run = &whole[table + 16..table + 24];
    let count = u32::from_be_bytes(run[..4].try_into().unwrap()) - 1;
    let hours = [1_u32, 1_000_000_000].map(u32::to_be_bytes).concat();
    let runs = [&count.to_be_bytes()[..], &run[4..], &hours].concat();
    let body = [&[0; 4][..], &2_u32.to_be_bytes(), &runs].concat();
    let around = [b"moov", b"trak", b"mdia", b"minf", b"stbl"];
    let bytes = with_box(&whole, b"stts", &body, &around);
    assert_right(&extract_bytes(bytes).await.unwrap(), &path, 10.0);
}

/// `file`, whose movie box comes last, with another payload of the one box of `kind` in it, which
/// lies in the boxes `around`.
fn with_box(file: &[u8], kind: &[u8; 4], payload: &[u8], around: &[&[u8; 4]]) -> Vec<u8> {
    let at = named(file, kind) - 4;
    let size = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
    let more = payload.len() as u32 + 8 - size(at);
    let made = crate::hostile::boxed(kind, &[payload.to_vec()]);
    let mut bytes = [&file[..at], &made, &file[at + size(at) as usize..]].concat();
    for around in around {
        let at = named(file, around) - 4;
        bytes[at..at + 4].copy_from_slice(&(size(at) + more).to_be_bytes());
    }
    bytes
}

#[tokio::test]
async fn durations_that_the_index_contradicts_are_not_believed() {
    let path = Clip::new("mp4").make().unwrap();
    let whole = std::fs::read(&path).unwrap();
    for wrong in [0, 10, 10_000_000, u32::MAX] {
        let mut bytes = whole.clone();
        let movie = named(&bytes, b"mvhd") + 20;
        bytes[movie..movie + 4].copy_from_slice(&wrong.to_be_bytes());
        let tracks = bytes.windows(4).enumerate();
        let headers: Vec<_> = tracks
            .filter_map(|(at, kind)| match kind {
                b"tkhd" => Some(at + 24),
                b"mdhd" => Some(at + 20),
                _ => None,
            })
            .collect();
        for at in headers {
            bytes[at..at + 4].copy_from_slice(&wrong.to_be_bytes());
        }
        assert_right(&extract_bytes(bytes).await.unwrap(), &path, 10.0);
    }
}

#[tokio::test]
async fn space_reserved_behind_a_stream_is_no_part_of_it() {
    for (clip, shape) in [
        (Clip::default(), Shape::Ts),
        (Clip::default(), Shape::Flv),
        (Clip::new("mkv"), Shape::MkvNoCues),
    ] {
        let path = looped(&clip, shape, 4 << 20).unwrap();
        let seconds = extract(&path).await.unwrap().media.duration.unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.resize(bytes.len() + (12 << 20), 0);
        let extraction = extract_bytes(bytes).await.unwrap();
        assert_right(&extraction, &path, seconds.as_secs_f64());
        let stats = &extraction.stats;
        assert!(
            stats.bytes_fetched < 6 << 20,
            "{shape:?}: {}",
            stats.bytes_fetched
        );
    }
}

#[tokio::test]
async fn a_hole_in_a_transport_stream_costs_the_times_in_it_alone() {
    let path = looped(&Clip::default(), Shape::Ts, 8 << 20).unwrap();
    let whole = extract(&path).await.unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let hole = bytes.len() * 35 / 100..bytes.len() * 70 / 100;
    bytes[hole].fill(0);
    let extraction = extract_bytes(bytes).await.unwrap();
    for nth in [0, 2] {
        let (found, sound) = (&extraction.thumbnails[nth], &whole.thumbnails[nth]);
        assert!(
            found.actual.abs_diff(sound.actual).as_secs_f64() < 2.1,
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn an_encrypted_film_is_refused_whatever_its_samples_look_like() {
    let path = Clip::new("mp4").make().unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    let entry = named(&bytes, b"avc1");
    bytes[entry..entry + 4].copy_from_slice(b"encv");
    let error = extract_bytes(bytes).await.unwrap_err();
    assert!(error.to_string().contains("encryption"), "{error}");
}

#[tokio::test]
async fn colours_that_only_dolby_vision_decoders_show_are_refused() {
    let clip = Clip {
        audio: false,
        ..Clip::new("mp4")
    };
    let path = clip.make().unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    let entry = named(&bytes, b"btrt");
    let mut extract_as = async |profile: u16, compatible_with: u8| {
        // The configuration record takes the place of the bit rates.
        bytes[entry..entry + 4].copy_from_slice(b"dvcC");
        let [high, low] = (profile << 9 | 3 << 3 | 0b101).to_be_bytes();
        let record = [1, 0, high, low, compatible_with << 4, 0, 0, 0, 0, 0, 0, 0];
        bytes[entry + 4..entry + 16].copy_from_slice(&record);
        extract_bytes(bytes.clone()).await
    };
    let error = extract_as(5, 0).await.unwrap_err();
    assert!(error.to_string().contains("Dolby Vision"), "{error}");
    assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");
    assert!(extract_as(10, 0).await.is_err());
    // Profile 8 with an HLG base layer, which every decoder shows.
    assert_eq!(extract_as(8, 4).await.unwrap().thumbnails.len(), 3);
}

#[tokio::test]
async fn a_scrambled_transport_stream_is_refused() {
    const TABLES: [u16; 4] = [0, 0x11, 0x1000, 0x1fff];
    let path = Clip::new("ts").make().unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    for packet in bytes.chunks_exact_mut(188) {
        let pid = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
        if !TABLES.contains(&pid) {
            packet[3] |= 0x80;
        }
    }
    let error = extract_bytes(bytes).await.unwrap_err();
    assert!(error.to_string().contains("scrambled"), "{error}");
}

#[tokio::test]
async fn pictures_of_an_elementary_stream_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = remuxed(
        &Clip::default(),
        folder.path(),
        "raw.h264",
        &["-an", "-c", "copy"],
    );
    let extraction = extract(&path).await.unwrap();
    let times: Vec<_> = extraction.thumbnails.iter().map(|one| one.actual).collect();
    assert!(times.is_sorted() && times[0] < times[2], "{times:?}");
    let seconds = extraction.media.duration.unwrap().as_secs_f64();
    assert!((seconds - 10.0).abs() < 0.5, "{seconds}");
}
