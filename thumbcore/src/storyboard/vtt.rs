//! `WebVTT` of thumbnails: a cue a tile, whose text is the sheet's name and the tile's place on it
//! as a spatial media fragment.
//!
//! Sources: [WebVTT](https://www.w3.org/TR/webvtt1/) and
//! [Media Fragments URI 1.0](https://www.w3.org/TR/media-frags/), section 4.2.2. The place is
//! written without the prefix `pixel:`, which means the same and which players do not know.

use std::fmt::Write;

use super::{Index, cue::cues, time::clock};

/// The media type of a file of these.
pub const MEDIA_TYPE: &str = "text/vtt";

/// Writes the cues. `sheet` names a sheet: a URL, relative to the file or absolute.
///
/// Each cue holds the time of its tile's frame: it is the tile's stretch of the video, made longer
/// or shorter where the frame lies elsewhere.
#[must_use]
pub fn write(index: &Index, sheet: impl Fn(usize) -> String) -> String {
    let mut text = "WEBVTT\n".to_owned();
    let (width, height) = (index.layout.tile_width, index.layout.tile_height);
    for cue in cues(index) {
        let tile = &index.tiles[cue.tile];
        // Writing into a string never fails.
        let _ = write!(
            text,
            "\n{} --> {}\n{}#xywh={},{},{width},{height}\n",
            clock(cue.start),
            clock(cue.end),
            sheet(tile.sheet),
            tile.x,
            tile.y,
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{super::tests::index, *};

    #[test]
    fn a_cue_names_its_sheet_and_the_place_on_it() {
        let text = write(&index(&[4.0, 14.0, 24.0]), |nth| format!("s/{nth}.jpg"));
        let expected = "WEBVTT\n\n\
            00:00:00.000 --> 00:00:10.000\ns/0.jpg#xywh=0,0,320,180\n\n\
            00:00:10.000 --> 00:00:20.000\ns/0.jpg#xywh=320,0,320,180\n\n\
            00:00:20.000 --> 00:00:30.000\ns/1.jpg#xywh=0,0,320,180\n";
        assert_eq!(text, expected);
    }
}
