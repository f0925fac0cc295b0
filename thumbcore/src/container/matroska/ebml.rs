//! EBML, the notation Matroska is written in: elements of an id, a size and a payload, nested.
//!
//! Source: RFC 8794, sections 4 to 7; the ids are RFC 9559's.

/// The ids that matter here, their length markers included.
pub(super) mod id {
    pub(in super::super) const EBML: u32 = 0x1a45_dfa3;
    pub(in super::super) const VOID: u32 = 0xec;
    pub(in super::super) const CRC: u32 = 0xbf;
    pub(in super::super) const SEGMENT: u32 = 0x1853_8067;
    pub(in super::super) const SEEK_HEAD: u32 = 0x114d_9b74;
    pub(in super::super) const SEEK: u32 = 0x4dbb;
    pub(in super::super) const SEEK_ID: u32 = 0x53ab;
    pub(in super::super) const SEEK_POSITION: u32 = 0x53ac;
    pub(in super::super) const INFO: u32 = 0x1549_a966;
    pub(in super::super) const TIMESTAMP_SCALE: u32 = 0x2a_d7b1;
    pub(in super::super) const DURATION: u32 = 0x4489;
    pub(in super::super) const TRACKS: u32 = 0x1654_ae6b;
    pub(in super::super) const TRACK_ENTRY: u32 = 0xae;
    pub(in super::super) const TRACK_NUMBER: u32 = 0xd7;
    pub(in super::super) const TRACK_TYPE: u32 = 0x83;
    pub(in super::super) const FLAG_DEFAULT: u32 = 0x88;
    pub(in super::super) const TRACK_TIMESTAMP_SCALE: u32 = 0x23_314f;
    pub(in super::super) const CODEC_DELAY: u32 = 0x56aa;
    pub(in super::super) const CODEC_ID: u32 = 0x86;
    pub(in super::super) const CONTENT_ENCODINGS: u32 = 0x6d80;
    pub(in super::super) const CONTENT_ENCODING: u32 = 0x6240;
    pub(in super::super) const CONTENT_ENCODING_TYPE: u32 = 0x5033;
    pub(in super::super) const CONTENT_ENCRYPTION: u32 = 0x5035;
    pub(in super::super) const VIDEO: u32 = 0xe0;
    pub(in super::super) const PIXEL_WIDTH: u32 = 0xb0;
    pub(in super::super) const PIXEL_HEIGHT: u32 = 0xba;
    pub(in super::super) const CUES: u32 = 0x1c53_bb6b;
    pub(in super::super) const CUE_POINT: u32 = 0xbb;
    pub(in super::super) const CUE_TIME: u32 = 0xb3;
    pub(in super::super) const CUE_TRACK_POSITIONS: u32 = 0xb7;
    pub(in super::super) const CUE_TRACK: u32 = 0xf7;
    pub(in super::super) const CUE_CLUSTER_POSITION: u32 = 0xf1;
    pub(in super::super) const CUE_RELATIVE_POSITION: u32 = 0xf0;
    pub(in super::super) const CLUSTER: u32 = 0x1f43_b675;
    pub(in super::super) const TIMESTAMP: u32 = 0xe7;
    pub(in super::super) const SILENT_TRACKS: u32 = 0x5854;
    pub(in super::super) const POSITION: u32 = 0xa7;
    pub(in super::super) const PREV_SIZE: u32 = 0xab;
    pub(in super::super) const SIMPLE_BLOCK: u32 = 0xa3;
    pub(in super::super) const BLOCK_GROUP: u32 = 0xa0;
    pub(in super::super) const BLOCK: u32 = 0xa1;
    pub(in super::super) const REFERENCE_BLOCK: u32 = 0xfb;
    pub(in super::super) const ENCRYPTED_BLOCK: u32 = 0xaf;
}

/// Longest header of an element: four bytes of id, eight of size.
pub(super) const MAX_HEADER: u64 = 12;

/// The header of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) id: u32,
    /// Length of the header itself.
    pub(super) header: u64,
    /// Length of the payload; `None` where a live writer did not know it.
    pub(super) size: Option<u64>,
}

