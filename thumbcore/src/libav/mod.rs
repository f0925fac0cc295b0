//! The one place that calls libav through its C interface, and what of libav holds for the whole
//! process: see [`init`].
//!
//! `ffmpeg-next` wraps most of libav; what it lacks (opening without `avformat_find_stream_info`,
//! index look-ups, seeks on one stream, discarding streams, colour-aware scaling) is wrapped here
//! in safe types. The only other `unsafe` of the workspace is the sandbox's; each block says why it
//! holds.
//!
//! Panics never cross into C: the I/O callbacks of `input` stop them.

#![allow(
    unsafe_code,
    reason = "the only module that calls C; every block states its reason"
)]

mod decoder;
mod input;
mod packet;
mod scaler;
mod stream;
mod unwritten;

use std::{
    ffi::CStr,
    io::{self, Read, Seek, SeekFrom},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::OnceLock,
};

use ffmpeg_next::ffi;

pub(crate) use self::{
    decoder::{Frame, PictureKind, Received, VideoDecoder},
    input::{IndexEntry, Input, OpenOptions, Parameters, format_of},
    packet::Packet,
    scaler::{ColourInfo, Planes, Transfer, scale},
    stream::{DolbyVision, StreamInfo},
    unwritten::Marks,
};
use crate::{Error, panic::message};

/// An error code of libav, with its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AvError(pub(crate) i32);

impl AvError {
    pub(crate) const EOF: Self = Self(ffi::AVERROR_EOF);

    /// The decoder takes no packet before a picture is taken from it.
    pub(crate) const AGAIN: Self = Self(ffi::AVERROR(ffi::EAGAIN));

    fn check(code: i32) -> Result<i32, Self> {
        if code < 0 { Err(Self(code)) } else { Ok(code) }
    }
}

impl std::fmt::Display for AvError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = [0; 128];
        // SAFETY: the buffer is writable for the length given; av_strerror always terminates it.
        unsafe { ffi::av_strerror(self.0, text.as_mut_ptr(), text.len()) };
        // SAFETY: terminated by av_strerror within the buffer, which outlives the borrow.
        let text = unsafe { CStr::from_ptr(text.as_ptr()) };
        f.write_str(&text.to_string_lossy())
    }
}

/// Most bytes that libav may take at once, where it would take 2 GiB: 832 MiB, the pixels of an
/// allowed picture of 96 Mi at 8 bytes each, and what pads them. Claims in a file that nobody
/// checked before, such as those of movie fragments, get no more.
const MAX_ALLOCATION: usize = 832 << 20;

/// How much libav writes on standard error, of everything that this process does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Log {
    /// Nothing.
    Quiet,
    /// What it makes of a file.
    Verbose,
}

/// What is set in libav for the whole process, by [`init`].
///
/// libav keeps both settings in global variables, so they hold for other users of libav in the same
/// process as well. A program that has such users leaves alone what it sets itself:
///
/// ```
/// use thumbcore::libav::{self, InitOptions};
///
/// # fn main() -> Result<(), thumbcore::Error> {
/// libav::init(InitOptions::new().log(None).max_allocation(None))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitOptions {
    log: Option<Log>,
    max_allocation: Option<usize>,
}

impl Default for InitOptions {
    fn default() -> Self {
        let is_verbose = std::env::var_os("THUMBCORE_LIBAV_LOG").is_some();
        Self {
            log: Some(if is_verbose { Log::Verbose } else { Log::Quiet }),
            max_allocation: Some(MAX_ALLOCATION),
        }
    }
}

impl InitOptions {
    /// The defaults: libav says nothing (or what it makes of a file, where the variable
    /// `THUMBCORE_LIBAV_LOG` is set), since standard error belongs to the program; and it takes at
    /// most 832 MiB of memory at once, which the largest picture of the default
    /// [`Limits`](crate::Limits) needs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How much libav says; `None` leaves its level alone.
    #[must_use]
    pub fn log(mut self, log: Option<Log>) -> Self {
        self.log = log;
        self
    }

    /// Most bytes that libav takes at once; `None` leaves its bound alone, which is 2 GiB unless
    /// the program sets another. A hostile file may then claim as much.
    #[must_use]
    pub fn max_allocation(mut self, bytes: Option<usize>) -> Self {
        self.max_allocation = bytes;
        self
    }

    fn apply(self) {
        let level = self.log.map(|log| match log {
            Log::Quiet => ffi::AV_LOG_QUIET,
            Log::Verbose => ffi::AV_LOG_VERBOSE,
        });
        if let Some(level) = level {
            // SAFETY: sets an integer; no other thread of ours touches libav before `init` is done.
            unsafe { ffi::av_log_set_level(level) };
        }
        if let Some(bytes) = self.max_allocation {
            // SAFETY: likewise.
            unsafe { ffi::av_max_alloc(bytes) };
        }
    }
}

/// What libav was set up with.
static OPTIONS: OnceLock<InitOptions> = OnceLock::new();

/// Sets libav up for the whole process. Called before anything else of this crate, it decides what
/// is set and what is left alone; otherwise the first use of libav sets the defaults of
/// [`InitOptions`].
///
/// # Errors
/// [`Error::Invalid`] where libav was set up with other options before.
pub fn init(options: InitOptions) -> Result<(), Error> {
    if set_up(options) == options {
        return Ok(());
    }
    Err(Error::Invalid {
        option: "libav",
        reason: "it was set up with other options before".to_owned(),
    })
}

