//! Which frame is taken where the nearest shows nothing, or where the best is wanted.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use devstack::{
    media::{Clip, Shape, looped},
    oracle,
};
use thumbcore::{
    Extraction, Extractor, Flaw, Origin, Pick, Position, ReadConfig, Reason, Request, Thumbnail,
};

use crate::support::{assert_like_ffmpeg, made, memory};

const SECONDS: u32 = 120;

/// Two minutes in which the picture of each span (from, to, in seconds) is replaced or changed by a
/// filter of ffmpeg. A keyframe every second.
fn film(extension: &str, spans: &[(u32, u32, &str)]) -> PathBuf {
    sparse_film(extension, spans, 1)
}

/// As [`film`], with a keyframe every so many seconds.
fn sparse_film(extension: &str, spans: &[(u32, u32, &str)], every: u32) -> PathBuf {
    let start = match every {
        1 => String::new(),
        every => format!("-every-{every}"),
    };
    let name = spans.iter().fold(start, |mut name, (from, to, what)| {
        let what: String = what.chars().filter(char::is_ascii_alphanumeric).collect();
        let _ = write!(name, "-{from}-{to}-{what}");
        name
    });
    let mut filters = vec!["null".to_owned()];
    filters.extend(
        spans
            .iter()
            .map(|(from, to, filter)| format!("{filter}:enable='between(t,{from},{to})'")),
    );
    let picture = format!("testsrc2=size=320x180:rate=10:duration={SECONDS}");
    let arguments = [
        ["-vf", &filters.join(",")],
        ["-c:v", "libx264"],
        ["-preset", "ultrafast"],
        ["-g", &(10 * every).to_string()],
        ["-sc_threshold", "0"],
        ["-pix_fmt", "yuv420p"],
    ];
    made(
        &format!("pick{name}.{extension}"),
        &picture,
        &arguments.concat(),
    )
}

const BLACK: &str = "drawbox=c=black:t=fill";
const HALF_FADED: &str =
    "lutyuv=y='16+(val-16)*0.35':u='128+(val-128)*0.35':v='128+(val-128)*0.35'";
/// Little is left, so that keyframes lie close together.
const ALMOST_FADED: &str =
    "lutyuv=y='16+(val-16)*0.12':u='128+(val-128)*0.12':v='128+(val-128)*0.12'";
/// The same picture wherever it is, and a good one.
const CARD: &str = "geq=lum='20+mod(7*X+3*Y,200)':cb='128+60*sin(X/20)':cr='128+60*cos(Y/15)'";
const BLURRED: &str = "gblur=sigma=14";
const RATHER_DARK: &str = "lutyuv=y='16+(val-16)*0.2':u='128+(val-128)*0.2':v='128+(val-128)*0.2'";
/// From 59.4 to 60.6 s.
const CROSS_FADE: &str = "geq=lum='108+mod(5*X+3*Y,40)+80*(sin(X/40)*(1-clip((T-59.4)/1.2,0,1))+cos(Y/25)*clip((T-59.4)/1.2,0,1))':cb='128+60*sin(X/20)':cr='128+60*cos(Y/15)'";

async fn extract(path: &Path, request: Request) -> Extraction {
    let extractor = Extractor::builder().request(request).build().unwrap();
    extractor.extract(Arc::new(memory(path))).await.unwrap()
}

fn middle() -> Request {
    Request::new().positions([Position::Fraction(0.5)])
}

/// Bytes of all but the largest of the keyframes within so many seconds of the middle.
fn bytes_near(path: &Path, seconds: f64) -> u64 {
    let keyframes = oracle::keyframes(path).unwrap();
    let middle = f64::from(SECONDS) / 2.0;
    let near = keyframes
        .iter()
        .filter(|it| (it.seconds - middle).abs() <= seconds);
    near.map(|it| it.size).sum()
}

