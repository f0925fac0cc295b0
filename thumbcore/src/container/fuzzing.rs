//! What the fuzz targets reach of this module, and nothing else does: each locator by itself, on
//! files of any size. Behind the feature `testing`; no part of the API.

use std::{ops::Range, sync::OnceLock, time::Duration};

use bytes::Bytes;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use super::{
    Keyframe, PROFILES, Place, Profile,
    mp4::{Claims, Layout},
    other,
};
use crate::{
    Limits, MemorySource, ReadConfig,
    position::Position,
    reader::{Call, Piece, Reader},
};

/// Tells the container, as for every file, and where the boxes of an mp4 lie.
#[doc(hidden)]
pub fn sniff(bytes: &[u8]) {
    let profile = super::sniff(bytes);
    let is_other = profile.container == other::PROFILE.container;
    assert_eq!(is_other, profile.demuxer.is_none());
    let bytes = Bytes::copy_from_slice(bytes);
    let len = bytes.len() as u64;
    let mut layout = Layout::default();
    layout.walk(len, |at| {
        Some(bytes.slice((at as usize).min(bytes.len())..))
    });
    if let Some(moov) = layout.moov {
        let moov = bytes.slice(moov.start as usize..moov.end as usize);
        let _ = Claims::of(&moov).map(|claims| claims.check(&Limits::default()));
    }
}

/// Looks for keyframes by the locator of `family` (a name that
/// [`Container::as_str`](super::Container::as_str) gives) in `input`, whose last byte says how
/// often its second half is repeated, so that searches have something to search.
#[doc(hidden)]
pub fn locate(family: &str, input: &[u8]) {
    let (&repeat, file) = input.split_last().unwrap_or((&0, &[]));
    let (head, body) = file.split_at(file.len() / 2);
    let copies = usize::from(repeat).min(LARGEST / body.len().max(1)).max(1);
    let file = [head, &body.repeat(copies)].concat();
    let Some(runtime) = runtime() else { return };
    // An error is as good an answer as any; panics, hangs and greed are what is looked for.
    let _ = runtime.block_on(search(family, file));
}

/// Bytes of a repeated file at most: 1 MiB, several of the reads below.
const LARGEST: usize = 1 << 20;

/// Times that are asked for together: more than are searched for one by one.
const TILES: i64 = 64;

async fn search(family: &str, file: Vec<u8>) -> Result<(), crate::Error> {
    let len = file.len() as u64;
    let source = std::sync::Arc::new(MemorySource::new("fuzz", file));
    // Small enough that a small file is not held whole from the start.
    let config = ReadConfig {
        head: 2 << 10,
        tail: 1 << 10,
        gap: 16,
        window: 1 << 10,
        max_window: 16 << 10,
        ..ReadConfig::default()
    };
    let limits = Limits {
        // Nothing is worth reading a file twenty times.
        max_bytes: 20 * len + (1 << 20),
        max_time: Duration::from_secs(20),
        ..Limits::default()
    };
    let call = Call::new(limits, CancellationToken::new());
    let reader = Reader::open(source, None, config, call).await?;
    let positions = [0.1, 0.5, 0.95].map(Position::Fraction);
    let named = |profile: &&Profile| profile.container.as_str() == family;
    let profile = PROFILES.into_iter().find(named);
    assert!(profile.is_some(), "no container is called {family}");
    // Past `Profile::open`, which would leave so small a stream to libav.
    let open = profile.unwrap_or(&other::PROFILE).open;
    let Some(locator) = open(&reader, &positions).await?.locator else {
        return Ok(());
    };
    let timeline = locator.timeline();
    let length_us = timeline.duration_us.unwrap_or(1_000_000);
    check(len, locator.headers().unwrap_or_default());
    locator.keyframes();
    let middle_us = timeline.start_us.saturating_add(length_us / 2);
    let end_us = timeline.start_us.saturating_add(length_us);
    for time_us in [timeline.start_us, middle_us, end_us, i64::MAX] {
        let around = locator.around(&reader, time_us).await?;
        for keyframe in [around.before, around.after].into_iter().flatten() {
            check_keyframe(len, keyframe);
        }
        locator.end_of(&reader, time_us);
    }
    let step_us = length_us / TILES;
    let tiles = (0..TILES).map(|nth| timeline.start_us.saturating_add(nth * step_us));
    let swept = locator.sweep(&reader, &tiles.collect::<Vec<_>>()).await?;
    for keyframe in swept.keyframes {
        check_keyframe(len, keyframe);
    }
    Ok(())
}

fn check_keyframe(len: u64, keyframe: Keyframe) {
    match keyframe.place {
        Place::Spliced {
            pieces,
            bytes,
            iframe,
            ..
        } => {
            check_range(len, &bytes);
            if let Some(iframe) = iframe {
                check_range(len, &iframe.init);
                check_range(len, &iframe.bytes);
            }
            check(len, pieces);
        }
        Place::Indexed { .. } | Place::Sample { .. } | Place::Counted(_) => {}
    }
}

fn check(len: u64, pieces: Vec<Piece>) {
    for piece in pieces {
        if let Piece::File(range) = piece {
            check_range(len, &range);
        }
    }
}

/// A place beyond the end is harmless, since reads are cut there; one turned round is not.
fn check_range(len: u64, range: &Range<u64>) {
    assert!(range.start <= range.end, "{range:?} of {len} bytes");
}

fn runtime() -> Option<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let made = || Builder::new_current_thread().enable_time().build().ok();
    RUNTIME.get_or_init(made).as_ref()
}
