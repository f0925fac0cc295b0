use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};
use proptest::prelude::*;

use super::*;

fn boxed(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32 + 8).to_be_bytes().to_vec();
    bytes.extend_from_slice(kind);
    bytes.extend_from_slice(payload);
    bytes
}

fn table(kind: &[u8; 4], words: &[u32]) -> Vec<u8> {
    let words: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    boxed(kind, &words)
}

fn trak(handler: &[u8; 4], tables: &[Vec<u8>]) -> Vec<u8> {
    let handler = boxed(b"hdlr", &[&[0; 8][..], handler, &[0; 13]].concat());
    let minf = boxed(b"minf", &boxed(b"stbl", &tables.concat()));
    boxed(b"trak", &boxed(b"mdia", &[handler, minf].concat()))
}

fn moov(children: &[Vec<u8>]) -> Vec<u8> {
    boxed(b"moov", &children.concat())
}

fn claims(moov: &[u8]) -> Claims {
    Claims::of(moov).unwrap()
}

fn samples(handler: &[u8; 4], tables: &[Vec<u8>]) -> u64 {
    claims(&moov(&[trak(handler, tables)])).samples
}

#[test]
fn samples_of_all_tracks_are_added_up() {
    let of = |count| trak(b"vide", &[table(b"stsz", &[0, 1, count])]);
    let claimed = claims(&moov(&[of(7_000_000), of(u32::MAX), of(1)]));
    let samples = 7_000_001 + u64::from(u32::MAX);
    assert_eq!(claimed, Claims { tracks: 3, samples });
    let limits = Limits::default();
    let limit = limits.max_samples;
    assert_eq!(
        claimed.check(&limits),
        Err(LimitError::Samples { samples, limit })
    );
    assert_eq!(claims(&moov(&[of(7_000_000)])).check(&limits), Ok(()));
}

#[test]
fn any_table_may_claim_samples() {
    let compact = [table(b"stz2", &[0, 4, 500])];
    assert_eq!(samples(b"vide", &compact), 500);
    let twice = [table(b"stsz", &[0, 1, 500]), table(b"stsz", &[0, 1, 2])];
    assert_eq!(samples(b"vide", &twice), 500);
    let delays = [
        table(b"stsz", &[0, 0, 3]),
        table(b"ctts", &[0, 2, 400, 0, 600, 9]),
    ];
    assert_eq!(samples(b"vide", &delays), 1000);
    let sync = u32::from_be_bytes(*b"sync");
    for group in [
        table(b"sbgp", &[0, sync, 1, 700, 1]),
        table(b"sbgp", &[0x0100_0000, sync, 0, 1, 700, 1]),
    ] {
        assert_eq!(samples(b"vide", &[group]), 700);
    }
    // Cut where its parent ends.
    let mut long = moov(&[trak(b"vide", &[table(b"stsz", &[0, 1, 500])])]);
    let at = long.len() - 20;
    long[at..at + 4].copy_from_slice(&2000u32.to_be_bytes());
    assert_eq!(claims(&long).samples, 500);
}

#[test]
fn hours_of_plain_sound_are_few_entries() {
    const HOUR: u32 = 3600 * 48_000;
    let sizes = table(b"stsz", &[0, 4, HOUR]);
    // Half a second a chunk, and the last of one second.
    let stretches = table(b"stsc", &[0, 2, 1, 24_000, 1, 7199, 48_000, 1]);
    let chunks = table(b"stco", &[0, 7199]);
    let times = table(b"stts", &[0, 1, HOUR, 1]);
    let plain = [sizes.clone(), stretches.clone(), chunks.clone(), times];
    assert_eq!(samples(b"soun", &plain), 7198 * 24 + 47);
    // The same of video, or timed otherwise, is an entry a sample.
    assert_eq!(samples(b"vide", &plain), u64::from(HOUR));
    for times in [
        table(b"stts", &[0, 1, HOUR, 2]),
        table(b"stts", &[0, 2, 1, 1, HOUR - 1, 1]),
    ] {
        let tables = [sizes.clone(), stretches.clone(), chunks.clone(), times];
        assert_eq!(samples(b"soun", &tables), u64::from(HOUR));
    }
}

#[test]
fn sound_may_not_claim_endless_chunks() {
    let tables = [
        table(b"stts", &[0, 1, 9, 1]),
        table(b"stsc", &[0, 1, 1, u32::MAX, 1]),
        table(b"stco", &[0, 100]),
    ];
    assert_eq!(samples(b"soun", &tables), 100 << 22);
}

#[test]
fn tracks_are_counted_by_either_box() {
    let trex = || table(b"trex", &[0, 1, 1, 0, 0, 0]);
    let extends = |count| boxed(b"mvex", &vec![trex(); count].concat());
    let few = moov(&[trak(b"vide", &[]), extends(1)]);
    assert_eq!(claims(&few).check(&Limits::default()), Ok(()));
    let streams = 65;
    let refused = Err(LimitError::Streams { streams, limit: 64 });
    let many = moov(&[trak(b"vide", &[]), extends(65)]);
    assert_eq!(claims(&many).check(&Limits::default()), refused);
    let many = moov(&vec![trak(b"vide", &[]); 65]);
    assert_eq!(claims(&many).check(&Limits::default()), refused);
}

/// `moov` with what is in it packed, said to be `len` bytes long.
fn packed(moov: &[u8], len: u32) -> Vec<u8> {
    let mut data = len.to_be_bytes().to_vec();
    let mut encoder = ZlibEncoder::new(&mut data, Compression::default());
    encoder.write_all(moov).unwrap();
    encoder.finish().unwrap();
    let method = boxed(b"dcom", b"zlib");
    boxed(
        b"moov",
        &boxed(b"cmov", &[method, boxed(b"cmvd", &data)].concat()),
    )
}

#[test]
fn a_packed_movie_box_hides_nothing() {
    let plain = moov(&vec![trak(b"vide", &[table(b"stsz", &[0, 1, 500])]); 9]);
    let len = plain.len() as u32;
    assert_eq!(claims(&packed(&plain, len)), claims(&plain));
    for refused in [
        packed(&plain, u32::MAX),
        packed(&packed(&plain, len), 10_000),
    ] {
        let error = Claims::of(&refused).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    }
}

proptest! {
    #[test]
    fn any_damage_ends(at in 0usize..400, byte in any::<u8>(), cut in 0usize..400) {
        let tables = [
            table(b"stsz", &[0, 1, 7]),
            table(b"stts", &[0, 1, 7, 1]),
            table(b"ctts", &[0, 1, 7, 1]),
            table(b"stsc", &[0, 1, 1, 7, 1]),
            table(b"stco", &[0, 1, 48]),
        ];
        let mut bytes = moov(&[trak(b"vide", &tables), trak(b"soun", &tables)]);
        let len = bytes.len();
        bytes[at % len] = byte;
        bytes.truncate(len - cut.min(len));
        let _ = Claims::of(&bytes).map(|claims| claims.check(&Limits::default()));
    }
}
