//! The video codecs that may be decoded.

use std::fmt;

/// Makes [`Codec`] of one line a codec: its variant, its name in libav, its decoders in libav.
macro_rules! codecs {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal by $decoders:expr;)+) => {
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
        }
    };
}

codecs! {
    /// H.264, MPEG-4 AVC.
    H264 = "h264" by ["h264"];
    /// H.265, HEVC.
    Hevc = "hevc" by ["hevc"];
    /// H.266, VVC.
    Vvc = "vvc" by ["vvc"];
    /// AV1.
    Av1 = "av1" by ["libdav1d", "libaom-av1", "av1"];
    /// VP8.
    Vp8 = "vp8" by ["vp8", "libvpx"];
    /// VP9.
    Vp9 = "vp9" by ["vp9", "libvpx-vp9"];
    /// On2 VP6.
    Vp6 = "vp6" by ["vp6"];
    /// VP6 with transparency, in Flash video.
    Vp6a = "vp6a" by ["vp6a"];
    /// VP6 in Flash video.
    Vp6f = "vp6f" by ["vp6f"];
    /// On2 VP7.
    Vp7 = "vp7" by ["vp7"];
    /// MPEG-1 video.
    Mpeg1 = "mpeg1video" by ["mpeg1video", "mpegvideo"];
    /// MPEG-2 video, H.262.
    Mpeg2 = "mpeg2video" by ["mpeg2video", "mpegvideo"];
    /// MPEG-4 part 2: `DivX`, Xvid.
    Mpeg4 = "mpeg4" by ["mpeg4"];
    /// Microsoft MPEG-4 version 1.
    MsMpeg4V1 = "msmpeg4v1" by ["msmpeg4v1"];
    /// Microsoft MPEG-4 version 2.
    MsMpeg4V2 = "msmpeg4v2" by ["msmpeg4v2"];
    /// Microsoft MPEG-4 version 3: `DivX` 3.
    MsMpeg4V3 = "msmpeg4v3" by ["msmpeg4"];
    /// H.261.
    H261 = "h261" by ["h261"];
    /// H.263.
    H263 = "h263" by ["h263"];
    /// H.263 as Intel has it.
    H263i = "h263i" by ["h263i"];
    /// H.263 with its later annexes.
    H263p = "h263p" by ["h263p"];
    /// Sorenson H.263, of Flash video.
    Flv1 = "flv1" by ["flv"];
    /// Flash screen video.
    FlashSv = "flashsv" by ["flashsv"];
    /// Flash screen video version 2.
    FlashSv2 = "flashsv2" by ["flashsv2"];
    /// Windows Media Video 7.
    Wmv1 = "wmv1" by ["wmv1"];
    /// Windows Media Video 8.
    Wmv2 = "wmv2" by ["wmv2"];
    /// Windows Media Video 9.
    Wmv3 = "wmv3" by ["wmv3"];
    /// VC-1.
    Vc1 = "vc1" by ["vc1"];
    /// Theora.
    Theora = "theora" by ["theora"];
    /// Dirac.
    Dirac = "dirac" by ["dirac"];
    /// Motion JPEG.
    Mjpeg = "mjpeg" by ["mjpeg"];
    /// Apple `ProRes`.
    ProRes = "prores" by ["prores"];
    /// Avid `DNxHD` and `DNxHR`.
    DnxHd = "dnxhd" by ["dnxhd"];
    /// Digital video of camcorders.
    Dv = "dvvideo" by ["dvvideo"];
    /// `RealVideo` 1.
    Rv10 = "rv10" by ["rv10"];
    /// `RealVideo` G2.
    Rv20 = "rv20" by ["rv20"];
    /// `RealVideo` 8.
    Rv30 = "rv30" by ["rv30"];
    /// `RealVideo` 9.
    Rv40 = "rv40" by ["rv40"];
    /// Sorenson Video 1.
    Svq1 = "svq1" by ["svq1"];
    /// Sorenson Video 3.
    Svq3 = "svq3" by ["svq3"];
    /// Cinepak.
    Cinepak = "cinepak" by ["cinepak"];
    /// GIF.
    Gif = "gif" by ["gif"];
    /// PNG pictures.
    Png = "png" by ["png"];
    /// Uncompressed pictures.
    Raw = "rawvideo" by ["rawvideo"];
    /// `HuffYUV`.
    HuffYuv = "huffyuv" by ["huffyuv"];
    /// `HuffYUV` of FFmpeg.
    FfvHuff = "ffvhuff" by ["ffvhuff"];
    /// FFV1.
    Ffv1 = "ffv1" by ["ffv1"];
    /// Ut Video.
    UtVideo = "utvideo" by ["utvideo"];
    /// `QuickTime` Animation.
    QtRle = "qtrle" by ["qtrle"];
    /// Microsoft Video 1.
    MsVideo1 = "msvideo1" by ["msvideo1"];
    /// `GoPro` `CineForm`.
    CineForm = "cfhd" by ["cfhd"];
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