#[tokio::test]
async fn nearest_goes_past_blank_and_faded_pictures_on_both_sides() {
    for extension in ["mp4", "mkv", "avi"] {
        for (filter, from, to, expected) in [
            // Good ones lie a second behind the span, or before it.
            (BLACK, 55, 61, 62.0..64.0),
            (BLACK, 59, 65, 56.0..59.0),
            (HALF_FADED, 58, 62, 56.0..64.0),
        ] {
            let path = film(extension, &[(from, to, filter)]);
            let extraction = extract(&path, middle()).await;
            let thumbnail = &extraction.thumbnails[0];
            let at = thumbnail.actual.as_secs_f64();
            assert!(expected.contains(&at), "{extension} {filter} {from}: {at}");
            let flaw = thumbnail.score.flaw();
            assert!(!matches!(flaw, Some(Flaw::Blank | Flaw::Faded)), "{flaw:?}");
            assert_like_ffmpeg(&path, std::slice::from_ref(thumbnail));
            let times = thumbnail.candidates.iter().map(|it| it.time.as_secs_f64());
            assert!(times.clone().count() <= 9, "{:?}", thumbnail.candidates);
        }
    }
}

#[tokio::test]
async fn a_good_first_picture_costs_nothing_more() {
    let path = film("mp4", &[(20, 30, BLACK)]);
    let plain = film("mp4", &[]);
    let one = extract(&path, middle()).await.stats;
    let two = extract(&plain, middle()).await.stats;
    assert_eq!(
        (one.requests, one.round_trips),
        (two.requests, two.round_trips)
    );
    // Nor does a film that is soft throughout.
    let soft = film("mp4", &[(0, SECONDS, BLURRED)]);
    let soft = extract(&soft, middle()).await;
    assert_eq!(soft.stats.round_trips, two.round_trips);
    assert!(soft.thumbnails[0].candidates.is_empty());
}

#[tokio::test]
async fn a_film_of_nothing_ends_after_eight_keyframes_in_two_round_trips() {
    let path = film("mp4", &[(0, SECONDS, BLACK)]);
    let good = extract(&film("mp4", &[]), middle()).await.stats;
    let extraction = extract(&path, middle()).await;
    let thumbnail = &extraction.thumbnails[0];
    assert_eq!(thumbnail.score.flaw(), Some(Flaw::Blank));
    assert!(
        (thumbnail.actual.as_secs_f64() - 60.0).abs() < 1.0,
        "the nearest stays"
    );
    assert_eq!(thumbnail.candidates.len(), 9, "{:?}", thumbnail.candidates);
    assert!(extraction.stats.round_trips <= good.round_trips + 2);
    assert!(extraction.stats.bytes_fetched < bytes_near(&path, 60.0) + (1 << 20));
}

#[tokio::test]
async fn what_lies_between_keyframes_that_are_tried_is_not_read() {
    let path = film("mp4", &[(0, SECONDS, ALMOST_FADED)]);
    let piecemeal = ReadConfig {
        whole: 0,
        ..ReadConfig::default()
    };
    let extractor = Extractor::builder().read(piecemeal).build().unwrap();
    let three = extractor.extract(Arc::new(memory(&path))).await.unwrap();
    for thumbnail in &three.thumbnails {
        assert_eq!(thumbnail.score.flaw(), Some(Flaw::Faded));
        assert!(thumbnail.candidates.len() > 4, "{:?}", thumbnail.candidates);
    }
    let are_planned = |extraction: &Extraction| {
        let mut reads = extraction.stats.reads.iter();
        reads.all(|read| read.reason != Reason::Demux)
    };
    assert!(are_planned(&three), "{:?}", three.stats.reads);
    // Nor is anything else than whole groups of pictures, where they are decoded.
    let best = Request::new().pick(Pick::BEST);
    let video = extractor.open(Arc::new(memory(&path))).await.unwrap();
    let best = video.extract(&best).await.unwrap();
    assert!(are_planned(&best), "{:?}", best.stats.reads);
}

#[tokio::test]
async fn the_best_is_chosen_by_size_before_it_is_read_and_by_score_then() {
    // Around the middle only two seconds are any good.
    let spans = [(50, 56, BLACK), (59, 63, BLURRED), (63, 70, HALF_FADED)];
    for extension in ["mp4", "avi", "mkv"] {
        let path = film(extension, &spans);
        let wide = Pick::Best {
            within: 0.05,
            candidates: 8,
        };
        let nearest = extract(&path, middle()).await;
        let best = extract(&path, middle().pick(wide)).await;
        let thumbnail = &best.thumbnails[0];
        let at = thumbnail.actual.as_secs_f64();
        assert!(
            (56.1..59.0).contains(&at),
            "{extension}: {at} {:?}",
            thumbnail.candidates
        );
        assert_like_ffmpeg(&path, std::slice::from_ref(thumbnail));
        // Cues tell no sizes, so that blocks are looked at before they are read.
        let more = if extension == "mkv" { 2 } else { 1 };
        assert!(
            best.stats.round_trips <= nearest.stats.round_trips + more,
            "{extension}: {:?}",
            best.stats.reads
        );
        assert!(best.stats.bytes_fetched <= nearest.stats.bytes_fetched + 2_000_000);
        if extension != "mkv" {
            assert!(thumbnail.candidates.iter().all(|it| it.size.is_some()));
        }
    }
}

