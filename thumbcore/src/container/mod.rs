//! Container families: which one a file is of, and how its keyframes are found.
//!
//! A file's first bytes tell its family ([`sniff`]). File names are not believed: a playlist
//! called `.mp4` must not reach libav's playlist demuxers. A family is a folder that exports one
//! [`Profile`]; opening a file by it reads the index and gives a [`Locator`], or leaves the file to
//! libav.

mod asf;
mod avi;
mod blank;
mod bounds;
mod duration;
mod elementary;
pub(crate) mod film;
mod flv;
#[cfg(feature = "testing")]
pub(crate) mod fuzzing;
mod keyframe;
mod locate;
mod matroska;
mod mjpeg;
mod mp4;
mod mpegps;
mod mpegts;
mod ogg;
mod other;
mod pes;
mod profile;
mod search;
mod stream;
mod videos;
#[cfg(sandbox)]
mod wire;

use std::{ffi::CStr, fmt};

pub use self::keyframe::IFrame;
pub(crate) use self::{
    blank::{data_end_among, is_blank},
    duration::{believed, film_within},
    keyframe::{Around, Entry, Keyframe, ListedKeyframe, Place},
    locate::{Locator, Searched, Swept, Timeline},
    mp4::{Composition, Stretch, TrackComposition},
    profile::{Opened, Profile},
};
use crate::{
    Codec, Error, confined, libav,
    reader::{Reader, Reason},
};

/// A container family.
///
/// ```
/// use thumbcore::Container;
///
/// assert_eq!(Container::Mp4.as_str(), "mp4");
/// assert_eq!(Container::Other("mxf").as_str(), "mxf");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Container {
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
    /// Any other container on the allow-list, by the name of libav's demuxer: `mxf`, `ivf`.
    Other(&'static str),
}

impl Container {
    /// The family's name, or that of libav's demuxer where the family has none.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Matroska => "matroska",
            Self::MpegTs => "mpegts",
            Self::MpegPs => "mpegps",
            Self::Flv => "flv",
            Self::Avi => "avi",
            Self::Asf => "asf",
            Self::Ogg => "ogg",
            Self::Other(demuxer) => demuxer,
        }
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The families, in the order in which they are tried. Those with a signature come first; a
/// transport stream has none and is told by its rhythm.
static PROFILES: [&Profile; 9] = [
    &matroska::PROFILE,
    &flv::PROFILE,
    &ogg::PROFILE,
    &avi::PROFILE,
    &asf::PROFILE,
    &mpegps::PROFILE,
    &mjpeg::PROFILE,
    &mp4::PROFILE,
    &mpegts::PROFILE,
];

/// The demuxers that libav may use anywhere, by its short names. Left out on purpose: everything
/// that opens further files or devices (hls, dash, concat, sdp, image2, lavfi, …), audio and
/// subtitles.
const DEMUXERS: &str = "mov,matroska,webm,mpegts,mpeg,flv,avi,asf,ogg,\
    mxf,rm,gif,ivf,dv,nut,h264,hevc,m4v,mpegvideo,mjpeg,obu,av1,vc1,h263,h261,dirac,yuv4mpegpipe";

/// What is demuxed in a sandbox only, for lack of people who look at these demuxers.
const CONFINED_DEMUXERS: &str = "wtv,pva,apng";

/// Every demuxer that may be used somewhere.
#[cfg(any(sandbox, test))]
fn all_demuxers() -> impl Iterator<Item = &'static str> {
    DEMUXERS.split(',').chain(CONFINED_DEMUXERS.split(','))
}

/// The demuxers that libav may use in this process, as it wants the list.
pub(crate) fn demuxers() -> String {
    if confined::is_confined() {
        format!("{DEMUXERS},{CONFINED_DEMUXERS}")
    } else {
        DEMUXERS.to_owned()
    }
}

/// Whether libav's demuxer `name` reads elementary streams, whose packets may carry no times.
pub(crate) fn is_elementary(name: &str) -> bool {
    other::is_elementary(name)
}

/// Whether packets of `codec` that libav's demuxer `name` gives carry decoding times alone, though
/// pictures are reordered.
pub(crate) fn lacks_presentation(name: &str, codec: Codec) -> bool {
    other::lacks_presentation(name, codec)
}

