//! Finding what a decoder left unwritten of a picture.
//!
//! A decoder that lost part of a picture may leave that part as its memory was: green, grey, or a
//! piece of an older picture, and say nothing. So each picture's memory carries marks when the
//! decoder gets it, and a picture in which a mark is left was not written whole.

use std::{ffi::c_int, panic::catch_unwind, slice};

use ffmpeg_next::ffi::{self, AVCodecContext, AVFrame, AVPixelFormat};

/// What a picture's memory is marked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marks {
    /// Few marks, none further than 32 bytes from the next in its row, which cost next to nothing:
    /// codecs lose whole slices.
    Sparse,
    /// Every byte, for codecs that leave out single blocks or pixels.
    Dense,
}

/// A mark. Its bytes are unlikely beside each other, and as samples of ten or twelve bits they are
/// out of range.
const MARK: [u8; 8] = [0xe7, 0x31, 0xb5, 0x9a, 0xd3, 0x4c, 0x8f, 0x62];

/// Distance of marks in a row, in bytes, of which the first half has them in one row and the second
/// in another: two fields of a picture are lost one by one.
const SPACING: usize = 32;
/// Distance of rows with marks.
const ROWS: usize = 16;
/// Where in its square of pixels a mark lies: further from the edges than the smoothing of a
/// neighbour's edge reaches, and in an even and an odd row.
const PLACES: [(usize, usize); 2] = [(4, 8), (11, 8 + SPACING / 2)];
/// So many bytes that are as they were marked show an unwritten place of a densely marked picture.
const RUN: usize = 4;

impl Marks {
    /// What a decoder gets its memory from.
    pub(super) fn callback(
        self,
    ) -> unsafe extern "C" fn(*mut AVCodecContext, *mut AVFrame, c_int) -> c_int {
        match self {
            Self::Sparse => get_marked::<false>,
            Self::Dense => get_marked::<true>,
        }
    }
}

/// libav's own allocation of a picture, marked.
unsafe extern "C" fn get_marked<const DENSE: bool>(
    context: *mut AVCodecContext,
    frame: *mut AVFrame,
    flags: c_int,
) -> c_int {
    // SAFETY: called by libav with a live context and frame, which are passed on as they came.
    let code = unsafe { ffi::avcodec_default_get_buffer2(context, frame, flags) };
    if code >= 0 {
        let mark = || {
            // SAFETY: the frame lives through this call, and nothing else uses it meanwhile.
            if let Some(plane) = unsafe { Plane::of(&*frame) } {
                // SAFETY: the plane's memory was allocated by libav just now, for this frame alone.
                let bytes = unsafe { slice::from_raw_parts_mut(plane.memory, plane.len) };
                if DENSE {
                    fill(bytes);
                } else {
                    mark(bytes, plane.stride);
                }
            }
        };
        // A panic must not go through C; a picture without marks is only not checked.
        let _ = catch_unwind(mark);
    }
    code
}

/// Memory of a frame's first plane.
struct Plane {
    memory: *mut u8,
    /// Bytes from the first row on.
    len: usize,
    stride: usize,
}

impl Plane {
    /// The first plane of `frame`; `None` where libav did not allocate it in the usual way.
    ///
    /// # Safety
    /// `frame` must be valid.
    unsafe fn of(frame: &AVFrame) -> Option<Self> {
        let stride = usize::try_from(frame.linesize[0])
            .ok()
            .filter(|stride| *stride > 0)?;
        // SAFETY: null or a live reference of a valid frame.
        let buffer = unsafe { frame.buf[0].as_ref() }?;
        #[allow(clippy::useless_conversion, reason = "an int before FFmpeg 5")]
        let len = usize::try_from(buffer.size).ok()?;
        (!buffer.data.is_null()).then_some(Self {
            memory: buffer.data,
            len,
            stride,
        })
    }
}

fn fill(bytes: &mut [u8]) {
    for part in bytes.chunks_mut(MARK.len()) {
        part.copy_from_slice(&MARK[..part.len()]);
    }
}

fn mark(bytes: &mut [u8], stride: usize) {
    for rows in bytes.chunks_mut(stride.saturating_mul(ROWS)) {
        for (row, first) in PLACES {
            let row = rows.get_mut(row * stride..).unwrap_or_default();
            let len = row.len().min(stride);
            for place in row[..len].chunks_mut(2 * SPACING) {
                if let Some(mark) = place.get_mut(first..first + MARK.len()) {
                    mark.copy_from_slice(&MARK);
                }
            }
        }
    }
}

