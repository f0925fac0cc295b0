//! BIF, which Roku, Plex and Emby read: every tile as a JPEG of its own, in one file.
//!
//! Source: 'BIF file creation', version 0, among Roku's documents for developers on
//! <https://developer.roku.com>.

use std::io::{self, Error, ErrorKind, Seek, SeekFrom, Write};

use super::Layout;

/// What a file begins with.
const MAGIC: [u8; 8] = [0x89, b'B', b'I', b'F', 0x0d, 0x0a, 0x1a, 0x0a];
/// Bytes before the index.
const HEADER: usize = 64;
/// Bytes of an entry of the index: a timestamp and an offset.
const ENTRY: usize = 8;
/// The timestamp of the entry that follows the last picture's.
const END: u32 = u32::MAX;

/// The name by which Emby finds the file beside the video `<stem>.mp4`: `<stem>-320-10.bif`.
#[must_use]
pub fn file_name(stem: &str, layout: &Layout) -> String {
    let seconds = layout.interval.as_secs_f64().round().max(1.0);
    format!("{stem}-{}-{seconds}.bif", layout.tile_width)
}

/// Writes a file picture by picture; of each it keeps an offset alone.
///
/// ```
/// use std::io::Cursor;
/// use thumbcore::storyboard::{Layout, bif};
///
/// # fn write(layout: &Layout, pictures: &[Vec<u8>]) -> std::io::Result<()> {
/// let mut file = bif::Writer::new(Cursor::new(Vec::new()), layout)?;
/// for picture in pictures {
///     file.push(picture)?;
/// }
/// let bytes = file.finish()?.into_inner();
/// assert!(bytes.starts_with(b"\x89BIF"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    /// Milliseconds of a unit of the timestamps, and units from one picture to the next.
    unit: u32,
    step_us: u64,
    tiles: usize,
    /// Where each picture begins; the last one is where the next would.
    offsets: Vec<u32>,
}

impl<W: Write + Seek> Writer<W> {
    /// Begins a file of as many pictures as `layout` has tiles, at the start of `out`.
    ///
    /// # Errors
    /// `out` cannot be written.
    pub fn new(mut out: W, layout: &Layout) -> io::Result<Self> {
        let interval_us = layout.interval.as_micros() as u64;
        // Readers count on whole intervals; an interval that is no number of milliseconds is
        // counted in those.
        let unit = if interval_us.is_multiple_of(1000) {
            u32::try_from(interval_us / 1000).map_err(|_| too_large())?
        } else {
            1
        };
        let first = HEADER + ENTRY * (layout.tiles + 1);
        out.write_all(&vec![0; first])?;
        Ok(Self {
            out,
            unit,
            step_us: interval_us,
            tiles: layout.tiles,
            offsets: vec![u32::try_from(first).map_err(|_| too_large())?],
        })
    }

    /// Adds the next picture.
    ///
    /// # Errors
    /// `out` cannot be written, or the file would exceed 4 GiB.
    pub fn push(&mut self, jpeg: &[u8]) -> io::Result<()> {
        let last = self.offsets.last().copied().unwrap_or_default();
        let len = u32::try_from(jpeg.len()).map_err(|_| too_large())?;
        let next = last.checked_add(len).ok_or_else(too_large)?;
        self.out.write_all(jpeg)?;
        self.offsets.push(next);
        Ok(())
    }

    /// Writes header and index, and gives the output back.
    ///
    /// # Errors
    /// `out` cannot be written, or there were more or fewer pictures than tiles.
    pub fn finish(mut self) -> io::Result<W> {
        let pictures = self.offsets.len() - 1;
        if pictures != self.tiles {
            let message = format!("{pictures} pictures of {} tiles", self.tiles);
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let mut front = MAGIC.to_vec();
        for number in [0, pictures as u32, self.unit] {
            front.extend(number.to_le_bytes());
        }
        front.resize(HEADER, 0);
        for (nth, offset) in self.offsets.iter().enumerate() {
            let millis = self.step_us * nth as u64 / 1000;
            let timestamp = if nth == pictures {
                END
            } else {
                u32::try_from(millis / u64::from(self.unit)).map_err(|_| too_large())?
            };
            front.extend(timestamp.to_le_bytes());
            front.extend(offset.to_le_bytes());
        }
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&front)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

fn too_large() -> Error {
    Error::new(ErrorKind::FileTooLarge, "more than a BIF file can number")
}

#[cfg(test)]
mod tests {
    use std::{io::Cursor, time::Duration};

    use super::{super::tests::index, *};

    /// Reads a file by the specification: milliseconds and bytes of each picture.
    fn read(bytes: &[u8]) -> Vec<(u32, &[u8])> {
        let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!(&bytes[..8], b"\x89BIF\r\n\x1a\n");
        assert_eq!(number(8), 0, "version");
        let (count, unit) = (number(12) as usize, number(16));
        assert!(bytes[20..64].iter().all(|byte| *byte == 0));
        let entry = |nth: usize| (number(64 + 8 * nth), number(68 + 8 * nth) as usize);
        assert_eq!(entry(count), (u32::MAX, bytes.len()));
        let pictures = (0..count).map(|nth| {
            let (timestamp, from) = entry(nth);
            (timestamp * unit, &bytes[from..entry(nth + 1).1])
        });
        pictures.collect()
    }

    fn written(layout: &Layout) -> Vec<u8> {
        let mut file = Writer::new(Cursor::new(Vec::new()), layout).unwrap();
        for picture in [&b"one"[..], b"", b"three"] {
            file.push(picture).unwrap();
        }
        file.finish().unwrap().into_inner()
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut layout = index(&[4.0, 14.0, 24.0]).layout;
        let expected: [(u32, &[u8]); 3] = [(0, b"one"), (10_000, b""), (20_000, b"three")];
        assert_eq!(read(&written(&layout)), expected);
        layout.interval = Duration::from_micros(1_333_333);
        let times: Vec<_> = read(&written(&layout)).iter().map(|it| it.0).collect();
        assert_eq!(times, [0, 1333, 2666]);
    }

    #[test]
    fn a_file_of_too_few_pictures_is_not_finished() {
        let layout = index(&[4.0, 14.0, 24.0]).layout;
        let mut file = Writer::new(Cursor::new(Vec::new()), &layout).unwrap();
        file.push(b"one").unwrap();
        let error = file.finish().unwrap_err();
        assert_eq!(error.to_string(), "1 pictures of 3 tiles");
        assert_eq!(file_name("a", &layout), "a-320-10.bif");
    }
}
