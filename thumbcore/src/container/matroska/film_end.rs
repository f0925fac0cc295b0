//! Where the pictures of a file end whose sound goes on behind them.

use std::ops::{Range, RangeInclusive};

use bytes::Bytes;

use super::{cues::Cue, file::File, unindexed::for_each_block};
use crate::{
    Error,
    container::search::{Anchor, Scan, Scanner, is_sound_alone, last_picture},
    reader::{Reader, Reason},
};

/// Bytes of a look for the last picture: up to those of a cluster of pictures.
const LOOK: RangeInclusive<u64> = 64 << 10..=4 << 20;
/// Bytes from the end in which sound must be alone, where the index ends too early: 1 MiB, a few
/// clusters of it.
const TAIL: u64 = 1 << 20;

/// Tells the times of the blocks in clusters.
#[derive(Debug)]
struct BlockScanner<'a>(&'a File);

impl Scanner for BlockScanner<'_> {
    fn scan(&self, bytes: &Bytes, at: u64) -> Scan {
        let mut scan = Scan::default();
        for_each_block(bytes, at, self.0.len, |_, block| {
            let time_us = self.0.micros(block.time);
            scan.first_time_us.get_or_insert(time_us);
            if block.track == self.0.track {
                scan.see_picture(Anchor {
                    position: block.start,
                    time_us,
                });
            }
        });
        scan
    }
}

/// The last picture of `media`, which `bytes` from `at` on end, where they tell it or hold sound
/// alone.
pub(super) async fn film_end(
    file: &File,
    media: Range<u64>,
    (bytes, at): (&Bytes, u64),
    reader: &Reader,
) -> Result<Option<Anchor>, Error> {
    let scanner = BlockScanner(file);
    if let Some(picture) = scanner.scan(bytes, at).last_picture {
        let position = media.end;
        return Ok(Some(Anchor {
            position,
            ..picture
        }));
    }
    let mut times = Vec::new();
    for_each_block(bytes, at, file.len, |_, block| {
        times.push(file.info.micros(block.time));
    });
    if !is_sound_alone(times) {
        return Ok(None);
    }
    last_picture(reader, &scanner, media, LOOK).await
}

/// The last picture of a file whose media end at `end`, where its index ends far earlier than the
/// header says that the film does.
pub(super) async fn film_end_by_cues(
    file: &File,
    cues: &[Cue],
    end: u64,
    reader: &Reader,
) -> Result<Option<Anchor>, Error> {
    let (Some(last), Some(stated_us)) = (cues.last(), file.info.duration_us()) else {
        return Ok(None);
    };
    let spacings = cues.windows(2).map(|pair| pair[1].time - pair[0].time);
    let widest_us = spacings
        .max()
        .map_or(stated_us, |ticks| file.info.micros(ticks));
    let behind_us = stated_us.saturating_sub(file.info.micros(last.time));
    if behind_us <= widest_us.saturating_mul(2).saturating_add(SLACK_US) {
        return Ok(None);
    }
    let media = last.cluster..end.max(last.cluster);
    let at = media.end.saturating_sub(TAIL).max(media.start);
    let bytes = reader.read(at..media.end, Reason::Index).await?;
    film_end(file, media, (&bytes, at), reader).await
}

/// What the last group of pictures may be longer than two others: a second.
const SLACK_US: i64 = 1_000_000;
