//! Rotation, flips, pixel shape and size.

use crate::libav::Planes;

/// How stored pixels are turned to be shown. The dihedral group of a rectangle, as a flip of the
/// stored picture along its rows and columns followed by a transposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Orientation {
    flip_x: bool,
    flip_y: bool,
    transpose: bool,
}

impl Orientation {
    /// From a display matrix (16.16 fixed point, row vectors: `[x y 1] * M`), to the nearest
    /// quarter turn. Source: ISO/IEC 14496-12, section 6.2.2.
    pub(crate) fn from_matrix(matrix: Option<[i32; 9]>) -> Self {
        let Some([a, b, _, c, d, ..]) = matrix else {
            return Self::default();
        };
        // Stored x goes along (a, b) on screen, stored y along (c, d).
        let transpose =
            a.unsigned_abs().max(d.unsigned_abs()) < b.unsigned_abs().max(c.unsigned_abs());
        if transpose {
            Self {
                flip_x: b < 0,
                flip_y: c < 0,
                transpose,
            }
        } else {
            Self {
                flip_x: a < 0,
                flip_y: d < 0,
                transpose,
            }
        }
    }

    /// Width and height trade places.
    pub(crate) fn swaps_sides(self) -> bool {
        self.transpose
    }

    /// Turns all three planes.
    pub(crate) fn apply(self, planes: Planes<u8>) -> Planes<u8> {
        if self == Self::default() {
            return planes;
        }
        let (w, h, cw, ch) = (
            planes.width,
            planes.height,
            planes.chroma_width,
            planes.chroma_height,
        );
        let sides = |w, h| if self.transpose { (h, w) } else { (w, h) };
        let ((width, height), (chroma_width, chroma_height)) = (sides(w, h), sides(cw, ch));
        Planes {
            width,
            height,
            y: self.turn(&planes.y, w, h),
            u: self.turn(&planes.u, cw, ch),
            v: self.turn(&planes.v, cw, ch),
            chroma_width,
            chroma_height,
        }
    }

    fn turn(self, plane: &[u8], width: usize, height: usize) -> Vec<u8> {
        let at = |x: usize, y: usize| {
            let x = if self.flip_x { width - 1 - x } else { x };
            let y = if self.flip_y { height - 1 - y } else { y };
            plane[y * width + x]
        };
        if self.transpose {
            (0..width)
                .flat_map(|x| (0..height).map(move |y| (x, y)))
                .map(|(x, y)| at(x, y))
                .collect()
        } else {
            (0..height)
                .flat_map(|y| (0..width).map(move |x| (x, y)))
                .map(|(x, y)| at(x, y))
                .collect()
        }
    }
}

/// Tallest picture: what `WebP` can hold, the least of the formats.
const MAX_HEIGHT: f64 = 16_383.0;

/// The sizes of one picture, from stored pixels to the thumbnail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Geometry {
    pub(crate) orientation: Orientation,
    /// Size as shown, before it is made smaller.
    pub(crate) shown: (u32, u32),
    /// Size of the thumbnail.
    pub(crate) thumbnail: (u32, u32),
    coded_height: u32,
}

impl Geometry {
    /// Whether a block of 8x8 pixels, the usual transform, is less than three pixels wide in the
    /// thumbnail, so that its edges cannot be seen.
    pub(crate) fn hides_blocks(&self) -> bool {
        const TIMES: u32 = 3;
        self.shown.0 >= TIMES * self.thumbnail.0 && self.shown.1 >= TIMES * self.thumbnail.1
    }

    /// For coded pixels of `width` x `height` with `sample_aspect` (width to height of a pixel),
    /// shown at most `max_width` wide. Never enlarges.
    pub(crate) fn new(
        (width, height): (u32, u32),
        sample_aspect: (i32, i32),
        orientation: Orientation,
        max_width: u32,
    ) -> Self {
        let aspect = match sample_aspect {
            (num, den) if num > 0 && den > 0 => f64::from(num) / f64::from(den),
            _ => 1.0,
        };
        // A damaged header can claim anything; no real pixel is more oblong than this.
        let aspect = if (0.1..=10.0).contains(&aspect) {
            aspect
        } else {
            1.0
        };
        // Widening the short side keeps every stored line and column.
        let (width, coded_height) = (f64::from(width.max(1)), height);
        let height = f64::from(height.max(1));
        let (width, height) = if aspect >= 1.0 {
            (width * aspect, height)
        } else {
            (width, height / aspect)
        };
        let (width, height) = if orientation.swaps_sides() {
            (height, width)
        } else {
            (width, height)
        };
        let factor = (f64::from(max_width) / width)
            .min(MAX_HEIGHT / height)
            .min(1.0);
        let round = |side: f64| (side.round() as u32).max(1);
        Self {
            orientation,
            shown: (round(width), round(height)),
            thumbnail: (round(width * factor), round(height * factor)),
            coded_height,
        }
    }

