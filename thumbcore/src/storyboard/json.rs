//! Our own index of a storyboard, as JSON: everything that the other files say, and each tile's
//! true time and origin.
//!
//! ```json
//! {"version":1,"tile":{"width":320,"height":180},"grid":{"columns":10,"rows":10},
//!  "interval_s":10.0,"duration_s":1800.5,"format":"jpg","count":181,
//!  "sheets":[{"file":"0.jpg","bytes":812345}],
//!  "tiles":[{"sheet":0,"x":0,"y":0,"target_s":0.0,"actual_s":4.0,"origin":"keyframe"}]}
//! ```
//!
//! `count` is the number of tiles that a complete storyboard has, whose first sheets an index may
//! hold alone. `target_s` is when the stretch begins that a tile stands for, `actual_s` the time of
//! its frame; `x` and `y` are its edges on the sheet in pixels. A tile whose keyframe players can
//! show by bytes of the video has those as `"iframe":{"init":{"start":0,"end":800},"bytes":{…}}`.

use std::{ops::Range, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Index, Layout, SheetEntry, Tile};
use crate::{Error, IFrame, Origin};

/// The media type of an index.
pub const MEDIA_TYPE: &str = "application/json";

/// The version of what is written.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    tile: Size,
    grid: Grid,
    interval_s: f64,
    duration_s: f64,
    format: String,
    count: usize,
    sheets: Vec<Sheet>,
    tiles: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Size {
    width: u32,
    height: u32,
}

#[derive(Serialize, Deserialize)]
struct Grid {
    columns: u32,
    rows: u32,
}

#[derive(Serialize, Deserialize)]
struct Sheet {
    file: String,
    bytes: usize,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    sheet: usize,
    x: u32,
    y: u32,
    target_s: f64,
    actual_s: f64,
    origin: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iframe: Option<Bytes>,
}

/// The bytes of the video by which a player shows a keyframe.
#[derive(Serialize, Deserialize)]
struct Bytes {
    init: Range<u64>,
    bytes: Range<u64>,
}

/// Writes the index. `sheet` names a sheet: a URL, relative to the file or absolute.
#[must_use]
pub fn write(index: &Index, sheet: impl Fn(usize) -> String) -> String {
    let layout = &index.layout;
    let sheets = index.sheets.iter().enumerate();
    let tiles = index.tiles.iter().map(|tile| Entry {
        sheet: tile.sheet,
        x: tile.x,
        y: tile.y,
        target_s: tile.target.as_secs_f64(),
        actual_s: tile.actual.as_secs_f64(),
        origin: tile.origin.as_str().to_owned(),
        iframe: tile.iframe.clone().map(|iframe| Bytes {
            init: iframe.init,
            bytes: iframe.bytes,
        }),
    });
    let document = Document {
        version: VERSION,
        tile: Size {
            width: layout.tile_width,
            height: layout.tile_height,
        },
        grid: Grid {
            columns: layout.columns,
            rows: layout.rows,
        },
        interval_s: layout.interval.as_secs_f64(),
        duration_s: layout.duration.as_secs_f64(),
        format: layout.format.to_string(),
        count: layout.tiles,
        sheets: sheets
            .map(|(nth, entry)| Sheet {
                file: sheet(nth),
                bytes: entry.bytes,
            })
            .collect(),
        tiles: tiles.collect(),
    };
    // Strings and finite numbers always have a JSON.
    serde_json::to_string(&document).unwrap_or_default()
}

