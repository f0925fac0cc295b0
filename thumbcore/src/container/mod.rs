//! Which container a file is, told from its bytes, and what may be opened at all.
//!
//! File names are not believed: a playlist called `.mp4` must not reach libav's playlist demuxers.

mod asf;
mod avi;
mod claims;
mod elementary;
mod flv;
mod fragmented;
#[cfg(feature = "testing")]
pub mod fuzzing;
mod keyframe;
mod locate;
mod matroska;
mod mp4;
mod mpegps;
mod mpegts;
mod ogg;
mod pes;
mod search;

use std::ffi::CStr;

pub(crate) use self::{
    claims::Claims,
    keyframe::{Around, Entry, Keyframe, ListedKeyframe, Place},
    locate::{Locator, Timeline, locator},
    mp4::{Mp4Layout, is_fragmented},
};

/// A container family with a reading strategy of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    /// ISO base media and `QuickTime`: mp4, mov, m4v, 3gp, f4v.
    Mp4,
    /// Matroska and `WebM`.
    Matroska,
    /// MPEG transport streams of 188, 192 or 204 byte packets.
    MpegTs,
    /// MPEG program streams.
    MpegPs,
    /// Flash video.
    Flv,
    /// RIFF AVI.
    Avi,
    /// Advanced Systems Format: asf, wmv.
    Asf,
    /// Ogg.
    Ogg,
    /// Anything else on the allow-list: libav probes and reads it front to back.
    Other,
}

/// The demuxers libav may use, by its short names. Left out on purpose: everything that opens
/// further files or devices (hls, dash, concat, sdp, image2, lavfi, …), audio and subtitles.
pub(crate) const DEMUXERS: &str = "mov,matroska,webm,mpegts,mpeg,flv,avi,asf,ogg,\
    mxf,rm,gif,ivf,dv,nut,h264,hevc,m4v,mpegvideo,obu,av1,vc1,h263,h261,dirac,yuv4mpegpipe";

/// The codecs that may be decoded: those that videos of these containers really use, whose
/// decoders are fuzzed and maintained. A codec's obscurity is its risk.
const CODECS: &[&str] = &[
    "h264",
    "hevc",
    "vvc",
    "av1",
    "vp8",
    "vp9",
    "vp6",
    "vp6a",
    "vp6f",
    "vp7",
    "mpeg1video",
    "mpeg2video",
    "mpeg4",
    "msmpeg4v1",
    "msmpeg4v2",
    "msmpeg4v3",
    "h261",
    "h263",
    "h263i",
    "h263p",
    "flv1",
    "flashsv",
    "flashsv2",
    "wmv1",
    "wmv2",
    "wmv3",
    "vc1",
    "theora",
    "dirac",
    "mjpeg",
    "prores",
    "dnxhd",
    "dvvideo",
    "rv10",
    "rv20",
    "rv30",
    "rv40",
    "svq1",
    "svq3",
    "cinepak",
    "gif",
    "png",
    "rawvideo",
    "huffyuv",
    "ffvhuff",
    "ffv1",
    "utvideo",
    "qtrle",
    "msvideo1",
    "cfhd",
];

/// The decoders of [`CODECS`], by libav's names, for libav's own look into the streams. No decoder
/// of sound: its parameters are nothing to us.
pub(crate) const DECODERS: &str = "h264,hevc,vvc,libdav1d,libaom-av1,av1,vp8,libvpx,vp9,libvpx-vp9,\
    vp6,vp6a,vp6f,vp7,mpeg1video,mpeg2video,mpegvideo,mpeg4,msmpeg4v1,msmpeg4v2,msmpeg4,h261,h263,\
    h263i,h263p,flv,flashsv,flashsv2,wmv1,wmv2,wmv3,vc1,theora,dirac,mjpeg,prores,dnxhd,dvvideo,\
    rv10,rv20,rv30,rv40,svq1,svq3,cinepak,gif,png,rawvideo,huffyuv,ffvhuff,ffv1,utvideo,qtrle,\
    msvideo1,cfhd";

/// Whether the decoder called `codec` may run.
pub(crate) fn codec_is_allowed(codec: &str) -> bool {
    CODECS.contains(&codec)
}

