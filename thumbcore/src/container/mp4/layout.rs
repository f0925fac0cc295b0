//! Where the top-level boxes of a file lie.

use std::ops::Range;

use bytes::Bytes;

use super::boxes::BoxHeader;

/// The top-level boxes that decide what is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::container) struct Layout {
    /// The movie box: the index of a plain file.
    pub(in crate::container) moov: Option<Range<u64>>,
    /// Past the boxes seen so far, where the movie box may be.
    pub(super) next: u64,
    /// A movie fragment was seen before any movie box.
    pub(super) starts_with_fragment: bool,
    /// The last box of media that was seen: where it begins, and the length of its header.
    pub(super) media: Option<(u64, u64)>,
}

impl Layout {
    /// Walks the top-level boxes from `self.next` on, asking `bytes_at` for the bytes at an offset
    /// of the file (which may be empty where they are not held), up to the first gap.
    pub(in crate::container) fn walk(&mut self, len: u64, bytes_at: impl Fn(u64) -> Option<Bytes>) {
        while self.next < len && self.moov.is_none() {
            let Some(header) = bytes_at(self.next).and_then(|bytes| BoxHeader::parse(&bytes))
            else {
                return;
            };
            let end = header
                .size
                .map_or(len, |size| self.next.saturating_add(size).min(len));
            match &header.kind {
                b"moov" => self.moov = Some(self.next..end),
                b"mdat" => self.media = Some((self.next, header.header_len)),
                b"moof" => self.starts_with_fragment = true,
                _ => {}
            }
            self.next = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(boxes: &[(&[u8; 4], u32)]) -> Bytes {
        let mut file = Vec::new();
        for (kind, size) in boxes {
            file.extend_from_slice(&size.to_be_bytes());
            file.extend_from_slice(*kind);
            file.resize(file.len() + *size as usize - 8, 0);
        }
        file.into()
    }

    #[test]
    fn finds_a_movie_box_behind_the_media() {
        let file = file(&[(b"ftyp", 24), (b"mdat", 1000), (b"moov", 100), (b"free", 8)]);
        let held = |at: u64| (!(100..1024).contains(&at)).then(|| file.slice(at as usize..));
        let mut layout = Layout::default();
        layout.walk(file.len() as u64, held);
        assert_eq!(layout.moov, Some(1024..1124));
    }

    #[test]
    fn stops_at_the_first_gap() {
        let file = file(&[(b"ftyp", 24), (b"mdat", 1000), (b"moov", 100)]);
        let mut layout = Layout::default();
        layout.walk(file.len() as u64, |at| {
            (at < 24).then(|| file.slice(at as usize..64))
        });
        assert_eq!((layout.moov, layout.next), (None, 24));
        let mut layout = Layout::default();
        layout.walk(file.len() as u64, |at| {
            (at < 64).then(|| file.slice(at as usize..64))
        });
        assert_eq!((layout.moov, layout.next), (None, 1024));
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let bytes = Bytes::from(bytes);
            let mut layout = Layout::default();
            layout.walk(bytes.len() as u64, |at| Some(bytes.slice((at as usize).min(bytes.len())..)));
            if let Some(moov) = layout.moov {
                prop_assert!(moov.end <= bytes.len() as u64 && moov.start < moov.end);
            }
        }
    }
}
