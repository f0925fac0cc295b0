//! Keyframes in a stretch of an Ogg file.

use bytes::Bytes;

use super::{
    page::{Page, pages},
    stream::Video,
};
use crate::container::search::{Anchor, Scan, Scanner, Sighting};

/// Scans pages for the packets of one video.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageScanner {
    pub(super) serial: u32,
    pub(super) video: Video,
}

/// A packet of which the start, at least, was seen.
#[derive(Debug, Clone, Copy, Default)]
struct Begun {
    /// Where the page lies in which it begins; `None` where that is before the stretch.
    page: Option<u64>,
    /// Its first byte.
    first: Option<u8>,
}

/// A scan under way.
struct Progress {
    video: Video,
    scan: Scan,
    /// A packet that goes on behind the last page.
    open: Option<Begun>,
    /// The number of the frame that follows the last page.
    next_frame: Option<i64>,
    /// The number that the next page must have.
    next_page: Option<u32>,
}

impl Scanner for PageScanner {
    fn scan(&self, bytes: &Bytes, at: u64) -> Scan {
        let mut progress = Progress {
            video: self.video,
            scan: Scan::default(),
            open: None,
            next_frame: None,
            next_page: None,
        };
        for page in pages(bytes, |page| page.serial == self.serial) {
            if page.serial == self.serial {
                progress.push_page(&page, at + page.offset as u64);
            }
        }
        if let (Some(begun), Some(frame)) = (progress.open, progress.next_frame) {
            progress.push_packet(begun, frame, None);
        }
        progress.scan
    }
}

impl Progress {
    /// Takes in the page that lies at `start` of the file.
    fn push_page(&mut self, page: &Page<'_>, start: u64) {
        if self.next_page != Some(page.number) {
            (self.open, self.next_frame) = (None, None);
        }
        self.next_page = Some(page.number.wrapping_add(1));
        let ended = self.packets_ended(page, start);
        // A granule counts the frames up to the end of the page's last packet.
        let video = self.video;
        let Some(frames) = page.granule.and_then(|granule| video.frames(granule)) else {
            return;
        };
        self.next_frame = Some(frames);
        // libav does not tell the time of what comes first of the last page.
        if page.is_last() {
            return;
        }
        let shown: i64 = ended.iter().map(|begun| video.shown(begun.first)).sum();
        let mut frame = frames - shown;
        for begun in ended {
            self.push_packet(begun, frame, Some(start + page.len as u64));
            frame += video.shown(begun.first);
        }
    }

    /// The packets that end in `page`.
    fn packets_ended(&mut self, page: &Page<'_>, start: u64) -> Vec<Begun> {
        let mut ended = Vec::new();
        for packet in page.packets() {
            let begun = if packet.starts {
                Begun {
                    page: Some(start),
                    first: packet.bytes.first().copied(),
                }
            } else {
                self.open.take().unwrap_or_default()
            };
            if packet.ends {
                ended.push(begun);
            } else {
                self.open = Some(begun);
            }
        }
        ended
    }

