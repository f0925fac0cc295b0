//! The video codecs that may be decoded.

pub(crate) mod cinepak;
pub(crate) mod sei;

use std::fmt;

/// Makes [`Codec`] of one line a codec: its variant, its name in libav, its decoders in libav, and
/// how it is known that a picture needs no other.
macro_rules! codecs {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal by $decoders:expr, $access:ident;)+) => {
        /// A video codec that thumbcore decodes: one that videos really use and whose decoder is
        /// maintained and fuzzed. Every other codec is refused, since a decoder that nobody looks
        /// at is where a hostile file gets in.
        ///
        /// ```
        /// use thumbcore::Codec;
        ///
        /// assert_eq!(Codec::H264.as_str(), "h264");
        /// assert_eq!(Codec::from_name("h264"), Some(Codec::H264));
        /// assert_eq!(Codec::from_name("magicyuv"), None);
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[cfg_attr(sandbox, derive(serde::Serialize, serde::Deserialize))]
        #[non_exhaustive]
        pub enum Codec {
            $($(#[$doc])+ $variant,)+
        }

        impl Codec {
            /// Every codec that may be decoded.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The codec's name, as libav has it: `h264`, `mpeg2video`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// libav's decoders of it, the preferred one first.
            pub(crate) const fn decoders(self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => &$decoders,)+
                }
            }

            /// How it is known that one of its pictures needs no other.
            pub(crate) const fn random_access(self) -> RandomAccess {
                match self {
                    $(Self::$variant => RandomAccess::$access,)+
                }
            }
        }
    };
}

