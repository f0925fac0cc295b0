//! Transport packets in a stretch of bytes.
//!
//! Source: ISO/IEC 13818-1, section 2.4.3.2; the 192-byte form puts a timestamp before each
//! packet (BDAV), the 204-byte form parity after it (DVB).

use std::ops::Range;

/// Bytes of a packet proper.
pub(super) const PACKET: usize = 188;
const SYNC: u8 = 0x47;

/// How packets lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Framing {
    /// Bytes from one packet to the next.
    pub(super) stride: usize,
    /// Bytes before each sync byte that belong to the packet.
    prefix: usize,
}

/// A packet's header, and its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub(super) pid: u16,
    /// A section or a PES packet starts in it.
    pub(super) starts: bool,
    /// A decoder can start here, says the multiplexer.
    pub(super) random_access: bool,
    /// The payload needs a key.
    pub(super) is_scrambled: bool,
    /// Counts the packets of its id that have a payload, up to 15 and again from 0; `None` where
    /// the multiplexer says that the count begins anew.
    pub(super) counter: Option<u8>,
    pub(super) payload: &'a [u8],
}

impl Framing {
    /// Tells the framing and the offset of the first whole packet.
    pub(super) fn detect(head: &[u8]) -> Option<(Self, usize)> {
        let mut first: Option<(Self, usize)> = None;
        for (stride, prefix) in [(188, 0), (192, 4), (204, 0)] {
            let framing = Self { stride, prefix };
            // What would start later has lost, and a wrong framing would be looked for in all of
            // the head.
            let until = first.map_or(head.len(), |(_, start)| start);
            if let Some(start) = framing.resync(head, 0..until) {
                first = Some((framing, start));
            }
        }
        first
    }

    /// Whether packets lie as ISO/IEC 13818-1 has them, with nothing between.
    pub(super) fn is_plain(self) -> bool {
        self.stride == PACKET
    }

    /// The first offset in `among` where packets lie one after the other.
    fn resync(self, bytes: &[u8], among: Range<usize>) -> Option<usize> {
        const IN_A_ROW: usize = 5;
        let end = (bytes.len() + 1).saturating_sub(self.stride).max(1);
        (among.start..among.end.min(end)).find(|at| {
            (0..IN_A_ROW).all(|nth| {
                // Near the end fewer must do.
                bytes
                    .get(at + self.prefix + nth * self.stride)
                    .is_none_or(|byte| *byte == SYNC)
            })
        })
    }

    /// The whole packets of `bytes`, as offset and packet. What is damaged is passed over.
    pub(super) fn packets(self, bytes: &[u8]) -> impl Iterator<Item = (usize, Packet<'_>)> {
        let mut next = self.resync(bytes, 0..bytes.len());
        std::iter::from_fn(move || {
            loop {
                let at = next?;
                let unit = bytes.get(at..at + self.stride)?;
                if unit[self.prefix] != SYNC {
                    next = self.resync(bytes, at + 1..bytes.len());
                    continue;
                }
                next = Some(at + self.stride);
                if let Some(packet) = Packet::parse(&unit[self.prefix..self.prefix + PACKET]) {
                    return Some((at, packet));
                }
            }
        })
    }
}

/// Whether a file that starts with `head` is a transport stream: five sync bytes in a row at one of
/// the packet sizes in use, after at most one packet of garbage.
pub(super) fn is_transport_stream(head: &[u8]) -> bool {
    [188, 192, 204].into_iter().any(|size: usize| {
        (0..2 * size)
            .any(|offset| (0..5).all(|packet| head.get(offset + packet * size) == Some(&SYNC)))
    })
}

/// Whether a transport stream begins anywhere in `bytes`, however much comes before: so many sync
/// bytes in a row as chance does not give, in packets that are not made of these alone.
pub(super) fn are_behind_garbage(bytes: &[u8]) -> bool {
    const IN_A_ROW: usize = 24;
    [188, 192, 204].into_iter().any(|size: usize| {
        let last = bytes.len().saturating_sub(IN_A_ROW * size);
        (0..last).any(|at| {
            (0..IN_A_ROW).all(|nth| bytes[at + nth * size] == SYNC) && bytes[at + 1] != SYNC
        })
    })
}

impl<'a> Packet<'a> {
    /// `None` for a packet marked damaged, or malformed.
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let [_, high, low, control] = *bytes.first_chunk()?;
        if high & 0x80 != 0 {
            return None;
        }
        let rest = &bytes[4..];
        let (adaptation, rest) = if control & 0x20 == 0 {
            (&[][..], rest)
        } else {
            let (len, rest) = rest.split_first()?;
            rest.split_at_checked(usize::from(*len))?
        };
        Some(Self {
            pid: u16::from_be_bytes([high & 0x1f, low]),
            starts: high & 0x40 != 0,
            is_scrambled: control & 0xc0 != 0,
            counter: match adaptation.first() {
                Some(flags) if flags & 0x80 != 0 => None,
                _ => Some(control & 0x0f),
            },
            random_access: adaptation.first().is_some_and(|flags| flags & 0x40 != 0),
            payload: if control & 0x10 == 0 { &[] } else { rest },
        })
    }
}