impl Element {
    /// Parses the header at the start of `bytes`; `None` where it is cut short or none.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let first = *bytes.first()?;
        let id_len = first.leading_zeros() as usize + 1;
        if id_len > 4 {
            return None;
        }
        let id = uint(bytes.get(..id_len)?) as u32;
        let (size, size_len) = vint(bytes.get(id_len..)?)?;
        Some(Self {
            id,
            header: (id_len + size_len) as u64,
            size,
        })
    }

    /// One past the element, which starts at `at`, where its size is known and sane.
    pub(super) fn end(&self, at: u64) -> Option<u64> {
        at.checked_add(self.header)?.checked_add(self.size?)
    }
}

/// A variable-length number and its length in bytes; `None` inside means "unknown".
pub(super) fn vint(bytes: &[u8]) -> Option<(Option<u64>, usize)> {
    let first = *bytes.first()?;
    let len = first.leading_zeros() as usize + 1;
    if len > 8 {
        return None;
    }
    let mask = (1u64 << (7 * len)) - 1;
    let value = uint(bytes.get(..len)?) & mask;
    Some(((value != mask).then_some(value), len))
}

/// A big-endian number of up to eight bytes; longer ones keep their last eight.
pub(super) fn uint(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |value, byte| (value << 8) | u64::from(*byte))
}

/// A float of four or eight bytes.
pub(super) fn float(bytes: &[u8]) -> Option<f64> {
    match bytes.len() {
        4 => Some(f64::from(f32::from_bits(uint(bytes) as u32))),
        8 => Some(f64::from_bits(uint(bytes))),
        _ => None,
    }
}

/// The elements in a payload, up to the first that is cut short.
pub(super) fn children(mut payload: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    std::iter::from_fn(move || {
        let element = Element::parse(payload)?;
        let rest = payload.get(element.header as usize..)?;
        let size = usize::try_from(element.size?).ok()?;
        let (child, next) = rest.split_at_checked(size)?;
        payload = next;
        Some((element.id, child))
    })
}

#[cfg(test)]
pub(super) mod build {
    //! Writing elements, for tests.

    /// An element with a size of `size_len` bytes.
    pub(in super::super) fn element(id: u32, payload: &[u8], size_len: usize) -> Vec<u8> {
        let mut bytes = id_bytes(id);
        let size = payload.len() as u64 | 1 << (7 * size_len);
        bytes.extend_from_slice(&size.to_be_bytes()[8 - size_len..]);
        bytes.extend_from_slice(payload);
        bytes
    }

    pub(in super::super) fn id_bytes(id: u32) -> Vec<u8> {
        let bytes = id.to_be_bytes();
        bytes[id.leading_zeros() as usize / 8..].to_vec()
    }

    pub(in super::super) fn number(id: u32, value: u64) -> Vec<u8> {
        element(id, &value.to_be_bytes(), 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_may_be_unknown() {
        let known = Element::parse(&[0x1f, 0x43, 0xb6, 0x75, 0x81]).unwrap();
        assert_eq!(
            (known.id, known.header, known.size),
            (id::CLUSTER, 5, Some(1))
        );
        let unknown = Element::parse(&[0x1f, 0x43, 0xb6, 0x75, 0xff]).unwrap();
        assert_eq!(unknown.size, None);
        let long = [0xec, 1, 255, 255, 255, 255, 255, 255, 255];
        assert_eq!(Element::parse(&long).unwrap().size, None);
        assert_eq!(Element::parse(&[0xec]), None);
        assert_eq!(Element::parse(&[0, 0x81]), None);
    }

    #[test]
    fn floats_have_four_or_eight_bytes() {
        assert_eq!(float(&1.5f32.to_be_bytes()), Some(1.5));
        assert_eq!(float(&1.5f64.to_be_bytes()), Some(1.5));
        assert_eq!(float(&[]), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            payloads in prop::collection::vec((0x80u32..0xff, prop::collection::vec(any::<u8>(), 0..100)), 0..8),
            size_len in 2usize..8,
        ) {
            let bytes: Vec<u8> = payloads.iter().flat_map(|(id, payload)| build::element(*id, payload, size_len)).collect();
            let read: Vec<_> = children(&bytes).map(|(id, payload)| (id, payload.to_vec())).collect();
            prop_assert_eq!(read, payloads);
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let total: usize = children(&bytes).map(|(_, payload)| payload.len() + 2).sum();
            prop_assert!(total <= bytes.len());
        }
    }
}
