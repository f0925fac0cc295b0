//! How sheets are made.

use std::{ops::Range, time::Duration};

use bytes::Bytes;

use super::{
    Layout, StoryboardRequest, Tile,
    canvas::{Canvas, Raw},
};
use crate::{
    Error, IFrame, ImageFormat, LimitError, Origin, Position, Request, Stats, Thumbnail, Video,
    encode::encode, extract::Tiling, libav::Planes,
};

/// Tiles that one call makes at most.
const BATCH: usize = 100;

/// Memory of a sheet, in bytes a pixel: the tiles and the sheet as planes, and as much again for
/// the encoder.
const BYTES_A_PIXEL: u64 = 6;

/// A storyboard that is being made, a sheet after the other.
///
/// It can be dropped at any time, and begun anew with
/// [`first_sheet`](StoryboardRequest::first_sheet).
#[derive(Debug)]
pub struct Storyboard {
    video: Video,
    request: StoryboardRequest,
    layout: Layout,
    /// The number of the next sheet.
    next: usize,
}

/// A finished sheet.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sheet {
    /// Its number, counted from 0.
    pub number: usize,
    /// The encoded picture, of [`Layout::sheet_size`].
    pub image: Bytes,
    /// Its tiles, row by row.
    pub tiles: Vec<Tile>,
    /// Each tile as a JPEG of its own, where
    /// [`single_tiles`](StoryboardRequest::single_tiles) asked for them.
    pub single_tiles: Vec<Bytes>,
    /// The first budget of [`Limits`](crate::Limits) whose end kept a tile from another, better
    /// picture.
    pub limit: Option<LimitError>,
    /// What the sheet cost.
    pub stats: Stats,
}

impl Storyboard {
    pub(crate) fn new(video: Video, request: &StoryboardRequest) -> Result<Self, Error> {
        request.check()?;
        let facts = video.facts();
        let film = video.film().or(facts.duration);
        let film = film.ok_or_else(|| Error::Unsupported {
            what: "storyboard",
            name: "a video of unknown duration".to_owned(),
        })?;
        let shown = (facts.width, facts.height);
        let duration = facts.duration.unwrap_or(film);
        Ok(Self {
            layout: Layout::new(request, shown, film, duration)?,
            next: request.first_sheet,
            request: request.clone(),
            video,
        })
    }

    /// Where tiles lie, in time and on sheets.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The next sheet; `None` after the last one.
    ///
    /// Runs on tokio, without blocking its workers. Dropping the future cancels reading and
    /// decoding. After an error, and after a dropped future, the next call begins the same sheet
    /// anew.
    ///
    /// # Errors
    /// As [`Video::extract`]. A tile whose own pictures cannot be decoded is no error as long as
    /// another one of its sheet has a picture.
    pub async fn next_sheet(&mut self) -> Result<Option<Sheet>, Error> {
        let tiles = self.layout.tiles_of(self.next);
        if tiles.is_empty() {
            return Ok(None);
        }
        let (width, height) = self.layout.sheet_size();
        let bytes = u64::from(width) * u64::from(height) * BYTES_A_PIXEL;
        let _charge = self.video.extractor().charge(bytes).await?;
        let mut stats = Stats::default();
        let mut pictures = Vec::with_capacity(tiles.len());
        for start in tiles.clone().step_by(BATCH) {
            let batch = start..tiles.end.min(start + BATCH);
            pictures.extend(self.pictures(batch, &mut stats).await?);
        }
        let mut assembly = Assembly {
            layout: self.layout.clone(),
            request: self.request.clone(),
            pictures: filled(pictures),
        };
        let limit = assembly.pictures.iter_mut().find_map(|it| it.limit.take());
        let described = assembly.describe(tiles.start);
        let encoding = self.video.extractor().on_cpu(move || assembly.encode());
        let (
            Encoded {
                image,
                single_tiles,
            },
            cpu,
        ) = encoding.await?;
        stats.cpu += cpu;
        stats.wall += cpu;
        let sheet = Sheet {
            number: self.next,
            image,
            tiles: described,
            single_tiles,
            limit,
            stats,
        };
        self.next += 1;
        Ok(Some(sheet))
    }

    /// A frame of each tile, of which there are at most [`BATCH`], without those that show the same
    /// as the one before. Adds to `stats` what that cost.
    pub(crate) async fn frames(&self, stats: &mut Stats) -> Result<Vec<TileFrame>, Error> {
        let tiles = 0..self.layout.tiles.min(BATCH);
        let pictures = filled(self.pictures(tiles, stats).await?);
        let size = (self.layout.tile_width, self.layout.tile_height);
        let frames = pictures.into_iter().enumerate().map(|(nth, picture)| {
            let mut canvas = Canvas::new(size);
            canvas.put(&picture.raw, &self.layout, (0, 0));
            TileFrame {
                planes: canvas.into_planes(),
                target: self.layout.start(nth),
                actual: picture.actual,
                origin: picture.origin,
                limit: picture.limit,
            }
        });
        let mut frames: Vec<_> = frames.collect();
        frames.dedup_by_key(|frame| frame.actual);
        Ok(frames)
    }

