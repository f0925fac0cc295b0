//! Scaling with libswscale, which is left to do only that: it resamples and reduces depth, while
//! colour stays as coded. `render` converts colour afterwards on the few pixels that are left.

use std::ptr;

use ffmpeg_next::{
    ffi::{
        self, AVColorPrimaries, AVColorRange, AVColorSpace, AVColorTransferCharacteristic,
        AVPixelFormat,
    },
    format::Pixel,
    frame::Video,
};

use super::{AvError, Frame, ensure_init};

/// Planar 4:2:0 (8 bit) or 4:4:4 (16 bit) samples, tightly packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planes<T> {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Luma, row by row: `width * height` samples.
    pub(crate) y: Vec<T>,
    /// Blue difference, `chroma_width * chroma_height` samples.
    pub(crate) u: Vec<T>,
    /// Red difference.
    pub(crate) v: Vec<T>,
    pub(crate) chroma_width: usize,
    pub(crate) chroma_height: usize,
}

/// How the samples of a frame encode colour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ColourInfo {
    /// Luma weights of red and blue (the rest is green's) of the `YCbCr` matrix.
    pub(crate) kr: f32,
    pub(crate) kb: f32,
    /// Samples use the whole range instead of 16 to 235.
    pub(crate) full_range: bool,
    pub(crate) transfer: Transfer,
    /// The primaries are those of BT.2020.
    pub(crate) wide_gamut: bool,
}

/// The transfer function, as far as it changes what we do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// Standard dynamic range: shown as it is.
    Sdr,
    /// SMPTE ST 2084.
    Pq,
    /// ARIB STD-B67.
    Hlg,
}

/// A sample type that [`scale`] can give.
pub(crate) trait Sample: Copy + Default {
    const FORMAT: Pixel;
    /// Whether chroma has half the size of luma.
    const SUBSAMPLED: bool;
    /// Appends the samples that `bytes` hold.
    fn append(samples: &mut Vec<Self>, bytes: &[u8]);
}

impl Sample for u8 {
    const FORMAT: Pixel = Pixel::YUV420P;
    const SUBSAMPLED: bool = true;
    fn append(samples: &mut Vec<Self>, bytes: &[u8]) {
        samples.extend_from_slice(bytes);
    }
}

impl Sample for u16 {
    const FORMAT: Pixel = Pixel::YUV444P16LE;
    const SUBSAMPLED: bool = false;
    fn append(samples: &mut Vec<Self>, bytes: &[u8]) {
        let pairs = bytes.chunks_exact(2);
        samples.extend(pairs.map(|pair| u16::from_le_bytes([pair[0], pair[1]])));
    }
}

impl Frame {
    /// How this frame's samples encode colour, with a guess where it does not say.
    pub(crate) fn colour(&self) -> ColourInfo {
        let fields = self.fields();
        if self.is_rgb() {
            return ColourInfo::JFIF;
        }
        let (kr, kb) = match fields.colorspace {
            AVColorSpace::AVCOL_SPC_BT709 => (0.2126, 0.0722),
            AVColorSpace::AVCOL_SPC_BT2020_NCL | AVColorSpace::AVCOL_SPC_BT2020_CL => {
                (0.2627, 0.0593)
            }
            AVColorSpace::AVCOL_SPC_SMPTE240M => (0.212, 0.087),
            AVColorSpace::AVCOL_SPC_FCC => (0.30, 0.11),
            // Untagged: BT.601 whatever the size, as ffmpeg shows it.
            _ => (0.299, 0.114),
        };
        let format: AVPixelFormat = self.0.format().into();
        let full_range = fields.color_range == AVColorRange::AVCOL_RANGE_JPEG
            || matches!(
                format,
                AVPixelFormat::AV_PIX_FMT_YUVJ420P
                    | AVPixelFormat::AV_PIX_FMT_YUVJ422P
                    | AVPixelFormat::AV_PIX_FMT_YUVJ444P
                    | AVPixelFormat::AV_PIX_FMT_YUVJ440P
                    | AVPixelFormat::AV_PIX_FMT_YUVJ411P
            );
        ColourInfo {
            kr,
            kb,
            full_range,
            transfer: match fields.color_trc {
                AVColorTransferCharacteristic::AVCOL_TRC_SMPTE2084 => Transfer::Pq,
                AVColorTransferCharacteristic::AVCOL_TRC_ARIB_STD_B67 => Transfer::Hlg,
                _ => Transfer::Sdr,
            },
            wide_gamut: fields.color_primaries == AVColorPrimaries::AVCOL_PRI_BT2020,
        }
    }