/// Sets libav up by `options` unless it is set up already, and gives what it was set up with.
fn set_up(options: InitOptions) -> InitOptions {
    *OPTIONS.get_or_init(|| {
        options.apply();
        options
    })
}

/// Does what every first use of libav does, so that processes forked from this one need not.
#[cfg(sandbox)]
pub(crate) fn warm_up() {
    ensure_init();
}

/// Called wherever a first use of libav can happen.
fn ensure_init() {
    set_up(InitOptions::default());
}

/// Stops panics of the wrapped reader at the C boundary: a panic in a callback would abort.
pub(crate) struct Guarded<T>(pub(crate) T);

impl<T> Guarded<T> {
    fn call<R>(&mut self, f: impl FnOnce(&mut T) -> io::Result<R>) -> io::Result<R> {
        catch_unwind(AssertUnwindSafe(|| f(&mut self.0))).unwrap_or_else(|panic| {
            let words = format!("the reader panicked: {}", message(&*panic));
            Err(io::Error::other(words))
        })
    }
}

impl<T: Read> Read for Guarded<T> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.call(|inner| inner.read(buf))
    }
}

impl<T: Seek> Seek for Guarded<T> {
    fn seek(&mut self, pos: SeekFrom) -> io::Result<u64> {
        self.call(|inner| inner.seek(pos))
    }
}

/// `"h264"` and so on: the name of a codec id.
fn codec_name(id: ffi::AVCodecID) -> &'static str {
    // SAFETY: avcodec_get_name takes any id and never returns null.
    let name = unsafe { ffi::avcodec_get_name(id) };
    // SAFETY: a static, terminated string of libavcodec.
    let name: &'static CStr = unsafe { CStr::from_ptr(name) };
    name.to_str().unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use ffmpeg_next::{format::Pixel, frame::Video};

    use super::*;

    #[test]
    fn the_first_to_set_libav_up_decides() {
        let options = InitOptions::default();
        assert_eq!(set_up(options), options);
        init(options).unwrap();
        let error = init(options.max_allocation(None)).unwrap_err();
        assert_eq!(error.kind(), "invalid");
    }

    #[test]
    fn what_is_left_alone_stays() {
        // SAFETY: only reads an integer.
        let level = || unsafe { ffi::av_log_get_level() };
        ensure_init();
        let before = level();
        // SAFETY: sets an integer; libav only reads it meanwhile.
        unsafe { ffi::av_log_set_level(ffi::AV_LOG_PANIC) };
        InitOptions::new().log(None).max_allocation(None).apply();
        assert_eq!(level(), ffi::AV_LOG_PANIC);
        InitOptions::new().log(Some(Log::Quiet)).apply();
        assert_eq!(level(), ffi::AV_LOG_QUIET);
        // SAFETY: as above.
        unsafe { ffi::av_log_set_level(before) };
    }

    #[test]
    fn no_allocation_is_huge() {
        ensure_init();
        // SAFETY: gives null or a block that is freed at once.
        let can_have = |bytes| unsafe {
            let block = ffi::av_malloc(bytes);
            ffi::av_free(block);
            !block.is_null()
        };
        assert!(can_have(MAX_ALLOCATION));
        assert!(!can_have(MAX_ALLOCATION + 1));
    }

    #[test]
    fn streams_are_counted_as_they_are_declared() {
        let track = b"\0\0\0\x08trak";
        let file = [&b"\0\0\0\x20moov"[..], track, track, track].concat();
        let open = |max_streams| {
            let options = OpenOptions {
                format: Some(c"mov"),
                allowed: "mov",
                decoders: "h264",
                private: &[],
                probe_size: 1 << 20,
                max_streams,
            };
            let input = Input::open_seekable(io::Cursor::new(file.clone()), &options);
            input.map(|input| input.stream_count())
        };
        assert_eq!(open(3), Ok(3));
        assert!(open(2).is_err());
    }

    #[test]
    fn a_seek_in_a_stream_that_is_not_there_is_refused() {
        let file = b"\0\0\0\x10moov\0\0\0\x08trak".to_vec();
        let options = OpenOptions {
            format: Some(c"mov"),
            allowed: "mov",
            decoders: "h264",
            private: &[],
            probe_size: 1 << 20,
            max_streams: 8,
        };
        let mut input = Input::open_seekable(io::Cursor::new(file), &options).unwrap();
        let not_found = Err(AvError(ffi::AVERROR_STREAM_NOT_FOUND));
        for index in [1, 64, usize::MAX] {
            assert_eq!(input.seek_backward(index, 0), not_found, "{index}");
        }
    }

    #[test]
    fn the_largest_allowed_picture_can_be_had() {
        ensure_init();
        for pixels in [Pixel::YUV420P, Pixel::YUV444P16LE, Pixel::RGBA64LE] {
            let frame = Video::new(pixels, 12_288, 8192);
            // SAFETY: a live frame, whose pointers are only looked at.
            let plane = unsafe { (*frame.as_ptr()).data[0] };
            assert!(!plane.is_null(), "{pixels:?}");
        }
    }
}
