//! I-frame playlists: what players get by the bytes that they name.

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use devstack::{
    media::{Clip, Shape, looped},
    oracle,
};
use m3u8_rs::{ByteRange, MediaPlaylist, Playlist};
use thumbcore::{
    Extractor, Origin,
    storyboard::{Index, StoryboardRequest, hls},
};

use crate::support::memory;

/// A storyboard of a tile every 2 s.
async fn index(path: &Path) -> Index {
    let extractor = Extractor::builder().build().unwrap();
    let video = extractor.open(Arc::new(memory(path))).await.unwrap();
    let request = StoryboardRequest::new()
        .interval(Duration::from_secs(2))
        .tile_width(64);
    let mut storyboard = video.storyboard(&request).unwrap();
    let mut index = Index::new(storyboard.layout().clone());
    while let Some(sheet) = storyboard.next_sheet().await.unwrap() {
        index.push(&sheet);
    }
    index
}

fn playlist(index: &Index) -> Option<MediaPlaylist> {
    let text = hls::iframes(index, "film")?;
    match m3u8_rs::parse_playlist_res(text.as_bytes()) {
        Ok(Playlist::MediaPlaylist(playlist)) => Some(playlist),
        other => panic!("{other:?}"),
    }
}

/// Time in seconds and flags of each video packet of a file, by ffprobe.
fn packets(path: &Path) -> Vec<(f64, String)> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "V:0", "-of", "csv=p=0"])
        .args(["-show_entries", "packet=pts_time,flags"])
        .arg(path)
        .output()
        .unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    // A packet with side data is followed by an empty line.
    let lines = lines.lines().filter(|line| !line.is_empty());
    let packets = lines.map(|line| {
        let (time, flags) = line.split_once(',').unwrap();
        (time.parse().unwrap(), flags.to_owned())
    });
    packets.collect()
}

/// The first frame of a file that may end in the middle of its packets, as RGB.
fn first_frame(path: &Path, width: u32, height: u32) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "fatal", "-i"])
        .arg(path)
        .args(["-an", "-frames:v", "1", "-pix_fmt", "rgb24"])
        .args([
            "-vf",
            &format!("scale={width}:{height}:flags=bicubic+accurate_rnd+full_chroma_int"),
        ])
        .args(["-f", "rawvideo", "-"])
        .output()
        .unwrap();
    output.stdout
}

/// Bytes of `file` that a playlist names.
fn named<'a>(file: &'a [u8], range: &ByteRange) -> &'a [u8] {
    let offset = range.offset.unwrap() as usize;
    &file[offset..offset + range.length as usize]
}

/// When the keyframes of a playlist are shown, as the tiles tell it.
fn shown(index: &Index) -> Vec<Duration> {
    let keyframes = index.tiles().iter();
    let keyframes = keyframes.filter(|tile| tile.origin == Origin::Keyframe);
    keyframes.map(|tile| tile.actual).collect()
}

fn clip() -> Clip {
    Clip {
        width: 320,
        height: 180,
        ..Clip::default()
    }
}

#[tokio::test]
async fn the_bytes_of_an_entry_are_one_keyframe_of_its_time() {
    for shape in [
        Shape::Mp4FragmentedSidx,
        Shape::Mp4FragmentedMfra,
        Shape::Mp4Fragmented,
        Shape::Ts,
    ] {
        let path = looped(&clip(), shape, 4 << 20).unwrap();
        let (file, start) = (
            std::fs::read(&path).unwrap(),
            oracle::probe(&path).unwrap().start,
        );
        let index = index(&path).await;
        let playlist = playlist(&index).unwrap();
        let shown = shown(&index);
        assert!(shown.len() > 10, "{shape:?}");
        assert_eq!(playlist.segments.len(), shown.len(), "{shape:?}");
        let init = playlist.segments[0].map.clone().unwrap();
        let init = init.byte_range.unwrap();
        let cut = tempfile::tempdir().unwrap();
        let some = [0, 1, shown.len() / 2, shown.len() - 1];
        let times = some.map(|nth| shown[nth].as_secs_f64());
        let frames = oracle::frames_at(&path, &times, 320, 180).unwrap();
        for (nth, frame) in some.into_iter().zip(frames) {
            let range = playlist.segments[nth].byte_range.as_ref().unwrap();
            let alone = cut.path().join(nth.to_string());
            let bytes = [named(&file, &init), named(&file, range)].concat();
            std::fs::write(&alone, bytes).unwrap();
            let packets = packets(&alone);
            assert_eq!(packets.len(), 1, "{shape:?} {nth}: {packets:?}");
            let (time, flags) = &packets[0];
            assert!(flags.starts_with('K'), "{shape:?} {nth}: {flags}");
            let off = time - start - shown[nth].as_secs_f64();
            assert!(
                off.abs() < 0.001,
                "{shape:?} {nth}: {time} {:?}",
                shown[nth]
            );
            let decoded = first_frame(&alone, 320, 180);
            assert!(decoded == frame.into_raw(), "{shape:?} {nth}");
        }
    }
}

#[tokio::test]
async fn an_entry_lasts_until_the_next_keyframe_is_shown() {
    for shape in [Shape::Mp4FragmentedSidx, Shape::Ts] {
        let path = looped(&clip(), shape, 4 << 20).unwrap();
        let index = index(&path).await;
        let mut times = shown(&index);
        assert!(times[0] > Duration::ZERO, "{shape:?}: no time before it");
        times.push(index.layout().duration);
        let playlist = playlist(&index).unwrap();
        assert_eq!(playlist.segments.len(), times.len() - 1, "{shape:?}");
        for (entry, times) in playlist.segments.iter().zip(times.windows(2)) {
            let lasts = times[1].saturating_sub(times[0]).as_secs_f32();
            let off = (entry.duration - lasts).abs();
            assert!(off < 0.000_01, "{shape:?}: {} of {lasts}", entry.duration);
            assert!(entry.duration <= playlist.target_duration as f32);
        }
    }
}

#[tokio::test]
async fn ffmpeg_plays_the_keyframes_of_a_transport_stream() {
    let path = looped(&clip(), Shape::Ts, 4 << 20).unwrap();
    let start = oracle::probe(&path).unwrap().start;
    let index = index(&path).await;
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(&path, folder.path().join("film.ts")).unwrap();
    let list = folder.path().join("iframes.m3u8");
    std::fs::write(&list, hls::iframes(&index, "film.ts").unwrap()).unwrap();
    let played = packets(&list);
    let shown = shown(&index);
    assert_eq!(played.len(), shown.len());
    for ((time, flags), shown) in played.iter().zip(shown) {
        assert!(flags.starts_with('K'), "{time}: {flags}");
        let off = time - start - shown.as_secs_f64();
        assert!(off.abs() < 0.001, "{time} {shown:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_cut_has_no_playlist() {
    for shape in [Shape::Mp4MoovFirst, Shape::Mkv, Shape::Flv] {
        let path = looped(&Clip::default(), shape, 3 << 20).unwrap();
        assert!(playlist(&index(&path).await).is_none(), "{shape:?}");
    }
}
