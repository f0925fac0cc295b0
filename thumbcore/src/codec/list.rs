//! Which codecs there are.

/// Whether a line of [`codecs`] ends with `confined`.
macro_rules! is_confined {
    () => {
        false
    };
    (confined) => {
        true
    };
}

/// Makes [`Codec`] of one line a codec: its variant, its name in libav, its decoders in libav, how
/// it is known that a picture needs no other, and `confined` where it is decoded in a sandbox only.
macro_rules! codecs {
    ($(
        $(#[$doc:meta])+
        $variant:ident = $name:literal by $decoders:expr, $access:ident $(, $confined:ident)?;
    )+) => {
        /// A video codec that thumbcore decodes.
        ///
        /// Those that videos really use and whose decoder is maintained and fuzzed are decoded
        /// anywhere; rarer ones, at whose decoders hardly anybody looks, where a hostile file can
        /// reach nothing: in a [sandbox](Codec::needs_sandbox). Every other codec is refused.
        ///
        /// ```
        /// use thumbcore::Codec;
        ///
        /// assert_eq!(Codec::H264.as_str(), "h264");
        /// assert_eq!(Codec::from_name("h264"), Some(Codec::H264));
        /// assert_eq!(Codec::from_name("smackvideo"), None);
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

            /// Whether it is decoded in a sandbox only (feature `sandbox`), for lack of people who
            /// look at its decoder.
            #[must_use]
            pub const fn needs_sandbox(self) -> bool {
                match self {
                    $(Self::$variant => is_confined!($($confined)?),)+
                }
            }

            /// libav's decoders of it, the preferred one first.
            pub(crate) const fn decoders(self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => &$decoders,)+
                }
            }

            /// How it is known that one of its pictures needs no other.
            pub(crate) const fn random_access(self) -> super::RandomAccess {
                match self {
                    $(Self::$variant => super::RandomAccess::$access,)+
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
    /// VP3.
    Vp3 = "vp3" by ["vp3"], Flag, confined;
    /// VP4.
    Vp4 = "vp4" by ["vp4"], Flag, confined;
    /// VP5.
    Vp5 = "vp5" by ["vp5"], Flag, confined;
    /// AVS, of Chinese television.
    Cavs = "cavs" by ["cavs"], Type, confined;
    /// Snow, of FFmpeg.
    Snow = "snow" by ["snow"], Type, confined;
    /// `TechSmith` screen capture, of Camtasia.
    Tscc = "tscc" by ["camtasia"], Start, confined;
    /// `TechSmith` screen capture 2.
    Tscc2 = "tscc2" by ["tscc2"], Start, confined;
    /// `CamStudio`.
    CamStudio = "cscd" by ["camstudio"], Type, confined;
    /// `DOSBox` capture.
    Zmbv = "zmbv" by ["zmbv"], Type, confined;
    /// Fraps.
    Fraps = "fraps" by ["fraps"], Type, confined;
    /// `GoToMeeting`.
    GoToMeeting = "g2m" by ["g2m"], Type, confined;
    /// Windows Media Screen, version 1.
    Mss1 = "mss1" by ["mss1"], Type, confined;
    /// Windows Media Screen, version 2.
    Mss2 = "mss2" by ["mss2"], Type, confined;
    /// Microsoft Application Screen Decoder 1.
    Msa1 = "msa1" by ["msa1"], Type, confined;
    /// Microsoft Application Screen Decoder 2.
    Mts2 = "mts2" by ["mts2"], Type, confined;
    /// `VMware` screen capture.
    Vmnc = "vmnc" by ["vmnc"], Start, confined;
    /// Innosoft screen capture.
    Rscc = "rscc" by ["rscc"], Start, confined;
    /// Screenpresso.
    Screenpresso = "screenpresso" by ["screenpresso"], Start, confined;
    /// `ScreenPressor`.
    ScreenPressor = "scpr" by ["scpr"], Start, confined;
    /// FM screen capture.
    Fmvc = "fmvc" by ["fmvc"], Start, confined;
    /// `WinCAM` motion video.
    WinCam = "wcmv" by ["wcmv"], Start, confined;
    /// `TDSC`.
    Tdsc = "tdsc" by ["tdsc"], Start, confined;
    /// `MatchWare` screen capture.
    MatchWare = "mwsc" by ["mwsc"], Start, confined;
    /// Mandsoft screen capture.
    Mandsoft = "mscc" by ["mscc"], Start, confined;
    /// Screen Recorder Gold.
    ScreenRecorderGold = "srgc" by ["srgc"], Start, confined;
    /// LEAD screen capture.
    Lead = "lscr" by ["lscr"], Start, confined;
    /// `RemotelyAnywhere` screen capture.
    RemotelyAnywhere = "rasc" by ["rasc"], Start, confined;
    /// Gryphon's anim compressor.
    Gryphon = "arbc" by ["arbc"], Start, confined;
    /// Kega game video.
    Kega = "kgv1" by ["kgv1"], Start, confined;
    /// Autodesk animation RLE.
    Aasc = "aasc" by ["aasc"], Start, confined;
    /// Microsoft RLE.
    MsRle = "msrle" by ["msrle"], Start, confined;
    /// `QuickTime` 8BPS.
    EightBps = "8bps" by ["8bps"], Every, confined;
    /// `QuickTime` Graphics.
    Smc = "smc" by ["smc"], Start, confined;
    /// `QuickTime` Video, Road Pizza.
    Rpza = "rpza" by ["rpza"], Start, confined;
    /// Q-team `QPEG`.
    Qpeg = "qpeg" by ["qpeg"], Start, confined;
    /// Intel Indeo 2.
    Indeo2 = "indeo2" by ["indeo2"], Start, confined;
    /// Intel Indeo 3.
    Indeo3 = "indeo3" by ["indeo3"], Start, confined;
    /// Intel Indeo 4.
    Indeo4 = "indeo4" by ["indeo4"], Start, confined;
    /// Intel Indeo 5.
    Indeo5 = "indeo5" by ["indeo5"], Start, confined;
    /// Duck `TrueMotion` 1.
    TrueMotion1 = "truemotion1" by ["truemotion1"], Start, confined;
    /// Duck `TrueMotion` 2.
    TrueMotion2 = "truemotion2" by ["truemotion2"], Start, confined;
    /// IBM Ultimotion.
    Ultimotion = "ulti" by ["ultimotion"], Start, confined;
    /// Wing Commander IV.
    Xan4 = "xan_wc4" by ["xan_wc4"], Start, confined;
    /// `ClearVideo`.
    ClearVideo = "clearvideo" by ["clearvideo"], Start, confined;
    /// Amuse Graphics movie.
    Agm = "agm" by ["agm"], Start, confined;
    /// Infinity IMM4.
    Imm4 = "imm4" by ["imm4"], Start, confined;
    /// Infinity IMM5: H.264 with a header of its own.
    Imm5 = "imm5" by ["imm5"], Start, confined;
    /// Zero Codec.
    ZeroCodec = "zerocodec" by ["zerocodec"], Start, confined;
    /// Forward Uncompressed.
    Frwu = "frwu" by ["frwu"], Every, confined;
    /// Animated PNG.
    Apng = "apng" by ["apng"], Start, confined;
    /// Lagarith.
    Lagarith = "lagarith" by ["lagarith"], Every, confined;
    /// LCL, compressed by MSZH.
    Mszh = "mszh" by ["mszh"], Start, confined;
    /// LCL, compressed by zlib.
    Zlib = "zlib" by ["zlib"], Start, confined;
    /// `MagicYUV`.
    MagicYuv = "magicyuv" by ["magicyuv"], Every, confined;
    /// `VBLE`.
    Vble = "vble" by ["vble"], Every, confined;
    /// `LOCO`.
    Loco = "loco" by ["loco"], Every, confined;
    /// `YUY2` lossless codec.
    Ylc = "ylc" by ["ylc"], Every, confined;
    /// Canopus lossless codec.
    Cllc = "cllc" by ["cllc"], Every, confined;
    /// Canopus HQ and HQA.
    CanopusHq = "hq_hqa" by ["hq_hqa"], Every, confined;
    /// Canopus HQX.
    CanopusHqx = "hqx" by ["hqx"], Every, confined;
    /// Dxtory capture.
    Dxtory = "dxtory" by ["dxtory"], Every, confined;
    /// Resolume DXV.
    Dxv = "dxv" by ["dxv"], Every, confined;
    /// Vidvox Hap.
    Hap = "hap" by ["hap"], Every, confined;
    /// `NotchLC`.
    NotchLc = "notchlc" by ["notchlc"], Every, confined;
    /// Apple Intermediate Codec.
    AppleIntermediate = "aic" by ["aic"], Every, confined;
    /// Apple Pixlet.
    Pixlet = "pixlet" by ["pixlet"], Every, confined;
    /// `BitJazz` `SheerVideo`.
    Sheer = "sheervideo" by ["sheervideo"], Every, confined;
    /// `NewTek` `SpeedHQ`.
    SpeedHq = "speedhq" by ["speedhq"], Every, confined;
    /// Brooktree `ProSumer`.
    ProSumer = "prosumer" by ["prosumer"], Every, confined;
    /// Matrox uncompressed.
    Matrox = "m101" by ["m101"], Every, confined;
    /// JPEG 2000.
    Jpeg2000 = "jpeg2000" by ["jpeg2000"], Every, confined;
    /// JPEG-LS.
    JpegLs = "jpegls" by ["jpegls"], Every, confined;
    /// Apple MJPEG-B.
    MjpegB = "mjpegb" by ["mjpegb"], Every, confined;
    /// Sunplus JPEG.
    Sp5x = "sp5x" by ["sp5x"], Every, confined;
    /// ASUS V1.
    Asv1 = "asv1" by ["asv1"], Every, confined;
    /// ASUS V2.
    Asv2 = "asv2" by ["asv2"], Every, confined;
    /// Auravision Aura.
    Aura = "aura" by ["aura"], Every, confined;
    /// Auravision Aura 2.
    Aura2 = "aura2" by ["aura2"], Every, confined;
    /// Cirrus Logic `AccuPak`.
    Cljr = "cljr" by ["cljr"], Every, confined;
    /// Creative YUV.
    Cyuv = "cyuv" by ["cyuv"], Every, confined;
    /// ATI VCR1.
    Vcr1 = "vcr1" by ["vcr1"], Every, confined;
    /// Miro `VideoXL`.
    Vixl = "vixl" by ["xl"], Every, confined;
    /// Winnov WNV1.
    Wnv1 = "wnv1" by ["wnv1"], Every, confined;
    /// AVID packed pictures of 10 bits.
    Avrp = "avrp" by ["avrp"], Every, confined;
    /// AVID Meridien uncompressed.
    Avui = "avui" by ["avui"], Every, confined;
    /// Uncompressed 4:2:2 of 10 bits.
    V210 = "v210" by ["v210"], Every, confined;
    /// Uncompressed 4:2:2 of 10 bits, in another order.
    V210x = "v210x" by ["v210x"], Every, confined;
    /// Uncompressed packed 4:4:4.
    V308 = "v308" by ["v308"], Every, confined;
    /// Uncompressed packed 4:4:4:4.
    V408 = "v408" by ["v408"], Every, confined;
    /// Uncompressed 4:4:4 of 10 bits.
    V410 = "v410" by ["v410"], Every, confined;
    /// Uncompressed packed 4:4:4:4 of Microsoft.
    Ayuv = "ayuv" by ["ayuv"], Every, confined;
    /// Uncompressed 4:1:1.
    Y41p = "y41p" by ["y41p"], Every, confined;
    /// Uncompressed packed 4:2:0.
    Yuv4 = "yuv4" by ["yuv4"], Every, confined;
    /// Uncompressed 4:2:2 of 10 bits, 012v.
    O12v = "012v" by ["012v"], Every, confined;
    /// Uncompressed RGB of 10 bits.
    R10k = "r10k" by ["r10k"], Every, confined;
    /// Uncompressed RGB of 10 bits, of Blackmagic.
    R210 = "r210" by ["r210"], Every, confined;
}