codecs! {
    /// H.264, MPEG-4 AVC.
    H264 = "h264" by ["h264"], Recovery;
    /// H.265, HEVC.
    Hevc = "hevc" by ["hevc"], Type;
    /// H.266, VVC.
    Vvc = "vvc" by ["vvc"], Type;
    /// AV1.
    Av1 = "av1" by ["libdav1d", "libaom-av1", "av1"], Type;
    /// VP8.
    Vp8 = "vp8" by ["vp8", "libvpx"], Flag;
    /// VP9.
    Vp9 = "vp9" by ["vp9", "libvpx-vp9"], Type;
    /// On2 VP6.
    Vp6 = "vp6" by ["vp6"], Flag;
    /// VP6 with transparency, in Flash video.
    Vp6a = "vp6a" by ["vp6a"], Flag;
    /// VP6 in Flash video.
    Vp6f = "vp6f" by ["vp6f"], Flag;
    /// On2 VP7.
    Vp7 = "vp7" by ["vp7"], Flag;
    /// MPEG-1 video.
    Mpeg1 = "mpeg1video" by ["mpeg1video", "mpegvideo"], Type;
    /// MPEG-2 video, H.262.
    Mpeg2 = "mpeg2video" by ["mpeg2video", "mpegvideo"], Type;
    /// MPEG-4 part 2: `DivX`, Xvid.
    Mpeg4 = "mpeg4" by ["mpeg4"], Type;
    /// Microsoft MPEG-4 version 1.
    MsMpeg4V1 = "msmpeg4v1" by ["msmpeg4v1"], Type;
    /// Microsoft MPEG-4 version 2.
    MsMpeg4V2 = "msmpeg4v2" by ["msmpeg4v2"], Type;
    /// Microsoft MPEG-4 version 3: `DivX` 3.
    MsMpeg4V3 = "msmpeg4v3" by ["msmpeg4"], Type;
    /// H.261.
    H261 = "h261" by ["h261"], Type;
    /// H.263.
    H263 = "h263" by ["h263"], Type;
    /// H.263 as Intel has it.
    H263i = "h263i" by ["h263i"], Type;
    /// H.263 with its later annexes.
    H263p = "h263p" by ["h263p"], Type;
    /// Sorenson H.263, of Flash video.
    Flv1 = "flv1" by ["flv"], Type;
    /// Flash screen video.
    FlashSv = "flashsv" by ["flashsv"], Filled;
    /// Flash screen video version 2.
    FlashSv2 = "flashsv2" by ["flashsv2"], Filled;
    /// Windows Media Video 7.
    Wmv1 = "wmv1" by ["wmv1"], Type;
    /// Windows Media Video 8.
    Wmv2 = "wmv2" by ["wmv2"], Type;
    /// Windows Media Video 9.
    Wmv3 = "wmv3" by ["wmv3"], Type;
    /// VC-1.
    Vc1 = "vc1" by ["vc1"], Type;
    /// Theora.
    Theora = "theora" by ["theora"], Flag;
    /// Dirac.
    Dirac = "dirac" by ["dirac"], Type;
    /// Motion JPEG.
    Mjpeg = "mjpeg" by ["mjpeg"], Every;
    /// Apple `ProRes`.
    ProRes = "prores" by ["prores"], Every;
    /// Avid `DNxHD` and `DNxHR`.
    DnxHd = "dnxhd" by ["dnxhd"], Every;
    /// Digital video of camcorders.
    Dv = "dvvideo" by ["dvvideo"], Every;
    /// `RealVideo` 1.
    Rv10 = "rv10" by ["rv10"], Type;
    /// `RealVideo` G2.
    Rv20 = "rv20" by ["rv20"], Type;
    /// `RealVideo` 8.
    Rv30 = "rv30" by ["rv30"], Type;
    /// `RealVideo` 9.
    Rv40 = "rv40" by ["rv40"], Type;
    /// Sorenson Video 1.
    Svq1 = "svq1" by ["svq1"], Type;
    /// Sorenson Video 3.
    Svq3 = "svq3" by ["svq3"], Type;
    /// Cinepak.
    Cinepak = "cinepak" by ["cinepak"], Strips;
    /// GIF.
    Gif = "gif" by ["gif"], Flag;
    /// PNG pictures.
    Png = "png" by ["png"], Every;
    /// Uncompressed pictures.
    Raw = "rawvideo" by ["rawvideo"], Every;
    /// `HuffYUV`.
    HuffYuv = "huffyuv" by ["huffyuv"], Every;
    /// `HuffYUV` of FFmpeg.
    FfvHuff = "ffvhuff" by ["ffvhuff"], Every;
    /// FFV1.
    Ffv1 = "ffv1" by ["ffv1"], Flag;
    /// Ut Video.
    UtVideo = "utvideo" by ["utvideo"], Every;
    /// `QuickTime` Animation.
    QtRle = "qtrle" by ["qtrle"], Filled;
    /// Microsoft Video 1.
    MsVideo1 = "msvideo1" by ["msvideo1"], Filled;
    /// `GoPro` `CineForm`.
    CineForm = "cfhd" by ["cfhd"], Every;
}

/// How it is known that a picture needs no other, so that decoding can begin with it. What a
/// container says of that is a hint: AVI files often call every picture a keyframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RandomAccess {
    /// The codec has no other pictures.
    Every,
    /// The decoder reads the picture's type; those of type I need no other.
    Type,
    /// The decoder reads a flag; the type says nothing.
    Flag,
    /// The decoder marks pictures as corrupt until it has seen an IDR picture, or as much as a
    /// recovery point asks for.
    Recovery,
    /// Neither the bitstream nor the decoder says. A block that does not change is left out, so
    /// that a picture whose every pixel was written needs no other.
    Filled,
    /// The headers of a packet's strips say so: see [`cinepak`].
    Strips,
}

impl RandomAccess {
    /// Neither container nor decoder tells which pictures need no other.
    pub(crate) fn is_unmarked(self) -> bool {
        matches!(self, Self::Filled | Self::Strips)
    }
}

impl Codec {
    /// The codec that libav calls `name`; `None` where it may not be decoded.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|codec| codec.as_str() == name)
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