impl Container {
    /// Tells the container from the first bytes of a file.
    pub(crate) fn sniff(head: &[u8]) -> Self {
        match head {
            [0x1a, 0x45, 0xdf, 0xa3, ..] => Self::Matroska,
            [b'F', b'L', b'V', 1, ..] => Self::Flv,
            [b'O', b'g', b'g', b'S', ..] => Self::Ogg,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', ..] => Self::Avi,
            [0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11, ..] => Self::Asf,
            [0, 0, 1, 0xba, ..] => Self::MpegPs,
            _ if mp4::is_mp4(head) => Self::Mp4,
            _ if is_transport_stream(head) => Self::MpegTs,
            _ => Self::Other,
        }
    }

    /// The demuxer to open; `None` lets libav probe among [`DEMUXERS`].
    pub(crate) fn demuxer(self) -> Option<&'static CStr> {
        Some(match self {
            Self::Mp4 => c"mov",
            Self::Matroska => c"matroska",
            Self::MpegTs => c"mpegts",
            Self::MpegPs => c"mpeg",
            Self::Flv => c"flv",
            Self::Avi => c"avi",
            Self::Asf => c"asf",
            Self::Ogg => c"ogg",
            Self::Other => return None,
        })
    }

    /// The family's name, or libav's where it has none.
    pub(crate) fn name(self, demuxer: &'static str) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Matroska => "matroska",
            Self::MpegTs => "mpegts",
            Self::MpegPs => "mpegps",
            Self::Flv => "flv",
            Self::Avi => "avi",
            Self::Asf => "asf",
            Self::Ogg => "ogg",
            Self::Other => demuxer,
        }
    }

    /// Whether the header leaves out the start, dimensions, duration or even the streams, so that
    /// libav must read packets to learn them.
    pub(crate) fn needs_stream_info(self) -> bool {
        matches!(
            self,
            Self::Matroska | Self::MpegTs | Self::MpegPs | Self::Flv | Self::Ogg | Self::Other
        )
    }

    /// Whether libav's index, read with the header, says where each keyframe is.
    pub(crate) fn has_index(self) -> bool {
        matches!(self, Self::Mp4 | Self::Avi)
    }
}

/// Five sync bytes in a row at one of the packet sizes in use, after at most one packet of garbage.
fn is_transport_stream(head: &[u8]) -> bool {
    const SYNC: u8 = 0x47;
    [188, 192, 204].into_iter().any(|size: usize| {
        (0..2 * size)
            .any(|offset| (0..5).all(|packet| head.get(offset + packet * size) == Some(&SYNC)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_codec_has_its_decoder() {
        for codec in CODECS {
            let name = match *codec {
                "flv1" => "flv",
                "msmpeg4v3" => "msmpeg4",
                same => same,
            };
            assert!(
                DECODERS.split(',').any(|decoder| decoder == name),
                "{codec}"
            );
        }
    }

    #[test]
    fn containers_are_told_by_their_bytes() {
        let mut ts = vec![0xff; 7];
        for _ in 0..5 {
            ts.push(0x47);
            ts.resize(ts.len() + 191, 0);
        }
        let cases: &[(&[u8], Container)] = &[
            (b"\0\0\0\x20ftypisom", Container::Mp4),
            (b"\0\0\0\x08wide\0\0\0\0mdat", Container::Mp4),
            (b"\x1a\x45\xdf\xa3\x93", Container::Matroska),
            (b"FLV\x01\x05", Container::Flv),
            (b"RIFF\0\0\0\0AVI LIST", Container::Avi),
            (b"RIFF\0\0\0\0WAVE", Container::Other),
            (b"OggS\0\x02", Container::Ogg),
            (b"\0\0\x01\xba\x44", Container::MpegPs),
            (b"#EXTM3U\nhttp://localhost/x.ts", Container::Other),
            (b"ffconcat version 1.0\nfile /etc/passwd", Container::Other),
            (b"", Container::Other),
            (&ts, Container::MpegTs),
        ];
        for (bytes, container) in cases {
            assert_eq!(Container::sniff(bytes), *container, "{bytes:?}");
        }
    }

    #[test]
    fn nothing_that_opens_further_inputs_is_allowed() {
        let allowed: Vec<_> = DEMUXERS.split(',').map(str::trim).collect();
        for bad in [
            "hls",
            "dash",
            "concat",
            "sdp",
            "image2",
            "rtsp",
            "lavfi",
            "applehttp",
            "imf",
            "vapoursynth",
            "tedcaptions",
        ] {
            assert!(!allowed.contains(&bad), "{bad}");
        }
    }
}
