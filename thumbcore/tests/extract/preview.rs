//! Animated previews: what each frame shows, and what they cost.

use std::{io::Cursor, path::Path, sync::Arc, time::Duration};

use devstack::{
    media::{Clip, Shape, looped},
    oracle,
};
use image::{AnimationDecoder, Frame, codecs::webp::WebPDecoder};
use thumbcore::{
    Error, Extractor, MemorySource, Video,
    preview::{Preview, PreviewRequest},
};

use crate::support::{made, memory, noisy};

async fn open(source: MemorySource) -> Video {
    let extractor = Extractor::builder().build().unwrap();
    extractor.open(Arc::new(source)).await.unwrap()
}

async fn preview(path: &Path, request: &PreviewRequest) -> Preview {
    open(memory(path)).await.preview(request).await.unwrap()
}

/// The frames, as another decoder reads them.
fn frames(preview: &Preview) -> Vec<Frame> {
    let decoder = WebPDecoder::new(Cursor::new(&preview.image)).unwrap();
    decoder.into_frames().collect_frames().unwrap()
}

#[tokio::test]
async fn every_frame_is_that_of_its_time() {
    // With keyframes of their own, and decoded forward to.
    for (extension, keyframes_each) in [("mp4", 1), ("mkv", 10)] {
        let clip = Clip {
            seconds: 12,
            width: 320,
            height: 180,
            gop: keyframes_each * 25,
            audio: false,
            ..Clip::new(extension)
        };
        let path = clip.make().unwrap();
        let request = PreviewRequest::new().frames(6).width(192);
        let preview = preview(&path, &request).await;
        assert_eq!((preview.width, preview.height), (192, 108));
        assert_eq!(preview.quality, 75);
        let frames = frames(&preview);
        assert_eq!((frames.len(), preview.frames.len()), (6, 6));
        let times: Vec<_> = preview
            .frames
            .iter()
            .map(|it| it.actual.as_secs_f64())
            .collect();
        let theirs = oracle::frames_at(&path, &times, 192, 108).unwrap();
        for (nth, (frame, told)) in frames.iter().zip(&preview.frames).enumerate() {
            assert_eq!(frame.delay().numer_denom_ms(), (1000, 1));
            assert_eq!(told.target, Duration::from_secs(2 * nth as u64));
            let stretch = told.target..told.target + Duration::from_secs(2);
            assert!(stretch.contains(&told.actual), "{told:?}");
            let picture = image::DynamicImage::from(frame.buffer().clone()).to_rgb8();
            let ssim = oracle::ssim(&picture, &theirs[nth]);
            assert!(ssim > 0.9, "{extension} {told:?}: {ssim:.3}");
        }
    }
}

#[tokio::test]
async fn a_preview_costs_its_keyframes() {
    let path = looped(&noisy(), Shape::Mp4MoovFirst, 60 << 20).unwrap();
    let video = open(memory(&path)).await;
    let request = PreviewRequest::new().width(64);
    let preview = video.preview(&request).await.unwrap();
    let stats = &preview.stats;
    assert_eq!((stats.requests, stats.round_trips), (12, 1));
    let keyframes = video.keyframes().unwrap();
    let largest = keyframes.iter().filter_map(|keyframe| keyframe.size).max();
    assert!(stats.bytes_fetched <= 12 * largest.unwrap(), "{stats:?}");
}

#[tokio::test]
async fn a_preview_stays_within_its_bytes() {
    let path = noisy().make().unwrap();
    let video = open(memory(&path)).await;
    let request = PreviewRequest::new().width(96);
    let whole = video.preview(&request).await.unwrap();
    let most = whole.image.len() / 2;
    let small = video
        .preview(&request.clone().max_bytes(most))
        .await
        .unwrap();
    assert!(small.image.len() <= most);
    assert!(small.quality < whole.quality, "{}", small.quality);
    let frames = frames(&small);
    assert_eq!(frames.len(), small.frames.len());
    let shown: u32 = frames.iter().map(|it| it.delay().numer_denom_ms().0).sum();
    assert_eq!(shown, 6000);
    match video.preview(&request.max_bytes(1000)).await {
        Err(Error::Invalid { option, .. }) => assert_eq!(option, "max_bytes"),
        result => panic!("{result:?}"),
    }
}

#[tokio::test]
async fn a_frame_is_not_shown_twice() {
    let one = ["-frames:v", "1", "-pix_fmt", "yuv420p", "-c:v", "libx264"];
    let path = made("v1-one-frame.mp4", "testsrc=size=320x180:rate=25", &one);
    let preview = preview(&path, &PreviewRequest::new()).await;
    assert_eq!((preview.frames.len(), frames(&preview).len()), (1, 1));
    assert_eq!(preview.frames[0].actual, Duration::ZERO);
}
