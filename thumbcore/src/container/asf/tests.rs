use bytes::{BufMut, Bytes};
use proptest::prelude::*;

use super::*;
use crate::container::search::{Scanner, Sighting};

const PACKET: usize = 200;
const PREROLL: i64 = 3000;

fn object(kind: &[u8; 16], payload: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_vec();
    bytes.put_u64_le(payload.len() as u64 + 24);
    bytes.put_slice(payload);
    bytes
}

fn stream_properties(kind: &[u8; 16], number: u8) -> Vec<u8> {
    let mut payload = kind.to_vec();
    payload.put_bytes(0, 32);
    payload.put_slice(&[number, 0, 0, 0, 0, 0]);
    object(&header::STREAM_PROPERTIES, &payload)
}

/// A file of a video stream, number 2, with `packets` and then `behind`.
fn file(packets: &[Vec<u8>], behind: &[u8]) -> Vec<u8> {
    let build = |len: usize| {
        let mut file = vec![0; 16];
        file.put_u64_le(len as u64);
        file.put_bytes(0, 16);
        file.put_u64_le(13_000 * 10_000);
        file.put_u64_le(0);
        file.put_u64_le(PREROLL as u64);
        file.put_u32_le(2);
        file.put_u32_le(PACKET as u32);
        file.put_u32_le(PACKET as u32);
        file.put_u32_le(0);
        let mut children = vec![0; 6];
        children.extend(object(&header::FILE_PROPERTIES, &file));
        children.extend(stream_properties(&header::AUDIO, 1));
        children.extend(stream_properties(&header::VIDEO, 2));
        let mut bytes = object(
            b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c",
            &children,
        );
        let mut data = vec![0; 26];
        data.extend(packets.concat());
        bytes.extend(object(&header::DATA, &data));
        bytes.extend_from_slice(behind);
        bytes
    };
    build(build(0).len())
}

/// A packet with a piece of a frame.
fn packet(stream: u8, frame: u8, offset: u32, frame_len: u32, time_ms: u32, len: u8) -> Vec<u8> {
    // Error correction; then several payloads with a byte's padding and lengths of a byte.
    let mut bytes = vec![0x82, 0, 0, 0x09, 0x5d];
    let payload_len = 1 + 1 + 4 + 1 + 8 + 1 + usize::from(len);
    bytes.push((PACKET - 5 - 1 - 6 - 1 - payload_len) as u8);
    bytes.put_bytes(0, 6);
    bytes.push(0x41);
    bytes.push(stream);
    bytes.push(frame);
    bytes.put_u32_le(offset);
    bytes.push(8);
    bytes.put_u32_le(frame_len);
    bytes.put_u32_le(time_ms);
    bytes.push(len);
    bytes.resize(PACKET, 9);
    bytes
}

/// A keyframe of three packets between others.
fn packets() -> Vec<Vec<u8>> {
    vec![
        packet(1, 0, 0, 100, 3000, 100),
        packet(2, 4, 0, 50, 3040, 50),
        packet(0x82, 5, 0, 250, 3080, 100),
        packet(0x82, 5, 100, 250, 3080, 100),
        packet(1, 1, 0, 100, 3090, 100),
        packet(0x82, 5, 200, 250, 3080, 50),
        packet(2, 6, 0, 50, 3120, 50),
    ]
}

#[test]
fn packets_tell_times_and_keyframes() {
    let bytes = file(&packets(), &[]);
    let header = Header::parse(&bytes, bytes.len() as u64).unwrap();
    assert_eq!((header.video, &header.streams[..]), (2, &[1, 2][..]));
    assert_eq!((header.duration_ms, header.preroll_ms), (10_000, PREROLL));
    assert_eq!(header.packets_end, bytes.len() as u64);
    let at = header.packets_at;
    let timeline = timeline(&header, &bytes[at as usize..], &[]).unwrap();
    assert_eq!(timeline.start_us, 0);
    assert_eq!(timeline.duration_us, Some(10_040_000));
    let packet = |nth: u64| at + nth * PACKET as u64;
    let seen = Sighting {
        time_us: 80_000,
        start: packet(2),
        next: None,
        end: Some(packet(6)),
    };
    let bytes = Bytes::from(bytes);
    // Wherever the bytes begin.
    for start in [0, packet(0), packet(1) + 1, packet(2)] {
        let scan = header.scan(&bytes.slice(start as usize..), start);
        assert_eq!(scan.keyframes, std::slice::from_ref(&seen), "{start}");
    }
    let cut = header.scan(&bytes.slice(..packet(5) as usize), 0);
    assert_eq!(cut.keyframes, [Sighting { end: None, ..seen }]);
    assert_eq!(cut.first_time_us, Some(40_000));
}

#[test]
fn an_index_tells_packets_by_time() {
    let mut payload = vec![0; 16];
    payload.put_u64_le(10_000_000);
    payload.put_u32_le(4);
    payload.put_u32_le(6);
    for packet in [0, 0, 0, 0, 7, 9] {
        payload.put_u32_le(packet);
        payload.put_u16_le(4);
    }
    let other = object(&[5; 16], b"something else");
    let index = SimpleIndex::parse(&[other, object(&header::SIMPLE_INDEX, &payload)].concat());
    let index = index.unwrap();
    let packets = |time_ms| -> Vec<_> {
        let near = index.around(time_ms);
        near.iter().map(|entry| entry.packet).collect()
    };
    assert_eq!(packets(3000), [0, 7, 9]);
    assert_eq!(packets(4999), [7, 9]);
    assert_eq!(packets(99_000), [9]);
    assert_eq!(packets(-5), [0, 7, 9]);
}

proptest! {
    #[test]
    fn any_damage_ends(
        damage in prop::collection::vec((0usize..3000, any::<u8>()), 0..8),
        from in 0usize..3000,
    ) {
        let mut bytes = file(&packets(), &object(&header::SIMPLE_INDEX, &[1; 60]));
        let len = bytes.len();
        for (place, byte) in damage {
            bytes[place % len] = byte;
        }
        let bytes = Bytes::from(bytes);
        if let Some(header) = Header::parse(&bytes, len as u64) {
            let from = from % len;
            let scan = header.scan(&bytes.slice(from..), from as u64);
            for seen in scan.keyframes {
                prop_assert!(seen.start >= from as u64 && seen.end.is_none_or(|end| end <= len as u64));
            }
        }
        if let Some(index) = SimpleIndex::parse(&bytes[from % len..]) {
            prop_assert!(!index.around(i64::MAX).is_empty());
        }
    }

    #[test]
    fn any_packet_ends(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let total: usize = packet::payloads(&bytes).len();
        prop_assert!(total <= 64);
    }
}
