use bytes::BufMut;
use proptest::prelude::*;

use super::*;
use crate::container::Searched;

fn chunk(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_vec();
    bytes.put_u32_le(payload.len() as u32);
    bytes.put_slice(payload);
    if payload.len() % 2 == 1 {
        bytes.put_u8(0);
    }
    bytes
}

fn list(kind: &[u8; 4], children: &[Vec<u8>]) -> Vec<u8> {
    chunk(b"LIST", &[&kind[..], &children.concat()].concat())
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// `strl` of a stream of 25 units a second.
fn stream(kind: &[u8; 4], start: u32, len: u32, more: Vec<u8>) -> Vec<u8> {
    let fields = words(&[0, 0, 0, 0, 1, 25, start, len, 0, 0, 0, 0, 0]);
    list(
        b"strl",
        &[chunk(b"strh", &[&kind[..], &fields].concat()), more],
    )
}

/// A file of audio and video with the given video chunk lengths, every third a keyframe, up to the
/// index; where the `movi` list's payload starts; and each chunk's stream, place and length.
fn file(lens: &[u32], indx: Vec<u8>) -> (Vec<u8>, usize, Vec<(u32, u64, u32)>) {
    let audio = stream(b"auds", 0, lens.len() as u32, Vec::new());
    let video = stream(b"vids", 0, lens.len() as u32, indx);
    let mut bytes = b"RIFF\0\0\0\0AVI ".to_vec();
    bytes.extend(list(b"hdrl", &[chunk(b"avih", &[0; 56]), audio, video]));
    let media_at = bytes.len() + 12;
    let mut media = Vec::new();
    let mut chunks = Vec::new();
    for len in lens {
        for (nth, kind, len) in [(0, b"00wb", 10), (1, b"01dc", *len)] {
            chunks.push((nth, (media_at + media.len()) as u64, len));
            media.extend(chunk(kind, &vec![7; len as usize]));
        }
    }
    bytes.extend(list(b"movi", &[media]));
    (bytes, media_at, chunks)
}

fn with_riff_len(mut bytes: Vec<u8>) -> Vec<u8> {
    let len = bytes.len() as u32 - 8;
    bytes[4..8].copy_from_slice(&len.to_le_bytes());
    bytes
}

fn simple(chunks: &[(u32, u64, u32)], offset: u64) -> Vec<u8> {
    let mut video = 0;
    let entries = chunks.iter().flat_map(|(nth, at, len)| {
        let kind = if *nth == 0 { *b"00wb" } else { *b"01dc" };
        let is_key = *nth == 1 && video % 3 == 0;
        video += nth;
        let flags = if is_key { 16 } else { 0 };
        words(&[u32::from_le_bytes(kind), flags, (at - offset) as u32, *len])
    });
    chunk(b"idx1", &entries.collect::<Vec<_>>())
}

fn keyframes(frames: &Frames) -> Vec<(usize, u64, u64)> {
    let mut found: Vec<(usize, u64, u64)> = Vec::new();
    while let (_, Some(nth)) =
        frames.keyframes_around(|nth| found.last().is_some_and(|(last, ..)| nth <= *last))
    {
        let frame = frames.get(nth).unwrap();
        found.push((nth, frame.at, frame.end()));
    }
    found
}

fn expected(chunks: &[(u32, u64, u32)]) -> Vec<(usize, u64, u64)> {
    let video = chunks.iter().filter(|(nth, ..)| *nth == 1).enumerate();
    video
        .filter(|(number, (.., len))| number % 3 == 0 && *len > 0)
        .map(|(number, (_, at, len))| (number, *at, at + 8 + u64::from(*len)))
        .collect()
}

#[test]
fn an_index_counts_from_the_file_or_the_media() {
    let (mut bytes, media_at, chunks) = file(&[100, 31, 30, 90, 0, 0, 0, 5], Vec::new());
    bytes.extend(chunk(b"JUNK", b"odd"));
    let whole = with_riff_len(bytes);
    let header = Header::parse(&whole).unwrap();
    let (nth, video, _) = header.film().unwrap();
    assert_eq!((nth, video.duration_us()), (1, Some(320_000)));
    assert_eq!(header.media.start, media_at as u64);
    assert_eq!(header.first_chunk, media_at as u64);
    for offset in [0, media_at as u64 - 4] {
        let mut frames = Frames::default();
        let after = [chunk(b"JUNK", b"odd"), simple(&chunks, offset)].concat();
        frames.add_simple(&after, nth, header.first_chunk);
        assert_eq!(keyframes(&frames), expected(&chunks));
        // Frames without bytes count.
        assert_eq!(frames.len(), 8);
    }
}

#[test]
fn frames_without_a_chunk_of_their_own_are_not_stored() {
    let (bytes, media_at, chunks) = file(&[100, 31, 30, 90, 0, 0, 0, 5], Vec::new());
    let whole = with_riff_len(bytes);
    let header = Header::parse(&whole).unwrap();
    let mut frames = Frames::default();
    frames.add_simple(&simple(&chunks, 0), 1, media_at as u64);
    assert_eq!(header.first_chunk, media_at as u64);
    assert_eq!(frames.stored_behind(0, 1), Some(1));
    assert_eq!(frames.stored_behind(0, 3), Some(3));
    assert_eq!(frames.stored_behind(3, 1), Some(7));
    assert_eq!(frames.stored_behind(3, 2), None);
    assert_eq!(frames.stored_behind(usize::MAX, 1), None);
}

#[test]
fn an_open_dml_index_is_read_part_by_part() {
    let lens = [100, 31, 30, 90, 0, 0, 0, 5];
    let indx = |entries: &[u32]| {
        let head = words(&[
            4,
            entries.len() as u32 / 4,
            u32::from_le_bytes(*b"01dc"),
            0,
            0,
            0,
        ]);
        chunk(b"indx", &[head, words(entries)].concat())
    };
    let (_, _, chunks) = file(&lens, indx(&[0; 8]));
    let video: Vec<_> = chunks.iter().filter(|(nth, ..)| *nth == 1).collect();
    let base = 40u64;
    let part = |range: Range<usize>| {
        let mut payload = words(&[
            0x0100_0002,
            range.len() as u32,
            u32::from_le_bytes(*b"01dc"),
            base as u32,
            0,
            0,
        ]);
        for number in range {
            let (_, at, len) = video[number];
            let delta = if number % 3 == 0 { 0 } else { 1 << 31 };
            payload.extend(words(&[(at + 8 - base) as u32, len | delta]));
        }
        chunk(b"ix01", &payload)
    };
    let (media_only, ..) = file(&lens, indx(&[0; 8]));
    let parts = [part(0..5), part(5..8)];
    let at = media_only.len() as u32;
    let (first, second) = (parts[0].len() as u32, parts[1].len() as u32);
    let (bytes, ..) = file(&lens, indx(&[at, 0, first, 5, at + first, 0, second, 3]));
    let whole = with_riff_len([bytes, parts.concat()].concat());
    let header = Header::parse(&whole).unwrap();
    let (nth, head, _) = header.film().unwrap();
    let mut frames = Frames::default();
    for entry in &head.super_index {
        let part = &whole[entry.at as usize..entry.end() as usize];
        frames.add_standard(part, nth, whole.len() as u64).unwrap();
    }
    assert_eq!(keyframes(&frames), expected(&chunks));
    assert_eq!(frames.len(), 8);
}

#[test]
fn of_several_videos_the_film_is_read() {
    let streams = [
        stream(b"vids", 0, 9, Vec::new()),
        stream(b"auds", 0, 9, Vec::new()),
        stream(b"vids", 0, 900, Vec::new()),
    ];
    let mut bytes = b"RIFF\0\0\0\0AVI ".to_vec();
    bytes.extend(list(b"hdrl", &streams));
    bytes.extend(list(b"movi", &[chunk(b"00dc", b"1234")]));
    let header = Header::parse(&with_riff_len(bytes)).unwrap();
    let (nth, _, searched) = header.film().unwrap();
    assert_eq!((nth, searched), (2, Searched::NthVideo(1)));
}

#[test]
fn frames_are_numbered_from_the_streams_start() {
    let mut bytes = b"RIFF\0\0\0\0AVI ".to_vec();
    bytes.extend(list(b"hdrl", &[stream(b"vids", 50, 9, Vec::new())]));
    bytes.extend(list(b"movi", &[chunk(b"00dc", b"1234")]));
    let header = Header::parse(&with_riff_len(bytes)).unwrap();
    let (_, video, _) = header.film().unwrap();
    assert_eq!(video.micros(0), 2_000_000);
    assert_eq!(video.number(2_040_000), 1);
    assert_eq!(video.number(0), 0);
}

proptest! {
    #[test]
    fn an_index_tells_what_was_written(lens in prop::collection::vec(0u32..50, 1..60)) {
        let (bytes, _, chunks) = file(&lens, Vec::new());
        let header = Header::parse(&with_riff_len(bytes)).unwrap();
        let mut frames = Frames::default();
        frames.add_simple(&simple(&chunks, 0), 1, header.first_chunk);
        prop_assert_eq!(frames.len(), lens.len());
        // Where no keyframe has bytes, the first frame that has is taken for one.
        if !expected(&chunks).is_empty() {
            prop_assert_eq!(keyframes(&frames), expected(&chunks));
        }
    }

    #[test]
    fn any_damage_ends(
        damage in prop::collection::vec((0usize..2000, any::<u8>()), 0..8),
        cut in 0usize..2000,
    ) {
        let (bytes, _, chunks) = file(&[100, 31, 30, 90, 0, 5], Vec::new());
        let mut bytes = with_riff_len([bytes, simple(&chunks, 0)].concat());
        let len = bytes.len();
        for (place, byte) in damage {
            bytes[place % len] = byte;
        }
        bytes.truncate(len - cut.min(len) / 2);
        if let Some(header) = Header::parse(&bytes) {
            let mut frames = Frames::default();
            let at = (header.media.end as usize).min(bytes.len());
            frames.add_simple(&bytes[at..], 1, header.first_chunk);
            frames.add_standard(&bytes[at..], 1, bytes.len() as u64);
            frames.retain_within(&(header.media.start..bytes.len() as u64));
            for (_, start, end) in keyframes(&frames) {
                prop_assert!(start >= header.media.start && end <= bytes.len() as u64);
            }
            if let Some((_, video, _)) = header.film() {
                let _ = video.number(video.micros(i64::from(u32::MAX)));
            }
        }
    }
}
