//! HLS: a media playlist of images, an I-frame playlist, and a master playlist that names both.
//!
//! Sources: [HLS Image Media Playlist 0.4](https://github.com/image-media-playlist/spec), on top of
//! RFC 8216, and section 4.3.3.6 of that.

use std::{fmt::Write, time::Duration};

use super::{Index, Tile, time::seconds};
use crate::{IFrame, ImageFormat};

/// The media type of a playlist.
pub const MEDIA_TYPE: &str = "application/vnd.apple.mpegurl";

/// Writes the media playlist of the sheets. `sheet` names one: a URL, relative to the playlist or
/// absolute.
#[must_use]
pub fn write(index: &Index, sheet: impl Fn(usize) -> String) -> String {
    let layout = &index.layout;
    let lasts = |nth: usize| {
        let tiles = u32::try_from(layout.tiles_of(nth).len()).unwrap_or(u32::MAX);
        layout.interval.saturating_mul(tiles)
    };
    let longest = (0..index.sheets.len()).map(lasts).max().unwrap_or_default();
    let mut text = format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:{}\n#EXT-X-VERSION:7\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-IMAGES-ONLY\n",
        longest.as_secs_f64().ceil().max(1.0)
    );
    for nth in 0..index.sheets.len() {
        // Writing into a string never fails.
        let _ = write!(
            text,
            "#EXTINF:{},\n#EXT-X-TILES:RESOLUTION={}x{},LAYOUT={}x{},DURATION={}\n{}\n",
            seconds(lasts(nth)),
            layout.tile_width,
            layout.tile_height,
            layout.columns,
            layout.rows,
            seconds(layout.interval),
            sheet(nth),
        );
    }
    text.push_str("#EXT-X-ENDLIST\n");
    text
}

/// Writes the I-frame playlist of `video`, a URL relative to the playlist or absolute: the
/// keyframes that tiles show, each as a stretch of the video's own bytes. `None` where no tile has
/// such bytes: see [`Thumbnail::iframe`](crate::Thumbnail::iframe).
///
/// A keyframe is listed for the time from when it is shown to when the next one is, the last one to
/// the end of the video.
#[must_use]
pub fn iframes(index: &Index, video: &str) -> Option<String> {
    let listed = listed(index);
    let first = listed.first()?.iframe;
    let longest = listed.iter().map(|entry| entry.lasts).max()?;
    let mut text = format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:{}\n#EXT-X-VERSION:7\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-I-FRAMES-ONLY\n\
         #EXT-X-MAP:URI=\"{video}\",BYTERANGE=\"{}@{}\"\n",
        longest.as_secs_f64().ceil().max(1.0),
        first.init.end - first.init.start,
        first.init.start,
    );
    for Listed { iframe, lasts, .. } in &listed {
        // Writing into a string never fails.
        let _ = write!(
            text,
            "#EXTINF:{},\n#EXT-X-BYTERANGE:{}@{}\n{video}\n",
            seconds(*lasts),
            iframe.bytes.end - iframe.bytes.start,
            iframe.bytes.start,
        );
    }
    text.push_str("#EXT-X-ENDLIST\n");
    Some(text)
}

/// An entry of an I-frame playlist.
struct Listed<'a> {
    /// When the keyframe is shown.
    actual: Duration,
    iframe: &'a IFrame,
    /// How long the entry is for.
    lasts: Duration,
}

/// The entries of an I-frame playlist, in the order of time and of the video's bytes.
fn listed(index: &Index) -> Vec<Listed<'_>> {
    let mut listed: Vec<Listed<'_>> = Vec::new();
    for Tile { actual, iframe, .. } in &index.tiles {
        let Some(iframe) = iframe else {
            continue;
        };
        // A playlist has one header here.
        let follows = listed.last().is_none_or(|last| {
            last.actual < *actual
                && last.iframe.bytes.end <= iframe.bytes.start
                && last.iframe.init == iframe.init
        });
        if !follows {
            continue;
        }
        if let Some(last) = listed.last_mut() {
            last.lasts = actual.saturating_sub(last.actual);
        }
        listed.push(Listed {
            actual: *actual,
            iframe,
            lasts: index.layout.duration.saturating_sub(*actual),
        });
    }
    listed
}

/// Highest bit rate, in bits a second, of the keyframes of an I-frame playlist.
fn iframe_bandwidth(index: &Index) -> Option<u64> {
    let rates = listed(index).into_iter().map(|entry| {
        let bytes = &entry.iframe.bytes;
        let seconds = entry.lasts.as_secs_f64().max(0.001);
        ((bytes.end - bytes.start) as f64 * 8.0 / seconds).ceil() as u64
    });
    rates.max()
}

/// Writes a master playlist that names the playlist of the sheets, `images`, and that of the
/// keyframes, `iframes`, where there is one. It is for the lines to be taken over into a video's
/// own master playlist: no player plays images alone.
#[must_use]
pub fn master(index: &Index, images: &str, iframes: &str) -> String {
    let layout = &index.layout;
    let trick_play = iframe_bandwidth(index).map_or_else(String::new, |bandwidth| {
        format!("#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={bandwidth},URI=\"{iframes}\"\n")
    });
    let codec = match layout.format {
        ImageFormat::Jpeg => "jpeg",
        other => other.extension(),
    };
    format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-IMAGE-STREAM-INF:BANDWIDTH={},RESOLUTION={}x{},\
         CODECS=\"{codec}\",URI=\"{images}\"\n{trick_play}",
        index.bandwidth(),
        layout.tile_width,
        layout.tile_height,
    )
}