    fn is_rgb(&self) -> bool {
        let format: AVPixelFormat = self.0.format().into();
        // SAFETY: a static table entry or null for any format.
        let descriptor = unsafe { ffi::av_pix_fmt_desc_get(format) };
        // SAFETY: null or a static entry.
        unsafe { descriptor.as_ref() }.is_some_and(|descriptor| {
            descriptor.flags & (ffi::AV_PIX_FMT_FLAG_RGB | ffi::AV_PIX_FMT_FLAG_PAL) as u64 != 0
        })
    }
}

impl ColourInfo {
    /// What JPEG files use: BT.601 at full range.
    pub(crate) const JFIF: Self = Self {
        kr: 0.299,
        kb: 0.114,
        full_range: true,
        transfer: Transfer::Sdr,
        wide_gamut: false,
    };
}

/// Frees the context when dropped.
struct SwsContext(*mut ffi::SwsContext);

impl SwsContext {
    /// Scales pictures of `from` to those of `to`, each a size and a format. The same matrix and
    /// range on both sides, so that samples pass through unconverted; an RGB source has range and
    /// matrix of the target only.
    fn new(
        from: (i32, i32, Pixel),
        to: (i32, i32, Pixel),
        full_range: bool,
    ) -> Result<Self, AvError> {
        // SAFETY: plain numbers and null pointers; returns null on failure.
        let context = Self(unsafe {
            ffi::sws_getContext(
                from.0,
                from.1,
                from.2.into(),
                to.0,
                to.1,
                to.2.into(),
                ffi::SWS_BICUBIC,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null(),
            )
        });
        if context.0.is_null() {
            return Err(AvError(ffi::AVERROR_INVALIDDATA));
        }
        let range = i32::from(full_range);
        // SAFETY: a static table.
        let table = unsafe { ffi::sws_getCoefficients(ffi::SWS_CS_DEFAULT) };
        // SAFETY: a live context and static tables. It refuses formats without a matrix,
        // harmlessly.
        unsafe {
            ffi::sws_setColorspaceDetails(
                context.0,
                table,
                range,
                table,
                range,
                0,
                1 << 16,
                1 << 16,
            );
        }
        Ok(context)
    }
}

impl Drop for SwsContext {
    fn drop(&mut self) {
        // SAFETY: made by sws_getContext and freed once.
        unsafe { ffi::sws_freeContext(self.0) };
    }
}

/// Scales `frame` to `width` x `height` without changing its colour encoding; RGB becomes
/// [`ColourInfo::JFIF`]. With `one_field`, only the top field of an interlaced frame is used.
pub(crate) fn scale<T: Sample>(
    frame: &Frame,
    one_field: bool,
    width: u32,
    height: u32,
) -> Result<Planes<T>, AvError> {
    ensure_init();
    let invalid = AvError(ffi::AVERROR_INVALIDDATA);
    let fields = frame.fields();
    let source_height = if one_field {
        fields.height / 2
    } else {
        fields.height
    };
    if !frame.has_pixels() || source_height < 1 {
        return Err(invalid);
    }
    let mut strides = fields.linesize;
    if one_field {
        for stride in &mut strides {
            *stride *= 2;
        }
    }
    let mut target = Video::new(T::FORMAT, width, height);
    let side = |side: u32| i32::try_from(side).map_err(|_| invalid);
    let context = SwsContext::new(
        (fields.width, source_height, frame.0.format()),
        (side(width)?, side(height)?, T::FORMAT),
        frame.colour().full_range,
    )?;
    // SAFETY: `target` is freshly allocated and exclusive.
    let out = unsafe { &mut *target.as_mut_ptr() };
    // SAFETY: source planes belong to a frame that libav decoded at the size given to the context
    // (a field is every other row of it); target planes were allocated at the target's size.
    let rows = unsafe {
        ffi::sws_scale(
            context.0,
            fields.data.as_ptr().cast(),
            strides.as_ptr(),
            0,
            source_height,
            out.data.as_ptr(),
            out.linesize.as_ptr(),
        )
    };
    AvError::check(rows)?;
    Ok(copy_planes(&target, width as usize, height as usize))
}

fn copy_planes<T: Sample>(target: &Video, width: usize, height: usize) -> Planes<T> {
    let (chroma_width, chroma_height) = if T::SUBSAMPLED {
        (width.div_ceil(2), height.div_ceil(2))
    } else {
        (width, height)
    };
    let plane = |index: usize, width: usize, height: usize| {
        let stride = target.stride(index);
        let row = width * size_of::<T>();
        let mut samples = Vec::with_capacity(width * height);
        for line in target.data(index).chunks(stride).take(height) {
            T::append(&mut samples, &line[..row]);
        }
        samples
    };
    Planes {
        width,
        height,
        y: plane(0, width, height),
        u: plane(1, chroma_width, chroma_height),
        v: plane(2, chroma_width, chroma_height),
        chroma_width,
        chroma_height,
    }
}
