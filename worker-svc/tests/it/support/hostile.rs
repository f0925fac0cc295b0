//! Small files that claim much memory, and large ones that are all index.

/// An mp4 whose only track claims `samples` pictures of a byte each: 24 bytes of index for each in
/// libav. `padding` zero bytes are added to its movie box, as a box that is to be skipped.
pub(crate) fn mp4(samples: u32, padding: usize) -> Vec<u8> {
    let kind = u32::from_be_bytes(*b"isom");
    let handler = u32::from_be_bytes(*b"vide");
    let tables = [
        table(b"stts", &[0, 1, samples, 1]),
        table(b"stsc", &[0, 1, 1, samples, 1]),
        table(b"stsz", &[0, 1, samples]),
        table(b"stco", &[0, 1, 48]),
    ];
    let media = [
        table(b"mdhd", &[0, 0, 0, 1000, samples, 0]),
        table(b"hdlr", &[0, 0, handler, 0, 0, 0]),
        mp4_box(b"minf", &mp4_box(b"stbl", &tables.concat())),
    ];
    let track = mp4_box(b"trak", &mp4_box(b"mdia", &media.concat()));
    let padding = mp4_box(b"free", &vec![0; padding]);
    let movie = mp4_box(b"moov", &[track, padding].concat());
    [table(b"ftyp", &[kind, 0, kind]), movie].concat()
}

fn mp4_box(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    let len = payload.len() as u32 + 8;
    [&len.to_be_bytes()[..], kind, payload].concat()
}

fn table(kind: &[u8; 4], words: &[u32]) -> Vec<u8> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    mp4_box(kind, &bytes)
}

/// An flv whose `onMetaData` has arrays of `entries` times and places of keyframes; at most
/// 900,000, since a tag has at most 16 MB.
pub(crate) fn flv(entries: u32) -> Vec<u8> {
    let name = |text: &str| [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat();
    let array = |key: &str| {
        let mut bytes = name(key);
        bytes.push(10);
        bytes.extend(entries.to_be_bytes());
        for entry in 0..entries {
            bytes.push(0);
            bytes.extend(f64::from(entry).to_be_bytes());
        }
        bytes
    };
    let end = [0, 0, 9];
    let body = [
        &[2][..],
        &name("onMetaData"),
        &[3],
        &name("keyframes"),
        &[3],
        &array("times"),
        &array("filepositions"),
        &end,
        &end,
    ]
    .concat();
    let len = (body.len() as u32).to_be_bytes();
    let tag = [&[18][..], &len[1..], &[0; 7], &body].concat();
    let tag_len = (tag.len() as u32).to_be_bytes();
    [b"FLV\x01\x01\0\0\0\x09\0\0\0\0", &tag[..], &tag_len].concat()
}

/// An avi whose `idx1` has `entries` entries of 16 bytes, and whose media is a single chunk.
pub(crate) fn avi(entries: usize) -> Vec<u8> {
    let words = |words: &[u32]| -> Vec<u8> { words.iter().flat_map(|w| w.to_le_bytes()).collect() };
    let fields = words(&[0, 0, 0, 0, 1, 25, 0, entries as u32, 0, 0, 0, 0, 0]);
    // A BITMAPINFOHEADER of 640 x 360.
    let format = [
        words(&[40, 640, 360, 1 | 24 << 16]),
        b"H264".to_vec(),
        words(&[0; 5]),
    ]
    .concat();
    let stream = [
        chunk(b"strh", &[&b"vids"[..], b"H264", &fields[4..]].concat()),
        chunk(b"strf", &format),
    ];
    let stream = list(b"strl", &stream.concat());
    let header = list(b"hdrl", &[chunk(b"avih", &[0; 56]), stream].concat());
    let media = list(b"movi", &chunk(b"00dc", &[7; 64]));
    let entry = [&b"00dc"[..], &words(&[16, 4, 64])].concat();
    let index = chunk(b"idx1", &entry.repeat(entries));
    chunk(b"RIFF", &[&b"AVI "[..], &header, &media, &index].concat())
}

fn chunk(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    [&kind[..], &(payload.len() as u32).to_le_bytes(), payload].concat()
}

fn list(kind: &[u8; 4], children: &[u8]) -> Vec<u8> {
    chunk(b"LIST", &[&kind[..], children].concat())
}
