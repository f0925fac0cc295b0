//! Storyboards: what each tile shows, and what sheets cost.

use std::{path::Path, sync::Arc, time::Duration};

use devstack::{
    media::{Clip, Shape, looped},
    oracle,
};
use image::RgbImage;
use thumbcore::{
    Error, Extractor, LimitError, Limits, Origin, Reason, Video,
    source::testing::Trace,
    storyboard::{Index, Layout, Sheet, StoryboardRequest},
};

use crate::support::{memory, noisy};

async fn open(path: &Path) -> Video {
    let extractor = Extractor::builder().build().unwrap();
    extractor.open(Arc::new(memory(path))).await.unwrap()
}

async fn sheets(video: &Video, request: &StoryboardRequest) -> (Layout, Vec<Sheet>) {
    let mut storyboard = video.storyboard(request).unwrap();
    let mut sheets = Vec::new();
    while let Some(sheet) = storyboard.next_sheet().await.unwrap() {
        sheets.push(sheet);
    }
    (storyboard.layout().clone(), sheets)
}

fn half_a_minute(extension: &'static str) -> Clip {
    Clip {
        seconds: 30,
        width: 320,
        height: 180,
        ..Clip::new(extension)
    }
}

/// A tile every `seconds`, six a sheet.
fn every(seconds: u64) -> StoryboardRequest {
    StoryboardRequest::new()
        .interval(Duration::from_secs(seconds))
        .tile_width(192)
        .grid(3, 2)
}

/// Each tile's time lies within its stretch and after the one before; every third shows ffmpeg's
/// frame of its time.
fn assert_true(path: &Path, layout: &Layout, sheets: &[Sheet]) {
    let tiles = sheets.iter().flat_map(|sheet| {
        let image = image::load_from_memory(&sheet.image).unwrap().to_rgb8();
        assert_eq!(image.dimensions(), layout.sheet_size());
        sheet.tiles.iter().map(move |tile| {
            let (width, height) = (layout.tile_width, layout.tile_height);
            let picture = image::imageops::crop_imm(&image, tile.x, tile.y, width, height);
            (tile, picture.to_image())
        })
    });
    let mut before = None;
    for (nth, (tile, picture)) in tiles.enumerate() {
        let stretch = layout.start(nth)..layout.end(nth);
        assert!(stretch.contains(&tile.actual), "{nth}: {tile:?}");
        assert!(Some(tile.actual) > before, "{nth}: {tile:?}");
        before = Some(tile.actual);
        // ffmpeg decodes from the start each time.
        if nth % 3 != 1 {
            continue;
        }
        let at = tile.actual.as_secs_f64();
        let theirs = oracle::frame_at(path, at, layout.tile_width, layout.tile_height).unwrap();
        let ssim = oracle::ssim(&picture, &theirs);
        assert!(ssim > 0.9, "{} {nth}: {tile:?}: {ssim:.3}", path.display());
    }
}

#[tokio::test]
async fn every_tile_shows_its_own_stretch() {
    for (clip, shape) in [
        (half_a_minute("mp4"), Shape::Mp4MoovLast),
        (half_a_minute("mp4"), Shape::Mp4FragmentedSidx),
        (half_a_minute("mkv"), Shape::Mkv),
        (half_a_minute("avi"), Shape::Avi),
        (half_a_minute("ts"), Shape::Ts),
    ] {
        let path = looped(&clip, shape, 1).unwrap();
        let (layout, sheets) = sheets(&open(&path).await, &every(4)).await;
        assert_eq!((layout.tiles, sheets.len()), (8, 2));
        assert_true(&path, &layout, &sheets);
        for sheet in &sheets {
            assert!(
                sheet
                    .tiles
                    .iter()
                    .all(|tile| tile.origin == Origin::Keyframe)
            );
            let unplanned = |read: &&thumbcore::RangeRead| read.reason == Reason::Demux;
            let unplanned: Vec<_> = sheet.stats.reads.iter().filter(unplanned).collect();
            assert!(unplanned.is_empty(), "{shape:?}: {unplanned:?}");
        }
    }
}

#[tokio::test]
async fn where_keyframes_are_further_apart_tiles_are_decoded_to_the_start_of_their_stretch() {
    let clip = Clip {
        gop: 60,
        seconds: 12,
        ..Clip::default()
    };
    let path = clip.make().unwrap();
    let (layout, sheets) = sheets(&open(&path).await, &every(2)).await;
    assert_eq!(layout.tiles, 6);
    assert_true(&path, &layout, &sheets);
    let tiles: Vec<_> = sheets[0]
        .tiles
        .iter()
        .map(|tile| (tile.origin, tile.actual))
        .collect();
    // Keyframes every 2.4 s: the third stretch, from 4 s on, has that of 4.8 s; the sixth none.
    let at = Duration::from_millis;
    assert_eq!(tiles[2], (Origin::Keyframe, at(4800)));
    assert_eq!(tiles[5], (Origin::Decoded, at(10_000)));
    assert_eq!(tiles.iter().filter(|it| it.0 == Origin::Decoded).count(), 1);
}

