//! Tags, and finding them in the middle of a file.
//!
//! Source: Adobe Flash Video File Format 10.1, annex E.4; Enhanced RTMP 1 for `FourCC` codecs.

use bytes::Bytes;

use crate::container::search::{Anchor, Scan, Scanner, Sighting};

/// Bytes of a tag's header.
pub(super) const HEADER: usize = 11;
/// Bytes of the previous tag's size that follows each tag.
pub(super) const TRAILER: usize = 4;

const AUDIO: u8 = 8;
const VIDEO: u8 = 9;
const SCRIPT: u8 = 18;

/// A tag's header and what the start of its body says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) kind: Kind,
    /// Bytes of the body.
    pub(super) size: usize,
    /// Decoding time in milliseconds.
    pub(super) time_ms: i64,
    /// From decoding to presentation, in milliseconds.
    pub(super) shift_ms: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Audio,
    Keyframe,
    /// A picture that needs others, or a command to the player.
    OtherVideo,
    /// Codec parameters, no picture.
    Parameters,
    Script,
}

impl Tag {
    /// Parses the tag at the start of `bytes`; `None` where there is none or its header, or the
    /// start of its body, is cut short.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        let [kind, s0, s1, s2, t0, t1, t2, t3, 0, 0, 0] = *header else {
            return None;
        };
        let size = u32::from_be_bytes([0, s0, s1, s2]) as usize;
        let body = &bytes[HEADER..];
        let (kind, shift_ms) = match kind {
            AUDIO => (Kind::Audio, 0),
            SCRIPT => (Kind::Script, 0),
            VIDEO if size == 0 => (Kind::OtherVideo, 0),
            VIDEO => video(body, size)?,
            _ => return None,
        };
        Some(Self {
            kind,
            size,
            // The fourth byte extends 24 bits to a signed 32.
            time_ms: i64::from(i32::from_be_bytes([t3, t0, t1, t2])),
            shift_ms,
        })
    }

    /// Bytes up to the next tag.
    pub(super) fn len(&self) -> usize {
        HEADER + self.size + TRAILER
    }

    pub(super) fn presentation_us(&self) -> i64 {
        (self.time_ms + self.shift_ms) * 1000
    }

    /// Whether the tag's size, repeated after it, ends `bytes`.
    fn is_sealed(&self, bytes: &[u8]) -> bool {
        let end = self.len();
        bytes.get(end - TRAILER..end) == Some(&((HEADER + self.size) as u32).to_be_bytes())
    }
}

/// What the start of a video tag's body says: its kind and the composition time.
fn video(body: &[u8], size: usize) -> Option<(Kind, i64)> {
    const KEY: u8 = 1;
    const AVC: u8 = 7;
    const HEVC: u8 = 12;
    let first = *body.first()?;
    let frame = first >> 4 & 7;
    let codec = first & 15;
    let kind = if frame == KEY {
        Kind::Keyframe
    } else {
        Kind::OtherVideo
    };
    if first & 0x80 != 0 {
        // Enhanced RTMP: the lower half is the packet's type, a FourCC follows.
        let hevc = body.get(1..5)? == b"hvc1";
        return Some(match codec {
            0 => (Kind::Parameters, 0),
            1 if hevc && size >= 8 => (kind, signed24(body.get(5..8)?)?),
            1 | 3 => (kind, 0),
            _ => (Kind::OtherVideo, 0),
        });
    }
    if matches!(codec, AVC | HEVC) && size >= 5 {
        return Some(match *body.get(1)? {
            0 => (Kind::Parameters, 0),
            1 => (kind, signed24(body.get(2..5)?)?),
            _ => (Kind::OtherVideo, 0),
        });
    }
    Some((kind, 0))
}

fn signed24(bytes: &[u8]) -> Option<i64> {
    let [a, b, c] = *bytes.first_chunk()?;
    Some(i64::from(i32::from_be_bytes([a, b, c, 0]) >> 8))
}

