//! The one place that calls libav through its C interface.
//!
//! `ffmpeg-next` wraps most of libav; what it lacks (opening without `avformat_find_stream_info`,
//! index look-ups, seeks on one stream, discarding streams, colour-aware scaling) is wrapped here
//! in safe types. No `unsafe` exists elsewhere in the workspace, and each block says why it holds.
//!
//! Panics never cross into C: [`Guarded`] stops them in the I/O callbacks.

#![allow(
    unsafe_code,
    reason = "the only module that calls C; every block states its reason"
)]

mod decoder;
mod input;
mod scaler;

use std::{
    ffi::CStr,
    io::{self, Read, Seek, SeekFrom},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Once,
};

use ffmpeg_next::ffi;

pub(crate) use self::{
    decoder::{Frame, Received, VideoDecoder},
    input::{Input, OpenOptions, Packet, Parameters, StreamInfo},
    scaler::{ColourInfo, Planes, Transfer, scale},
};

/// An error code of libav, with its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AvError(pub(crate) i32);

impl AvError {
    pub(crate) const EOF: Self = Self(ffi::AVERROR_EOF);

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

/// Quietens libav once a process: it writes to stderr by default, which belongs to the caller.
pub(crate) fn init() {
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        let level = if std::env::var_os("THUMBCORE_LIBAV_LOG").is_some() {
            ffi::AV_LOG_VERBOSE
        } else {
            ffi::AV_LOG_QUIET
        };
        // SAFETY: sets an integer; no other thread of ours touches libav before `INIT` is done.
        unsafe { ffi::av_log_set_level(level) };
    });
}

/// Stops panics of the wrapped reader at the C boundary: a panic in a callback would abort.
pub(crate) struct Guarded<T>(pub(crate) T);

impl<T> Guarded<T> {
    fn call<R>(&mut self, f: impl FnOnce(&mut T) -> io::Result<R>) -> io::Result<R> {
        catch_unwind(AssertUnwindSafe(|| f(&mut self.0)))
            .unwrap_or_else(|_| Err(io::Error::other("the reader panicked")))
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
fn codec_name(id: ffi::AVCodecID) -> String {
    // SAFETY: avcodec_get_name takes any id and never returns null.
    let name = unsafe { ffi::avcodec_get_name(id) };
    // SAFETY: a static, terminated string of libavcodec.
    let name = unsafe { CStr::from_ptr(name) };
    name.to_string_lossy().into_owned()
}