    /// A picture for each of `tiles`, as far as one could be made. Adds to `stats` what that cost.
    async fn pictures(
        &self,
        tiles: Range<usize>,
        stats: &mut Stats,
    ) -> Result<Vec<Option<Picture>>, Error> {
        let positions = tiles
            .clone()
            .map(|nth| Position::Time(self.layout.middle(nth)));
        let tiling = Tiling {
            interval: self.layout.interval,
            tile: (self.layout.tile_width, self.layout.tile_height),
        };
        let request = Request::new().positions(positions).tiling(tiling);
        let extraction = self.video.extract(&request).await?;
        *stats += extraction.stats;
        let mut made = extraction.thumbnails.into_iter().peekable();
        let pictures = tiles.map(|nth| {
            let middle = self.layout.middle(nth);
            let thumbnail = made.next_if(|thumbnail| thumbnail.target == middle)?;
            let stretch = self.layout.start(nth)..self.layout.end(nth);
            Picture::new(thumbnail, &stretch)
        });
        Ok(pictures.collect())
    }
}

/// The frame of one tile, for what is no sheet.
pub(crate) struct TileFrame {
    /// Of a tile's size.
    pub(crate) planes: Planes<u8>,
    /// When the tile's stretch begins.
    pub(crate) target: Duration,
    pub(crate) actual: Duration,
    pub(crate) origin: Origin,
    pub(crate) limit: Option<LimitError>,
}

/// The picture of one tile.
#[derive(Debug, Clone)]
struct Picture {
    raw: Raw,
    actual: Duration,
    origin: Origin,
    limit: Option<LimitError>,
    iframe: Option<IFrame>,
    /// What could be decoded at all, from elsewhere in the video: damage lies between.
    is_stray: bool,
}

impl Picture {
    fn new(thumbnail: Thumbnail, stretch: &Range<Duration>) -> Option<Self> {
        let rendition = thumbnail.renditions.into_iter().next()?;
        let is_fallback = thumbnail.origin == Origin::Fallback;
        Some(Self {
            raw: Raw {
                width: rendition.width,
                height: rendition.height,
                samples: rendition.image,
            },
            actual: thumbnail.actual,
            origin: thumbnail.origin,
            limit: thumbnail.limit,
            iframe: thumbnail.iframe,
            is_stray: thumbnail.actual >= stretch.end
                || is_fallback && thumbnail.actual < stretch.start,
        })
    }
}

/// `pictures` without gaps: a tile without one, or with a stray one, gets its neighbour's, that
/// before it if there is one.
fn filled(pictures: Vec<Option<Picture>>) -> Vec<Picture> {
    let is_own = |picture: &&Picture| !picture.is_stray;
    let first = pictures.iter().flatten().find(is_own);
    let mut last = first.or(pictures.iter().flatten().next()).cloned();
    let filled = pictures.into_iter().filter_map(|picture| {
        let limit = match picture {
            Some(own) if !own.is_stray => {
                last = Some(own.clone());
                return Some(own);
            }
            stray => stray.and_then(|stray| stray.limit),
        };
        let neighbour = last.clone()?;
        Some(Picture {
            origin: Origin::Fallback,
            iframe: None,
            limit: limit.or(neighbour.limit.clone()),
            ..neighbour
        })
    });
    filled.collect()
}

/// The pictures of one sheet.
struct Assembly {
    layout: Layout,
    request: StoryboardRequest,
    pictures: Vec<Picture>,
}

/// A sheet as it is written.
struct Encoded {
    image: Bytes,
    single_tiles: Vec<Bytes>,
}

impl Assembly {
    /// The tiles, of which the first has number `first`.
    fn describe(&self, first: usize) -> Vec<Tile> {
        let tiles = self.pictures.iter().enumerate().map(|(nth, picture)| {
            let (sheet, x, y) = self.layout.place(first + nth);
            Tile {
                sheet,
                x,
                y,
                target: self.layout.start(first + nth),
                actual: picture.actual,
                origin: picture.origin,
                iframe: picture.iframe.clone(),
            }
        });
        tiles.collect()
    }

    fn encode(&self) -> Result<Encoded, Error> {
        let Layout {
            format,
            tile_width,
            tile_height,
            ..
        } = self.layout;
        let mut sheet = Canvas::new(self.layout.sheet_size());
        let mut single_tiles = Vec::new();
        for (nth, picture) in self.pictures.iter().enumerate() {
            let (_, x, y) = self.layout.place(nth);
            sheet.put(&picture.raw, &self.layout, (x, y));
            if self.request.single_tiles {
                let mut tile = Canvas::new((tile_width, tile_height));
                tile.put(&picture.raw, &self.layout, (0, 0));
                let quality = self.request.quality_of(ImageFormat::Jpeg);
                single_tiles.push(encode(tile.planes(), ImageFormat::Jpeg, quality)?);
            }
        }
        let quality = self.request.quality_of(format);
        Ok(Encoded {
            image: encode(sheet.planes(), format, quality)?,
            single_tiles,
        })
    }
}
