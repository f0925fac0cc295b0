//! I-frame playlists: what players get by the bytes that they name.

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use devstack::{
    media::{Clip, Shape, looped},
    oracle,
};
use m3u8_rs::{MediaPlaylist, Playlist};
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
    let packets = lines.lines().map(|line| {
        let (time, flags) = line.split_once(',').unwrap();
        (time.parse().unwrap(), flags.to_owned())
    });
    packets.collect()
}

#[tokio::test]
async fn the_bytes_of_an_entry_are_one_keyframe_of_its_time() {
    let clip = Clip {
        width: 320,
        height: 180,
        ..Clip::default()
    };
    for shape in [
        Shape::Mp4FragmentedSidx,
        Shape::Mp4FragmentedMfra,
        Shape::Mp4Fragmented,
        Shape::Ts,
    ] {
        let path = looped(&clip, shape, 4 << 20).unwrap();
        let (file, start) = (
            std::fs::read(&path).unwrap(),
            oracle::probe(&path).unwrap().start,
        );
        let index = index(&path).await;
        let playlist = playlist(&index).unwrap();
        let keyframes = index.tiles().iter();
        let keyframes = keyframes.filter(|tile| tile.origin == Origin::Keyframe);
        let shown: Vec<_> = keyframes.map(|tile| tile.actual).collect();
        assert!(shown.len() > 10, "{shape:?}");
        assert_eq!(playlist.segments.len(), shown.len(), "{shape:?}");
        let init = playlist.segments[0].map.clone().unwrap();
        let init = init.byte_range.unwrap();
        let cut = tempfile::tempdir().unwrap();
        for nth in [0, 1, shown.len() / 2, shown.len() - 1] {
            let range = playlist.segments[nth].byte_range.as_ref().unwrap();
            let bytes = |length: u64, offset: Option<u64>| {
                let offset = offset.unwrap() as usize;
                &file[offset..offset + length as usize]
            };
            let alone = [
                bytes(init.length, init.offset),
                bytes(range.length, range.offset),
            ];
            let path = cut.path().join(nth.to_string());
            std::fs::write(&path, alone.concat()).unwrap();
            let packets = packets(&path);
            assert_eq!(packets.len(), 1, "{shape:?} {nth}: {packets:?}");
            let (time, flags) = &packets[0];
            assert!(flags.starts_with('K'), "{shape:?} {nth}: {flags}");
            let off = time - start - shown[nth].as_secs_f64();
            assert!(
                off.abs() < 0.001,
                "{shape:?} {nth}: {time} {:?}",
                shown[nth]
            );
        }
        let listed: f32 = playlist.segments.iter().map(|it| it.duration).sum();
        let film = index.layout().duration.as_secs_f32();
        assert!(
            (listed - film).abs() < 0.01,
            "{shape:?}: {listed} of {film}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_cut_has_no_playlist() {
    for shape in [Shape::Mp4MoovFirst, Shape::Mkv, Shape::Flv] {
        let path = looped(&Clip::default(), shape, 3 << 20).unwrap();
        assert!(playlist(&index(&path).await).is_none(), "{shape:?}");
    }
}