    /// The largest size within a tile of even sides; all of the tile where only rounding would
    /// leave a line of it blank.
    pub(crate) fn within(self, (width, height): (u32, u32)) -> Self {
        let (shown_width, shown_height) = (f64::from(self.shown.0), f64::from(self.shown.1));
        let factor = (f64::from(width) / shown_width).min(f64::from(height) / shown_height);
        // Chroma has one sample for each two pixels.
        let even = |side: f64, most: u32| {
            let side = ((side * factor / 2.0).round() as u32 * 2).clamp(2, most.max(2));
            if most.abs_diff(side) <= 2 { most } else { side }
        };
        Self {
            thumbnail: (even(shown_width, width), even(shown_height, height)),
            ..self
        }
    }

    /// Size to scale the stored picture to, before it is turned.
    pub(crate) fn stored_size(&self) -> (u32, u32) {
        let (width, height) = self.thumbnail;
        if self.orientation.swaps_sides() {
            (height, width)
        } else {
            (width, height)
        }
    }

    /// Half of the stored lines still give the thumbnail all of its own.
    pub(crate) fn lines_to_spare(&self) -> bool {
        self.coded_height / 2 >= self.stored_size().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: i32 = 1 << 16;

    fn picture(text: &str, width: usize) -> Planes<u8> {
        let y = text.as_bytes().to_vec();
        Planes {
            width,
            height: y.len() / width,
            u: y.clone(),
            v: y.clone(),
            chroma_width: width,
            chroma_height: y.len() / width,
            y,
        }
    }

    fn turned(matrix: [i32; 4]) -> (String, usize) {
        let [a, b, c, d] = matrix;
        let orientation = Orientation::from_matrix(Some([a, b, 0, c, d, 0, 0, 0, 1 << 30]));
        let planes = orientation.apply(picture("abcdef", 3));
        (String::from_utf8(planes.y).unwrap(), planes.width)
    }

    #[test]
    fn every_quarter_turn_and_flip() {
        // abc
        // def
        let cases = [
            ([ONE, 0, 0, ONE], "abcdef", 3),
            // A quarter clockwise: stored x runs down, stored y runs left.
            ([0, ONE, -ONE, 0], "daebfc", 2),
            ([-ONE, 0, 0, -ONE], "fedcba", 3),
            ([0, -ONE, ONE, 0], "cfbead", 2),
            ([-ONE, 0, 0, ONE], "cbafed", 3),
            ([ONE, 0, 0, -ONE], "defabc", 3),
            ([0, ONE, ONE, 0], "adbecf", 2),
        ];
        for (matrix, expected, width) in cases {
            assert_eq!(turned(matrix), (expected.to_owned(), width), "{matrix:?}");
        }
    }

    #[test]
    fn a_picture_of_another_shape_fits_a_tile() {
        let within = |coded| {
            let geometry = Geometry::new(coded, (1, 1), Orientation::default(), 320);
            geometry.within((320, 180)).thumbnail
        };
        assert_eq!(within((1920, 1080)), (320, 180));
        assert_eq!(within((1920, 1088)), (320, 180), "a line less is no bar");
        assert_eq!(within((640, 480)), (240, 180));
        assert_eq!(within((1920, 800)), (320, 134));
        assert_eq!(within((1, 4000)), (2, 180));
    }

    #[test]
    fn sizes_respect_pixel_shape_rotation_and_the_limit() {
        let upright = Orientation::default();
        let turned = Orientation::from_matrix(Some([0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30]));
        let size = |coded, aspect, orientation, max| {
            Geometry::new(coded, aspect, orientation, max).thumbnail
        };
        assert_eq!(size((1920, 1080), (1, 1), upright, 640), (640, 360));
        assert_eq!(size((1920, 1080), (0, 1), turned, 640), (640, 1138));
        assert_eq!(size((720, 576), (64, 45), upright, 640), (640, 360));
        assert_eq!(size((320, 240), (1, 1), upright, 640), (320, 240));
        assert_eq!(size((1, 4000), (1, 1), upright, 640), (1, 4000));
        assert_eq!(size((4000, 1), (1, 1), upright, 640), (640, 1));
        assert_eq!(size((640, 480), (1, 60000), upright, 640), (640, 480));
    }
}