/// The tags of `bytes` one after the other, as offset and tag, up to the first thing that is none.
pub(super) fn chain(bytes: &[u8], start: usize) -> impl Iterator<Item = (usize, Tag)> {
    let mut next = start;
    std::iter::from_fn(move || {
        let tag = Tag::parse(bytes.get(next..)?)?;
        let at = next;
        next = next.checked_add(tag.len())?;
        Some((at, tag))
    })
}

/// The first offset from `start` where a tag begins for certain: its size is repeated after it,
/// or the bytes before it are the size of a tag that lies there.
pub(super) fn resync(bytes: &[u8], start: usize) -> Option<usize> {
    (start..bytes.len().saturating_sub(HEADER)).find(|at| {
        // Cheap tests first: this runs on every byte.
        matches!(bytes[*at], AUDIO | VIDEO | SCRIPT)
            && bytes[at + 8..at + HEADER] == [0, 0, 0]
            && Tag::parse(&bytes[*at..]).is_some_and(|tag| {
                tag.size > 0 && (tag.is_sealed(&bytes[*at..]) || follows_a_tag(bytes, *at))
            })
    })
}

fn follows_a_tag(bytes: &[u8], at: usize) -> bool {
    let previous = || {
        let size = bytes[..at].last_chunk()?;
        let start = at.checked_sub(TRAILER + u32::from_be_bytes(*size) as usize)?;
        Tag::parse(&bytes[start..]).filter(|tag| tag.len() == at - start)
    };
    previous().is_some()
}

/// Scans tags.
#[derive(Debug, Clone, Copy)]
pub(super) struct TagScanner;

