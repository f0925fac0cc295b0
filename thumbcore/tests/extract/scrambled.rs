//! Transport streams of which a part needs a key: what needs none is shown, and nothing else.

use std::{ops::Range, path::Path};

use devstack::media::{Clip, Shape, looped};
use thumbcore::Extraction;

use crate::support::{assert_frames, assert_like_ffmpeg, assert_near, extract_bytes, noisy};

const PACKET: usize = 188;
/// The packet ids that ffmpeg gives to picture and sound.
const PICTURE: u16 = 0x100;
const SOUND: u16 = 0x101;

fn film() -> std::path::PathBuf {
    let clip = Clip {
        seconds: 24,
        width: 320,
        height: 180,
        ..noisy()
    };
    looped(&clip, Shape::Ts, 5 << 20).unwrap()
}

fn pid(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[1] & 0x1f, packet[2]])
}

/// `stream` whose packets of `pids` are scrambled where `is_locked` says so of their numbers.
fn scrambled(stream: &[u8], pids: &[u16], is_locked: impl Fn(usize) -> bool) -> Vec<u8> {
    let mut stream = stream.to_vec();
    for (nth, packet) in stream.chunks_exact_mut(PACKET).enumerate() {
        if pids.contains(&pid(packet)) && is_locked(nth) {
            packet[3] |= 0x80;
            let field = if packet[3] & 0x20 == 0 {
                0
            } else {
                1 + usize::from(packet[4])
            };
            let payload = packet.get_mut(4 + field..).unwrap_or_default();
            for (at, byte) in payload.iter_mut().enumerate() {
                *byte ^= (nth * 31 + at * at * 7 + 113) as u8;
            }
        }
    }
    stream
}

#[tokio::test]
async fn bit_errors_do_not_make_a_film_an_encrypted_one() {
    let path = film();
    let whole = std::fs::read(&path).unwrap();
    let packets = whole.len() / PACKET;
    // The very first pictures among them.
    for nth in [3, 40, packets / 2, packets - 20] {
        let bytes = scrambled(&whole, &[PICTURE, SOUND], |at| (nth..nth + 3).contains(&at));
        let extraction = extract_bytes(bytes).await.unwrap();
        assert_near(&extraction, 2.1);
        assert_frames(&path, &extraction);
    }
}

/// The pictures of `path` where `part` of it, in per cent, is scrambled: those that ffmpeg has of
/// what is left.
async fn assert_shown(path: &Path, pids: &[u16], part: Range<usize>) -> Extraction {
    let whole = std::fs::read(path).unwrap();
    let packets = whole.len() / PACKET;
    let part = packets * part.start / 100..packets * part.end / 100;
    let bytes = scrambled(&whole, pids, |nth| part.contains(&nth));
    let folder = tempfile::tempdir().unwrap();
    let bent = folder.path().join("bent.ts");
    let packets = bytes.chunks_exact(PACKET);
    let clear = packets.filter(|packet| !pids.contains(&pid(packet)) || packet[3] & 0xc0 == 0);
    std::fs::write(&bent, clear.collect::<Vec<_>>().concat()).unwrap();
    let extraction = extract_bytes(bytes).await.unwrap();
    assert_like_ffmpeg(&bent, &extraction.thumbnails);
    extraction
}

#[tokio::test]
async fn a_recording_that_begins_or_ends_scrambled_is_shown_where_it_is_clear() {
    let path = film();
    let both = &[PICTURE, SOUND][..];
    for (pids, part) in [
        (both, 0..30),
        (both, 0..60),
        (both, 45..100),
        (both, 30..65),
        (both, 80..101),
        // As much sound alone as ffmpeg looks at.
        (&[PICTURE], 0..15),
        (&[PICTURE], 45..100),
        (&[PICTURE], 30..65),
    ] {
        let extraction = assert_shown(&path, pids, part.clone()).await;
        let times: Vec<_> = extraction.thumbnails.iter().map(|one| one.actual).collect();
        assert!(times[0] < times[2], "{pids:?} {part:?}: {times:?}");
    }
    let extraction = assert_shown(&path, &[PICTURE, SOUND], 0..40).await;
    assert_near(&extraction, 2.2);
}

#[tokio::test]
async fn a_recording_that_is_all_but_clear_nowhere_is_encrypted() {
    let whole = std::fs::read(film()).unwrap();
    for share in [20, 1000] {
        let bytes = scrambled(&whole, &[PICTURE, SOUND], |nth| nth % share > 0);
        let error = extract_bytes(bytes).await.unwrap_err();
        assert!(error.to_string().contains("scrambled"), "{error}");
    }
}
