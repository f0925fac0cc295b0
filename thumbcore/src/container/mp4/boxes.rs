//! Boxes, the structure of ISO base media files.
//!
//! Source: ISO/IEC 14496-12, section 4.2.

/// A box header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BoxHeader {
    pub(super) kind: [u8; 4],
    /// Header included; `None` reaches to the end of the file.
    pub(super) size: Option<u64>,
    pub(super) header_len: u64,
}

impl BoxHeader {
    /// Parses the header at the start of `bytes`; `None` where it is cut short or no box.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
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

/// The payload of the first box of `kind` within `bytes`.
pub(super) fn child<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    children(bytes).find_map(|(found, payload)| (found == *kind).then_some(payload))
}

/// The payload of the box at the end of `path` within `bytes`.
pub(super) fn descendant<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter()
        .try_fold(bytes, |bytes, kind| child(bytes, kind))
}