#[cfg(test)]
mod tests {
    use m3u8_rs::{MediaPlaylist, MediaPlaylistType, Playlist};

    use super::{super::tests::index, *};

    fn parsed(text: &str) -> MediaPlaylist {
        match m3u8_rs::parse_playlist_res(text.as_bytes()) {
            Ok(Playlist::MediaPlaylist(playlist)) => playlist,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_parser_reads_the_sheets_and_their_layout() {
        let text = write(&index(&[4.0, 14.0, 24.0]), |nth| format!("{nth}.jpg"));
        assert!(text.contains("\n#EXT-X-IMAGES-ONLY\n"), "{text}");
        let playlist = parsed(&text);
        assert_eq!(playlist.target_duration, 20);
        assert_eq!(playlist.version, Some(7));
        assert_eq!(playlist.playlist_type, Some(MediaPlaylistType::Vod));
        assert!(playlist.end_list);
        let sheets: Vec<_> = playlist
            .segments
            .iter()
            .map(|segment| (segment.uri.as_str(), segment.duration))
            .collect();
        assert_eq!(sheets, [("0.jpg", 20.0), ("1.jpg", 10.0)]);
        for segment in &playlist.segments {
            let tag = segment.unknown_tags.last().unwrap();
            assert_eq!(tag.tag, "X-TILES");
            let rest = "RESOLUTION=320x180,LAYOUT=2x1,DURATION=10";
            assert_eq!(tag.rest.as_deref(), Some(rest));
        }
    }

    #[test]
    fn the_master_playlist_has_all_that_is_required() {
        let mut text = master(&index(&[4.0, 14.0, 24.0]), "index.m3u8", "iframes.m3u8");
        assert!(!text.contains("I-FRAME"), "{text}");
        // Its line in a master playlist, which has a video.
        text.push_str("#EXT-X-STREAM-INF:BANDWIDTH=1\nvideo.m3u8\n");
        let Ok(Playlist::MasterPlaylist(playlist)) = m3u8_rs::parse_playlist_res(text.as_bytes())
        else {
            panic!("{text}")
        };
        let tag = &playlist.unknown_tags[0];
        assert_eq!(tag.tag, "X-IMAGE-STREAM-INF");
        // 1000 bytes in 10 s are more a second than 1000 in 20 s.
        let rest = "BANDWIDTH=800,RESOLUTION=320x180,CODECS=\"jpeg\",URI=\"index.m3u8\"";
        assert_eq!(tag.rest.as_deref(), Some(rest));
    }

    /// Tiles whose keyframes have 1000 bytes each, of which the one of number `without` has none.
    fn with_iframes(frames: &[f64], without: Option<usize>) -> Index {
        let mut index = index(frames);
        for (nth, tile) in index.tiles.iter_mut().enumerate() {
            let start = 5000 + 10_000 * nth as u64;
            tile.iframe = Some(IFrame {
                init: 0..800,
                bytes: start..start + 1000,
            });
            tile.iframe = tile.iframe.take().filter(|_| Some(nth) != without);
        }
        index
    }

    #[test]
    fn a_parser_reads_the_keyframes_and_their_bytes() {
        let index = with_iframes(&[4.0, 14.0, 25.5, 34.0], Some(1));
        let playlist = parsed(&iframes(&index, "../a%20film.mp4").unwrap());
        assert!(playlist.i_frames_only && playlist.end_list);
        assert_eq!(playlist.target_duration, 22);
        let map = playlist.segments[0].map.as_ref().unwrap();
        assert_eq!(map.uri, "../a%20film.mp4");
        let init = map.byte_range.as_ref().unwrap();
        assert_eq!((init.length, init.offset), (800, Some(0)));
        let listed: Vec<_> = playlist
            .segments
            .iter()
            .map(|segment| {
                let range = segment.byte_range.as_ref().unwrap();
                (segment.duration, range.length, range.offset.unwrap())
            })
            .collect();
        let expected = [(21.5, 1000, 5000), (8.5, 1000, 25_000), (6.0, 1000, 35_000)];
        assert_eq!(listed, expected);
        assert!(iframes(&self::index(&[4.0, 14.0]), "a.mp4").is_none());
    }

    #[test]
    fn the_master_playlist_names_the_keyframes_where_there_are_any() {
        let index = with_iframes(&[4.0, 14.0, 24.0], None);
        let text = master(&index, "index.m3u8", "iframes.m3u8");
        let Ok(Playlist::MasterPlaylist(playlist)) = m3u8_rs::parse_playlist_res(text.as_bytes())
        else {
            panic!("{text}")
        };
        let stream = &playlist.variants[0];
        assert!(stream.is_i_frame);
        // 1000 bytes in 6 s.
        assert_eq!(
            (stream.uri.as_str(), stream.bandwidth),
            ("iframes.m3u8", 1334)
        );
    }

    #[test]
    fn what_is_shown_twice_or_out_of_order_is_listed_once() {
        let mut index = with_iframes(&[4.0, 4.0, 24.0], None);
        index.tiles[1].iframe = index.tiles[0].iframe.clone();
        let playlist = parsed(&iframes(&index, "a.mp4").unwrap());
        let times: Vec<_> = playlist.segments.iter().map(|it| it.duration).collect();
        assert_eq!(times, [20.0, 6.0]);
    }
}
