//! HLS: a media playlist of images, and a master playlist that names it.
//!
//! Source: [HLS Image Media Playlist 0.4](https://github.com/image-media-playlist/spec), on top of
//! RFC 8216.

use std::fmt::Write;

use super::{Index, time::seconds};
use crate::ImageFormat;

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

/// Writes a master playlist that names the playlist of the sheets, `uri`. It is for the lines to be
/// taken over into a video's own master playlist: no player plays images alone.
#[must_use]
pub fn master(index: &Index, uri: &str) -> String {
    let layout = &index.layout;
    let codec = match layout.format {
        ImageFormat::Jpeg => "jpeg",
        other => other.extension(),
    };
    format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-IMAGE-STREAM-INF:BANDWIDTH={},RESOLUTION={}x{},\
         CODECS=\"{codec}\",URI=\"{uri}\"\n",
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
        let mut text = master(&index(&[4.0, 14.0, 24.0]), "index.m3u8");
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
}