/// A film of some 60 MB, its keyframes 5 s apart, and a sheet of it with a tile a second, by a
/// reader that keeps as little as of a film that is far larger.
async fn sheet_without_index(
    (extension, shape): (&'static str, Shape),
    limits: Limits,
) -> (u64, Layout, Sheet) {
    let clip = Clip {
        gop: 125,
        seconds: 20,
        extension,
        ..noisy()
    };
    let path = looped(&clip, shape, 40 << 20).unwrap();
    let read = thumbcore::ReadConfig {
        cache: 8 << 20,
        ..Default::default()
    };
    let extractor = Extractor::builder().read(read).limits(limits).build();
    let source = Arc::new(memory(&path));
    let video = extractor.unwrap().open(source).await.unwrap();
    let (layout, mut sheets) = sheets(&video, &every(1).grid(10, 10)).await;
    assert_eq!(sheets.len(), 1);
    (path.metadata().unwrap().len(), layout, sheets.remove(0))
}

#[tokio::test]
async fn without_an_index_many_tiles_share_one_search() {
    for of in [("ts", Shape::Ts), ("flv", Shape::Flv), ("mpg", Shape::Mpg)] {
        let (len, layout, sheet) = sheet_without_index(of, Limits::default()).await;
        assert_eq!(sheet.limit, None);
        // The last stretch may hold sound alone.
        for (nth, tile) in sheet.tiles.iter().enumerate().take(layout.tiles - 1) {
            let stretch = layout.start(nth)..layout.end(nth);
            assert!(stretch.contains(&tile.actual), "{of:?} {nth}: {tile:?}");
        }
        // All is read once to find keyframes, and at most once more to decode.
        let bytes = sheet.stats.bytes_fetched;
        assert!(bytes < 2 * len + len / 2, "{of:?}: {bytes} of {len}");
    }
}

#[tokio::test]
async fn tiles_over_budget_show_their_neighbour_and_say_so() {
    let limits = Limits {
        max_bytes: 40 << 20,
        ..Limits::default()
    };
    let (_, layout, sheet) = sheet_without_index(("ts", Shape::Ts), limits).await;
    assert!(matches!(sheet.limit, Some(LimitError::Bytes { .. })));
    let mut own = 0;
    let mut before = Duration::ZERO;
    for (nth, tile) in sheet.tiles.iter().enumerate() {
        let stretch = layout.start(nth)..layout.end(nth);
        assert!(
            (before..stretch.end).contains(&tile.actual),
            "{nth}: {tile:?}"
        );
        own += usize::from(stretch.contains(&tile.actual));
        before = tile.actual;
    }
    assert!(own >= 5, "{own} of {}", layout.tiles);
}

#[tokio::test]
async fn a_sheet_depends_on_nothing_but_the_video() {
    let path = noisy().make().unwrap();
    let video = open(&path).await;
    let (_, all) = sheets(&video, &every(3)).await;
    assert_eq!(all.len(), 2);
    let (_, rest) = sheets(&video, &every(3).first_sheet(1)).await;
    assert_eq!(rest.len(), 1);
    assert_eq!(
        (&rest[0].image, &rest[0].tiles),
        (&all[1].image, &all[1].tiles)
    );
    let mut storyboard = open(&path).await.storyboard(&every(3)).unwrap();
    // Dropped in the middle, the sheet is made anew.
    let soon = tokio::time::timeout(Duration::from_millis(1), storyboard.next_sheet());
    assert!(soon.await.is_err());
    let sheet = storyboard.next_sheet().await.unwrap().unwrap();
    assert_eq!((sheet.number, &sheet.image), (0, &all[0].image));
}

#[tokio::test]
async fn a_sheet_costs_its_keyframes_and_a_round_trip_for_each_full_set_of_connections() {
    let path = looped(&noisy(), Shape::Mp4MoovFirst, 60 << 20).unwrap();
    let video = open(&path).await;
    let request = StoryboardRequest::new().count(40).tile_width(64);
    let (_, sheets) = sheets(&video, &request).await;
    let stats = &sheets[0].stats;
    assert_eq!((stats.requests, stats.round_trips), (40, 2));
    let keyframes = video.keyframes().unwrap();
    let largest = keyframes
        .iter()
        .filter_map(|keyframe| keyframe.size)
        .max()
        .unwrap();
    assert!(stats.bytes_fetched <= 40 * largest, "{stats:?}");
}

#[tokio::test]
async fn ranges_are_joined_where_a_gap_costs_less_than_a_request() {
    // A tile of each second: keyframes of some kilobytes, some ten kilobytes apart.
    let path = looped(&Clip::default(), Shape::Mp4MoovFirst, 12 << 20).unwrap();
    let source = Arc::new(Trace::new(Arc::new(memory(&path))));
    let read = thumbcore::ReadConfig {
        gap: 0,
        concurrency: 16,
        ..Default::default()
    };
    let extractor = Extractor::builder().read(read).build().unwrap();
    let video = extractor.open(Arc::clone(&source)).await.unwrap();
    let opened = source.reads().len();
    let few = StoryboardRequest::new().count(8).grid(4, 2).tile_width(64);
    let (_, few) = sheets(&video, &few).await;
    assert_eq!(few[0].stats.requests, 8);
    let many = StoryboardRequest::new()
        .interval(Duration::from_secs(1))
        .tile_width(64);
    let mut storyboard = video.storyboard(&many).unwrap();
    let sheet = storyboard.next_sheet().await.unwrap().unwrap();
    assert!(sheet.stats.requests < 20, "{:?}", sheet.stats);
    assert!(source.reads().len() > opened);
}

#[tokio::test]
async fn a_stretch_that_cannot_be_decoded_shows_its_neighbour_and_says_so() {
    let clip = Clip {
        seconds: 60,
        width: 160,
        height: 90,
        audio: false,
        ..Clip::default()
    };
    let path = clip.make().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let keyframes = open(&path).await.keyframes().unwrap();
    // From 36 s to 54 s, three stretches.
    let damaged = keyframes[36].position as usize..keyframes[54].position as usize;
    bytes[damaged].fill(0xff);
    let source = Arc::new(thumbcore::MemorySource::new("damaged", bytes));
    let extractor = Extractor::builder().build().unwrap();
    let video = extractor.open(source).await.unwrap();
    let (_, sheets) = sheets(&video, &every(6).grid(10, 1)).await;
    let tiles = &sheets[0].tiles;
    for nth in 6..9 {
        let (tile, before) = (&tiles[nth], &tiles[nth - 1]);
        assert_eq!(
            (tile.origin, tile.actual),
            (Origin::Fallback, before.actual),
            "{nth}"
        );
    }
    assert_eq!(tiles[9].origin, Origin::Keyframe);
}

#[tokio::test]
async fn a_storyboard_holds_one_sheet_however_long_the_film_is() {
    let path = looped(&Clip::default(), Shape::Mp4MoovFirst, 60 << 20).unwrap();
    let source = Arc::new(memory(&path));
    let memory = thumbcore::MemoryBudget::new(96 << 20);
    let extractor = Extractor::builder().memory(memory.clone()).build().unwrap();
    let video = extractor.open(source).await.unwrap();
    let request = StoryboardRequest::new()
        .interval(Duration::from_secs(1))
        .tile_width(64)
        .grid(5, 5);
    let mut storyboard = video.storyboard(&request).unwrap();
    let mut index = Index::new(storyboard.layout().clone());
    let mut reserved = Vec::new();
    while let Some(sheet) = storyboard.next_sheet().await.unwrap() {
        index.push(&sheet);
        reserved.push(memory.reserved());
    }
    assert!(index.is_complete() && index.sheets().len() > 5);
    let most = 49 << 20;
    assert!(reserved.iter().all(|bytes| *bytes <= most), "{reserved:?}");
}

#[tokio::test]
async fn wrong_options_are_named() {
    let video = open(&Clip::default().make().unwrap()).await;
    let refused = |request: StoryboardRequest| match video.storyboard(&request) {
        Err(Error::Invalid { option, .. }) => option,
        result => panic!("{result:?}"),
    };
    assert_eq!(refused(StoryboardRequest::new().count(0)), "count");
    assert_eq!(
        refused(StoryboardRequest::new().tile_width(8)),
        "tile_width"
    );
    let wide = StoryboardRequest::new().tile_width(640).grid(100, 1);
    assert_eq!(refused(wide), "grid");
    let picture = |video: &Sheet| image::load_from_memory(&video.image).unwrap().to_rgb8();
    let webp = every(5).format(thumbcore::ImageFormat::WebP);
    let (layout, sheets) = sheets(&video, &webp).await;
    let sheet: RgbImage = picture(&sheets[0]);
    assert_eq!(sheet.dimensions(), layout.sheet_size());
}