/// Reads an index, of all sheets or of the first ones ([`Index::is_complete`]), and their names.
///
/// # Errors
/// [`Error::Corrupt`] for text that is no index, or one that contradicts itself.
pub fn read(text: &str) -> Result<(Index, Vec<String>), Error> {
    let document: Document = serde_json::from_str(text).map_err(|error| corrupt(&error))?;
    if document.version != VERSION {
        return Err(corrupt(&format!(
            "version {} is not known",
            document.version
        )));
    }
    let layout = Layout {
        tile_width: document.tile.width,
        tile_height: document.tile.height,
        columns: document.grid.columns,
        rows: document.grid.rows,
        interval: time(document.interval_s)?,
        tiles: document.count,
        duration: time(document.duration_s)?,
        format: document.format.parse()?,
    };
    let tiles: Result<Vec<_>, Error> = document.tiles.into_iter().map(Entry::tile).collect();
    let tiles = tiles?;
    let has_sides = [
        layout.columns,
        layout.rows,
        layout.tile_width,
        layout.tile_height,
    ]
    .into_iter()
    .all(|side| (1..=1 << 14).contains(&side));
    let is_sound = has_sides
        && layout.interval > Duration::ZERO
        && document.sheets.len() <= layout.sheets()
        && tiles.len() == (document.sheets.len() * layout.tiles_a_sheet()).min(layout.tiles)
        && tiles.iter().all(|tile| tile.sheet < document.sheets.len());
    if !is_sound {
        return Err(corrupt(&"sizes, sheets and tiles do not fit each other"));
    }
    let (names, sheets) = document
        .sheets
        .into_iter()
        .map(|sheet| (sheet.file, SheetEntry { bytes: sheet.bytes }))
        .unzip();
    let index = Index {
        layout,
        sheets,
        tiles,
    };
    Ok((index, names))
}

impl Entry {
    fn tile(self) -> Result<Tile, Error> {
        let origins = [
            Origin::Keyframe,
            Origin::Decoded,
            Origin::Fallback,
            Origin::Attached,
        ];
        let origin = origins.into_iter().find(|it| it.as_str() == self.origin);
        Ok(Tile {
            sheet: self.sheet,
            x: self.x,
            y: self.y,
            target: time(self.target_s)?,
            actual: time(self.actual_s)?,
            origin: origin.ok_or_else(|| corrupt(&format!("no origin is {:?}", self.origin)))?,
            iframe: self.iframe.map(Bytes::iframe).transpose()?,
        })
    }
}

impl Bytes {
    fn iframe(self) -> Result<IFrame, Error> {
        let is_sound = !self.init.is_empty() && !self.bytes.is_empty();
        let iframe = IFrame {
            init: self.init,
            bytes: self.bytes,
        };
        let corrupt = || corrupt(&"a keyframe has no bytes");
        is_sound.then_some(iframe).ok_or_else(corrupt)
    }
}

/// Seconds to the microsecond.
fn time(seconds: f64) -> Result<Duration, Error> {
    let time = Duration::try_from_secs_f64(seconds).map_err(|error| corrupt(&error))?;
    Ok(Duration::from_micros(
        (time.as_secs_f64() * 1e6).round() as u64
    ))
}

fn corrupt(reason: &dyn std::fmt::Display) -> Error {
    Error::Corrupt {
        reason: format!("a storyboard's index: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::index, *};

    #[test]
    fn what_is_written_reads_back() {
        let mut written = index(&[4.0, 14.123_457, 24.0]);
        written.layout.interval = Duration::from_micros(9_999_999);
        written.tiles[1].iframe = Some(IFrame {
            init: 0..800,
            bytes: 5000..9000,
        });
        let name = |nth: usize| format!("{nth}.jpg");
        let (read, names) = read(&write(&written, name)).unwrap();
        assert_eq!(read, written);
        assert_eq!(names, ["0.jpg", "1.jpg"]);
        assert!(written.is_complete());
        written.sheets.pop();
        written.tiles.pop();
        let (partial, _) = super::read(&write(&written, name)).unwrap();
        assert!(!partial.is_complete());
        assert_eq!(partial, written);
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let mut index = index(&[4.0, 14.0, 24.0]);
        index.tiles[0].iframe = Some(IFrame {
            init: 0..800,
            bytes: 5000..9000,
        });
        let sound = write(&index, |nth| nth.to_string());
        for (from, to) in [
            ("\"version\":1", "\"version\":2"),
            ("\"columns\":2", "\"columns\":0"),
            ("\"count\":3", "\"count\":2"),
            ("\"interval_s\":10.0", "\"interval_s\":-1"),
            ("\"sheet\":1", "\"sheet\":7"),
            ("keyframe", "nowhere"),
            ("\"end\":800", "\"end\":0"),
            ("\"format\":\"jpg\"", "\"format\":\"gif\""),
        ] {
            let broken = sound.replace(from, to);
            assert_ne!(broken, sound, "{from}");
            assert!(read(&broken).is_err(), "{to}");
        }
    }
}
