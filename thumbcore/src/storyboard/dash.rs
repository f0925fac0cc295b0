//! DASH: an MPD of a set of tiled thumbnails.
//!
//! Source: DASH-IF Interoperability Points 4.3, section 6.2.6. The adaptation set is for a video's
//! own MPD: no player plays images alone.

use std::fmt::Write;

use super::{Index, time::seconds};

/// The media type of an MPD.
pub const MEDIA_TYPE: &str = "application/dash+xml";

/// Writes an MPD whose sheets are found by number: `0.jpg`, `1.jpg`, and so on, beside the MPD.
#[must_use]
pub fn write(index: &Index) -> String {
    let (timescale, duration) = ticks(index);
    let template = format!(
        "<SegmentTemplate media=\"$Number$.{}\" timescale=\"{timescale}\" \
         duration=\"{duration}\" startNumber=\"0\"/>",
        index.layout.format
    );
    document(index, &template)
}

/// Writes an MPD that names each sheet by `sheet`: a URL, relative to the MPD or absolute.
#[must_use]
pub fn write_named(index: &Index, sheet: impl Fn(usize) -> String) -> String {
    let (timescale, duration) = ticks(index);
    let mut list = format!("<SegmentList timescale=\"{timescale}\" duration=\"{duration}\">");
    for nth in 0..index.sheets.len() {
        // Writing into a string never fails.
        let _ = write!(
            list,
            "\n          <SegmentURL media=\"{}\"/>",
            escaped(&sheet(nth))
        );
    }
    list.push_str("\n        </SegmentList>");
    document(index, &list)
}

/// Ticks a second, and in the time that a full sheet is for.
fn ticks(index: &Index) -> (u64, u64) {
    let sheet_us = index.layout.interval.as_micros() as u64 * index.layout.tiles_a_sheet() as u64;
    let scale = [1, 1_000]
        .into_iter()
        .find(|scale| sheet_us.is_multiple_of(1_000_000 / scale));
    let scale = scale.unwrap_or(1_000_000);
    (scale, sheet_us / (1_000_000 / scale))
}

fn document(index: &Index, segments: &str) -> String {
    let layout = &index.layout;
    let (width, height) = layout.sheet_size();
    // No longer than the sheets, or a player asks for one that is not there.
    let tiles = u32::try_from(layout.tiles_a_sheet() * layout.sheets()).unwrap_or(u32::MAX);
    let duration = layout.duration.min(layout.interval.saturating_mul(tiles));
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="static" mediaPresentationDuration="PT{duration}S" minBufferTime="PT2S">
  <Period id="0" start="PT0S">
    <AdaptationSet id="0" contentType="image" mimeType="{media_type}">
      <Representation id="thumbnails" bandwidth="{bandwidth}" width="{width}" height="{height}">
        <EssentialProperty schemeIdUri="http://dashif.org/guidelines/thumbnail_tile" value="{columns}x{rows}"/>
        {segments}
      </Representation>
    </AdaptationSet>
  </Period>
</MPD>
"#,
        duration = seconds(duration),
        media_type = layout.format.media_type(),
        bandwidth = index.bandwidth(),
        columns = layout.columns,
        rows = layout.rows,
    )
}

/// `text` within an attribute in double quotes. Source: XML 1.0, section 2.3.
fn escaped(text: &str) -> String {
    let with = |text: String, (from, to): (char, &str)| text.replace(from, to);
    let entities = [('&', "&amp;"), ('<', "&lt;"), ('"', "&quot;")];
    entities.into_iter().fold(text.to_owned(), with)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use quick_xml::{Reader, events::Event};

    use super::{super::tests::index, *};

    /// The elements by name, each with its attributes, as a parser sees them.
    fn elements(text: &str) -> Vec<(String, BTreeMap<String, String>)> {
        let mut reader = Reader::from_str(text);
        let mut elements = Vec::new();
        loop {
            let element = match reader.read_event().unwrap() {
                Event::Start(element) | Event::Empty(element) => element,
                Event::Eof => return elements,
                _ => continue,
            };
            let string = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let attributes = element.attributes().map(|attribute| {
                let attribute = attribute.unwrap();
                let value =
                    quick_xml::escape::unescape(std::str::from_utf8(&attribute.value).unwrap());
                (string(attribute.key.as_ref()), value.unwrap().into_owned())
            });
            elements.push((string(element.name().as_ref()), attributes.collect()));
        }
    }

    #[test]
    fn a_parser_reads_the_set() {
        let elements = elements(&write(&index(&[4.0, 14.0, 24.0])));
        let names: Vec<_> = elements.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "MPD",
            "Period",
            "AdaptationSet",
            "Representation",
            "EssentialProperty",
            "SegmentTemplate",
        ];
        assert_eq!(names, expected);
        let told = |element: usize, attribute: &str| elements[element].1[attribute].as_str();
        assert_eq!(told(0, "mediaPresentationDuration"), "PT30S");
        assert_eq!(
            (told(2, "contentType"), told(2, "mimeType")),
            ("image", "image/jpeg")
        );
        assert_eq!((told(3, "width"), told(3, "height")), ("640", "180"));
        assert_eq!(told(3, "bandwidth"), "800");
        let scheme = "http://dashif.org/guidelines/thumbnail_tile";
        assert_eq!((told(4, "schemeIdUri"), told(4, "value")), (scheme, "2x1"));
        assert_eq!(
            (told(5, "media"), told(5, "startNumber")),
            ("$Number$.jpg", "0")
        );
        assert_eq!((told(5, "timescale"), told(5, "duration")), ("1", "20"));
    }

    #[test]
    fn sheets_may_have_names_of_their_own() {
        let name = |nth| format!("https://s3/{nth}.jpg?a=\"1\"&b=<2>");
        let elements = elements(&write_named(&index(&[4.0, 14.0, 24.0]), name));
        let named = elements.iter().filter(|(name, _)| name == "SegmentURL");
        let urls: Vec<_> = named
            .map(|(_, attributes)| attributes["media"].clone())
            .collect();
        assert_eq!(urls, [name(0), name(1)]);
    }

    #[test]
    fn an_interval_of_no_whole_number_keeps_its_length() {
        let mut index = index(&[4.0, 14.0]);
        index.layout.interval = Duration::from_micros(1_333_333);
        assert_eq!(ticks(&index), (1_000_000, 2_666_666));
        index.layout.interval = Duration::from_millis(1400);
        assert_eq!(ticks(&index), (1000, 2800));
    }
}
