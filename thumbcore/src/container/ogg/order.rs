//! Pages that are missing or damaged.
//!
//! libav leaves out pages whose checksum is wrong, and joins what is left of a packet that lay on
//! several.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
};

use memchr::memmem;

use super::page::{Page, SUM};
use crate::{checksum::crc32, reader::Losses};

/// Packets that are remembered.
const KEPT: usize = 256;
/// Streams that are looked at.
const MAX_STREAMS: usize = 64;
/// The magic number of a page.
const MAGIC: &[u8] = b"OggS";

/// What [`Profile::losses`](crate::container::Profile) makes.
pub(super) fn losses() -> Box<dyn Losses> {
    Box::<Order>::default()
}

/// Follows the numbers of the pages that a demuxer reads.
#[derive(Debug, Default)]
struct Order {
    /// What was read and is no whole page yet.
    rest: Vec<u8>,
    /// Where `rest` begins.
    at: u64,
    /// By serial number.
    streams: BTreeMap<u32, Stream>,
    /// Where the pages begin on which packets began that lost something.
    damaged: VecDeque<u64>,
}

#[derive(Debug, Default)]
struct Stream {
    /// The number of the page that should follow.
    next: Option<u32>,
    /// Where the page begins on which the packet began that goes on behind the last page.
    open: Option<u64>,
}

impl Order {
    /// Looks at the whole pages of `rest`, and leaves what follows them.
    fn look(&mut self) {
        let rest = std::mem::take(&mut self.rest);
        let mut next = 0;
        while let Some(found) = memmem::find(&rest[next..], MAGIC).map(|found| next + found) {
            if found != next {
                self.lose_open();
            }
            next = found;
            let page = Page::parse(&rest, found);
            let has_header = rest.len() - found >= Page::MAX_HEADER;
            let end = page.map(|page| found + page.len);
            if end.map_or(!has_header, |end| end > rest.len()) {
                break;
            }
            if let Some(page) = page.filter(|page| page.is_sound(&rest)) {
                self.push(&page, self.at + found as u64);
                next = found + page.len;
            } else {
                self.lose_open();
                next = found + MAGIC.len();
            }
        }
        if !rest[next..].starts_with(MAGIC) {
            // The start of a page may be cut.
            next = next.max(rest.len().saturating_sub(MAGIC.len()));
        }
        self.at += next as u64;
        self.rest = rest[next..].to_vec();
    }

    fn push(&mut self, page: &Page<'_>, at: u64) {
        let has_room = self.streams.len() < MAX_STREAMS;
        let stream = match self.streams.get_mut(&page.serial) {
            None if has_room => self.streams.entry(page.serial).or_default(),
            None => return,
            Some(stream) => stream,
        };
        if stream.next.is_some_and(|next| next != page.number) {
            // What comes first is made from what is missing.
            let lost = stream.open.unwrap_or(at);
            keep(&mut self.damaged, lost);
        }
        stream.next = Some(page.number.wrapping_add(1));
        for packet in page.packets() {
            let began = if packet.starts { Some(at) } else { stream.open };
            stream.open = began.filter(|_| !packet.ends);
        }
    }

    /// The packets under way lost a part.
    fn lose_open(&mut self) {
        for open in self.streams.values().filter_map(|stream| stream.open) {
            keep(&mut self.damaged, open);
        }
    }
}

fn keep(kept: &mut VecDeque<u64>, one: u64) {
    if kept.back() == Some(&one) {
        return;
    }
    if kept.len() == KEPT {
        kept.pop_front();
    }
    kept.push_back(one);
}

impl Losses for Order {
    fn see(&mut self, at: u64, bytes: &[u8]) {
        if at != self.at + self.rest.len() as u64 {
            *self = Self {
                at,
                ..Self::default()
            };
        }
        self.rest.extend_from_slice(bytes);
        self.look();
    }

    fn part(&mut self) {
        self.at += self.rest.len() as u64;
        self.rest.clear();
        self.streams.clear();
    }

    fn has_lost(&self, place: &Range<u64>) -> bool {
        self.damaged.contains(&place.start)
    }
}

impl Page<'_> {
    /// Whether its checksum is right, where `bytes`, which it was parsed from, hold all of it.
    fn is_sound(&self, bytes: &[u8]) -> bool {
        let page = &bytes[self.offset..self.offset + self.len];
        let (before, rest) = page.split_at(SUM.start);
        let (stored, behind) = rest.split_at(SUM.end - SUM.start);
        let zeros = [0; SUM.end - SUM.start];
        let sum = [before, &zeros, behind].into_iter().fold(0, crc32);
        stored == sum.to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::build::Muxer, *};

    /// A file of these packets, each of which begins a page, and where the pages begin.
    fn file(packets: &[usize]) -> (Vec<u8>, Vec<usize>) {
        let mut muxer = Muxer::new(5);
        for (nth, len) in packets.iter().enumerate() {
            muxer.packet(&vec![nth as u8; *len], nth as u64);
            muxer.flush();
        }
        let mut file = muxer.finish();
        let mut pages = Vec::new();
        let mut at = 0;
        while let Some(page) = Page::parse(&file, at) {
            let end = at + page.len;
            let sum = crc32(0, &file[at..end]);
            file[at..end][SUM].copy_from_slice(&sum.to_le_bytes());
            pages.push(at);
            at = end;
        }
        (file, pages)
    }

    fn damaged(file: &[u8], step: usize) -> Vec<u64> {
        let mut order = Order::default();
        for (nth, part) in file.chunks(step).enumerate() {
            order.see((nth * step) as u64, part);
        }
        order.damaged.into()
    }

    #[test]
    fn a_packet_that_lost_its_middle_is_damaged() {
        // The second packet takes three pages.
        let (whole, pages) = file(&[500, 150_000, 700, 900]);
        for step in [100, 4096, 1 << 20] {
            assert!(damaged(&whole, step).is_empty(), "{step}");
            let mut changed = whole.clone();
            changed[pages[2] + 3000] ^= 1;
            assert_eq!(damaged(&changed, step), [pages[1] as u64], "{step}");
            let missing = [&whole[..pages[2]], &whole[pages[3]..]].concat();
            assert_eq!(damaged(&missing, step), [pages[1] as u64], "{step}");
        }
    }

    #[test]
    fn what_follows_lost_packets_is_damaged() {
        let (whole, pages) = file(&[500, 600, 700, 900]);
        let missing = [&whole[..pages[1]], &whole[pages[2]..]].concat();
        assert_eq!(damaged(&missing, 300), [pages[1] as u64]);
        let mut order = Order::default();
        order.see(0, &whole[..pages[1]]);
        order.part();
        order.see(pages[1] as u64, &whole[pages[2]..]);
        assert!(order.damaged.is_empty(), "another part of the file");
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(
            prop::sample::select(vec![b'O', b'g', b'S', 0u8, 1, 255]), 0..2000,
        ), step in 1usize..300) {
            damaged(&bytes, step);
        }
    }
}
