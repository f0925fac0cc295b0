//! Decoders of video packets.

use ffmpeg_next::{Discard, codec, codec::decoder::Opened, ffi, frame::Video};

use super::{
    AvError, Packet, ensure_init,
    input::Parameters,
    stream::matrix,
    unwritten::{Marks, Shown},
};

/// A decoder of one video stream, single-threaded: a keyframe needs no more, and threads would add
/// latency (one frame each) and memory.
pub(crate) struct VideoDecoder {
    opened: Opened,
    /// Times of the hidden packets whose pictures have not come out, in ticks.
    hidden: Vec<i64>,
}

/// A decoded picture.
pub(crate) struct Frame(pub(crate) Video);

/// What a picture's header says that it is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PictureKind {
    /// No other picture.
    Intra,
    /// Others, that are shown before.
    Predicted,
    /// Others on both sides. Before H.264, no picture is made from such a one.
    Bidirectional,
    /// The codec has no types, or the decoder does not tell.
    Untold,
}

/// What a decoder had to give.
pub(crate) enum Received {
    /// A picture.
    Frame(Frame),
    /// A picture that others need and an edit list hides.
    Hidden(Frame),
    /// It wants more packets.
    Hungry,
    /// Everything was given.
    Drained,
}

impl VideoDecoder {
    /// Opens the decoder for `parameters`, refusing pictures of more than `max_pixels`, whose
    /// memory carries `marks` until the decoder writes it.
    pub(crate) fn open(
        parameters: &Parameters,
        max_pixels: u64,
        marks: Marks,
    ) -> Result<Self, AvError> {
        ensure_init();
        let mut context = codec::Context::from_parameters(parameters.0.clone())
            .map_err(|error| AvError(error.into()))?;
        {
            // SAFETY: allocated and not yet opened; `context` is exclusive here.
            let fields = unsafe { &mut *context.as_mut_ptr() };
            fields.max_pixels = i64::try_from(max_pixels).unwrap_or(i64::MAX);
            fields.thread_count = 1;
            fields.get_buffer2 = Some(marks.callback());
            // Give out what can be shown even where an earlier reference is missing: the first
            // picture after a seek is the one that is wanted. `Frame::is_damaged` judges damage.
            fields.flags |= ffi::AV_CODEC_FLAG_OUTPUT_CORRUPT as i32;
            fields.flags2 |= ffi::AV_CODEC_FLAG2_SHOW_ALL;
        }
        let codec =
            codec::decoder::find(context.id()).ok_or(AvError(ffi::AVERROR_DECODER_NOT_FOUND))?;
        let opened = context
            .decoder()
            .open_as(codec)
            .map_err(|error| AvError(error.into()))?;
        Ok(Self {
            opened,
            hidden: Vec::new(),
        })
    }

    /// Decodes `packet`. [`AvError::AGAIN`] asks for [`receive`](Self::receive) first: the packet
    /// was not taken.
    pub(crate) fn send(&mut self, packet: &Packet) -> Result<(), AvError> {
        self.opened
            .send_packet(&packet.inner)
            .map_err(|error| AvError(error.into()))?;
        if packet.is_hidden {
            self.hidden.extend(packet.timestamp());
        }
        Ok(())
    }

    /// Says that no packet follows, so that held-back pictures come out.
    pub(crate) fn finish(&mut self) -> Result<(), AvError> {
        self.opened
            .send_eof()
            .map_err(|error| AvError(error.into()))
    }

    /// Forgets everything, for a fresh start elsewhere in the stream.
    pub(crate) fn flush(&mut self) {
        self.opened.flush();
        self.hidden.clear();
    }

    /// Pictures that the stream seen so far holds back to put them in order: so many packets later
    /// than its own does a picture come out.
    pub(crate) fn reordering(&self) -> usize {
        // SAFETY: an open context.
        let held_back = unsafe { (*self.opened.as_ptr()).has_b_frames };
        usize::try_from(held_back).unwrap_or(0)
    }

    /// Skips decoding pictures that no other needs, while going towards a later one.
    pub(crate) fn skip_disposable(&mut self, skip: bool) {
        self.opened.skip_frame(if skip {
            Discard::NonReference
        } else {
            Discard::Default
        });
    }

    /// Leaves out smoothing the edges of blocks, of pictures that no other is predicted from.
    pub(crate) fn skip_deblocking(&mut self, skip: bool) {
        self.opened
            .skip_loop_filter(if skip { Discard::All } else { Discard::Default });
    }