/// The part of a plane that is shown.
pub(super) struct Shown<'a> {
    /// The plane, from its first row on.
    bytes: &'a [u8],
    stride: usize,
    /// The first byte that is shown.
    start: usize,
    /// Bytes of a row that are shown.
    width: usize,
    height: usize,
}

impl<'a> Shown<'a> {
    /// What is shown of a frame's first plane; `None` where its memory was not marked.
    pub(super) fn of(frame: &'a AVFrame, format: AVPixelFormat) -> Option<Self> {
        // SAFETY: a reference to a frame is valid.
        let plane = unsafe { Plane::of(frame) }?;
        let start = (frame.data[0] as usize).checked_sub(plane.memory as usize)?;
        // SAFETY: any format and width give a length or an error.
        let width = unsafe { ffi::av_image_get_linesize(format, frame.width, 0) };
        let width = usize::try_from(width).ok()?;
        let height = usize::try_from(frame.height).ok()?;
        let end = plane
            .stride
            .checked_mul(height.checked_sub(1)?)?
            .checked_add(start + width)?;
        if width > plane.stride || end > plane.len {
            return None;
        }
        Some(Self {
            // SAFETY: libav's memory of this plane, which the frame holds as long as it is
            // borrowed.
            bytes: unsafe { slice::from_raw_parts(plane.memory, plane.len) },
            stride: plane.stride,
            start,
            width,
            height,
        })
    }

    /// Whether a mark is left, of those that [`Marks::Sparse`] sets.
    pub(super) fn has_mark(&self) -> bool {
        let (top, left) = (self.start / self.stride, self.start % self.stride);
        let rows = top..top + self.height;
        PLACES.iter().any(|(row, first)| {
            let first_row = top.saturating_sub(*row).div_ceil(ROWS) * ROWS + row;
            (first_row..rows.end).step_by(ROWS).any(|row| {
                let row = &self.bytes[row * self.stride..];
                let at = left.saturating_sub(*first).div_ceil(2 * SPACING) * 2 * SPACING + first;
                let end = left + self.width;
                (at..end.saturating_sub(MARK.len() - 1))
                    .step_by(2 * SPACING)
                    .any(|at| row.get(at..at + MARK.len()) == Some(&MARK))
            })
        })
    }

    /// Whether anything is left of what [`Marks::Dense`] sets.
    pub(super) fn has_fill(&self) -> bool {
        (0..self.height).any(|row| {
            let start = self.start + row * self.stride;
            let mut run = 0;
            self.bytes[start..start + self.width]
                .iter()
                .enumerate()
                .any(|(at, byte)| {
                    let is_fill = *byte == MARK[(start + at) % MARK.len()];
                    run = if is_fill { run + 1 } else { 0 };
                    run == RUN
                })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRIDE: usize = 192;

    fn shown(bytes: &[u8], start: usize, width: usize, height: usize) -> Shown<'_> {
        Shown {
            bytes,
            stride: STRIDE,
            start,
            width,
            height,
        }
    }

    #[test]
    fn an_area_that_nobody_wrote_is_found_wherever_the_picture_begins() {
        let mut bytes = vec![128; STRIDE * 112];
        mark(&mut bytes, STRIDE);
        for (top, left) in [(0, 0), (8, 0), (3, 5), (16, 32)] {
            let start = top * STRIDE + left;
            assert!(shown(&bytes, start, 128, 64).has_mark(), "{top} {left}");
            // All written but a stripe of one row of macroblocks.
            let mut written = bytes.clone();
            for row in (0..112).filter(|row| !(48..64).contains(row)) {
                written[row * STRIDE..(row + 1) * STRIDE].fill(90);
            }
            assert!(shown(&written, start, 128, 64).has_mark(), "{top} {left}");
            written.fill(90);
            assert!(!shown(&written, start, 128, 64).has_mark(), "{top} {left}");
        }
    }

    #[test]
    fn what_lies_outside_of_the_picture_does_not_count() {
        let mut bytes = vec![128; STRIDE * 112];
        mark(&mut bytes, STRIDE);
        for row in 0..80 {
            bytes[row * STRIDE..row * STRIDE + 150].fill(90);
        }
        assert!(!shown(&bytes, 0, 150, 80).has_mark());
        assert!(shown(&bytes, 0, 150, 112).has_mark());
    }

    #[test]
    fn two_pixels_that_were_left_out_are_found() {
        let mut bytes = vec![0; STRIDE * 8];
        fill(&mut bytes);
        let kept = bytes[600..606].to_vec();
        bytes.fill(3);
        assert!(!shown(&bytes, 0, 160, 8).has_fill());
        bytes[600..606].copy_from_slice(&kept);
        assert!(shown(&bytes, 0, 160, 8).has_fill());
    }
}
