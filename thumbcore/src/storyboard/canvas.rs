//! A sheet while tiles are put on it.

use bytes::Bytes;

use super::Layout;
use crate::libav::Planes;

/// Planes of black, onto which pictures are put: full-range BT.601 4:2:0.
pub(super) struct Canvas(Planes<u8>);

impl Canvas {
    /// Width and height are even.
    pub(super) fn new((width, height): (u32, u32)) -> Self {
        let (width, height) = (width as usize, height as usize);
        let chroma = vec![128; (width / 2) * (height / 2)];
        Self(Planes {
            width,
            height,
            y: vec![0; width * height],
            u: chroma.clone(),
            v: chroma,
            chroma_width: width / 2,
            chroma_height: height / 2,
        })
    }

    pub(super) fn planes(&self) -> &Planes<u8> {
        &self.0
    }

    pub(super) fn into_planes(self) -> Planes<u8> {
        self.0
    }

    /// Puts `picture` into the middle of the tile whose edges are at `left` and `top`.
    pub(super) fn put(&mut self, picture: &Raw, layout: &Layout, (left, top): (u32, u32)) {
        let margin = |tile: u32, side: u32| (tile.saturating_sub(side) / 2) & !1;
        let left = (left + margin(layout.tile_width, picture.width)) as usize;
        let top = (top + margin(layout.tile_height, picture.height)) as usize;
        let (width, height) = (picture.width as usize, picture.height as usize);
        let (luma, chroma) = picture.samples.split_at(width * height);
        let (blue, red) = chroma.split_at(chroma.len() / 2);
        let Planes {
            width: line,
            chroma_width,
            ..
        } = self.0;
        blit(luma, width, &mut self.0.y[top * line..], (left, line));
        let (left, top) = (left / 2, top / 2);
        for (from, to) in [(blue, &mut self.0.u), (red, &mut self.0.v)] {
            blit(
                from,
                width / 2,
                &mut to[top * chroma_width..],
                (left, chroma_width),
            );
        }
    }
}

/// Copies lines of `width` samples into lines of `line` samples, from column `left` on.
fn blit(from: &[u8], width: usize, to: &mut [u8], (left, line): (usize, usize)) {
    for (from, to) in from.chunks_exact(width).zip(to.chunks_mut(line)) {
        to[left..left + width].copy_from_slice(from);
    }
}

/// A picture as planes one after the other, of even sides.
#[derive(Debug, Clone)]
pub(super) struct Raw {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) samples: Bytes,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::StoryboardRequest, *};

    #[test]
    fn tiles_lie_where_the_layout_says_and_small_ones_in_the_middle() {
        let second = Duration::from_secs(1);
        let request = StoryboardRequest::new().tile_width(16).grid(2, 2);
        let layout = Layout::new(&request, (16, 8), second, second).unwrap();
        let mut canvas = Canvas::new(layout.sheet_size());
        let raw = |(width, height): (u32, u32), luma: u8| {
            let pixels = (width * height) as usize;
            let mut samples = vec![luma; pixels];
            samples.resize(pixels * 3 / 2, luma + 1);
            let samples = samples.into();
            Raw {
                width,
                height,
                samples,
            }
        };
        canvas.put(&raw((16, 8), 200), &layout, (0, 0));
        canvas.put(&raw((8, 8), 100), &layout, (16, 8));
        let planes = canvas.planes();
        assert_eq!((planes.width, planes.height), (32, 16));
        let y = |x: usize, y: usize| planes.y[y * 32 + x];
        assert_eq!((y(0, 0), y(15, 7), y(16, 0), y(0, 8)), (200, 200, 0, 0));
        assert_eq!((y(19, 8), y(20, 8), y(27, 15), y(28, 15)), (0, 100, 100, 0));
        let u = |x: usize, y: usize| planes.u[y * 16 + x];
        assert_eq!((u(7, 3), u(8, 3), u(9, 4), u(10, 4)), (201, 128, 128, 101));
        assert_eq!(planes.v[4 * 16 + 10..][..4], [101; 4]);
    }
}