    /// What the decoder has to give.
    pub(crate) fn receive(&mut self) -> Result<Received, AvError> {
        let mut frame = Video::empty();
        match self.opened.receive_frame(&mut frame) {
            Ok(()) => {
                let frame = Frame(frame);
                let time = frame.timestamp();
                let hidden = self.hidden.iter().position(|ticks| Some(*ticks) == time);
                Ok(match hidden {
                    Some(nth) => {
                        self.hidden.swap_remove(nth);
                        Received::Hidden(frame)
                    }
                    None => Received::Frame(frame),
                })
            }
            Err(ffmpeg_next::Error::Other { errno }) if errno == ffi::EAGAIN => {
                Ok(Received::Hungry)
            }
            Err(ffmpeg_next::Error::Eof) => Ok(Received::Drained),
            Err(error) => Err(AvError(error.into())),
        }
    }
}

impl Frame {
    pub(super) fn fields(&self) -> &ffi::AVFrame {
        // SAFETY: valid while `self` lives.
        unsafe { &*self.0.as_ptr() }
    }

    pub(crate) fn width(&self) -> u32 {
        self.0.width()
    }

    pub(crate) fn height(&self) -> u32 {
        self.0.height()
    }

    /// Presentation time in ticks of the stream.
    pub(crate) fn timestamp(&self) -> Option<i64> {
        let fields = self.fields();
        [fields.best_effort_timestamp, fields.pts, fields.pkt_dts]
            .into_iter()
            .find(|ticks| *ticks != ffi::AV_NOPTS_VALUE)
    }

    /// Part of the picture was missing or could not be decoded: libav says so, or nobody wrote that
    /// part.
    pub(crate) fn is_damaged(&self) -> bool {
        let fields = self.fields();
        fields.decode_error_flags != 0 || self.is_corrupt() || self.has_mark()
    }

    /// libav cannot vouch for the picture: what it was made from was not seen or is damaged.
    pub(crate) fn is_corrupt(&self) -> bool {
        self.fields().flags & ffi::AV_FRAME_FLAG_CORRUPT != 0
    }

    /// Whether nobody wrote a part of the picture, where it was marked by [`Marks::Sparse`].
    fn has_mark(&self) -> bool {
        self.shown().is_some_and(|shown| shown.has_mark())
    }

    /// Whether every pixel was written, where the picture was marked by [`Marks::Dense`].
    pub(crate) fn is_filled(&self) -> bool {
        self.shown().is_some_and(|shown| !shown.has_fill())
    }

    fn shown(&self) -> Option<Shown<'_>> {
        Shown::of(self.fields(), self.0.format().into())
    }

    /// The type of the picture that its header states.
    pub(crate) fn kind(&self) -> PictureKind {
        match self.fields().pict_type {
            ffi::AVPictureType::AV_PICTURE_TYPE_I => PictureKind::Intra,
            ffi::AVPictureType::AV_PICTURE_TYPE_NONE => PictureKind::Untold,
            ffi::AVPictureType::AV_PICTURE_TYPE_B => PictureKind::Bidirectional,
            _ => PictureKind::Predicted,
        }
    }

    /// The decoder calls it a keyframe; many that know none call every picture so.
    pub(crate) fn is_key(&self) -> bool {
        #[cfg(ffmpeg_6_1)]
        return self.fields().flags & ffi::AV_FRAME_FLAG_KEY != 0;
        #[cfg(not(ffmpeg_6_1))]
        return self.fields().key_frame != 0;
    }

    /// How the picture is turned to be shown, where the codec's own messages say it.
    pub(crate) fn display_matrix(&self) -> Option<[i32; 9]> {
        const KIND: ffi::AVFrameSideDataType =
            ffi::AVFrameSideDataType::AV_FRAME_DATA_DISPLAYMATRIX;
        // SAFETY: a valid frame; gives null or side data that lives as long as the frame.
        let side_data = unsafe { ffi::av_frame_get_side_data(self.fields(), KIND).as_ref() }?;
        // SAFETY: so many bytes belong to the side data.
        let bytes = unsafe { std::slice::from_raw_parts(side_data.data, side_data.size) };
        matrix(bytes)
    }

    /// Two fields of different times are woven into the picture.
    pub(crate) fn is_interlaced(&self) -> bool {
        self.0.is_interlaced()
    }

    /// Pixel width to height; (0, 1) where unknown.
    pub(crate) fn sample_aspect(&self) -> (i32, i32) {
        let ratio = self.fields().sample_aspect_ratio;
        (ratio.num, ratio.den)
    }

    /// Whether libav gave at least one plane of pixels.
    pub(crate) fn has_pixels(&self) -> bool {
        let fields = self.fields();
        !fields.data[0].is_null()
            && fields.linesize[0] != 0
            && fields.width > 0
            && fields.height > 0
    }
}
