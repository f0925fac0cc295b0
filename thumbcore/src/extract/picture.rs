//! From a decoded picture to the renditions that were asked for.

use super::{outcome::Rendition, request::Request, tiling::packed};
use crate::{
    Error,
    decode::Picture,
    demux::Track,
    encode::encode,
    render::{Geometry, Orientation, render},
    score::{SMALL_WIDTH, Score, Signature, Small},
};

/// A picture, rendered and encoded.
#[derive(Debug, Clone)]
pub(super) struct Finished {
    /// In the order of the request's widths.
    pub(super) renditions: Vec<Rendition>,
    /// In the container's timeline, in microseconds; `None` where neither packet nor codec says.
    pub(super) time_us: Option<i64>,
    pub(super) score: Score,
    pub(super) signature: Signature,
    /// Width and height in pixels as shown, before the picture is made smaller.
    pub(super) shown: (u32, u32),
}

/// How good a picture is as a thumbnail, and what it looks like.
#[derive(Debug, Clone)]
pub(super) struct Judgement {
    pub(super) score: Score,
    pub(super) signature: Signature,
    /// As [`Finished::time_us`].
    pub(super) time_us: Option<i64>,
}

impl Finished {
    pub(super) fn judgement(&self) -> Judgement {
        Judgement {
            score: self.score,
            signature: self.signature.clone(),
            time_us: self.time_us,
        }
    }
}

impl Judgement {
    /// Of a picture that nobody compares.
    fn none(time_us: Option<i64>) -> Self {
        Self {
            score: Score::UNJUDGED,
            signature: Signature::default(),
            time_us,
        }
    }

    fn of(small: &Small, time_us: Option<i64>) -> Self {
        Self {
            score: Score::of(small),
            signature: Signature::of(small),
            time_us,
        }
    }
}

impl Request {
    /// Judges `picture` by a small version of it.
    pub(super) fn judge(track: &Track, picture: &Picture) -> Result<Judgement, Error> {
        let frame = &picture.frame;
        let coded = (frame.width(), frame.height());
        let shape = (frame.sample_aspect(), frame.display_matrix());
        let planes = render(frame, &geometry(track, coded, shape, SMALL_WIDTH))?;
        Ok(Judgement::of(&Small::of(&planes), picture.time_us))
    }

    /// Renders and encodes `picture` in every width.
    pub(super) fn finish(&self, track: &Track, picture: &Picture) -> Result<Finished, Error> {
        let frame = &picture.frame;
        let coded = (frame.width(), frame.height());
        let (aspect, matrix) = (frame.sample_aspect(), frame.display_matrix());
        let mut renditions = Vec::with_capacity(self.widths.len());
        let mut first = None;
        for width in &self.widths {
            let mut geometry = geometry(track, coded, (aspect, matrix), *width);
            if let Some(tiling) = &self.tiling {
                geometry = geometry.within(tiling.tile);
            }
            let planes = render(frame, &geometry)?;
            first.get_or_insert_with(|| {
                let judgement = match &self.tiling {
                    // Nobody asks how good a tile is.
                    Some(_) => Judgement::none(picture.time_us),
                    None => Judgement::of(&Small::of(&planes), picture.time_us),
                };
                (judgement, geometry.shown)
            });
            renditions.push(Rendition {
                image: match &self.tiling {
                    Some(_) => packed(&planes),
                    None => encode(&planes, self.format, self.quality)?,
                },
                width: planes.width as u32,
                height: planes.height as u32,
            });
        }
        let (judgement, shown) = first.ok_or_else(|| Error::Internal {
            reason: "a request without widths".to_owned(),
        })?;
        Ok(Finished {
            renditions,
            time_us: picture.time_us,
            score: judgement.score,
            signature: judgement.signature,
            shown,
        })
    }

    /// Whether no width is large enough to show the edges of a codec's blocks.
    pub(super) fn hides_blocks(&self, track: &Track) -> bool {
        let coded = (track.width, track.height);
        let mut widths = self.widths.iter();
        widths.all(|width| geometry(track, coded, UNTOLD, *width).hides_blocks())
    }
}

/// What a frame says of its pixels' shape and of how it is turned.
pub(super) type Shape = ((i32, i32), Option<[i32; 9]>);

/// A frame that says neither, or that was not seen.
pub(super) const UNTOLD: Shape = ((0, 1), None);

/// The sizes of a picture of `coded` pixels whose frame states the shape `of_frame`.
pub(super) fn geometry(
    track: &Track,
    coded: (u32, u32),
    (aspect, matrix): Shape,
    max_width: u32,
) -> Geometry {
    // The container's word wins over the codec's, as in players.
    let aspect = if track.sample_aspect.0 > 0 {
        track.sample_aspect
    } else {
        aspect
    };
    let orientation = Orientation::from_matrix(track.display_matrix.or(matrix));
    Geometry::new(coded, aspect, orientation, max_width)
}