/// What a file ends in whose pictures need a key, by `scheme`.
pub(crate) fn encrypted(scheme: &str) -> Error {
    Error::Unsupported {
        what: "encryption",
        name: scheme.to_owned(),
    }
}

/// What a file may be that begins with bytes of nothing known.
static BEHIND_GARBAGE: [&Profile; 2] = [&mpegts::BEHIND_GARBAGE, &mpegps::BEHIND_GARBAGE];
/// Bytes in which such a file's own are looked for, as many as libav would look at.
const GARBAGE: u64 = 1 << 20;

/// The family of the file that `reader` reads, which starts with `head`.
pub(crate) async fn tell(reader: &Reader, head: &[u8]) -> Result<&'static Profile, Error> {
    let known = sniff(head);
    let is_known = known.demuxer.is_some();
    if is_known || libav::format_of(head).is_some_and(|names| !STREAMS.contains(&&names[..])) {
        return Ok(known);
    }
    let bytes = reader.read(0..GARBAGE, Reason::Index).await?;
    let mut streams = BEHIND_GARBAGE.into_iter();
    Ok(streams
        .find(|profile| (profile.sniff)(&bytes))
        .unwrap_or(known))
}

/// What libav calls the formats of [`BEHIND_GARBAGE`].
const STREAMS: [&str; 2] = ["mpegts", "mpeg"];

/// The family of a file that starts with `head`.
pub(crate) fn sniff(head: &[u8]) -> &'static Profile {
    let known = PROFILES.into_iter().find(|profile| (profile.sniff)(head));
    known.unwrap_or(&other::PROFILE)
}

/// The family whose files libav reads by the demuxer that it calls `name`, and the container to
/// report.
pub(crate) fn of_demuxer(name: &'static str) -> (&'static Profile, Container) {
    let first = name.split(',').next().unwrap_or(name);
    let is_it = |profile: &&Profile| {
        let demuxer = profile.demuxer.map(CStr::to_bytes);
        demuxer == Some(first.as_bytes())
    };
    match PROFILES.into_iter().find(is_it) {
        Some(profile) => (profile, profile.container),
        None => (&other::PROFILE, Container::Other(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_told_by_their_bytes() {
        let mut ts = vec![0xff; 7];
        for _ in 0..5 {
            ts.push(0x47);
            ts.resize(ts.len() + 191, 0);
        }
        let other = other::PROFILE.container;
        let cases: &[(&[u8], Container)] = &[
            (b"\0\0\0\x20ftypisom", Container::Mp4),
            (b"\0\0\0\x08wide\0\0\0\0mdat", Container::Mp4),
            (b"\x1a\x45\xdf\xa3\x93", Container::Matroska),
            (b"FLV\x01\x05", Container::Flv),
            (b"RIFF\0\0\0\0AVI LIST", Container::Avi),
            (b"RIFF\0\0\0\0WAVE", other),
            (b"OggS\0\x02", Container::Ogg),
            (b"\0\0\x01\xba\x44", Container::MpegPs),
            (b"#EXTM3U\nhttp://localhost/x.ts", other),
            (b"ffconcat version 1.0\nfile /etc/passwd", other),
            (b"", other),
            (&ts, Container::MpegTs),
        ];
        for (bytes, container) in cases {
            assert_eq!(sniff(bytes).container, *container, "{bytes:?}");
        }
    }

    #[test]
    fn demuxers_lead_back_to_their_families() {
        let container = |name| of_demuxer(name).1.as_str();
        assert_eq!(container("mov,mp4,m4a,3gp,3g2,mj2"), "mp4");
        assert_eq!(container("matroska,webm"), "matroska");
        assert_eq!(container("mpeg"), "mpegps");
        assert_eq!(container("mxf"), "mxf");
        assert!(of_demuxer("mpegts").0.keeps_stream_ids);
    }

    #[test]
    fn every_family_is_opened_by_an_allowed_demuxer() {
        for profile in PROFILES {
            let demuxer = profile.demuxer.and_then(|name| name.to_str().ok()).unwrap();
            assert!(
                DEMUXERS.split(',').any(|allowed| allowed == demuxer),
                "{demuxer}"
            );
        }
    }

    #[test]
    fn nothing_that_opens_further_inputs_is_allowed() {
        let allowed: Vec<_> = all_demuxers().map(str::trim).collect();
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
