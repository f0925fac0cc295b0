//! The packets of an ASF file: what pieces of which frames they hold.
//!
//! Source: Microsoft's "Advanced Systems Format (ASF) Specification" 01.20.03, section 5.2.

use bytes::{Buf, Bytes};

use super::header::Header;
use crate::container::search::{Anchor, Scan, Scanner, Sighting};

/// A piece of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Payload {
    pub(super) stream: u8,
    pub(super) is_keyframe: bool,
    /// Number of the frame in its stream, modulo what the field holds.
    frame: u32,
    /// Where in the frame it belongs.
    offset: u32,
    /// Length of the whole frame; 0 where the payload does not say.
    pub(super) frame_len: u32,
    /// When the frame is shown, preroll included.
    pub(super) time_ms: i64,
    len: u32,
}

impl Payload {
    /// The first piece of a frame.
    pub(super) fn is_first(&self) -> bool {
        self.offset == 0
    }
}

/// The payloads of `packet`, as far as they make sense.
pub(super) fn payloads(packet: &[u8]) -> Vec<Payload> {
    let mut payloads = Vec::new();
    // An error ends the packet; what was read before it stands.
    let _ = read_packet(packet, &mut payloads);
    payloads
}

fn read_packet(packet: &[u8], payloads: &mut Vec<Payload>) -> Option<()> {
    let PacketBody {
        fields,
        has_several,
        mut bytes,
    } = PacketBody::parse(packet)?;
    let (count, len_field) = if has_several {
        let flags = bytes.try_get_u8().ok()?;
        (flags & 0x3f, Some(flags >> 6))
    } else {
        (1, None)
    };
    for _ in 0..count {
        payloads.push(Payload::take(&mut bytes, fields, len_field)?);
    }
    Some(())
}

/// What lies between a packet's header and its padding.
struct PacketBody<'a> {
    /// The lengths of each payload's own fields.
    fields: u8,
    has_several: bool,
    bytes: &'a [u8],
}

impl<'a> PacketBody<'a> {
    fn parse(packet: &'a [u8]) -> Option<Self> {
        let mut rest = packet;
        let first = *rest.first()?;
        if first & 0x80 != 0 {
            // Error correction data: opaque, no longer than the low bits say.
            if first & 0x70 != 0 {
                return None;
            }
            rest.advance(1);
            rest = rest.get(usize::from(first & 0x0f)..)?;
        }
        let lengths = rest.try_get_u8().ok()?;
        let fields = rest.try_get_u8().ok()?;
        let packet_len = number(&mut rest, lengths >> 5)?;
        number(&mut rest, lengths >> 1)?;
        let padding = number(&mut rest, lengths >> 3)? as usize;
        rest = rest.get(6..)?;
        let mut end = packet.len();
        if packet_len > 0 {
            end = end.min(packet_len as usize);
        }
        let passed = packet.len() - rest.len();
        Some(Self {
            fields,
            has_several: lengths & 1 == 1,
            bytes: rest.get(..end.checked_sub(passed)?.checked_sub(padding)?)?,
        })
    }
}

impl Payload {
    /// Takes a payload off the front of `rest`; without a `len_field` it is all of the rest.
    fn take(rest: &mut &[u8], fields: u8, len_field: Option<u8>) -> Option<Self> {
        let stream = rest.try_get_u8().ok()?;
        let frame = number(rest, fields >> 4)?;
        let offset = number(rest, fields >> 2)?;
        let replicated = number(rest, fields)? as usize;
        let mut known = rest.get(..replicated)?;
        rest.advance(replicated);
        let len = match len_field {
            Some(field) => number(rest, field)? as usize,
            None => rest.len(),
        };
        *rest = rest.get(len..)?;
        let mut payload = Self {
            stream: stream & 0x7f,
            is_keyframe: stream & 0x80 != 0,
            frame,
            offset,
            frame_len: 0,
            time_ms: 0,
            len: len as u32,
        };
        if replicated == 1 {
            // Several small frames at once, with the time in the offset's place.
            payload.time_ms = i64::from(offset);
            payload.offset = 0;
        } else {
            payload.frame_len = known.try_get_u32_le().ok()?;
            payload.time_ms = i64::from(known.try_get_u32_le().ok()?);
        }
        Some(payload)
    }
}

/// A number of 0, 1, 2 or 4 bytes, as the low bits of `field` say.
fn number(bytes: &mut &[u8], field: u8) -> Option<u32> {
    match field & 3 {
        0 => Some(0),
        1 => bytes.try_get_u8().ok().map(u32::from),
        2 => bytes.try_get_u16_le().ok().map(u32::from),
        _ => bytes.try_get_u32_le().ok(),
    }
}

/// A keyframe of which not all was seen.
struct Partial {
    sighting: Sighting,
    frame: u32,
    left: u32,
}

impl Scanner for Header {
    fn scan(&self, bytes: &Bytes, at: u64) -> Scan {
        let mut scan = Scan::default();
        let mut partial: Option<Partial> = None;
        let ahead = at.saturating_sub(self.packets_at) % self.packet_len;
        let skipped = (self.packet_len - ahead) % self.packet_len;
        let skipped = skipped.max(self.packets_at.saturating_sub(at));
        let whole = bytes.get(skipped as usize..).unwrap_or_default();
        let packets = whole.chunks_exact(self.packet_len as usize);
        for (nth, packet) in packets.enumerate() {
            let start = at + skipped + nth as u64 * self.packet_len;
            for payload in payloads(packet) {
                if payload.stream != self.video {
                    continue;
                }
                let time_us = (payload.time_ms - self.preroll_ms) * 1000;
                scan.first_time_us.get_or_insert(time_us);
                scan.see_picture(Anchor {
                    position: start,
                    time_us,
                });
                if payload.is_keyframe && payload.is_first() {
                    scan.keyframes.extend(partial.take().map(|p| p.sighting));
                    partial = Some(Partial {
                        sighting: Sighting {
                            time_us,
                            start,
                            next: None,
                            end: None,
                        },
                        frame: payload.frame,
                        left: payload.frame_len,
                    });
                }
                if let Some(open) = &mut partial
                    && open.frame == payload.frame
                {
                    open.left = open.left.saturating_sub(payload.len);
                    if open.left == 0 {
                        open.sighting.end = Some(start + self.packet_len);
                        scan.keyframes.extend(partial.take().map(|p| p.sighting));
                    }
                }
            }
        }
        scan.keyframes.extend(partial.map(|p| p.sighting));
        scan
    }
}