#[tokio::test]
async fn the_best_of_poor_pictures_costs_little_more_than_the_nearest() {
    // Keyframes are large, and none is any good.
    let noise = "color=gray:size=1280x720:rate=1:duration=120,noise=alls=100:allf=t";
    let fragments = "frag_keyframe+empty_moov+default_base_moof";
    for (extension, flags) in [
        ("mp4", vec![]),
        ("mkv", vec![]),
        ("avi", vec![]),
        ("flv", vec!["-flvflags", "add_keyframe_index"]),
        ("mov", vec!["-movflags", fragments]),
    ] {
        let coded = ["-c:v", "libx264", "-preset", "ultrafast", "-b:v", "2M"];
        let alone = ["-g", "1", "-pix_fmt", "yuv420p"];
        let arguments = [&coded[..], &alone, &flags].concat();
        let path = made(&format!("pick-noise.{extension}"), noise, &arguments);
        let piecemeal = ReadConfig {
            whole: 0,
            ..ReadConfig::default()
        };
        let by = async |pick| {
            let extractor = Extractor::builder().read(piecemeal.clone()).pick(pick);
            let source = Arc::new(memory(&path));
            extractor.build().unwrap().extract(source).await.unwrap()
        };
        let (nearest, best) = (by(Pick::Nearest).await, by(Pick::BEST).await);
        let (less, more) = (&nearest.stats, &best.stats);
        assert!(
            more.bytes_fetched <= less.bytes_fetched + 2_000_000,
            "{extension}: {} after {}",
            more.bytes_fetched,
            less.bytes_fetched
        );
        assert!(
            more.round_trips <= less.round_trips + 1,
            "{extension}: {:?}",
            more.reads
        );
        // Decoding is almost all that takes time.
        let tried: usize = best.thumbnails.iter().map(|it| it.candidates.len()).sum();
        assert!(tried <= 9, "{extension}: {tried} of keyframes");
    }
}

#[tokio::test]
async fn the_best_lies_between_keyframes_where_these_are_poor() {
    // Keyframes near the middle are those at 56 and 64 s.
    let spans = [(54, 58, BLACK), (62, 67, BLACK)];
    for extension in ["mp4", "ts"] {
        let path = sparse_film(extension, &spans, 8);
        let nearest = extract(&path, middle()).await;
        let best = extract(&path, middle().pick(Pick::BEST)).await;
        let thumbnail = &best.thumbnails[0];
        let at = thumbnail.actual.as_secs_f64();
        assert!((58.1..62.0).contains(&at), "{extension}: {at}");
        assert_eq!(thumbnail.score.flaw(), None);
        assert_eq!(thumbnail.origin, Origin::Decoded);
        assert_like_ffmpeg(&path, std::slice::from_ref(thumbnail));
        let times = thumbnail.candidates.iter().map(|it| it.time);
        assert!(times.clone().count() > 4, "{:?}", thumbnail.candidates);
        assert!(times.is_sorted_by(|a, b| a < b));
        let (more, less) = (&best.stats, &nearest.stats);
        assert!(more.bytes_fetched <= less.bytes_fetched + 2_000_000);
        // Each of the two searches for keyframes takes more where no index names their places.
        let searches = if extension == "mp4" { 2 } else { 4 };
        assert!(
            more.round_trips <= less.round_trips + searches,
            "{extension}: {:?}",
            more.reads
        );
    }
}

#[tokio::test]
async fn pictures_that_show_the_same_part_between_keyframes() {
    // One keyframe within reach of each position, and the same picture there.
    let spans = [(40, 42, CARD), (80, 82, CARD)];
    let path = sparse_film("mp4", &spans, 8);
    let within = |within| Pick::Best {
        within,
        candidates: 4,
    };
    let positions = [40, 80].map(|seconds| Position::Time(Duration::from_secs(seconds)));
    let request = Request::new().positions(positions).pick(within(0.03));
    let extraction = extract(&path, request).await;
    let is_card = |thumbnail: &&Thumbnail| {
        let at = thumbnail.actual.as_secs_f64();
        spans
            .iter()
            .any(|(from, to, _)| (f64::from(*from)..=f64::from(*to)).contains(&at))
    };
    let cards = extraction.thumbnails.iter().filter(is_card).count();
    assert_eq!(cards, 1, "{:?}", extraction.thumbnails);
    assert_like_ffmpeg(&path, &extraction.thumbnails);
}

