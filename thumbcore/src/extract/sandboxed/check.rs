//! What a child's answer must be, whoever has written it.

use std::ops::Range;

use super::wire::Reply;
use crate::{
    Extraction, ImageFormat, KeyframeEntry, Media, Request, SandboxError, Score, Stats,
    extract::outcome::{Rendition, Thumbnail},
};

/// Longest side of a picture or a video, in pixels.
const LONGEST_SIDE: u32 = 1 << 16;

/// Reads that one request can be listed as: both ends may have come by one.
const READS_A_REQUEST: usize = 2;

/// Most pictures that compete for one target: the nearest, eight keyframes at first, at most eight
/// later, and those of up to four groups of pictures.
const MOST_CANDIDATES: usize = 65;

/// What was asked for, and what the program has counted meanwhile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// `None` where the video was only opened.
    pub(super) request: Option<&'a Request>,
    /// Length of the source in bytes.
    pub(super) len: u64,
    /// Requests sent.
    pub(super) requests: u64,
}

impl Asked<'_> {
    /// Refuses an answer that no sound child gives.
    pub(super) fn check(self, reply: &Reply) -> Result<(), SandboxError> {
        let reason = match (reply, self.request) {
            (
                Reply::Opened {
                    media,
                    keyframes,
                    stats,
                    ..
                },
                None,
            ) => self.fault_of_opening(media, keyframes.as_deref(), stats),
            (Reply::Extracted(extraction), Some(request)) => {
                self.fault_of_pictures(extraction, request)
            }
            _ => Some("the answer is to another call"),
        };
        match reason {
            None => Ok(()),
            Some(reason) => Err(SandboxError::Protocol {
                reason: reason.to_owned(),
            }),
        }
    }

    fn fault_of_opening(
        self,
        media: &Media,
        keyframes: Option<&[KeyframeEntry]>,
        stats: &Stats,
    ) -> Option<&'static str> {
        let is_within = |keyframe: &KeyframeEntry| keyframe.position <= self.len;
        if !keyframes.into_iter().flatten().all(is_within) {
            return Some("a keyframe lies past the end of the file");
        }
        fault_of_facts(media).or_else(|| self.fault_of_stats(stats))
    }

    fn fault_of_pictures(self, extraction: &Extraction, request: &Request) -> Option<&'static str> {
        let (pictures, positions) = (extraction.thumbnails.len(), request.positions.len());
        // Tiles that have no picture are left out.
        let may_be_fewer = request.tiling.is_some();
        if pictures > positions || pictures < positions && !may_be_fewer {
            return Some("there are more or fewer pictures than positions");
        }
        let mut thumbnails = extraction.thumbnails.iter();
        thumbnails
            .find_map(|thumbnail| {
                fault_of_thumbnail(thumbnail, request).or_else(|| self.fault_of_iframe(thumbnail))
            })
            .or_else(|| fault_of_facts(&extraction.media))
            .or_else(|| self.fault_of_stats(&extraction.stats))
    }

    fn fault_of_iframe(self, thumbnail: &Thumbnail) -> Option<&'static str> {
        let iframe = thumbnail.iframe.as_ref()?;
        let is_within = |range: &Range<u64>| range.start < range.end && range.end <= self.len;
        let are_within = is_within(&iframe.init) && is_within(&iframe.bytes);
        (!are_within).then_some("a keyframe lies past the end of the file")
    }

    fn fault_of_stats(self, stats: &Stats) -> Option<&'static str> {
        if stats.round_trips > self.requests {
            return Some("there were more round trips than requests");
        }
        if stats.reads.len() > self.requests as usize * READS_A_REQUEST {
            return Some("more reads are listed than were asked for");
        }
        let is_within = |start: u64, end: u64| start <= end && end <= self.len;
        let are_reads = stats
            .reads
            .iter()
            .all(|read| is_within(read.start, read.end));
        (!are_reads).then_some("a read lies past the end of the file")
    }
}

fn fault_of_facts(media: &Media) -> Option<&'static str> {
    let sides = [media.width, media.height];
    let are_sides = sides.iter().all(|side| (1..=LONGEST_SIDE).contains(side));
    (!are_sides).then_some("the video has no such size")
}

fn fault_of_thumbnail(thumbnail: &Thumbnail, request: &Request) -> Option<&'static str> {
    if thumbnail.format != request.format {
        return Some("a picture has another format than was asked for");
    }
    if thumbnail.renditions.len() != request.widths.len() {
        return Some("there are more or fewer renditions than widths");
    }
    let candidates = &thumbnail.candidates;
    let scores = candidates.iter().map(|candidate| &candidate.score);
    let mut scores = scores.chain([&thumbnail.score]);
    if candidates.len() > MOST_CANDIDATES || !scores.all(Score::is_sound) {
        return Some("a picture is judged as none can be");
    }
    let mut pairs = thumbnail.renditions.iter().zip(&request.widths);
    let is_sound = |rendition: &Rendition, width: u32| {
        (1..=width).contains(&rendition.width)
            && (1..=LONGEST_SIDE).contains(&rendition.height)
            && match &request.tiling {
                Some(tiling) => tiling.fits(rendition),
                None => is_image(&rendition.image, request.format),
            }
    };
    let are_sound = pairs.all(|(rendition, width)| is_sound(rendition, *width));
    (!are_sound).then_some("a picture is none of what was asked for")
}

