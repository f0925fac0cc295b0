//! Compressed packets.

use std::ops::Range;

use ffmpeg_next::{
    ffi,
    packet::{Flags, Mut as _},
};

/// One compressed packet.
pub(crate) struct Packet {
    pub(super) inner: ffmpeg_next::Packet,
    /// An edit list hides its picture, which others need.
    pub(super) is_hidden: bool,
}

impl Packet {
    /// Takes off the mark of a hidden packet: a decoder would keep its picture to itself, and
    /// nobody could tell whether those that follow are whole.
    pub(super) fn of(mut inner: ffmpeg_next::Packet) -> Self {
        let discard = ffi::AV_PKT_FLAG_DISCARD;
        // SAFETY: the packet is this function's alone.
        let fields = unsafe { &mut *inner.as_mut_ptr() };
        let is_hidden = fields.flags & discard != 0;
        fields.flags &= !discard;
        Self { inner, is_hidden }
    }

    pub(crate) fn stream(&self) -> usize {
        self.inner.stream()
    }

    pub(crate) fn is_keyframe(&self) -> bool {
        self.inner.is_key()
    }

    /// Cut short by the end of the file, or marked damaged by the demuxer.
    pub(crate) fn is_corrupt(&self) -> bool {
        self.inner.is_corrupt()
    }

    /// Counts as damaged from now on.
    pub(crate) fn spoil(&mut self) {
        self.inner.set_flags(self.inner.flags() | Flags::CORRUPT);
    }

    /// The bytes that its own begin at and end before at the earliest, in what its demuxer reads.
    pub(crate) fn place(&self) -> Option<Range<u64>> {
        let start = u64::try_from(self.inner.position()).ok()?;
        Some(start..start.saturating_add(self.size() as u64))
    }

    /// To be decoded and not shown.
    pub(crate) fn is_discarded(&self) -> bool {
        self.is_hidden
    }

    /// Presentation time in ticks, or the decoding time where the container has no other.
    pub(crate) fn timestamp(&self) -> Option<i64> {
        self.inner.pts().or_else(|| self.inner.dts())
    }

    /// Presentation time in ticks, where the container tells it.
    pub(crate) fn presentation_time(&self) -> Option<i64> {
        self.inner.pts()
    }

    /// Takes off a presentation time that is none.
    pub(crate) fn forget_presentation(&mut self) {
        let decoded = self.decoding_time();
        self.inner.set_dts(decoded);
        self.inner.set_pts(None);
    }

    /// Decoding time in ticks.
    pub(crate) fn decoding_time(&self) -> Option<i64> {
        self.inner.dts().or_else(|| self.inner.pts())
    }

    /// Hides its picture from now on.
    pub(crate) fn hide(&mut self) {
        self.is_hidden = true;
    }

    /// Adds `ticks` to its times.
    pub(crate) fn shift(&mut self, ticks: i64) {
        if ticks != 0 {
            let shifted = |time: Option<i64>| time.map(|time| time.saturating_add(ticks));
            let (pts, dts) = (shifted(self.inner.pts()), shifted(self.inner.dts()));
            self.inner.set_pts(pts);
            self.inner.set_dts(dts);
        }
    }

    /// Gives a packet that carries no time the decoding time `ticks`.
    pub(crate) fn count_as(&mut self, ticks: i64) {
        if self.timestamp().is_none() {
            self.inner.set_dts(Some(ticks));
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.inner.size()
    }

    /// The coded bytes.
    pub(crate) fn data(&self) -> &[u8] {
        self.inner.data().unwrap_or_default()
    }
}
