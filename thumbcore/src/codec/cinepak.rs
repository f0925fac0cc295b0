//! Telling Cinepak's pictures apart: neither the decoder nor AVI says which need no other.
//!
//! Source: <https://wiki.multimedia.cx/index.php/Cinepak>.

/// Bytes of a picture's header: flags, its length, width, height, and how many strips follow.
const HEADER: usize = 10;

/// Bytes of a strip's header: its kind, its length, and the corners of what it covers.
const STRIP_HEADER: usize = 12;

/// Bytes of a chunk's header: its kind and its length.
const CHUNK_HEADER: usize = 4;

/// A strip with code books of its own.
const INTRA_STRIP: u8 = 0x10;

/// Whether a coded picture needs no other: every strip brings its code books and all its blocks.
pub(crate) fn stands_alone(packet: &[u8]) -> bool {
    let Some((header, mut rest)) = packet.split_at_checked(HEADER) else {
        return false;
    };
    let strips = u16::from_be_bytes([header[8], header[9]]);
    for _ in 0..strips {
        let Some((kind, strip, behind)) = split(rest) else {
            return false;
        };
        let chunks = strip.get(STRIP_HEADER - CHUNK_HEADER..);
        if kind != INTRA_STRIP || !chunks.is_some_and(covers_all) {
            return false;
        }
        rest = behind;
    }
    strips > 0
}

/// Whether the chunks of a strip give every block and leave nothing as it was.
fn covers_all(mut chunks: &[u8]) -> bool {
    let mut has_blocks = false;
    while let Some((kind, _, behind)) = split(chunks) {
        match kind {
            0x20 | 0x22 | 0x24 | 0x26 => {}
            0x30 | 0x32 => has_blocks = true,
            // Parts of code books, and blocks that may be left out.
            _ => return false,
        }
        chunks = behind;
    }
    has_blocks
}

/// The kind and the bytes of the strip or chunk that `bytes` begin with, and what follows it.
fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let header = bytes.first_chunk::<CHUNK_HEADER>()?;
    let [kind, high, middle, low] = *header;
    let len = u32::from_be_bytes([0, high, middle, low]) as usize;
    let (part, behind) = bytes.split_at_checked(len)?;
    Some((kind, part.get(CHUNK_HEADER..)?, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(kind: u8, body: &[u8]) -> Vec<u8> {
        let len = (body.len() + CHUNK_HEADER) as u32;
        [&[kind], &len.to_be_bytes()[1..], body].concat()
    }

    /// A picture of strips of these kinds, each with these chunks.
    fn picture(strips: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        bytes[9] = strips.len() as u8;
        for (kind, chunks) in strips {
            let mut body = vec![0; STRIP_HEADER - CHUNK_HEADER];
            body.extend(chunks.iter().flat_map(|kind| chunk(*kind, &[1, 2, 3])));
            bytes.extend(chunk(*kind, &body));
        }
        bytes
    }

    #[test]
    fn only_strips_that_bring_everything_stand_alone() {
        let whole: (u8, &[u8]) = (0x10, &[0x20, 0x22, 0x30]);
        assert!(stands_alone(&picture(&[whole, whole])));
        assert!(!stands_alone(&picture(&[whole, (0x11, whole.1)])));
        assert!(!stands_alone(&picture(&[(0x10, &[0x20, 0x22, 0x31])])));
        assert!(!stands_alone(&picture(&[(0x10, &[0x20, 0x22])])));
        assert!(!stands_alone(&picture(&[])));
        let cut = picture(&[whole]);
        assert!(!stands_alone(&cut[..cut.len() - 1]));
        assert!(!stands_alone(&[]));
    }
}
