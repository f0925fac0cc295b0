//! A movie box behind media whose box tells a wrong length: some recorders leave the length as it
//! was when they began, or as 0, which means up to the end of the file.

use std::ops::Range;

use super::{boxes::BoxHeader, layout::Layout};
use crate::{
    Error,
    reader::{Reader, Reason},
};

/// Bytes from the end in which the box is looked for, one after the other: what is held, then as
/// much as the index of a film of the file's length may take.
fn tails(len: u64) -> [u64; 2] {
    [64 << 10, (len / 64).clamp(1 << 20, 16 << 20)]
}

/// The movie box in the tail of `reader`'s file, whose boxes lie as `layout` says, none of which is
/// one. From now on libav reads the right length of the box of the media.
pub(super) async fn find(reader: &Reader, layout: &Layout) -> Result<Option<Range<u64>>, Error> {
    let at = reader.cached(layout.next).unwrap_or_default();
    let stuck = media_header_len(&at).map(|header_len| (layout.next, header_len));
    let passed = layout.media;
    let Some((media, header_len)) = stuck.or(passed) else {
        return Ok(None);
    };
    for tail in tails(reader.len()) {
        let start = reader.len().saturating_sub(tail).max(media);
        let bytes = reader.read(start..reader.len(), Reason::Index).await?;
        let Some(found) = movie_box(&bytes) else {
            continue;
        };
        let place = start + found.start as u64..start + found.end as u64;
        let room = place.start.saturating_sub(media);
        if room < header_len {
            return Ok(None);
        }
        let patch = match (header_len, u32::try_from(room)) {
            (8, Ok(room)) => (media, room.to_be_bytes().to_vec()),
            (16, _) => (media + 8, room.to_be_bytes().to_vec()),
            _ => return Ok(None),
        };
        reader.patch(patch.0, patch.1.into());
        return Ok(Some(place));
    }
    Ok(None)
}

/// The length of the header at the start of `bytes`, of a box of media, however long the box.
fn media_header_len(bytes: &[u8]) -> Option<u64> {
    let is_media = bytes.get(4..8)? == b"mdat";
    let is_wide = bytes.starts_with(&[0, 0, 0, 1]);
    is_media.then_some(if is_wide { 16 } else { 8 })
}

/// The last movie box in `bytes`: one that begins as such boxes do, and ends in `bytes`.
fn movie_box(bytes: &[u8]) -> Option<Range<usize>> {
    let mut until = bytes.len();
    loop {
        let kind = bytes[..until]
            .windows(4)
            .rposition(|kind| kind == b"moov")?;
        if let Some(place) = kind.checked_sub(4).and_then(|at| movie_box_at(bytes, at)) {
            return Some(place);
        }
        until = kind + 3;
    }
}

fn movie_box_at(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let header = BoxHeader::parse(bytes.get(at..)?)?;
    let end = at.checked_add(usize::try_from(header.size?).ok()?)?;
    let payload = bytes.get(at + header.header_len as usize..end)?;
    let first = BoxHeader::parse(payload)?;
    matches!(&first.kind, b"mvhd" | b"cmov").then_some(at..end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_movie_box_begins_with_its_header() {
        let real = [&[0, 0, 0, 24][..], b"moov\0\0\0\x10mvhd", &[0; 8]].concat();
        let words = b"\0\0\0\x20moov, as they say; moov";
        let file = [&words[..], &real, words].concat();
        let at = words.len();
        assert_eq!(movie_box(&file), Some(at..at + real.len()));
        assert_eq!(movie_box(&file[..at + real.len() - 1]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_end(parts in prop::collection::vec(
            prop::sample::select(vec![&b"moov"[..], b"\0\0\0\x10", b"mvhd", b"\0", b"\xff"]), 0..60,
        )) {
            movie_box(&parts.concat());
        }
    }
}