#[tokio::test]
async fn every_group_within_reach_is_tried_until_a_picture_is_good() {
    // The keyframes within reach, and all that follows them, are rather dark: no flaw by itself.
    let path = sparse_film("mp4", &[(60, SECONDS, RATHER_DARK)], 8);
    let within = Pick::Best {
        within: 0.06,
        candidates: 4,
    };
    let at = Position::Time(Duration::from_secs(66));
    let request = Request::new().positions([at]).pick(within);
    let best = extract(&path, request).await;
    let thumbnail = &best.thumbnails[0];
    let at = thumbnail.actual.as_secs_f64();
    assert!(
        (58.8..60.0).contains(&at),
        "{at} {:?}",
        thumbnail.candidates
    );
    assert_like_ffmpeg(&path, &best.thumbnails);
}

#[tokio::test]
async fn a_keyframe_in_a_cross_fade_loses() {
    // The only keyframe within reach is that at 60 s, half way from one scene to the other.
    let spans = [(0, 57, CARD), (57, 64, CROSS_FADE), (64, SECONDS, CARD)];
    for extension in ["mp4", "mkv"] {
        let path = sparse_film(extension, &spans, 2);
        let nearest = extract(&path, middle()).await;
        let within = Pick::Best {
            within: 0.01,
            candidates: 4,
        };
        let best = extract(&path, middle().pick(within)).await;
        let thumbnail = &best.thumbnails[0];
        let at = thumbnail.actual.as_secs_f64();
        // Cues tell no sizes, by which a cross-fade could be suspected.
        let is_told = extension == "mp4";
        let is_blended = (59.6..60.4).contains(&at);
        assert_eq!(is_blended, !is_told, "{at} {:?}", thumbnail.candidates);
        assert_like_ffmpeg(&path, &best.thumbnails);
        assert!(best.stats.bytes_fetched <= nearest.stats.bytes_fetched + 2_000_000);
        assert!(best.stats.round_trips <= nearest.stats.round_trips + 2);
    }
}

#[tokio::test]
async fn without_an_index_the_keyframes_that_were_found_compete() {
    let path = looped(&Clip::default(), Shape::Ts, 20 << 20).unwrap();
    let nearest = extract(&path, middle()).await;
    let best = extract(&path, middle().pick(Pick::BEST)).await;
    assert_like_ffmpeg(&path, &best.thumbnails);
    assert!(best.stats.round_trips <= nearest.stats.round_trips + 1);
}

#[tokio::test]
async fn best_frames_of_a_film_are_good_distinct_and_in_the_order_of_time() {
    let spans = [(0, 20, BLACK), (45, 75, HALF_FADED), (90, 100, BLURRED)];
    let path = film("mp4", &spans);
    let is_good = |at: f64| {
        let is_bad =
            |(from, to, _): &(u32, u32, &str)| (f64::from(*from)..=f64::from(*to)).contains(&at);
        (3.6..116.4).contains(&at) && !spans.iter().any(is_bad)
    };
    for count in [1, 4] {
        let request = Request::new().positions(vec![Position::Best; count]);
        let extraction = extract(&path, request).await;
        let times: Vec<_> = extraction
            .thumbnails
            .iter()
            .map(|thumbnail| thumbnail.actual.as_secs_f64())
            .collect();
        assert_eq!(times.len(), count);
        assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
        assert!(times.iter().all(|at| is_good(*at)), "{times:?}");
    }
    // A cover beside pictures at positions leaves them as they are.
    let mut positions = vec![Position::Fraction(0.3), Position::Fraction(0.7)];
    let two = extract(&path, Request::new().positions(positions.clone())).await;
    positions.insert(0, Position::Best);
    let three = extract(&path, Request::new().positions(positions)).await;
    for (with, without) in three.thumbnails[1..].iter().zip(&two.thumbnails) {
        assert_eq!(
            (with.actual, with.image()),
            (without.actual, without.image())
        );
    }
}
