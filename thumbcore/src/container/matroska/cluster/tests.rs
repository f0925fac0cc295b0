use proptest::prelude::*;

use super::{
    super::ebml::build::{element, number},
    *,
};

fn block(track: u8, time: i16, flags: u8, len: usize) -> Vec<u8> {
    let [a, b] = time.to_be_bytes();
    let mut block = vec![0x80 | track, a, b, flags];
    block.resize(4 + len, 0x55);
    block
}

fn simple(track: u8, time: i16, flags: u8, len: usize) -> Vec<u8> {
    element(id::SIMPLE_BLOCK, &block(track, time, flags, len), 4)
}

fn grouped(track: u8, time: i16, refers: bool, len: usize) -> Vec<u8> {
    let mut group = element(id::BLOCK, &block(track, time, 0, len), 3);
    if refers {
        group.extend(number(id::REFERENCE_BLOCK, 1));
    }
    element(id::BLOCK_GROUP, &group, 3)
}

fn cluster(time: u64, blocks: &[Vec<u8>]) -> Vec<u8> {
    let mut body = number(id::TIMESTAMP, time);
    body.extend(blocks.concat());
    element(id::CLUSTER, &body, 8)
}

#[test]
fn keyframes_are_flagged_or_refer_to_nothing() {
    let bytes = cluster(
        1000,
        &[
            simple(1, 0, 0x80, 9),
            simple(2, -3, 0x80, 9),
            simple(1, 40, 0, 9),
            grouped(1, 80, false, 9),
            grouped(1, 120, true, 9),
        ],
    );
    let cluster = Cluster::parse(&bytes, 500).unwrap();
    assert_eq!(cluster.end, Some(500 + bytes.len() as u64));
    let blocks: Vec<_> = cluster
        .blocks(&bytes[12..], cluster.body)
        .map(|block| (block.track, block.time, block.is_keyframe))
        .collect();
    assert_eq!(
        blocks,
        [
            (1, 1000, Some(true)),
            (2, 997, Some(true)),
            (1, 1040, Some(false)),
            (1, 1080, Some(true)),
            (1, 1120, Some(false)),
        ]
    );
}

#[test]
fn a_group_cut_short_may_or_may_not_be_a_keyframe() {
    let bytes = cluster(0, &[grouped(1, 0, true, 100)]);
    let cluster = Cluster::parse(&bytes, 0).unwrap();
    let block = cluster.blocks(&bytes[12..60], 12).next().unwrap();
    assert_eq!((block.is_keyframe, block.end), (None, bytes.len() as u64));
}

#[test]
fn a_cluster_is_found_among_bytes_that_look_like_one() {
    let mut bytes = vec![7; 100];
    bytes.extend_from_slice(&id::CLUSTER.to_be_bytes());
    bytes.extend_from_slice(&[0x82, 0xe7, 0x81, 5, 0, 0, 0, 0, 0, 0]);
    let start = bytes.len() as u64;
    bytes.extend(cluster(7, &[simple(1, 0, 0x80, 3)]));
    let found = find(&bytes, 1 << 30, u64::MAX).unwrap();
    assert_eq!((found.start, found.time), ((1 << 30) + start, 7));
}

#[test]
fn a_header_for_the_rest_of_a_cluster_fits_it() {
    let blocks = [
        simple(1, 0, 0, 50),
        simple(1, 40, 0x80, 60),
        simple(1, 80, 0, 7),
    ];
    let bytes = cluster(123, &blocks);
    let whole = Cluster::parse(&bytes, 0).unwrap();
    let from = whole.body + 10 + blocks[0].len() as u64;
    let mut rest = whole.header_from(from, 0);
    rest.extend_from_slice(&bytes[from as usize..]);
    let cut = Cluster::parse(&rest, 0).unwrap();
    assert_eq!((cut.time, cut.end), (123, Some(rest.len() as u64)));
    let times: Vec<_> = cut
        .blocks(&rest[12..], 12)
        .map(|block| block.time)
        .collect();
    assert_eq!(times, [163, 203]);
}

proptest! {
    #[test]
    fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut bytes = bytes;
        find(&bytes, 0, 1000);
        let cluster = Cluster { start: 0, body: 0, end: None, time: 0 };
        prop_assert!(cluster.blocks(&bytes, 0).count() <= bytes.len());
        bytes.splice(0..0, id::CLUSTER.to_be_bytes());
        Cluster::parse(&bytes, u64::MAX - 3);
        find(&bytes, u64::MAX - 1000, u64::MAX);
    }
}
