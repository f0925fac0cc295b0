//! From a decoded frame to the picture a person sees: upright, with square pixels, in the
//! colours a JPEG means, at the wanted size.
//!
//! libswscale resamples first, so that everything after it touches only the few pixels that are
//! left.

mod colour;
mod geometry;
mod tonemap;

pub(crate) use self::geometry::{Geometry, Orientation};
use crate::{
    Error,
    libav::{Frame, Planes, Transfer, scale},
};

/// Renders `frame` as full-range BT.601 4:2:0, as JPEG uses it.
pub(crate) fn render(frame: &Frame, geometry: &Geometry) -> Result<Planes<u8>, Error> {
    let colour = frame.colour();
    let (width, height) = geometry.stored_size();
    // Woven fields of different times show as combs; one field has enough lines for a picture
    // that is made smaller.
    let one_field = frame.is_interlaced() && geometry.lines_to_spare();
    let failed = |error| Error::Corrupt {
        reason: format!("the picture cannot be scaled: {error}"),
    };
    let planes = if colour.transfer == Transfer::Sdr {
        let mut planes = scale::<u8>(frame, one_field, width, height).map_err(failed)?;
        colour::to_jfif(&mut planes, colour);
        planes
    } else {
        let planes = scale::<u16>(frame, one_field, width, height).map_err(failed)?;
        tonemap::to_sdr(&planes, colour)
    };
    Ok(geometry.orientation.apply(planes))
}