    fn push_packet(&mut self, begun: Begun, frame: i64, end: Option<u64>) {
        let time_us = self.video.micros(frame);
        self.scan.first_time_us = self.scan.first_time_us.or(time_us);
        if let (Some(time_us), Some(position)) = (time_us, begun.page.or(end)) {
            self.scan.see_picture(Anchor { position, time_us });
        }
        if let (Some(first), Some(start), Some(time_us)) = (begun.first, begun.page, time_us)
            && self.video.is_keyframe(first)
        {
            self.scan.keyframes.push(Sighting {
                time_us,
                start,
                next: None,
                end,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{
            build::Muxer,
            stream::{Kind, Stream, theora},
        },
        *,
    };

    const SHIFT: u8 = 6;

    fn scanner() -> PageScanner {
        let Kind::Video(video) = Stream::of(3, &theora((10, 1), SHIFT)).kind else {
            panic!("no video");
        };
        PageScanner { serial: 3, video }
    }

    /// A stream of `frames` of 400 bytes, a keyframe every tenth; pages end as `flush` says.
    fn stream(frames: u64, flush: impl Fn(u64) -> bool) -> Vec<u8> {
        let mut muxer = Muxer::new(3);
        for nth in 0..frames {
            let first = if nth % 10 == 0 { 0x00 } else { 0x40 };
            let packet = [&[first][..], &[7; 400]].concat();
            muxer.packet(&packet, ((nth / 10 * 10 + 1) << SHIFT) + nth % 10);
            if flush(nth) {
                muxer.flush();
            }
        }
        muxer.finish()
    }

    fn times(scan: &Scan) -> Vec<i64> {
        scan.keyframes
            .iter()
            .map(|seen| seen.time_us / 1_000_000)
            .collect()
    }

    #[test]
    fn keyframes_have_their_times_wherever_pages_end() {
        let flushes: [fn(u64) -> bool; 4] =
            [|_| true, |_| false, |nth| nth % 10 == 9, |nth| nth % 7 == 3];
        for (nth, flush) in flushes.into_iter().enumerate() {
            let file = stream(400, flush);
            let scan = scanner().scan(&Bytes::from(file), 1000);
            assert_eq!(scan.first_time_us, Some(0), "{nth}");
            let expected: Vec<_> = (0..40).collect();
            // The last page's are not told.
            assert!(expected.starts_with(&times(&scan)), "{nth}: {scan:?}");
            assert!(scan.keyframes.len() >= 30, "{nth}");
        }
    }

    #[test]
    fn a_keyframe_that_is_cut_short_has_no_end() {
        let file = stream(60, |_| true);
        let scan = scanner().scan(&Bytes::from(file), 0);
        let second = scan.keyframes[1].clone();
        let mut muxer = Muxer::new(3);
        muxer.packet(&[0x40], 1 << SHIFT);
        muxer.flush();
        muxer.packet(&vec![0; 90_000], 2 << SHIFT);
        muxer.flush();
        let file = muxer.finish();
        let cut = scanner().scan(&Bytes::copy_from_slice(&file[..60_000]), 0);
        assert_eq!(cut.keyframes.len(), 1);
        assert_eq!(
            (cut.keyframes[0].time_us, cut.keyframes[0].end),
            (100_000, None)
        );
        assert_eq!(second.end.map(|end| end - second.start), Some(27 + 2 + 401));
    }

    #[test]
    fn a_missing_page_leaves_no_half_keyframes() {
        let mut muxer = Muxer::new(3);
        muxer.packet(&[0x40], 1 << SHIFT);
        muxer.flush();
        muxer.packet(&vec![0; 200_000], 2 << SHIFT);
        muxer.flush();
        muxer.packet(&[0x40], 2 << SHIFT | 1);
        muxer.flush();
        let file = muxer.finish();
        let starts: Vec<_> = pages(&file, |_| true).map(|page| page.offset).collect();
        let holed = [&file[..starts[2]], &file[starts[3]..]].concat();
        assert_eq!(scanner().scan(&Bytes::from(holed), 0).keyframes, []);
        assert_eq!(scanner().scan(&Bytes::from(file), 0).keyframes.len(), 1);
    }

    proptest! {
        #[test]
        fn keyframes_are_found_from_anywhere(cut in 0usize..20_000) {
            let file = stream(60, |nth| nth % 4 == 3);
            let whole = scanner().scan(&Bytes::from(file.clone()), 0);
            let part = scanner().scan(&Bytes::copy_from_slice(&file[cut..]), cut as u64);
            let expected: Vec<_> = whole
                .keyframes
                .into_iter()
                .filter(|seen| seen.start >= cut as u64)
                .collect();
            prop_assert_eq!(part.keyframes, expected);
        }

        #[test]
        fn any_damage_ends(changes in prop::collection::vec((0usize..8000, any::<u8>()), 0..40)) {
            let mut file = stream(20, |nth| nth % 3 == 0);
            for (at, byte) in changes {
                let len = file.len();
                file[at % len] = byte;
            }
            let len = file.len() as u64;
            for seen in scanner().scan(&Bytes::from(file), 0).keyframes {
                prop_assert!(seen.start < len);
                prop_assert!(seen.end.is_none_or(|end| end > seen.start));
            }
        }
    }
}
