//! How keyframes are found.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::{Around, InputRef, Keyframe, Packets, Place, Track};
use crate::{
    Error,
    container::Container,
    libav::{IndexEntry, Input},
    reader::Reader,
};

/// The way to the keyframes of one file.
pub(super) enum Route {
    /// libav's index names the place of each.
    Index(Box<Input>),
    /// The file was read front to back and these keyframes were seen.
    Scan(Vec<Keyframe>),
}

impl Route {
    pub(super) fn choose(
        reader: &Arc<Reader>,
        _runtime: &Handle,
        container: Container,
        mut input: Input,
        track: &Track,
    ) -> Result<Self, Error> {
        let entries = input
            .info(track.stream)
            .map_or(0, |info| info.index_entries);
        if container == Container::Matroska {
            // libav reads the Cues at the first seek.
            let _ = input.seek_backward(track.stream, track.ticks(track.start_us));
        }
        let entries = input
            .info(track.stream)
            .map_or(entries, |info| info.index_entries);
        if container.has_index() && entries > 0 {
            return Ok(Self::Index(Box::new(input)));
        }
        scan(reader, input, track).map(Self::Scan)
    }

    pub(super) fn around(&mut self, track: &Track, times_us: &[i64]) -> Result<Vec<Around>, Error> {
        Ok(match self {
            Self::Index(input) => times_us
                .iter()
                .map(|time_us| index_around(input, track, *time_us))
                .collect(),
            Self::Scan(keyframes) => times_us
                .iter()
                .map(|time_us| {
                    let after = keyframes.partition_point(|keyframe| keyframe.time_us <= *time_us);
                    Around {
                        before: after.checked_sub(1).and_then(|i| keyframes.get(i)).cloned(),
                        after: keyframes.get(after).cloned(),
                    }
                })
                .collect(),
        })
    }
}

fn index_around(input: &mut Input, track: &Track, time_us: i64) -> Around {
    let ticks = track.ticks(time_us);
    let stream = track.stream;
    let before = input.index_search(stream, ticks, true);
    let after = input.index_search(stream, ticks.saturating_add(1), false);
    let mut keyframe = |entry: Option<usize>| {
        let entry = entry?;
        let found = input.index_entry(stream, entry)?;
        let next = input
            .index_search(stream, found.timestamp.saturating_add(1), false)
            .and_then(|next| input.index_entry(stream, next));
        indexed(track, found, next)
    };
    Around {
        before: keyframe(before),
        after: keyframe(after),
    }
}

fn indexed(track: &Track, entry: IndexEntry, next: Option<IndexEntry>) -> Option<Keyframe> {
    // Halfway to the next keyframe: mp4 seeks by presentation time, which lies a few frames after
    // the entry's decoding time, and libav would step back to the keyframe before.
    let seek = next.map_or(i64::MAX / 2, |next| {
        entry.timestamp + (next.timestamp - entry.timestamp) / 2
    });
    Some(Keyframe {
        time_us: track.micros(Some(entry.timestamp))?,
        place: Place::Indexed {
            seek,
            bytes: entry.position..entry.position + entry.size,
        },
    })
}

/// Reads packets from the start and notes the keyframes, until the file or the share of the byte
/// budget ends.
fn scan(reader: &Arc<Reader>, input: Input, track: &Track) -> Result<Vec<Keyframe>, Error> {
    let mut packets = Packets {
        input: InputRef::Owned(Box::new(input)),
        reader,
        stream: track.stream,
    };
    let mut keyframes = Vec::new();
    let mut nth = 0;
    while let Some(packet) = packets.next()? {
        if packet.is_keyframe() {
            let time_us = track.micros(packet.timestamp()).unwrap_or(0);
            keyframes.push(Keyframe {
                time_us,
                place: Place::Counted(nth),
            });
        }
        nth += 1;
    }
    keyframes.sort_by_key(|keyframe| keyframe.time_us);
    Ok(keyframes)
}
