//! Pages of an Ogg file and the packets in them.
//!
//! Source: RFC 3533, section 6.

use std::ops::Range;

use memchr::memmem;

use crate::checksum::crc32;

/// Bytes of a page's header before the sizes of its segments.
const HEADER: usize = 27;
/// The bytes of a page that hold its checksum.
pub(super) const SUM: Range<usize> = 22..26;

/// A page, whose body may be cut short.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page<'a> {
    /// Where it begins in the bytes that were parsed.
    pub(super) offset: usize,
    flags: u8,
    /// The codec's own count of time at the end of the last packet that ends here; `None` where
    /// none does.
    pub(super) granule: Option<u64>,
    /// Which stream it is of.
    pub(super) serial: u32,
    /// Counts the pages of its stream.
    pub(super) number: u32,
    sizes: &'a [u8],
    body: &'a [u8],
    /// Bytes of all of it.
    pub(super) len: usize,
}

/// A packet, or part of one, that lies in a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    /// It begins here, rather than on a page before.
    pub(super) starts: bool,
    /// It ends here, rather than on a page behind.
    pub(super) ends: bool,
    /// What is here of it, which the end of the bytes may cut short.
    pub(super) bytes: &'a [u8],
}

impl<'a> Page<'a> {
    /// Bytes of a header at most.
    pub(super) const MAX_HEADER: usize = HEADER + 255;

    /// The page at `offset`; `None` where none is, or its header is cut short.
    pub(super) fn parse(bytes: &'a [u8], offset: usize) -> Option<Self> {
        let rest = bytes.get(offset..)?;
        let header: &[u8; HEADER] = rest.first_chunk()?;
        let [b'O', b'g', b'g', b'S', 0, flags @ 0..=7, ..] = *header else {
            return None;
        };
        let granule = u64::from_le_bytes(*header[6..].first_chunk()?);
        let serial = u32::from_le_bytes(*header[14..].first_chunk()?);
        let number = u32::from_le_bytes(*header[18..].first_chunk()?);
        let behind = &rest[HEADER..];
        let (sizes, behind) = behind.split_at_checked(usize::from(header[HEADER - 1]))?;
        let body_len = sizes.iter().map(|size| usize::from(*size)).sum();
        Some(Self {
            offset,
            flags,
            granule: (granule != u64::MAX).then_some(granule),
            serial,
            number,
            sizes,
            body: &behind[..behind.len().min(body_len)],
            len: HEADER + sizes.len() + body_len,
        })
    }

    /// Its first packet began on a page before.
    pub(super) fn is_continued(&self) -> bool {
        self.flags & 1 != 0
    }

    /// The first page of its stream.
    pub(super) fn is_first(&self) -> bool {
        self.flags & 2 != 0
    }

    /// The last page of its stream.
    pub(super) fn is_last(&self) -> bool {
        self.flags & 4 != 0
    }

    /// Its packets, whole or in part.
    pub(super) fn packets(&self) -> impl Iterator<Item = Packet<'a>> + use<'a> {
        let (mut sizes, mut body) = (self.sizes, self.body);
        let mut starts = !self.is_continued();
        std::iter::from_fn(move || {
            if sizes.is_empty() {
                return None;
            }
            let last = sizes.iter().position(|size| *size < 255);
            let count = last.map_or(sizes.len(), |last| last + 1);
            let (own, others) = sizes.split_at(count);
            sizes = others;
            let len: usize = own.iter().map(|size| usize::from(*size)).sum();
            let (bytes, rest) = body.split_at(len.min(body.len()));
            body = rest;
            let packet = Packet {
                starts,
                ends: last.is_some(),
                bytes,
            };
            starts = true;
            Some(packet)
        })
    }
}

/// The pages in `bytes`, which may begin and end anywhere. `is_ours` tells whether a page that no
/// other led to is to be believed.
pub(super) fn pages<'a>(
    bytes: &'a [u8],
    is_ours: impl Fn(&Page<'a>) -> bool,
) -> impl Iterator<Item = Page<'a>> {
    let mut next = 0;
    // The last page says that one begins at `next`.
    let mut is_led_to = false;
    std::iter::from_fn(move || {
        loop {
            let rest = bytes.get(next..)?;
            let found = next + memmem::find(rest, b"OggS")?;
            let was_led_to = is_led_to && found == next;
            is_led_to = false;
            next = found + 1;
            if let Some(page) = Page::parse(bytes, found)
                && (was_led_to || is_ours(&page))
            {
                next = found + page.len;
                is_led_to = true;
                return Some(page);
            }
        }
    })
}