impl Scanner for TagScanner {
    fn scan(&self, bytes: &Bytes, at: u64) -> Scan {
        let mut scan = Scan::default();
        let mut parameters: Option<usize> = None;
        let mut next = 0;
        while let Some(start) = resync(bytes, next) {
            next = start + 1;
            for (offset, tag) in chain(bytes, start) {
                if offset + tag.len() <= bytes.len() && !tag.is_sealed(&bytes[offset..]) {
                    // Damage: look for the next tag from here on.
                    next = offset + 1;
                    break;
                }
                next = offset + tag.len();
                if !matches!(tag.kind, Kind::Script) {
                    scan.first_time_us.get_or_insert(tag.time_ms * 1000);
                }
                if matches!(tag.kind, Kind::Keyframe | Kind::OtherVideo) {
                    scan.see_picture(Anchor {
                        position: at + offset as u64,
                        time_us: tag.presentation_us(),
                    });
                }
                match tag.kind {
                    Kind::Parameters => parameters = Some(offset),
                    Kind::Keyframe => {
                        // Parameters sent again right before a keyframe may be new ones.
                        let start = parameters.take().unwrap_or(offset);
                        scan.keyframes.push(Sighting {
                            time_us: tag.presentation_us(),
                            start: at + start as u64,
                            next: None,
                            end: Some(at + next as u64),
                        });
                    }
                    // Players send audio parameters between the two.
                    Kind::Audio | Kind::Script => {}
                    Kind::OtherVideo => parameters = None,
                }
            }
        }
        scan
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A tag of `kind` at `time_ms` whose body starts with `body` and is `size` long.
    pub(in crate::container::flv) fn tag(
        kind: u8,
        time_ms: i32,
        body: &[u8],
        size: usize,
    ) -> Vec<u8> {
        let [t3, t0, t1, t2] = time_ms.to_be_bytes();
        let mut tag = vec![kind];
        tag.extend_from_slice(&(size as u32).to_be_bytes()[1..]);
        tag.extend_from_slice(&[t0, t1, t2, t3, 0, 0, 0]);
        tag.extend_from_slice(body);
        tag.resize(HEADER + size, 0x55);
        tag.extend_from_slice(&((HEADER + size) as u32).to_be_bytes());
        tag
    }

    #[test]
    fn only_keyframes_with_a_picture_are_keyframes() {
        let cases: &[(&[u8], Kind, i64)] = &[
            (&[0x17, 1, 0, 0, 80], Kind::Keyframe, 80),
            (&[0x17, 1, 255, 255, 255], Kind::Keyframe, -1),
            (&[0x17, 0, 0, 0, 0], Kind::Parameters, 0),
            (&[0x17, 2, 0, 0, 0], Kind::OtherVideo, 0),
            (&[0x27, 1, 0, 0, 40], Kind::OtherVideo, 40),
            (&[0x1c, 1, 0, 0, 40], Kind::Keyframe, 40),
            (&[0x12, 0, 0, 0, 0], Kind::Keyframe, 0),
            (&[0x22, 0, 0, 0, 0], Kind::OtherVideo, 0),
            (&[0x57, 0, 0, 0, 0], Kind::Parameters, 0),
            (b"\x90hvc1\0\0\0", Kind::Parameters, 0),
            (b"\x91hvc1\0\0\x21", Kind::Keyframe, 33),
            (b"\x93av01\0\0\0", Kind::Keyframe, 0),
            (b"\xa1hvc1\0\0\0", Kind::OtherVideo, 0),
        ];
        for (body, kind, shift_ms) in cases {
            let parsed = Tag::parse(&tag(VIDEO, 0x0123_4567, body, 100)).unwrap();
            let expected = Tag {
                kind: *kind,
                size: 100,
                time_ms: 0x0123_4567,
                shift_ms: *shift_ms,
            };
            assert_eq!(parsed, expected, "{body:?}");
        }
    }

    #[test]
    fn parameters_before_a_keyframe_belong_to_it() {
        let parameters = tag(VIDEO, 5, &[0x17, 0, 0, 0, 0], 30);
        let audio = tag(AUDIO, 5, &[0xaf, 0], 4);
        let keyframe = tag(VIDEO, 40, &[0x17, 1, 0, 0, 0], 500);
        let file = Bytes::from([parameters, audio, keyframe.clone(), keyframe].concat());
        let scan = TagScanner.scan(&file, 1000);
        let places: Vec<_> = scan.keyframes.iter().map(|s| (s.start, s.end)).collect();
        assert_eq!(places, [(1000, Some(1579)), (1579, Some(2094))]);
        assert_eq!(scan.first_time_us, Some(5000));
    }

    proptest! {
        #[test]
        fn tags_are_found_from_anywhere(
            tags in prop::collection::vec((0..3usize, 5usize..300), 3..40),
            cut in 0usize..2000,
        ) {
            const BODIES: [(u8, &[u8]); 3] =
                [(AUDIO, &[0xaf, 1]), (VIDEO, &[0x27, 1, 0, 0, 0]), (VIDEO, &[0x17, 1, 0, 0, 0])];
            let mut file = Vec::new();
            let mut starts = Vec::new();
            for (i, (kind, size)) in (0..).zip(&tags) {
                let (kind, body) = BODIES[*kind];
                starts.push((file.len(), kind == VIDEO && body[0] == 0x17));
                file.extend(tag(kind, i * 40, body, *size));
            }
            let cut = cut.min(file.len());
            let scan = TagScanner.scan(&Bytes::copy_from_slice(&file[cut..]), cut as u64);
            // The last tag's seal is in the file, so every whole tag is found.
            let expected: Vec<_> = starts
                .iter()
                .filter(|(start, key)| *key && *start >= cut)
                .map(|(start, _)| *start as u64)
                .collect();
            let found: Vec<_> = scan.keyframes.iter().map(|s| s.start).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            TagScanner.scan(&Bytes::from(bytes), 0);
        }

        #[test]
        fn bytes_full_of_false_tags_end(
            bytes in prop::collection::vec(prop::sample::select(vec![0u8, 8, 9, 18, 11, 12]), 0..3000),
        ) {
            let len = bytes.len() as u64;
            let scan = TagScanner.scan(&Bytes::from(bytes), 0);
            prop_assert!(scan.keyframes.iter().all(|s| s.start < len));
        }
    }
}