/// Whether `bytes` begin as an image of `format` does: what is stored and served as an image must
/// not be a page or a program.
fn is_image(bytes: &[u8], format: ImageFormat) -> bool {
    match format {
        ImageFormat::Jpeg => bytes.starts_with(&[0xff, 0xd8, 0xff]),
        ImageFormat::WebP => bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"),
        ImageFormat::Avif => bytes.get(4..12) == Some(b"ftypavif"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::{Candidate, Codec, Container, IFrame, Origin, RangeRead, Reason, Stat};

    type Change = fn(&mut Extraction);

    fn request() -> Request {
        Request::new()
            .positions([crate::Position::Fraction(0.5)])
            .widths([640])
    }

    fn extraction() -> Extraction {
        let read = RangeRead {
            start: 0,
            end: 1000,
            reason: Reason::Ends,
            round_trip: 1,
            waited: Duration::ZERO,
        };
        let stats = Stats {
            round_trips: 1,
            reads: vec![read],
            ..Stats::default()
        };
        Extraction {
            media: Media::new(Container::Mp4, Codec::H264, (640, 360), None),
            thumbnails: vec![Thumbnail {
                renditions: vec![Rendition {
                    image: Bytes::from_static(&[0xff, 0xd8, 0xff, 0xe0]),
                    width: 640,
                    height: 360,
                }],
                format: ImageFormat::Jpeg,
                target: Duration::ZERO,
                actual: Duration::ZERO,
                origin: Origin::Keyframe,
                limit: None,
                iframe: Some(IFrame {
                    init: 0..10,
                    bytes: 10..1000,
                }),
                score: judged(0.5),
                candidates: Vec::new(),
            }],
            stats,
            stat: Stat::new(1000, None),
        }
    }

    fn judged(value: f64) -> Score {
        Score {
            value,
            brightness: 0.5,
            contrast: 0.5,
            darkest: 0.0,
            brightest: 1.0,
            uniformity: 0.5,
            sharpness: 0.5,
            colourfulness: 0.5,
            entropy: 0.5,
            flatness: 0.5,
            noise: 0.5,
        }
    }

    fn candidate(value: f64) -> Candidate {
        Candidate {
            time: Duration::ZERO,
            size: None,
            score: judged(value),
        }
    }

    fn fault(change: impl FnOnce(&mut Extraction)) -> Option<String> {
        let mut extraction = extraction();
        change(&mut extraction);
        let asked = Asked {
            request: Some(&request()),
            len: 1000,
            requests: 1,
        };
        let checked = asked.check(&Reply::Extracted(extraction));
        checked.err().map(|error| error.to_string())
    }

    #[test]
    fn what_was_asked_for_passes_and_nothing_else() {
        assert_eq!(fault(|_| ()), None);
        let changes: [Change; 15] = [
            |given| given.thumbnails.clear(),
            |given| given.thumbnails[0].renditions.clear(),
            |given| given.thumbnails[0].renditions[0].width = 641,
            |given| given.thumbnails[0].renditions[0].height = 0,
            |given| given.thumbnails[0].renditions[0].image = Bytes::from_static(b"<script>"),
            |given| given.thumbnails[0].format = ImageFormat::WebP,
            |given| given.thumbnails[0].iframe.as_mut().unwrap().init = 10..10,
            |given| given.thumbnails[0].iframe.as_mut().unwrap().bytes.end = 1001,
            |given| given.thumbnails[0].score = judged(f64::NAN),
            |given| given.thumbnails[0].candidates = vec![candidate(1.5)],
            |given| given.thumbnails[0].candidates = vec![candidate(0.5); MOST_CANDIDATES + 1],
            |given| given.media.width = 0,
            |given| given.stats.round_trips = 2,
            |given| given.stats.reads[0].end = 1001,
            |given| given.stats.reads = vec![given.stats.reads[0].clone(); 3],
        ];
        for (number, change) in changes.into_iter().enumerate() {
            assert!(fault(change).is_some(), "{number}");
        }
    }

    #[test]
    fn an_answer_to_another_call_is_refused() {
        let asked = Asked {
            request: None,
            len: 1000,
            requests: 1,
        };
        assert!(asked.check(&Reply::Extracted(extraction())).is_err());
    }

    #[test]
    fn images_are_told_by_their_first_bytes() {
        assert!(is_image(b"RIFF\0\0\0\0WEBPVP8 ", ImageFormat::WebP));
        assert!(is_image(b"\0\0\0\x20ftypavif", ImageFormat::Avif));
        assert!(!is_image(b"RIFF\0\0\0\0WAVE", ImageFormat::WebP));
        assert!(!is_image(b"", ImageFormat::Avif));
    }
}