/// A page of one packet, as a muxer writes it.
pub(super) fn one_packet(serial: u32, granule: u64, packet: u8) -> Vec<u8> {
    let mut page = b"OggS\0\0".to_vec();
    page.extend(granule.to_le_bytes());
    page.extend(serial.to_le_bytes());
    page.extend([0; 8]);
    page.extend([1, 1, packet]);
    let sum = crc32(0, &page);
    page[SUM].copy_from_slice(&sum.to_le_bytes());
    page
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::build::Muxer, *};

    #[test]
    fn checksums_are_those_of_the_format() {
        // The first page of a Vorbis file that oggenc wrote.
        let mut page = [
            0x4f, 0x67, 0x67, 0x53, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x89, 0xe6, 0x0b, 0x31, 0, 0, 0,
            0, 0x4a, 0xd6, 0xb3, 0xdb, 1, 0x1a, 0x4f, 0x56, 0x50, 0x38, 0x30, 1, 1, 0, 2, 0x80, 1,
            0x68, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0x19, 0, 0, 0, 1,
        ];
        let stored = u32::from_le_bytes(page[SUM].try_into().unwrap());
        page[SUM].fill(0);
        assert_eq!(crc32(0, &page), stored);
    }

    #[test]
    fn a_page_of_one_packet_reads_back() {
        let bytes = one_packet(7, 9, 0x40);
        let page = Page::parse(&bytes, 0).unwrap();
        assert_eq!((page.serial, page.granule, page.len), (7, Some(9), 29));
        let packet = Packet {
            starts: true,
            ends: true,
            bytes: &[0x40],
        };
        assert_eq!(page.packets().collect::<Vec<_>>(), [packet]);
    }

    proptest! {
        #[test]
        fn packets_come_back_whole(
            packets in prop::collection::vec((any::<u8>(), 0usize..70_000), 1..6),
            flushes in any::<u8>(),
        ) {
            let mut muxer = Muxer::new(5);
            for (nth, (byte, len)) in packets.iter().enumerate() {
                muxer.packet(&vec![*byte; *len], nth as u64);
                if flushes >> nth & 1 == 1 {
                    muxer.flush();
                }
            }
            let file = muxer.finish();
            let mut found: Vec<Vec<u8>> = Vec::new();
            let mut ends = 0;
            for page in pages(&file, |page| page.serial == 5) {
                for packet in page.packets() {
                    if packet.starts {
                        found.push(Vec::new());
                    }
                    found.last_mut().unwrap().extend_from_slice(packet.bytes);
                    ends += usize::from(packet.ends);
                }
            }
            let expected: Vec<_> = packets.iter().map(|(byte, len)| vec![*byte; *len]).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(ends, packets.len());
        }

        #[test]
        fn pages_are_found_from_anywhere(cut in 0usize..5800) {
            let mut muxer = Muxer::new(5);
            for nth in 0..19 {
                // Bodies full of what looks like the start of a page.
                muxer.packet(&b"OggS".repeat(70), nth);
                muxer.flush();
            }
            let file = muxer.finish();
            let all: Vec<_> = pages(&file, |page| page.serial == 5).map(|page| page.offset).collect();
            prop_assert_eq!(all.len(), 20);
            let found: Vec<_> = pages(&file[cut..], |page| page.serial == 5)
                .map(|page| page.offset + cut)
                .collect();
            let expected: Vec<_> = all.into_iter().filter(|at| *at >= cut).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(
            prop::sample::select(vec![b'O', b'g', b'S', 0u8, 1, 255]), 0..2000,
        )) {
            let mut last = None;
            for page in pages(&bytes, |_| true) {
                prop_assert!(last.is_none_or(|last| page.offset > last));
                last = Some(page.offset);
                let len: usize = page.packets().map(|packet| packet.bytes.len()).sum();
                prop_assert!(page.offset + len <= bytes.len());
            }
        }
    }
}
