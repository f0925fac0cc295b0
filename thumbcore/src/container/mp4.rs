//! The box structure of ISO base media files, as far as it decides what to read.
//!
//! Source: ISO/IEC 14496-12, sections 4.2 (boxes) and 8 (structures).

use std::ops::Range;

/// Where the top-level boxes lie that matter for reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mp4Layout {
    /// The movie box: the index of a plain file.
    pub(crate) moov: Option<Range<u64>>,
    /// Where to look next for `moov`: past the boxes seen so far.
    pub(crate) next: u64,
    /// Movie fragments follow, so that `moov` holds no index.
    pub(crate) fragmented: bool,
}

/// A box header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BoxHeader {
    pub(crate) kind: [u8; 4],
    /// Header included; `None` reaches to the end of the file.
    pub(crate) size: Option<u64>,
    pub(crate) header_len: u64,
}

impl BoxHeader {
    /// Parses the header at the start of `bytes`; `None` where it is cut short or no box.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let short = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
        let kind = bytes.get(4..8)?.try_into().ok()?;
        let (size, header_len) = match short {
            0 => (None, 8),
            1 => (
                Some(u64::from_be_bytes(bytes.get(8..16)?.try_into().ok()?)),
                16,
            ),
            short => (Some(u64::from(short)), 8),
        };
        (size.is_none_or(|size| size >= header_len)).then_some(Self {
            kind,
            size,
            header_len,
        })
    }
}

/// The boxes within `bytes`, as kind and payload, up to the first that is cut short.
pub(super) fn children(mut bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let header = BoxHeader::parse(bytes)?;
        let size = match header.size {
            Some(size) => usize::try_from(size).ok()?,
            None => bytes.len(),
        };
        let payload = bytes.get(header.header_len as usize..size)?;
        bytes = &bytes[size..];
        Some((header.kind, payload))
    })
}

/// Whether the movie box `moov` says that movie fragments follow.
pub(crate) fn is_fragmented(moov: &[u8]) -> bool {
    child(moov, b"moov").is_some_and(|movie| child(movie, b"mvex").is_some())
}

/// The payload of the first box of `kind` within `bytes`.
pub(super) fn child<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    children(bytes).find_map(|(found, payload)| (found == *kind).then_some(payload))
}

/// The payload of the box at the end of `path` within `bytes`.
pub(super) fn descendant<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter()
        .try_fold(bytes, |bytes, kind| child(bytes, kind))
}

/// Whether the file starts with a box that such files start with.
pub(super) fn is_mp4(head: &[u8]) -> bool {
    const FIRST: [&[u8; 4]; 11] = [
        b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"sidx", b"moof",
        b"uuid",
    ];
    BoxHeader::parse(head).is_some_and(|header| FIRST.contains(&&header.kind))
}

impl Mp4Layout {
    /// Walks the top-level boxes from `self.next` on, asking `bytes_at` for the bytes at an offset
    /// of the file (which may be empty where they are not held), up to the first gap.
    pub(crate) fn walk(&mut self, len: u64, bytes_at: impl Fn(u64) -> Option<bytes::Bytes>) {
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
                b"moof" => self.fragmented = true,
                _ => {}
            }
            self.next = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
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
        let mut layout = Mp4Layout::default();
        layout.walk(file.len() as u64, held);
        assert_eq!(layout.moov, Some(1024..1124));
    }

    #[test]
    fn stops_at_the_first_gap() {
        let file = file(&[(b"ftyp", 24), (b"mdat", 1000), (b"moov", 100)]);
        let mut layout = Mp4Layout::default();
        layout.walk(file.len() as u64, |at| {
            (at < 24).then(|| file.slice(at as usize..64))
        });
        assert_eq!((layout.moov, layout.next), (None, 24));
        let mut layout = Mp4Layout::default();
        layout.walk(file.len() as u64, |at| {
            (at < 64).then(|| file.slice(at as usize..64))
        });
        assert_eq!((layout.moov, layout.next), (None, 1024));
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let bytes = Bytes::from(bytes);
            let mut layout = Mp4Layout::default();
            layout.walk(bytes.len() as u64, |at| Some(bytes.slice((at as usize).min(bytes.len())..)));
            if let Some(moov) = layout.moov {
                prop_assert!(moov.end <= bytes.len() as u64 && moov.start < moov.end);
            }
        }
    }
}
